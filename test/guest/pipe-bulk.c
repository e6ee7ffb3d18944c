/* Much data through a pipe, in pieces that wrap around its buffer, and from memory that ends in the middle. */
#include "check.h"

static unsigned char out[300000], in[300000];

static unsigned pattern(unsigned at) { return at * 2654435761u >> 24; }

static void transfer(size_t piece, size_t at_once, size_t total) {
  int ends[2];
  NEED(pipe(ends) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    for (size_t at = 0; at < total;) {
      size_t n = total - at < piece ? total - at : piece;
      for (size_t i = 0; i < n; i++) out[i] = pattern(at + i);
      NEED(write(ends[1], out, n) == (ssize_t)n);
      at += n;
    }
    _exit(0);
  }
  close(ends[1]);
  size_t at = 0, wrong = 0;
  ssize_t n;
  while ((n = read(ends[0], in, at_once)) > 0) {
    for (ssize_t i = 0; i < n; i++) wrong += in[i] != pattern(at + i);
    at += n;
  }
  close(ends[0]);
  wait_and_say("writer", pid);
  say("%zu in pieces of %zu, read by %zu: %zu, wrong %zu", total, piece, at_once, at, wrong);
}

int main(void) {
  transfer(65536, 131072, 4 << 20);
  transfer(100000, 30000, 1 << 20);
  transfer(9000, 65536, 1 << 20);
  transfer(300000, 9001, 1 << 20);
  transfer(5000, 300000, 1 << 20);

  int ends[2];
  NEED(pipe2(ends, O_NONBLOCK) == 0);
  char *pages = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(pages != MAP_FAILED && munmap(pages + 5 * 4096, 4096) == 0);
  memset(pages, 7, 5 * 4096);
  CHECK(write(ends[1], pages, 8 * 4096));
  CHECK(write(ends[1], pages + 5 * 4096, 3 * 4096));
  CHECK(read(ends[0], in, sizeof in));
  CHECK(read(ends[0], in, sizeof in));
  CHECK(write(ends[1], out, sizeof out));
  CHECK(write(ends[1], out, sizeof out));
  CHECK(read(ends[0], in, 50000));
  CHECK(write(ends[1], out, 40960));
  CHECK(read(ends[0], in, sizeof in));
  CHECK(read(ends[0], in, 0));
  close(ends[0]);
  handle(SIGPIPE, SIG_IGN, 0);
  CHECK(write(ends[1], out, 20000));

  int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
  CHECK(write(null, pages, 8 * 4096));
  CHECK(write(null, pages + 5 * 4096, 100));
  CHECK(read(null, pages, 20000));
  CHECK(read(zero, in, sizeof in));
  size_t sum = 0;
  for (size_t i = 0; i < sizeof in; i++) sum += in[i];
  say("of zeroes: %zu", sum);
  CHECK(write(zero, out, 20000));
  return 0;
}

/* A file of some megabytes, written, mapped, cut, and with holes and zeroes made in it: what is in it afterwards. */
#include "check.h"

#define MEGABYTE (1 << 20)
#define SIZE (9 * MEGABYTE)

static unsigned char *bytes;

static unsigned char expected(long at) { return (unsigned char)(at * 31 + at / 4096) | 1; }

static void say_state(const char *label, int fd) {
  struct stat st;
  NEED(fstat(fd, &st) == 0);
  long zeroes = 0, right = 0;
  for (long at = 0; at < st.st_size;) {
    ssize_t n = pread(fd, bytes, MEGABYTE, at);
    NEED(n > 0);
    for (long i = 0; i < n; i++) {
      zeroes += bytes[i] == 0;
      right += bytes[i] == expected(at + i);
    }
    at += n;
  }
  say("%s: size %ld, zeroes %ld, as written %ld", label, (long)st.st_size, zeroes, right);
}

int main(void) {
  bytes = malloc(MEGABYTE);
  int fd = open("file", O_RDWR | O_CREAT, 0600);
  NEED(fd >= 0);
  for (long at = 0; at < SIZE; at += 100000) {
    long n = SIZE - at < 100000 ? SIZE - at : 100000;
    for (long i = 0; i < n; i++) bytes[i] = expected(at + i);
    NEED(write(fd, bytes, n) == n);
  }
  say_state("written", fd);
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, MEGABYTE - 100, 2 * MEGABYTE));
  say_state("punched", fd);
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8 * MEGABYTE, 100 * MEGABYTE));
  say_state("punched over the end", fd);
  CHECK(fallocate(fd, 0, 0, 10 * MEGABYTE));
  say_state("made longer", fd);
  CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 11 * MEGABYTE));
  say_state("kept", fd);
  CHECK(ftruncate(fd, 5 * MEGABYTE + 5));
  CHECK(ftruncate(fd, 6 * MEGABYTE));
  say_state("cut and made longer", fd);
  unsigned char *map = mmap(NULL, 6 * MEGABYTE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  NEED(map != MAP_FAILED);
  map[5 * MEGABYTE + 100] = expected(5 * MEGABYTE + 100);
  NEED(pwrite(fd, "x", 1, 5 * MEGABYTE + 200) == 1);
  TRUTH(map[5 * MEGABYTE + 200] == 'x');
  say_state("by its mapping", fd);
  NEED(munmap(map, 6 * MEGABYTE) == 0);
  NEED(unlink("file") == 0);
  say_state("without a name", fd);
  close(fd);
  return 0;
}

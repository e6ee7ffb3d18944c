/* truncate, ftruncate, fallocate: sizes, zero fill, holes, errors, RLIMIT_FSIZE with SIGXFSZ. */
#include "check.h"
#include <sys/resource.h>

static long size_of(int fd) {
  struct stat st;
  NEED(fstat(fd, &st) == 0);
  return st.st_size;
}

static void on_xfsz(int signal) { say("got %s", sigabbrev_np(signal)); }

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600), readonly = open("f", O_RDONLY);
  NEED(write(fd, "0123456789", 10) == 10);
  CHECK(ftruncate(fd, 4));
  CHECK(lseek(fd, 0, SEEK_CUR));
  CHECK(ftruncate(fd, 8));
  char text[8];
  CHECK(pread(fd, text, 8, 0));
  say("%.4s then %d %d", text, text[4], text[7]);
  CHECK(write(fd, "x", 1));
  say("size %ld", size_of(fd));
  CHECK(ftruncate(fd, -1));
  CHECK(ftruncate(readonly, 1));
  CHECK(ftruncate(-1, 1));
  int p[2];
  NEED(pipe(p) == 0);
  CHECK(ftruncate(p[1], 0));
  CHECK(truncate("f", 2));
  CHECK(truncate("missing", 2));
  CHECK(truncate("f", -1));
  CHECK(truncate(".", 0));
  CHECK(truncate("f/x", 0));
  CHECK(ftruncate(open(".", O_RDONLY), 0));
  CHECK(ftruncate(open("f", O_PATH), 0));
  CHECK(ftruncate(fd, 0));
  CHECK(fallocate(fd, 0, 0, 10000));
  say("size %ld", size_of(fd));
  CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
  say("size %ld", size_of(fd));
  CHECK(fallocate(fd, 0, -1, 10));
  CHECK(fallocate(fd, 0, 0, 0));
  CHECK(fallocate(fd, 0, 0, -5));
  CHECK(fallocate(readonly, 0, 0, 10));
  CHECK(fallocate(p[1], 0, 0, 10));
  CHECK(fallocate(-1, 0, 0, 10));
  CHECK(fallocate(fd, 0x10000, 0, 10));
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
  NEED(pwrite(fd, "data", 4, 5000) == 4);
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
  CHECK(pread(fd, text, 4, 5000));
  say("punched %d, size %ld", text[0], size_of(fd));
  CHECK_ERROR(posix_fallocate(fd, 15000, 1000));
  say("size %ld", size_of(fd));
  struct rlimit limit = {100, RLIM_INFINITY};
  NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  handle(SIGXFSZ, on_xfsz, 0);
  int small = open("small", O_RDWR | O_CREAT, 0600);
  char block[150] = "";
  CHECK(write(small, block, 150));
  CHECK(write(small, block, 150));
  CHECK(ftruncate(small, 101));
  CHECK(ftruncate(small, 99));
  CHECK(pwrite(small, block, 1, 100));
  CHECK(fallocate(small, 0, 0, 200));
  return 0;
}

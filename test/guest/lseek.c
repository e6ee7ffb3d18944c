/* lseek(2): every whence, overflow, descriptors that cannot seek, shared offsets, holes. */
#include "check.h"

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  NEED(write(fd, "0123456789", 10) == 10);
  CHECK(lseek(fd, 3, SEEK_SET));
  CHECK(lseek(fd, 2, SEEK_CUR));
  CHECK(lseek(fd, -1, SEEK_END));
  CHECK(lseek(fd, -11, SEEK_END));
  CHECK(lseek(fd, -1, SEEK_SET));
  CHECK(lseek(fd, 100, SEEK_END));
  CHECK(lseek(fd, 0, 99));
  CHECK(lseek(fd, LONG_MAX, SEEK_CUR));
  CHECK(lseek(fd, LONG_MAX, SEEK_END));
  CHECK(lseek(fd, 0, SEEK_CUR));
  CHECK(lseek(-1, 0, SEEK_SET));
  CHECK(lseek(fd, 0, SEEK_DATA));
  CHECK(lseek(fd, 0, SEEK_HOLE));
  CHECK(lseek(fd, 9, SEEK_HOLE));
  CHECK(lseek(fd, 10, SEEK_DATA));
  CHECK(lseek(fd, 10, SEEK_HOLE));
  CHECK(lseek(fd, -1, SEEK_DATA));
  CHECK(lseek(fd, 5, SEEK_DATA));
  /* The offset belongs to the file description: shared by dup and fork, not by another open. */
  int twin = dup(fd), other = open("f", O_RDONLY);
  CHECK(lseek(fd, 4, SEEK_SET));
  CHECK(lseek(twin, 0, SEEK_CUR));
  CHECK(lseek(other, 0, SEEK_CUR));
  pid_t pid = fork();
  if (pid == 0) {
    char two[2];
    _exit(read(fd, two, 2) == 2 ? 0 : 1);
  }
  wait_and_say("child", pid);
  CHECK(lseek(fd, 0, SEEK_CUR));
  int p[2];
  NEED(pipe(p) == 0);
  CHECK(lseek(p[0], 0, SEEK_CUR));
  CHECK(lseek(p[1], 0, SEEK_END));
  int null = open("/dev/null", O_RDWR);
  CHECK(lseek(null, 100, SEEK_SET));
  int dir = open(".", O_RDONLY);
  CHECK(lseek(dir, 0, SEEK_SET));
  CHECK(lseek(dir, -1, SEEK_SET));
  /* Reading past the end after a seek, and writing there fills with zeros. */
  CHECK(lseek(fd, 20, SEEK_SET));
  char text[32];
  CHECK(read(fd, text, 4));
  CHECK(write(fd, "!", 1));
  CHECK(pread(fd, text, sizeof text, 0));
  say("%d %d %c", text[10], text[19], text[20]);
  return 0;
}

/* read, write, pread, pwrite: offsets, end of file, zero lengths, refusals, O_APPEND. */
#include "check.h"

int main(void) {
  char text[64];
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  CHECK(write(fd, "0123456789", 10));
  CHECK(read(fd, text, 4));
  CHECK(lseek(fd, 0, SEEK_SET));
  CHECK(read(fd, text, 4));
  say("%.4s", text);
  CHECK(lseek(fd, 0, SEEK_CUR));
  CHECK(pread(fd, text, 3, 7));
  say("%.3s", text);
  CHECK(pread(fd, text, 10, 8));
  CHECK(pread(fd, text, 10, 10));
  CHECK(pread(fd, text, 10, 1000));
  CHECK(pread(fd, text, 10, -1));
  CHECK(pwrite(fd, "AB", 2, 1));
  CHECK(pwrite(fd, "tail", 4, 20));
  CHECK(pwrite(fd, "x", 1, -5));
  CHECK(lseek(fd, 0, SEEK_CUR));
  CHECK(lseek(fd, 0, SEEK_END));
  CHECK(pread(fd, text, sizeof text, 0));
  for (int i = 0; i < 24; i++)
    if (text[i] == 0) text[i] = '.';
  say("%.24s", text);
  CHECK(read(fd, text, 0));
  CHECK(write(fd, text, 0));
  CHECK(read(-1, text, 1));
  CHECK(write(77, text, 1));
  CHECK(read(fd, (void *)1, 1));
  CHECK(lseek(fd, 0, SEEK_SET));
  CHECK(read(fd, (void *)1, 1));
  CHECK(write(fd, (void *)1, 1));
  CHECK(write(fd, (void *)1, 0));
  CHECK(read(fd, text, (size_t)-1));
  int append = open("f", O_WRONLY | O_APPEND);
  CHECK(lseek(append, 2, SEEK_SET));
  CHECK(write(append, "END", 3));
  CHECK(lseek(append, 0, SEEK_CUR));
  /* Linux appends in pwrite too when O_APPEND is set: pwrite(2), BUGS. */
  CHECK(pwrite(append, "P", 1, 0));
  CHECK(lseek(fd, 0, SEEK_END));
  int p[2];
  NEED(pipe(p) == 0);
  CHECK(pread(p[0], text, 1, 0));
  CHECK(pwrite(p[1], text, 1, 0));
  CHECK(read(p[1], text, 1));
  CHECK(write(p[0], text, 1));
  int zero = open("/dev/zero", O_RDWR);
  CHECK(read(zero, text, sizeof text));
  CHECK(text[63]);
  CHECK(write(zero, text, 7));
  int full = open("/dev/full", O_RDWR);
  CHECK(read(full, text, 5));
  CHECK(write(full, text, 5));
  /* A big transfer arrives whole. */
  size_t size = 3 << 20;
  char *big = malloc(size), *back = malloc(size);
  for (size_t i = 0; i < size; i++) big[i] = (char)(i * 7 + i / 4096);
  int file = open("big", O_RDWR | O_CREAT, 0600);
  CHECK(write(file, big, size));
  CHECK(pread(file, back, size + 0, 0));
  TRUTH(memcmp(big, back, size) == 0);
  return 0;
}

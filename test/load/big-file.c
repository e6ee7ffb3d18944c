/* A file of SIZE megabytes is written, copied, checked and removed; each step is announced, for who watches the memory. */
#include "check.h"

#define BLOCK (1 << 20)

static uint64_t block[BLOCK / 8];

static void fill(uint64_t number) {
  for (uint64_t i = 0; i < BLOCK / 8; i++) block[i] = (number * BLOCK + i) * 0x9e3779b97f4a7c15ULL;
}

static void check(const char *name, long size) {
  static uint64_t back[BLOCK / 8];
  int fd = open(name, O_RDONLY);
  NEED(fd >= 0 && lseek(fd, 0, SEEK_END) == size * BLOCK && lseek(fd, 0, SEEK_SET) == 0);
  for (long i = 0; i < size; i++) {
    fill(i);
    NEED(read(fd, back, BLOCK) == BLOCK && memcmp(back, block, BLOCK) == 0);
  }
  close(fd);
}

int main(int argc, char **argv) {
  long size = argc == 2 ? atol(argv[1]) : 64;
  int fd = open("big", O_RDWR | O_CREAT | O_TRUNC, 0600);
  NEED(fd >= 0);
  for (long i = 0; i < size; i++) {
    fill(i);
    NEED(write(fd, block, BLOCK) == BLOCK);
  }
  say("written");
  int to = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
  NEED(to >= 0 && lseek(fd, 0, SEEK_SET) == 0);
  for (long left = size * BLOCK; left > 0;) {
    ssize_t n = copy_file_range(fd, NULL, to, NULL, left, 0);
    NEED(n > 0);
    left -= n;
  }
  close(fd);
  close(to);
  say("copied");
  check("big", size);
  check("copy", size);
  say("checked");
  NEED(unlink("big") == 0 && truncate("copy", 5) == 0 && unlink("copy") == 0);
  say("removed");
  char byte;
  read(0, &byte, 1);
  return 0;
}

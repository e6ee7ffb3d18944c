/* Registers are 64 bits, many parameters 32: what is above does not count; sign-extended and zero-extended are the same. */
#include "check.h"
#include <sys/stat.h>

static long raw(long nr, long a, long b, long c, long d) {
  register long r10 __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  if (result < 0) {
    errno = (int)-result;
    return -1;
  }
  return result;
}

int main(void) {
  struct stat st;
  char bytes[8];
  long junk = 0x12345678L << 32;
  CHECK(raw(SYS_newfstatat, -100L, (long)".", (long)&st, 0));
  CHECK(raw(SYS_newfstatat, 0xffffff9cL, (long)".", (long)&st, 0));
  CHECK(raw(SYS_newfstatat, junk | 0xffffff9cL, (long)".", (long)&st, junk));
  CHECK(raw(SYS_openat, -100L, (long)"none", junk | O_RDONLY, 0));
  int fd = open("f", O_CREAT | O_RDWR | O_TRUNC, 0600);
  CHECK(raw(SYS_write, junk | fd, (long)"abc", 3, 0));
  CHECK(raw(SYS_lseek, fd, -2L, SEEK_END, 0));
  CHECK(raw(SYS_lseek, fd, -4L, SEEK_END, 0));
  CHECK(raw(SYS_lseek, fd, 0, junk | SEEK_CUR, 0));
  CHECK(raw(SYS_pread64, fd, (long)bytes, 3, -1L));
  CHECK(raw(SYS_kill, junk | getpid(), 0, 0, 0));
  CHECK(raw(SYS_close, -1L, 0, 0, 0));
  CHECK(raw(SYS_close, 0xffffffffL, 0, 0, 0));
  CHECK(raw(SYS_fcntl, junk | fd, junk | F_GETFD, 0, 0));
  CHECK(raw(SYS_dup2, fd, junk | 30, 0, 0));
  TRUTH(raw(SYS_getpriority, junk, 0, 0, 0) == raw(SYS_getpriority, 0, 0, 0, 0));
  CHECK(raw(SYS_mprotect, 1, 0, 0, 0));
  CHECK(raw(SYS_read, fd, (long)bytes, -1L, 0));
  CHECK(raw(SYS_write, fd, -4096L, 1, 0));
  return 0;
}

/*
 * A file in memory that is larger than its file system, which has half of the memory: it takes a mapping's writes until that is full, and
 * not all memory of the host. Not compared with Linux, where a distribution may have made /dev/shm as large as the memory.
 */
#include "check.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>

static sigjmp_buf full;

static void on_bus_error(int signo) {
  (void)signo;
  siglongjmp(full, 1);
}

int main(void) {
  struct sysinfo info;
  struct statfs before, after;
  NEED(sysinfo(&info) == 0 && statfs("/dev/shm", &before) == 0);
  size_t length = (size_t)info.totalram / 4 * 3 & -(size_t)4096;
  int fd = open("/dev/shm/full-memory", O_RDWR | O_CREAT | O_EXCL, 0600);
  NEED(fd >= 0 && unlink("/dev/shm/full-memory") == 0 && ftruncate(fd, (off_t)length) == 0);
  volatile char *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  NEED(at != MAP_FAILED);
  signal(SIGBUS, on_bus_error);
  volatile size_t written = 0;
  int is_full = sigsetjmp(full, 1);
  if (is_full == 0)
    for (; written < length; written += 4096) at[written] = 1;
  TRUTH(is_full == 1);
  TRUTH(written / 4096 > before.f_bfree / 4 * 3 && written / 4096 <= before.f_blocks);
  char byte = 1;
  TRUTH(pwrite(fd, &byte, 1, (off_t)length - 1) == -1 && errno == ENOSPC);
  NEED(fallocate(fd, 3, 0, (off_t)length / 2) == 0);
  TRUTH(pwrite(fd, &byte, 1, (off_t)length - 1) == 1 && at[0] == 0);
  NEED(munmap((void *)at, length) == 0 && close(fd) == 0);
  NEED(statfs("/dev/shm", &after) == 0);
  TRUTH(after.f_bfree >= before.f_bfree / 4 * 3);
  return 0;
}

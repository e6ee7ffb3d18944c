/* Tries to take the stub's pages away, make them writable or map over them: by our calls, then by the stub's own instruction. */
#include "attack.h"

int main(void) {
  static const uint64_t ranges[][2] = {{STUB_TEXT_START, 0x10000}, {STUB_SLOW_PAGE, 0x1000}, {STUB_DATA_START, 0x10000},
                                       {GLOBAL_PAGE, 0x1000}, {STACKS, 0x100000}, {MAILBOXES, 0x100000},
                                       {STUB_BASE, STUB_END - STUB_BASE}, {STUB_BASE - 0x10000, 0x20000}};
  int changed = 0;
  for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    void *at = (void *)ranges[i][0];
    size_t length = ranges[i][1];
    changed += munmap(at, length) == 0;
    changed += mprotect(at, length, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
    changed += mmap(at, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    changed += mremap(at, length, length * 2, MREMAP_MAYMOVE) != MAP_FAILED;
    changed += madvise(at, length, MADV_DONTNEED) == 0 && i < 6;
  }
  printf("changed %d\n", changed);
  fflush(stdout);
  find_sites();
  for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      by_stub(sites[0], SYS_munmap, (long)ranges[i][0], (long)ranges[i][1], 0, 0, 0, 0);
      getppid();
      by_stub(sites[0], SYS_mprotect, (long)ranges[i][0], (long)ranges[i][1], 7, 0, 0, 0);
      getppid();
      _exit(0);
    }
    for (int n = 0; n < 100 && waitpid(pid, NULL, WNOHANG) == 0; n++) usleep(1000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
  }
  return changed != 0;
}

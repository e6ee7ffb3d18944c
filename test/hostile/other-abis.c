/* SIGSYS blocked, ignored and caught; int 0x80, x32 numbers, sysenter; other bases of fs and gs. */
#include "attack.h"
#include <asm/prctl.h>

static void on_sigsys(int signo) { (void)signo; }

static long int80(long nr, long b, long c, long d) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(b), "c"(c), "d"(d) : "memory");
  return result;
}

/* Whether a 32-bit call does nothing: it fails, or is no instruction at all where the host has no such ABI. */
static int is_refused(long nr, long b, long c, long d) {
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) _exit(int80(nr, b, c, d) < 0 ? 0 : 1);
  waitpid(pid, &status, 0);
  return status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void apart(void (*attack)(void)) {
  pid_t pid = fork();
  if (pid == 0) {
    alarm(1);
    attack();
    _exit(0);
  }
  waitpid(pid, NULL, 0);
}

static void sysenter(void) { __asm__ volatile("mov $20, %%eax\n\tsysenter" : : : "memory", "rax"); }
static void fs_base(void) {
  __asm__ volatile("wrfsbase %0" : : "r"(0x7ff001000000UL));
  for (int i = 0; i < 100; i++) syscall(SYS_getppid);
}
static void gs_base(void) {
  for (int i = 0; i < 100; i++) {
    __asm__ volatile("wrgsbase %0" : : "r"((uint64_t)i << 40));
    syscall(SYS_getppid);
    syscall(SYS_arch_prctl, ARCH_SET_GS, (uint64_t)i << 39);
  }
}

int main(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  printf("%d", getppid() > 0);
  sigprocmask(SIG_UNBLOCK, &all, NULL);
  signal(SIGSYS, SIG_IGN);
  printf("%d", getppid() > 0);
  signal(SIGSYS, on_sigsys);
  printf("%d", getppid() > 0);
  printf("%d", syscall(SYS_getppid | 0x40000000) == -1 && errno == ENOSYS);
  printf("%d", syscall(100000) == -1 && errno == ENOSYS);
  /* 32-bit numbers: 1 is exit, 20 getpid, 4 write. */
  printf("%d%d\n", is_refused(20, 0, 0, 0), is_refused(4, 1, 0, 0));
  fflush(stdout);
  apart(sysenter);
  apart(fs_base);
  apart(gs_base);
  return 0;
}

/* PR_SET_SYSCALL_USER_DISPATCH: calls that the program answers itself, the selector, the range, what fork and exec keep. */
#include "check.h"
#include <sys/prctl.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

static volatile char selector;
static volatile int signals, last_code, last_call;
static volatile long last_rax;

static void on_sys(int signo, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  selector = 0;
  signals += signo == SIGSYS;
  last_code = info->si_code;
  last_call = info->si_syscall;
  last_rax = uc->uc_mcontext.gregs[REG_RAX];
  uc->uc_mcontext.gregs[REG_RAX] = 4242;
}

static long set(long mode, unsigned long offset, unsigned long length, volatile void *byte) {
  return prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, offset, length, byte);
}

static long raw(long nr) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(nr) : "rcx", "r11", "memory");
  return result;
}

static void in_child(const char *label, void (*what)(void)) {
  pid_t child = fork();
  if (child == 0) {
    what();
    _exit(0);
  }
  wait_and_say(label, child);
}

static void bad_selector(void) {
  NEED(set(1, 0, 0, (void *)8) == 0);
  raw(SYS_getppid);
}
static void bad_value(void) {
  NEED(set(1, 0, 0, &selector) == 0);
  selector = 5;
  raw(SYS_getppid);
}
static void unhandled(void) {
  signal(SIGSYS, SIG_DFL);
  NEED(set(1, 0, 0, &selector) == 0);
  selector = 1;
  raw(SYS_getppid);
}

int main(void) {
  CHECK(set(0, 1, 0, NULL));
  CHECK(set(0, 0, 0, &selector));
  CHECK(set(9, 0, 0, NULL));
  CHECK(set(1, 1, 0, NULL));
  CHECK(set(1, -1UL, 2, NULL));
  CHECK(set(1, 0, 0, (void *)(1UL << 63)));
  handle_info(SIGSYS, on_sys, 0);
  CHECK(set(1, 0, 0, &selector));
  say("allowed: %d", raw(SYS_getpid) > 0);
  selector = 1;
  long result = raw(SYS_getppid);
  say("blocked: %ld, signals %d, code %d, call %d, rax %ld", result, signals, last_code, last_call, last_rax);
  /* Often enough for whatever makes hot calls faster. */
  for (int i = 0; i < 50; i++) {
    selector = 1;
    NEED(raw(SYS_getppid) == 4242);
    NEED(raw(SYS_getpid) > 0 && raw(SYS_getpid) < 4242000);
  }
  say("signals %d", signals);
  selector = 1;
  result = raw(999);
  say("unknown number: %ld, call %d", result, last_call);
  pid_t child = fork();
  if (child == 0) {
    selector = 1;
    int is_free = raw(SYS_getpid) > 0;
    selector = 0;
    say("the child is free: %d", is_free);
    _exit(0);
  }
  wait_and_say("child", child);
  /* The whole of user space as the range: nothing is dispatched. */
  CHECK(set(1, 4096, (1UL << 47) - 8192, &selector));
  selector = 1;
  int is_free = raw(SYS_getpid) > 0;
  selector = 0;
  say("in the range: %d", is_free);
  CHECK(set(0, 0, 0, NULL));
  in_child("bad selector", bad_selector);
  in_child("bad value", bad_value);
  in_child("unhandled", unhandled);
  return 0;
}

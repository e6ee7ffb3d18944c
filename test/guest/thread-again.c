/*
 * Threads after others that have ended: whatever a kernel keeps of those for the next ones, nothing of it may show. Each generation leaves what
 * a thread has for itself in disorder.
 */
#include "check.h"
#include <asm/prctl.h>
#include <fenv.h>
#include <pthread.h>
#include <sys/prctl.h>

enum { GENERATIONS = 40, AT_ONCE = 12 };

static long long thread_ms(void) {
  struct timespec now;
  NEED(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static unsigned long gs_base(void) {
  unsigned long base = 0;
  NEED(syscall(SYS_arch_prctl, ARCH_GET_GS, &base) == 0);
  return base;
}

static int odd, old_gs, old_time, old_rounding, old_mask, old_stack, old_name;
static long area[8];

static void *generation(void *arg) {
  stack_t stack;
  sigset_t mask;
  char name[17] = "";
  odd += gs_base() != 0x1234000;
  old_gs += gs_base() == (unsigned long)area;
  old_time += thread_ms() >= 4;
  old_rounding += fegetround() != FE_UPWARD;
  NEED(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
  old_mask += sigismember(&mask, SIGUSR1);
  NEED(sigaltstack(NULL, &stack) == 0);
  old_stack += (stack.ss_flags & SS_DISABLE) == 0;
  NEED(prctl(PR_GET_NAME, name) == 0);
  old_name += strcmp(name, "maker") != 0;

  static char signal_stack[65536];
  stack = (stack_t){.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
  NEED(sigaltstack(&stack, NULL) == 0);
  NEED(syscall(SYS_arch_prctl, ARCH_SET_GS, area) == 0);
  fesetround(FE_DOWNWARD);
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  NEED(sigprocmask(SIG_BLOCK, &mask, NULL) == 0);
  NEED(prctl(PR_SET_NAME, "gone") == 0);
  while (thread_ms() < 5) continue;
  return arg;
}

static pthread_barrier_t barrier;
static void *together(void *arg) {
  pthread_barrier_wait(&barrier);
  return arg;
}

static int handled;
static void on_signal(int signal) {
  (void)signal;
  __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}
static void *signalled(void *arg) {
  int before = __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
  NEED(pthread_kill(pthread_self(), SIGUSR2) == 0);
  NEED(__atomic_load_n(&handled, __ATOMIC_SEQ_CST) == before + 1);
  return arg;
}

/* Ends without the C library, in the middle of nothing. */
static char raw_stack[65536] __attribute__((aligned(16)));
static int raw_tid;
static int raw_thread(void *arg) {
  (void)arg;
  syscall(SYS_exit, 0);
  return 0;
}

int main(void) {
  NEED(prctl(PR_SET_NAME, "maker") == 0);
  NEED(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x1234000) == 0);
  fesetround(FE_UPWARD);
  for (int i = 0; i < GENERATIONS; i++) {
    pthread_t t;
    NEED(pthread_create(&t, NULL, generation, NULL) == 0);
    NEED(pthread_join(t, NULL) == 0);
  }
  say("odd %d, of another: gs %d time %d rounding %d mask %d stack %d name %d", odd, old_gs, old_time, old_rounding, old_mask,
      old_stack, old_name);
  say("mine still: gs %d rounding %d", gs_base() == 0x1234000, fegetround() == FE_UPWARD);

  for (int round = 0; round < 5; round++) {
    pthread_t t[AT_ONCE];
    NEED(pthread_barrier_init(&barrier, NULL, AT_ONCE) == 0);
    for (long i = 0; i < AT_ONCE; i++) NEED(pthread_create(&t[i], NULL, together, (void *)i) == 0);
    long sum = 0;
    for (int i = 0; i < AT_ONCE; i++) {
      void *result;
      NEED(pthread_join(t[i], &result) == 0);
      sum += (long)result;
    }
    say("together %ld", sum);
  }

  handle(SIGUSR2, on_signal, 0);
  for (int i = 0; i < GENERATIONS; i++) {
    pthread_t t;
    NEED(pthread_create(&t, NULL, signalled, NULL) == 0);
    NEED(pthread_join(t, NULL) == 0);
  }
  say("handled %d", handled);

  /* Threads that share their maker's thread area, and a fork after some have ended. */
  for (int i = 0; i < GENERATIONS; i++) {
    raw_tid = 1;
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
    NEED(clone(raw_thread, raw_stack + sizeof raw_stack, flags, NULL, NULL, NULL, &raw_tid) > 0);
    while (__atomic_load_n(&raw_tid, __ATOMIC_SEQ_CST) != 0) sched_yield();
  }
  say("raw threads ended");
  pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < GENERATIONS; i++) {
      pthread_t t;
      NEED(pthread_create(&t, NULL, signalled, NULL) == 0);
      NEED(pthread_join(t, NULL) == 0);
    }
    say("a child's threads: %d", handled);
    _exit(0);
  }
  wait_and_say("child", pid);
  return 0;
}

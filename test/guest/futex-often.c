/*
 * futex(2) made so often from one place that a kernel may take shortcuts: wakes without waiters, waits for words that have changed or change
 * at once, and every argument that is wrong must stay what they are; so must filters that come later, also from another thread.
 */
#include "check.h"
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { OFTEN = 300 };

/* One place for all. */
__attribute__((noinline)) static long futex(void *word, int op, unsigned value, const void *timeout, unsigned value3) {
  long result;
  register const void *r10 __asm__("r10") = timeout;
  register long r8 __asm__("r8") = 0;
  register long r9 __asm__("r9") = value3;
  __asm__ volatile("mov $202, %%eax\n\tsyscall"
                   : "=a"(result)
                   : "D"(word), "S"((long)op), "d"((long)value), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static int word, other, turn, woken, is_asleep[2];

static void often(const char *label, void *at, int op, unsigned value, const void *timeout, unsigned value3) {
  long first = futex(at, op, value, timeout, value3);
  int same = 1;
  for (int i = 1; i < OFTEN; i++) same += futex(at, op, value, timeout, value3) == first;
  say("%s: %s, %d times", label, first < 0 ? error_name((int)-first) : first == 0 ? "0" : "some", same);
}

static void *sleeper(void *arg) {
  __atomic_store_n(&is_asleep[(long)arg], gettid(), __ATOMIC_SEQ_CST);
  int op = arg ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE;
  __atomic_fetch_add(&woken, futex(&word, op, 0, NULL, 0) == 0, __ATOMIC_SEQ_CST);
  return NULL;
}

static pthread_t start_sleeper(long which) {
  pthread_t t;
  is_asleep[which] = 0;
  NEED(pthread_create(&t, NULL, sleeper, (void *)which) == 0);
  while (!__atomic_load_n(&is_asleep[which], __ATOMIC_SEQ_CST)) sched_yield();
  wait_until_asleep(getpid(), is_asleep[which]);
  return t;
}

static void take_turns(int mine) {
  for (int i = 0; i < 2000; i++) {
    while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) != mine) futex(&turn, FUTEX_WAIT_PRIVATE, !mine, NULL, 0);
    __atomic_store_n(&turn, !mine, __ATOMIC_SEQ_CST);
    futex(&turn, FUTEX_WAKE_PRIVATE, 1, NULL, 0);
  }
}

static void *partner(void *arg) {
  take_turns(1);
  return arg;
}

static volatile sig_atomic_t alarms;
static void on_alarm(int signal) {
  (void)signal;
  alarms++;
}

/* Makes futex(2) fail with ENOLCK, for all threads. */
static void refuse_futexes(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  NEED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
}

static int stage;
static void *refused(void *arg) {
  for (int i = 0; i < OFTEN; i++) NEED(futex(&other, FUTEX_WAKE_PRIVATE, 1, NULL, 0) == 0);
  __atomic_store_n(&stage, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&stage, __ATOMIC_SEQ_CST) != 2) sched_yield();
  long result = futex(&other, FUTEX_WAKE_PRIVATE, 1, NULL, 0);
  say("a thread that was filtered by another: %s", error_name((int)-result));
  __atomic_store_n(&stage, 3, __ATOMIC_SEQ_CST);
  return arg;
}

int main(void) {
  struct timespec bad = {0, 1000000000}, past = {0, 1};
  other = 5;
  often("wake nobody, private", &word, FUTEX_WAKE_PRIVATE, 1, NULL, 0);
  often("wake nobody, shared", &word, FUTEX_WAKE, 1, NULL, 0);
  often("wake at an odd address", (char *)&word + 1, FUTEX_WAKE_PRIVATE, 1, NULL, 0);
  often("wake far beyond", (void *)(1UL << 48), FUTEX_WAKE_PRIVATE, 1, NULL, 0);
  often("wake where nothing is, private", (void *)4096, FUTEX_WAKE_PRIVATE, 1, NULL, 0);
  often("wake where nothing is, shared", (void *)4096, FUTEX_WAKE, 1, NULL, 0);
  often("wait for another value", &other, FUTEX_WAIT_PRIVATE, 4, NULL, 0);
  often("wait for another value, shared", &other, FUTEX_WAIT, 4, NULL, 0);
  often("wait for another value with bits", &other, FUTEX_WAIT_BITSET_PRIVATE, 4, NULL, 1);
  often("wait for another value without bits", &other, FUTEX_WAIT_BITSET_PRIVATE, 4, NULL, 0);
  often("wait for another value by the real clock", &other, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 4, NULL, 1);
  often("wait by the real clock without bits", &other, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 4, NULL, 1);
  often("wait at an odd address", (char *)&word + 2, FUTEX_WAIT_PRIVATE, 4, NULL, 0);
  often("wait where nothing is", (void *)4096, FUTEX_WAIT_PRIVATE, 4, NULL, 0);
  often("wait with a bad time", &other, FUTEX_WAIT_PRIVATE, 4, &bad, 0);
  often("wait with a time that faults", &other, FUTEX_WAIT_PRIVATE, 4, (void *)4096, 0);
  often("wait until the past", &other, FUTEX_WAIT_BITSET_PRIVATE, 5, &past, 1);
  often("no such operation", &other, 77, 4, NULL, 0);

  pthread_t sleepers[2] = {start_sleeper(0), start_sleeper(1)};
  say("woken by a private wake: %ld", futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, 0));
  say("woken by another: %ld", futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, 0));
  say("woken by a shared wake: %ld", futex(&word, FUTEX_WAKE, 2, NULL, 0));
  say("woken by another: %ld", futex(&word, FUTEX_WAKE, 2, NULL, 0));
  for (int i = 0; i < 2; i++) pthread_join(sleepers[i], NULL);
  say("woken %d", woken);

  pthread_t t;
  NEED(pthread_create(&t, NULL, partner, NULL) == 0);
  take_turns(0);
  pthread_join(t, NULL);
  say("turns taken");

  /* A signal ends a wait that has just begun. */
  handle(SIGALRM, on_alarm, 0);
  int interrupted = 0;
  for (int i = 0; i < 20; i++) {
    alarms = 0;
    ualarm(1000, 1000);
    long result = futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, 0);
    if (result == -EINTR && alarms > 0) interrupted++;
  }
  say("interrupted %d", interrupted);

  pid_t pid = fork();
  if (pid == 0) {
    NEED(pthread_create(&t, NULL, refused, NULL) == 0);
    while (__atomic_load_n(&stage, __ATOMIC_SEQ_CST) != 1) sched_yield();
    refuse_futexes();
    say("the one who filters: %s", error_name((int)-futex(&other, FUTEX_WAKE_PRIVATE, 1, NULL, 0)));
    pid_t child = fork();
    if (child == 0) {
      say("its child: %s", error_name((int)-futex(&other, FUTEX_WAIT_PRIVATE, 4, NULL, 0)));
      _exit(0);
    }
    wait_and_say("its child", child);
    __atomic_store_n(&stage, 2, __ATOMIC_SEQ_CST);
    /* A join would be refused. */
    while (__atomic_load_n(&stage, __ATOMIC_SEQ_CST) != 3) sched_yield();
    _exit(0);
  }
  wait_and_say("filtered", pid);
  return 0;
}

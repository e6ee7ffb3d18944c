/* futex: priority inheritance locks whose owner ends, circles, timeouts, requeueing to a lock, errors; futex_wait, futex_wake. */
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#endif

static long futex(void *word, int op, unsigned value, const void *timeout, void *word2, unsigned value3) {
  return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, word2, value3);
}

static int a, b, turn;
static volatile int tid;
static pthread_mutex_t mutex;

static void step(int to) { __atomic_store_n(&turn, to, __ATOMIC_SEQ_CST); }
static void await(int at) {
  while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) != at) sched_yield();
}

static void show(const char *label, int word, pid_t owner) {
  unsigned bits = (unsigned)word;
  say("%s: owner %s%s%s", label, (bits & FUTEX_TID_MASK) == 0 ? "none" : (bits & FUTEX_TID_MASK) == (unsigned)owner ? "right" : "wrong",
      bits & FUTEX_WAITERS ? " waiters" : "", bits & FUTEX_OWNER_DIED ? " died" : "");
}

static void *ends_with_lock(void *arg) {
  tid = gettid();
  NEED(futex(arg, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
  step(1);
  await(2);
  return arg;
}

static void *ends_with_mutex(void *arg) {
  NEED(pthread_mutex_lock(arg) == 0);
  return arg;
}

static void *wakes_when_asleep(void *arg) {
  wait_until_asleep(getpid(), getpid());
  step(2);
  return arg;
}

static void *locks_other_way(void *arg) {
  NEED(futex(&b, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
  tid = gettid();
  step(1);
  NEED(futex(&a, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
  NEED(futex(&a, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
  NEED(futex(&b, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
  return arg;
}

static int condition, order;
static void *waits_for_condition(void *arg) {
  long result = futex(&condition, FUTEX_WAIT_REQUEUE_PI, 7, NULL, &a, 0);
  int place = ++order;
  say("waiter %d has the lock: %ld %s", place, result, result < 0 ? error_name(errno) : "");
  show("lock", a, gettid());
  NEED(futex(&a, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
  return arg;
}

static void *announces(void *arg) {
  tid = gettid();
  return waits_for_condition(arg);
}

static pthread_t started_asleep(void *(*start)(void *)) {
  pthread_t thread;
  tid = 0;
  NEED(pthread_create(&thread, NULL, start, NULL) == 0);
  while (tid == 0) sched_yield();
  wait_until_asleep(getpid(), tid);
  return thread;
}

int main(void) {
  pthread_t t, u;
  /* The owner ends while somebody waits. */
  NEED(pthread_create(&t, NULL, ends_with_lock, &a) == 0);
  await(1);
  NEED(pthread_create(&u, NULL, wakes_when_asleep, NULL) == 0);
  CHECK(futex(&a, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
  show("after death", a, gettid());
  pthread_join(t, NULL);
  pthread_join(u, NULL);
  CHECK(futex(&a, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
  show("unlocked", a, gettid());
  /* It ends while nobody does. */
  step(0);
  NEED(pthread_create(&t, NULL, ends_with_lock, &a) == 0);
  await(1);
  step(2);
  pthread_join(t, NULL);
  show("left behind", a, tid);
  CHECK(futex(&a, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
  CHECK(futex(&a, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
  a = FUTEX_OWNER_DIED;
  CHECK(futex(&a, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
  show("taken over", a, gettid());
  CHECK(futex(&a, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
  a = 0;
  /* A robust mutex with inheritance. */
  pthread_mutexattr_t attr;
  NEED(pthread_mutexattr_init(&attr) == 0);
  CHECK_ERROR(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
  CHECK_ERROR(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
  CHECK_ERROR(pthread_mutex_init(&mutex, &attr));
  NEED(pthread_create(&t, NULL, ends_with_mutex, &mutex) == 0);
  pthread_join(t, NULL);
  CHECK_ERROR(pthread_mutex_lock(&mutex));
  CHECK_ERROR(pthread_mutex_consistent(&mutex));
  CHECK_ERROR(pthread_mutex_unlock(&mutex));
  CHECK_ERROR(pthread_mutex_lock(&mutex));
  CHECK_ERROR(pthread_mutex_unlock(&mutex));
  /* A circle of two. */
  NEED(futex(&a, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
  step(0);
  NEED(pthread_create(&t, NULL, locks_other_way, NULL) == 0);
  await(1);
  wait_until_asleep(getpid(), tid);
  CHECK(futex(&b, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
  CHECK(futex(&b, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
  CHECK(futex(&a, FUTEX_WAKE, 1, NULL, NULL, 0));
  NEED(futex(&a, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
  pthread_join(t, NULL);
  say("%d %d", a, b);
  /* Timeouts are absolute. */
  step(0);
  NEED(pthread_create(&t, NULL, ends_with_lock, &b) == 0);
  await(1);
  struct timespec past = {1, 0}, bad = {1, 1000000000};
  CHECK(futex(&b, FUTEX_LOCK_PI, 0, &past, NULL, 0));
  CHECK(futex(&b, FUTEX_LOCK_PI2, 0, &past, NULL, 0));
  CHECK(futex(&b, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 0));
  CHECK(futex(&b, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 0));
  CHECK(futex(&b, FUTEX_LOCK_PI, 0, &bad, NULL, 0));
  CHECK(futex(&b, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
  show("still", b, tid);
  step(2);
  pthread_join(t, NULL);
  /* From a word to a lock. */
  condition = 7;
  CHECK(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 8, NULL, &a, 0));
  CHECK(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 7, NULL, &condition, 0));
  CHECK(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 7, &past, &a, 0));
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &a, 7));
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI, 2, (void *)1, &a, 7));
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &a, 8));
  t = started_asleep(announces);
  u = started_asleep(announces);
  CHECK(futex(&condition, FUTEX_WAKE, 1, NULL, NULL, 0));
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE, 1, (void *)1, &b, 7));
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &b, 7));
  NEED(futex(&a, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &a, 7));
  show("lock", a, gettid());
  NEED(futex(&a, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
  pthread_join(t, NULL);
  pthread_join(u, NULL);
  say("%d", a);
  t = started_asleep(announces);
  NEED(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, &a, 7) == 1);
  pthread_join(t, NULL);
  say("%d", a);
  CHECK(futex(&a, 99, 0, NULL, NULL, 0));
  CHECK(futex((char *)&a + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
  CHECK(futex((void *)4096, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
  a = 0x3fffffff;
  CHECK(futex(&a, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
  /* The newer calls. */
  a = 5;
  CHECK(syscall(SYS_futex_wait, &a, 6L, 0xffffffffL, 2 | 128, NULL, CLOCK_MONOTONIC));
  CHECK(syscall(SYS_futex_wait, &a, 5L, 0xffffffffL, 2 | 128, &past, CLOCK_MONOTONIC));
  CHECK(syscall(SYS_futex_wait, &a, 5L, 0xffffffffL, 2 | 128, &past, CLOCK_BOOTTIME));
  CHECK(syscall(SYS_futex_wait, &a, 5L, 0L, 2 | 128, NULL, CLOCK_MONOTONIC));
  CHECK(syscall(SYS_futex_wait, &a, 5L, 1L, 64, NULL, CLOCK_MONOTONIC));
  CHECK(syscall(SYS_futex_wait, &a, 1L << 33, 1L, 2, NULL, CLOCK_MONOTONIC));
  CHECK(syscall(SYS_futex_wake, &a, 0xffffffffL, 1, 2 | 128));
  CHECK(syscall(SYS_futex_wake, &a, 0L, 1, 2 | 128));
  CHECK(syscall(SYS_futex_wake, &a, 1L, 1, 1));
  return 0;
}

/* futex: priority inheritance locks, and the C library's mutexes over them. */
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>

static long futex(void *word, int op, unsigned value, const void *timeout, void *word2, unsigned value3) {
  return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, word2, value3);
}

static int pi;
static int tids[1];

static void *contender(void *arg) {
  __atomic_store_n(&tids[0], gettid(), __ATOMIC_SEQ_CST);
  NEED(futex(&pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
  say("contender owns %d", (pi & FUTEX_TID_MASK) == gettid());
  NEED(futex(&pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
  return arg;
}

int main(void) {
  pthread_t t[1];
  CHECK(futex(&pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
  TRUTH(pi == gettid());
  CHECK(futex(&pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
  CHECK(futex(&pi, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
  tids[0] = 0;
  NEED(pthread_create(&t[0], NULL, contender, NULL) == 0);
  while (!__atomic_load_n(&tids[0], __ATOMIC_SEQ_CST)) sched_yield();
  wait_until_asleep(getpid(), tids[0]);
  TRUTH(__atomic_load_n(&pi, __ATOMIC_SEQ_CST) == (int)(gettid() | FUTEX_WAITERS));
  say("unlock");
  NEED(futex(&pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
  pthread_join(t[0], NULL);
  say("pi %d", pi);
  CHECK(futex(&pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
  pthread_mutexattr_t attr;
  pthread_mutex_t mutex;
  NEED(pthread_mutexattr_init(&attr) == 0);
  CHECK_ERROR(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
  CHECK_ERROR(pthread_mutex_init(&mutex, &attr));
  CHECK_ERROR(pthread_mutex_lock(&mutex));
  CHECK_ERROR(pthread_mutex_trylock(&mutex));
  CHECK_ERROR(pthread_mutex_unlock(&mutex));
  return 0;
}

/* futex: requeue, compare, wake-op, robust list registration, futex_waitv. */
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>

static long futex(void *word, int op, unsigned value, const void *timeout, void *word2, unsigned value3) {
  return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, word2, value3);
}

static int a, b, woken;
static int tids[8];

static void *sleeper(void *arg) {
  long i = (long)arg;
  __atomic_store_n(&tids[i], gettid(), __ATOMIC_SEQ_CST);
  NEED(futex(&a, FUTEX_WAIT, 0, NULL, NULL, 0) == 0);
  __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static void start(pthread_t *t, int n) {
  for (long i = 0; i < n; i++) {
    tids[i] = 0;
    NEED(pthread_create(&t[i], NULL, sleeper, (void *)i) == 0);
    while (!__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST)) sched_yield();
    wait_until_asleep(getpid(), tids[i]);
  }
}

int main(void) {
  pthread_t t[5];
  start(t, 5);
  CHECK(futex(&a, FUTEX_CMP_REQUEUE, 1, (void *)2, &b, 99));
  CHECK(futex(&a, FUTEX_CMP_REQUEUE, 1, (void *)2, &b, 0));
  CHECK(futex(&b, FUTEX_WAKE, 1, NULL, NULL, 0));
  CHECK(futex(&a, FUTEX_REQUEUE, 0, (void *)1, &b, 0));
  CHECK(futex(&a, FUTEX_WAKE, 10, NULL, NULL, 0));
  CHECK(futex(&b, FUTEX_WAKE, 10, NULL, NULL, 0));
  for (int i = 0; i < 5; i++) pthread_join(t[i], NULL);
  say("woken %d", woken);
  start(t, 3);
  b = 5;
  /* b += 7, wake one on a, and on b when the old b was greater than 4. */
  CHECK(futex(&a, FUTEX_WAKE_OP, 1, (void *)1, &b, FUTEX_OP(FUTEX_OP_ADD, 7, FUTEX_OP_CMP_GT, 4)));
  say("b %d", b);
  CHECK(futex(&b, FUTEX_WAKE_OP, 1, (void *)1, &a, FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0)));
  CHECK(futex(&b, FUTEX_WAKE_OP, 1, (void *)5, &a, FUTEX_OP(FUTEX_OP_ANDN, 1, FUTEX_OP_CMP_NE, 0)));
  CHECK(futex(&a, FUTEX_WAKE, 10, NULL, NULL, 0));
  for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
  CHECK(futex(&a, FUTEX_CMP_REQUEUE, 1, (void *)1, (char *)&b + 1, 0));
  CHECK(futex(&a, FUTEX_CMP_REQUEUE, -1, (void *)1, &b, 0));
  void *head;
  size_t length;
  CHECK(syscall(SYS_get_robust_list, 0, &head, &length));
  say("length %zu", length);
  CHECK(syscall(SYS_set_robust_list, head, 5));
  CHECK(syscall(SYS_get_robust_list, 1 << 22, &head, &length));
  return 0;
}

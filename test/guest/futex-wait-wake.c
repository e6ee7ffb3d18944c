/* futex: wait, wake, timeouts, value races, bitsets, shared memory between processes, errors, signals. */
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>

static long futex(void *word, int op, unsigned value, const void *timeout, void *word2, unsigned value3) {
  return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

static int word, woken;
static int tids[8];

static void *sleeper(void *arg) {
  long bits = (long)arg;
  __atomic_store_n(&tids[bits & 7], gettid(), __ATOMIC_SEQ_CST);
  long r = bits < 8 ? futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0)
                    : futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, bits >> 3);
  __atomic_fetch_add(&woken, r == 0, __ATOMIC_SEQ_CST);
  return NULL;
}

static pthread_t start(long arg) {
  pthread_t t;
  tids[arg & 7] = 0;
  NEED(pthread_create(&t, NULL, sleeper, (void *)arg) == 0);
  while (!__atomic_load_n(&tids[arg & 7], __ATOMIC_SEQ_CST)) sched_yield();
  wait_until_asleep(getpid(), tids[arg & 7]);
  return t;
}

static void on_signal(int signal) { (void)signal; }

int main(void) {
  struct timespec ten = {0, 10000000}, bad = {0, 1000000000}, past = {0, 1};
  CHECK(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
  CHECK(futex(&word, FUTEX_WAIT, 0, &ten, NULL, 0));
  CHECK(futex(&word, FUTEX_WAIT_PRIVATE, 0, &ten, NULL, 0));
  CHECK(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0));
  CHECK(futex(&word, FUTEX_WAIT_BITSET, 0, &past, NULL, ~0u));
  CHECK(futex(&word, FUTEX_WAIT_BITSET, 0, &past, NULL, 0));
  CHECK(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, ~0u));
  CHECK(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
  CHECK(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
  CHECK(futex((char *)&word + 1, FUTEX_WAIT, 0, NULL, NULL, 0));
  CHECK(futex((char *)&word + 1, FUTEX_WAKE, 1, NULL, NULL, 0));
  CHECK(futex((void *)8, FUTEX_WAIT, 0, NULL, NULL, 0));
  CHECK(futex(NULL, FUTEX_WAIT, 0, NULL, NULL, 0));
  CHECK(futex(&word, FUTEX_WAIT, 0, (void *)8, NULL, 0));
  CHECK(futex(&word, 77, 0, NULL, NULL, 0));
  pthread_t t[4];
  for (long i = 0; i < 4; i++) t[i] = start(i);
  CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
  CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0));
  CHECK(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
  CHECK(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
  for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
  say("woken %d", woken);
  t[0] = start(1 << 3 | 1);
  t[1] = start(2 << 3 | 2);
  t[2] = start(4 << 3 | 3);
  CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 8));
  CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 2));
  pthread_join(t[1], NULL);
  CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 5));
  pthread_join(t[0], NULL);
  pthread_join(t[2], NULL);
  say("woken %d", woken);
  /* Between processes, on shared memory mapped twice at different addresses. */
  int fd = memfd_create("futex", 0);
  NEED(ftruncate(fd, 4096) == 0);
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  pid_t pid = fork();
  if (pid == 0) {
    int *mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    NEED(mine != shared && munmap(shared, 4096) == 0);
    CHECK(futex(mine, FUTEX_WAIT, 0, NULL, NULL, 0));
    _exit(0);
  }
  wait_until_asleep(pid, pid);
  *shared = 1;
  say("parent wakes");
  while (futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0) == 0) sched_yield();
  wait_and_say("child", pid);
  handle(SIGALRM, on_signal, 0);
  ualarm(30000, 900000);
  CHECK(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0));
  handle(SIGALRM, on_signal, SA_RESTART);
  ualarm(30000, 900000);
  struct timespec later = {0, 90000000};
  CHECK(futex(&word, FUTEX_WAIT, 0, &later, NULL, 0));
  return 0;
}

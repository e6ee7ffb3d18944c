/* Robust mutexes: owners that end as threads, as processes, by a signal, by exec, with and without waiters; the list's calls. */
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>

static pthread_mutex_t *mutex;
static volatile int *tid;

static void make(int protocol) {
  pthread_mutexattr_t attr;
  NEED(pthread_mutexattr_init(&attr) == 0);
  NEED(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
  NEED(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
  NEED(pthread_mutexattr_setprotocol(&attr, protocol) == 0);
  NEED(pthread_mutex_init(mutex, &attr) == 0);
}

static void *locks(void *arg) {
  NEED(pthread_mutex_lock(mutex) == 0);
  return arg;
}

static void recover(void) {
  CHECK_ERROR(pthread_mutex_lock(mutex));
  CHECK_ERROR(pthread_mutex_consistent(mutex));
  CHECK_ERROR(pthread_mutex_unlock(mutex));
}

/* The child locks, and ends in the given way once the parent waits for the mutex. */
static void owner_process(int way) {
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    NEED(pthread_mutex_lock(mutex) == 0);
    *tid = gettid();
    wait_until_asleep(parent, parent);
    if (way == 0) _exit(0);
    if (way == 1) raise(SIGKILL);
    execl("/bin/true", "true", NULL);
    _exit(1);
  }
  while (*tid == 0) sched_yield();
  recover();
  *tid = 0;
  wait_and_say("owner", pid);
}

int main(void) {
  void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  mutex = shared;
  tid = (int *)((char *)shared + 2048);
  for (int protocol = PTHREAD_PRIO_NONE; protocol <= PTHREAD_PRIO_INHERIT; protocol++) {
    say("protocol %d", protocol);
    make(protocol);
    pthread_t t;
    NEED(pthread_create(&t, NULL, locks, NULL) == 0);
    pthread_join(t, NULL);
    recover();
    NEED(pthread_create(&t, NULL, locks, NULL) == 0);
    pthread_join(t, NULL);
    CHECK_ERROR(pthread_mutex_lock(mutex));
    CHECK_ERROR(pthread_mutex_unlock(mutex));
    CHECK_ERROR(pthread_mutex_lock(mutex));
    make(protocol);
    for (int way = 0; way < 3; way++) owner_process(way);
  }
  struct robust_list_head *head = NULL, mine;
  size_t size = 0;
  CHECK(syscall(SYS_get_robust_list, 0, &head, &size));
  say("%d %zu", head != NULL, size);
  CHECK(syscall(SYS_get_robust_list, getpid(), &head, &size));
  CHECK(syscall(SYS_get_robust_list, 1 << 22, &head, &size));
  CHECK(syscall(SYS_set_robust_list, &mine, 8));
  CHECK(syscall(SYS_get_robust_list, 0, 8, &size));
  return 0;
}

/* Tasks that share memory and the thread area, as raw clone without CLONE_SETTLS makes them: each gets its own answers. */
#include "check.h"

#define ROUNDS 3000
#define STACK 65536

static volatile int is_started;

/* Not getpid(): several of the same call in a row, from places that are used often. */
static long own_id(void) { return syscall(SYS_gettid); }

static int child(void *arg) {
  long id = own_id();
  int wrong = 0;
  __atomic_fetch_add(&is_started, 1, __ATOMIC_SEQ_CST);
  for (int i = 0; i < ROUNDS; i++) {
    wrong += own_id() != id;
    wrong += getppid() != *(pid_t *)arg;
  }
  return wrong != 0;
}

int main(void) {
  pid_t own = getpid();
  for (int i = 0; i < 100; i++) NEED(own_id() == own && getppid() >= 0);
  for (int count = 1; count <= 3; count++) {
    pid_t pids[3];
    is_started = 0;
    for (int i = 0; i < count; i++) {
      char *stack = malloc(STACK);
      NEED((pids[i] = clone(child, stack + STACK, CLONE_VM | CLONE_FILES | SIGCHLD, &own)) > 0);
    }
    while (is_started < count) sched_yield();
    int wrong = 0;
    pid_t parent = getppid();
    for (int i = 0; i < ROUNDS; i++) {
      wrong += own_id() != own;
      wrong += getppid() != parent;
    }
    say("wrong %d", wrong);
    for (int i = 0; i < count; i++) wait_and_say("child", pids[i]);
  }
  return 0;
}

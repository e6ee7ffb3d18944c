/* A fork bomb under RLIMIT_NPROC (needs root): EAGAIN when there are too many, and all is as before when they are gone. */
#include "check.h"
#include <sys/prctl.h>
#include <sys/resource.h>

#define LIMIT 100
#define UID 31337

static volatile int *alive;
static volatile int *refused;

/* Each child bombs on. */
static void bomb(int depth) {
  for (int i = 0; i < 20; i++) {
    pid_t pid = fork();
    if (pid == -1) {
      NEED(errno == EAGAIN);
      __atomic_fetch_add(refused, 1, __ATOMIC_SEQ_CST);
      sched_yield();
    } else if (pid == 0) {
      int now = __atomic_add_fetch(alive, 1, __ATOMIC_SEQ_CST);
      NEED(now <= LIMIT);
      if (depth < 30) bomb(depth + 1);
      __atomic_fetch_add(alive, -1, __ATOMIC_SEQ_CST);
      _exit(0);
    }
  }
  while (wait(NULL) > 0) continue;
}

int main(void) {
  alive = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED(alive != MAP_FAILED);
  refused = alive + 1;
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    struct rlimit limit = {LIMIT, LIMIT};
    NEED(setrlimit(RLIMIT_NPROC, &limit) == 0);
    NEED(setresuid(UID, UID, UID) == 0);
    alarm(10);
    bomb(0);
    _exit(0);
  }
  /* It grows without end: what it does for a while is enough. Its processes are those of its user. */
  while (*refused < 2000 && waitpid(pid, NULL, WNOHANG) == 0) sleep_ms(5);
  TRUTH(*refused > 0);
  pid_t killer = fork();
  NEED(killer >= 0);
  if (killer == 0) {
    NEED(setresuid(UID, UID, UID) == 0);
    kill(-1, SIGKILL);
    _exit(0);
  }
  wait_and_say("the killer", killer);
  waitpid(pid, NULL, 0);
  for (int i = 0; i < 300; i++) {
    NEED((pid = fork()) >= 0);
    if (pid == 0) _exit(0);
    NEED(waitpid(pid, NULL, 0) == pid);
  }
  say("forks work as before");
  return 0;
}

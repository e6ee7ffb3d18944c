/* kcmp: what two processes share, the order of what they do not, and bad arguments. */
#include "check.h"
#include <linux/kcmp.h>
#include <sys/epoll.h>
#include <sys/sem.h>

static long kcmp(pid_t one, pid_t other, int type, unsigned long idx1, unsigned long idx2) {
  return syscall(SYS_kcmp, one, other, type, idx1, idx2);
}

static int asleep(void *arg) {
  (void)arg;
  while (pause() == -1) continue;
  return 0;
}

static const char *const names[] = {"file", "vm", "files", "fs", "sighand", "io", "sysvsem"};

static void compare_all(const char *label, pid_t one, pid_t other) {
  say("%s", label);
  for (int type = KCMP_VM; type <= KCMP_SYSVSEM; type++) {
    long there = kcmp(one, other, type, 0, 0);
    long back = kcmp(other, one, type, 0, 0);
    say("  %s: %s", names[type], there == 0 && back == 0 ? "same" : there + back == 3 ? "ordered" : "wrong");
  }
}

static void end(pid_t child) {
  NEED(kill(child, SIGKILL) == 0 && waitpid(child, NULL, __WALL) == child);
}

int main(void) {
  pid_t me = getpid();
  int pipes[2];
  NEED(pipe(pipes) == 0);
  int twin = dup(pipes[0]);
  compare_all("with itself", me, me);
  pid_t child = fork();
  if (child == 0) asleep(NULL);
  compare_all("with a child", me, child);
  CHECK(kcmp(me, child, KCMP_FILE, pipes[0], pipes[0]));
  CHECK(kcmp(me, child, KCMP_FILE, twin, pipes[0]));
  TRUTH(kcmp(me, child, KCMP_FILE, pipes[0], pipes[1]) + kcmp(me, child, KCMP_FILE, pipes[1], pipes[0]) == 3);
  CHECK(kcmp(me, child, KCMP_FILE, 77, pipes[1]));
  CHECK(kcmp(me, child, KCMP_FILE, pipes[1], -1UL));
  CHECK(kcmp(me, child, 99, 0, 0));
  CHECK(kcmp(me, child, -1, 0, 0));
  CHECK(kcmp(me, -1, KCMP_VM, 0, 0));
  CHECK(kcmp(0, me, KCMP_VM, 0, 0));
  end(child);
  static char stack[16384];
  child = clone(asleep, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | SIGCHLD, NULL);
  compare_all("with one that shares", me, child);
  end(child);

  int set = semget(IPC_PRIVATE, 1, 0600);
  struct sembuf up = {0, 1, SEM_UNDO};
  NEED(semop(set, &up, 1) == 0);
  child = fork();
  if (child == 0) asleep(NULL);
  compare_all("with something to undo", me, child);
  end(child);
  semctl(set, 0, IPC_RMID);

  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event) == 0);
  struct kcmp_epoll_slot slot = {epoll, pipes[0], 0};
  CHECK(kcmp(me, me, KCMP_EPOLL_TFD, twin, (unsigned long)&slot));
  TRUTH(kcmp(me, me, KCMP_EPOLL_TFD, pipes[1], (unsigned long)&slot) > 0);
  slot.toff = 1;
  CHECK(kcmp(me, me, KCMP_EPOLL_TFD, twin, (unsigned long)&slot));
  slot = (struct kcmp_epoll_slot){pipes[0], pipes[0], 0};
  CHECK(kcmp(me, me, KCMP_EPOLL_TFD, twin, (unsigned long)&slot));
  slot.efd = 99;
  CHECK(kcmp(me, me, KCMP_EPOLL_TFD, twin, (unsigned long)&slot));
  CHECK(kcmp(me, me, KCMP_EPOLL_TFD, twin, 8));
  return 0;
}

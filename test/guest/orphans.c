/* Orphans: reparenting to a subreaper, parent-death signals, orphaned stopped groups get SIGHUP and SIGCONT. */
#include "check.h"
#include <sys/prctl.h>

int main(void) {
  int value = 9, p[2], hold[2];
  CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value));
  say("%d", value);
  CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1));
  CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value));
  say("%d", value);
  NEED(pipe(p) == 0 && pipe(hold) == 0);
  pid_t me = getpid(), middle = fork();
  if (middle == 0) {
    prctl(PR_GET_CHILD_SUBREAPER, &value);
    say("not inherited: %d", value);
    pid_t grandchild = fork();
    if (grandchild == 0) {
      pid_t parent = getppid();
      NEED(write(p[1], "r", 1) == 1);
      while (getppid() == parent) sched_yield();
      _exit(getppid() == me ? 33 : 1);
    }
    char byte;
    NEED(read(p[0], &byte, 1) == 1);
    _exit(1);
  }
  wait_and_say("middle", middle);
  int status;
  NEED(wait(&status) > 0);
  say_status("adopted", status);
  CHECK(wait(NULL));
  /* PR_SET_PDEATHSIG */
  middle = fork();
  if (middle == 0) {
    pid_t grandchild = fork();
    if (grandchild == 0) {
      CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
      CHECK(prctl(PR_GET_PDEATHSIG, &value));
      say("%s", sigabbrev_np(value));
      NEED(write(p[1], "r", 1) == 1);
      for (;;) pause();
    }
    char byte;
    NEED(read(p[0], &byte, 1) == 1);
    _exit(1);
  }
  wait_and_say("middle", middle);
  NEED(wait(&status) > 0);
  say_status("after its parent died", status);
  /* A stopped process whose group is orphaned by its parent's exit. */
  middle = fork();
  if (middle == 0) {
    setsid();
    pid_t job = fork();
    if (job == 0) {
      setpgid(0, 0);
      signal(SIGHUP, SIG_DFL);
      raise(SIGSTOP);
      pause();
      _exit(0);
    }
    setpgid(job, job);
    NEED(waitpid(job, &status, WUNTRACED) == job);
    say_status("job", status);
    _exit(2);
  }
  wait_and_say("middle", middle);
  NEED(wait(&status) > 0);
  say_status("orphaned job", status);
  CHECK(prctl(PR_SET_PDEATHSIG, 65));
  CHECK(prctl(PR_SET_CHILD_SUBREAPER, 0));
  return 0;
}

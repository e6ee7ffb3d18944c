/* Process groups and sessions: getters, setpgid rules, setsid, signals to groups, kill's errors. */
#include "check.h"

static volatile int got;
static void on_signal(int signal) { got = signal; }

int main(void) {
  handle(SIGUSR1, on_signal, 0);
  pid_t pid = fork();
  if (pid == 0) {
    CHECK_OK(setsid());
    TRUTH(getsid(0) == getpid() && getpgrp() == getpid() && getpgid(0) == getpid());
    CHECK(setsid());
    CHECK(setpgid(0, 0));
    CHECK(setpgid(0, 1 << 22));
    CHECK(setpgid(-1, 0));
    CHECK(setpgid(0, -1));
    CHECK(setpgid(1 << 22, 0));
    CHECK(getpgid(1 << 22));
    CHECK(getsid(1 << 22));
    CHECK(getsid(-1));
    int ready[2], go[2];
    NEED(pipe(ready) == 0 && pipe(go) == 0);
    pid_t a = fork();
    if (a == 0) {
      char byte;
      NEED(write(ready[1], "r", 1) == 1);
      while (read(go[0], &byte, 1) < 0) continue;
      _exit(got == SIGUSR1 ? 1 : 0);
    }
    pid_t b = fork();
    if (b == 0) {
      char byte;
      NEED(write(ready[1], "r", 1) == 1);
      while (read(go[0], &byte, 1) < 0) continue;
      _exit(got == SIGUSR1 ? 1 : 0);
    }
    char two[2];
    NEED(read(ready[0], two, 1) == 1 && read(ready[0], two, 1) == 1);
    TRUTH(getpgid(a) == getpid());
    CHECK(setpgid(a, a));
    TRUTH(getpgid(a) == a);
    CHECK(setpgid(b, a));
    CHECK(kill(-a, SIGUSR1));
    sleep_ms(20);
    NEED(write(go[1], "gg", 2) == 2);
    wait_and_say("a", a);
    wait_and_say("b", b);
    say("mine %d", got);
    CHECK(kill(-a, SIGUSR1));
    CHECK(killpg(getpgrp(), SIGUSR1));
    say("mine %s", sigabbrev_np(got));
    got = 0;
    CHECK(kill(0, SIGUSR1));
    say("mine %s", sigabbrev_np(got));
    CHECK(kill(getpid(), 0));
    CHECK(kill(getpid(), 65));
    CHECK(kill(getpid(), -1));
    CHECK(kill(1 << 22, 0));
    CHECK(kill(-(1 << 22), 0));
    CHECK(syscall(SYS_tgkill, getpid(), gettid(), 0));
    CHECK(syscall(SYS_tgkill, getpid(), 1 << 22, 0));
    CHECK(syscall(SYS_tgkill, getpid(), 0, 0));
    CHECK(syscall(SYS_tgkill, 1, gettid(), 0));
    CHECK(syscall(SYS_tkill, -1, 0));
    /* A child in another session cannot be moved. */
    pid_t c = fork();
    if (c == 0) {
      setsid();
      NEED(write(ready[1], "r", 1) == 1);
      char byte;
      read(go[0], &byte, 1);
      _exit(0);
    }
    NEED(read(ready[0], two, 1) == 1);
    CHECK(setpgid(c, getpid()));
    NEED(write(go[1], "g", 1) == 1);
    wait_and_say("c", c);
    /* After exec too: EACCES. */
    c = fork();
    if (c == 0) {
      dup2(go[0], 0);
      dup2(ready[1], 1);
      execl("/bin/sh", "sh", "-c", "echo r; read x", NULL);
      _exit(9);
    }
    NEED(read(ready[0], two, 2) == 2);
    CHECK(setpgid(c, c));
    NEED(write(go[1], "g\n", 2) == 2);
    wait_and_say("c", c);
    /* The leader of a session with a zombie group: a zombie still counts for kill. */
    c = fork();
    if (c == 0) _exit(0);
    siginfo_t info;
    NEED(waitid(P_PID, c, &info, WEXITED | WNOWAIT) == 0);
    CHECK(kill(c, SIGUSR1));
    CHECK(getpgid(c) == getpgrp());
    wait_and_say("zombie", c);
    CHECK(kill(c, 0));
    _exit(0);
  }
  wait_and_say("session", pid);
  return 0;
}

/* Writing to a pipe or socket that nobody reads: EPIPE and SIGPIPE, its siginfo, MSG_NOSIGNAL, death by it. */
#include "check.h"
#include <sys/socket.h>

static volatile int count;
static void on_pipe(int signal, siginfo_t *info, void *context) {
  (void)context;
  count++;
  say("%s code %d from self %d", sigabbrev_np(signal), info->si_code, info->si_pid == getpid());
}

int main(void) {
  int p[2];
  NEED(pipe(p) == 0);
  close(p[0]);
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGPIPE, SIG_DFL);
    CHECK(write(p[1], "x", 1));
    _exit(1);
  }
  wait_and_say("default", pid);
  signal(SIGPIPE, SIG_IGN);
  CHECK(write(p[1], "x", 1));
  CHECK(write(p[1], "x", 0));
  handle_info(SIGPIPE, on_pipe, 0);
  CHECK(write(p[1], "x", 1));
  struct iovec v[2] = {{"a", 1}, {"b", 1}};
  CHECK(writev(p[1], v, 2));
  say("count %d", count);
  int s[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  close(s[0]);
  CHECK(send(s[1], "x", 1, MSG_NOSIGNAL));
  CHECK(send(s[1], "x", 1, 0));
  CHECK(write(s[1], "x", 1));
  say("count %d", count);
  /* Blocked: it stays pending for the thread. */
  sigset_t set, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  sigprocmask(SIG_BLOCK, &set, NULL);
  CHECK(write(p[1], "x", 1));
  sigpending(&pending);
  say("pending %d count %d", sigismember(&pending, SIGPIPE), count);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  say("count %d", count);
  /* A writer blocked on a full pipe gets it when the last reader goes. */
  NEED(pipe(p) == 0);
  pid = fork();
  if (pid == 0) {
    close(p[0]);
    static char block[100000];
    signal(SIGPIPE, SIG_IGN);
    ssize_t n = write(p[1], block, sizeof block);
    say("partial %zd", n);
    CHECK(write(p[1], block, 10));
    _exit(0);
  }
  close(p[1]);
  wait_until_asleep(pid, pid);
  close(p[0]);
  wait_and_say("writer", pid);
  return 0;
}

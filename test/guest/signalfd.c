/* signalfd: reading signals with their information, several at once, readiness, mask changes, errors. */
#include "check.h"
#include <sys/signalfd.h>

static void take(int fd) {
  struct signalfd_siginfo info[4];
  ssize_t n = read(fd, info, sizeof info);
  if (n < 0) {
    say("  %s", error_name(errno));
    return;
  }
  for (int i = 0; i < n / (int)sizeof info[0]; i++)
    say("  %s code %d value %d mine %d", sigabbrev_np(info[i].ssi_signo) ?: "RT", info[i].ssi_code, info[i].ssi_int,
        info[i].ssi_pid == (unsigned)getpid());
}

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGRTMIN);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  CHECK(fcntl(fd, F_GETFD));
  take(fd);
  struct pollfd p = {fd, POLLIN, 0};
  CHECK(poll(&p, 1, 0));
  kill(getpid(), SIGUSR1);
  CHECK(poll(&p, 1, 0));
  take(fd);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1);
  raise(SIGUSR2);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 1});
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 2});
  take(fd);
  take(fd);
  pid_t pid = fork();
  if (pid == 0) _exit(7);
  CHECK(poll(&p, 1, 5000));
  struct signalfd_siginfo info;
  CHECK(read(fd, &info, sizeof info));
  say("status %d code %d of child %d", info.ssi_status, info.ssi_code, info.ssi_pid == (unsigned)pid);
  wait_and_say("child", pid);
  CHECK(read(fd, &info, sizeof info - 1));
  CHECK(read(fd, (void *)8, sizeof info));
  kill(getpid(), SIGUSR1);
  CHECK(read(fd, (void *)8, sizeof info));
  take(fd);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  CHECK(signalfd(fd, &set, 0) == fd);
  kill(getpid(), SIGUSR1);
  take(fd);
  kill(getpid(), SIGUSR2);
  take(fd);
  CHECK(signalfd(0, &set, 0));
  CHECK(signalfd(99, &set, 0));
  CHECK(signalfd(-1, &set, 1));
  CHECK(syscall(SYS_signalfd4, -1, &set, 4, 0));
  CHECK(syscall(SYS_signalfd4, -1, 8, 8, 0));
  CHECK(write(fd, &info, sizeof info));
  sigaddset(&set, SIGKILL);
  CHECK(signalfd(-1, &set, 0) >= 0);
  /* A blocked read is woken by a signal that comes. */
  int blocking = signalfd(-1, &set, 0);
  pid_t parent = getpid();
  pid = fork();
  if (pid == 0) {
    wait_until_asleep(parent, parent);
    kill(parent, SIGUSR2);
    _exit(0);
  }
  CHECK(read(blocking, &info, sizeof info));
  say("from child %d", info.ssi_pid == (unsigned)pid);
  wait_and_say("sender", pid);
  return 0;
}

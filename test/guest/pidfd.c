/* pidfd_open, pidfd_send_signal, pidfd_getfd, waitid on them, poll readiness, /proc link, errors. */
#include "check.h"
#include <sys/pidfd.h>

int main(void) {
  int p[2];
  NEED(pipe(p) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    close(p[0]);
    int fd = memfd_create("theirs", 0);
    NEED(write(fd, "theirs", 6) == 6);
    NEED(write(p[1], &fd, sizeof fd) == sizeof fd);
    for (;;) pause();
  }
  int theirs;
  NEED(read(p[0], &theirs, sizeof theirs) == sizeof theirs);
  int fd = pidfd_open(pid, 0);
  CHECK(fd >= 0);
  CHECK(fcntl(fd, F_GETFD));
  struct pollfd poll_in = {fd, POLLIN, 0};
  CHECK(poll(&poll_in, 1, 0));
  int copy = pidfd_getfd(fd, theirs, 0);
  char text[8] = "";
  CHECK(pread(copy, text, 8, 0));
  say("%s cloexec %d", text, fcntl(copy, F_GETFD));
  CHECK(pidfd_getfd(fd, 99, 0));
  CHECK(pidfd_getfd(fd, theirs, 1));
  CHECK(pidfd_getfd(0, theirs, 0));
  CHECK(pidfd_open(1 << 22, 0));
  CHECK(pidfd_open(-1, 0));
  CHECK(pidfd_open(0, 0));
  CHECK(pidfd_open(pid, 0x1000));
  CHECK(pidfd_send_signal(fd, 0, NULL, 0));
  CHECK(pidfd_send_signal(fd, 65, NULL, 0));
  CHECK(pidfd_send_signal(0, 0, NULL, 0));
  CHECK(pidfd_send_signal(-1, 0, NULL, 0));
  CHECK(pidfd_send_signal(fd, 0, NULL, 0x800));
  siginfo_t info;
  info.si_pid = 5;
  CHECK(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
  say("pid %d", info.si_pid);
  CHECK(pidfd_send_signal(fd, SIGTERM, NULL, 0));
  CHECK(poll(&poll_in, 1, 5000));
  say("%#x", poll_in.revents);
  CHECK(waitid(P_PIDFD, fd, &info, WEXITED));
  say("code %d status %s", info.si_code, sigabbrev_np(info.si_status));
  CHECK(pidfd_send_signal(fd, 0, NULL, 0));
  CHECK(waitid(P_PIDFD, fd, &info, WEXITED));
  CHECK(poll(&poll_in, 1, 0));
  CHECK(read(fd, text, 1));
  CHECK(write(fd, text, 1));
  return 0;
}

/* fcntl: the owner of a descriptor's signals, O_ASYNC, F_SETSIG, leases, pipe sizes. */
#include "check.h"
#include <asm/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static volatile int got, got_fd, got_band, got_code;
static void on_io(int signal, siginfo_t *info, void *context) {
  (void)context;
  got = signal;
  got_fd = info->si_fd;
  got_band = info->si_band;
  got_code = info->si_code;
}

static void show(const char *label, int fd) {
  say("%s: %s fd %d band %#x code %d", label, got ? sigabbrev_np(got) ? sigabbrev_np(got) : "RT" : "none", got && got_code > 0 ? got_fd == fd : -1,
      got && got_code > 0 ? got_band : 0, got_code);
  got = 0;
}

int main(void) {
  int p[2];
  NEED(pipe(p) == 0);
  handle_info(SIGIO, on_io, 0);
  handle_info(SIGURG, on_io, 0);
  handle_info(SIGRTMIN + 2, on_io, 0);
  CHECK(fcntl(p[0], F_GETOWN));
  CHECK(fcntl(p[0], F_GETSIG));
  CHECK(fcntl(p[0], F_SETOWN, getpid()));
  TRUTH(fcntl(p[0], F_GETOWN) == getpid());
  CHECK(fcntl(p[0], F_SETFL, O_ASYNC));
  CHECK(fcntl(p[0], F_GETFL) & O_ASYNC);
  CHECK(write(p[1], "a", 1));
  show("pipe readable", p[0]);
  CHECK(fcntl(p[0], F_SETSIG, SIGRTMIN + 2));
  TRUTH(fcntl(p[0], F_GETSIG) == SIGRTMIN + 2);
  CHECK(write(p[1], "b", 1));
  show("pipe readable again", p[0]);
  CHECK(fcntl(p[0], F_SETSIG, 999));
  CHECK(fcntl(p[0], F_SETSIG, 0));
  CHECK(fcntl(p[0], F_SETFL, 0));
  CHECK(write(p[1], "c", 1));
  show("off", p[0]);
  CHECK(fcntl(p[0], F_SETOWN, 1 << 22));
  CHECK(fcntl(p[0], F_SETOWN, -getpgrp()));
  struct f_owner_ex ex = {0, 0};
  CHECK(fcntl(p[0], F_GETOWN_EX, &ex));
  say("type %d own group %d", ex.type, ex.pid == getpgrp());
  ex = (struct f_owner_ex){F_OWNER_TID, gettid()};
  CHECK(fcntl(p[0], F_SETOWN_EX, &ex));
  CHECK(fcntl(p[0], F_GETOWN_EX, &ex));
  say("type %d own thread %d", ex.type, ex.pid == gettid());
  ex.type = 9;
  CHECK(fcntl(p[0], F_SETOWN_EX, &ex));
  int s[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  int on = 1;
  CHECK(fcntl(s[0], F_SETOWN, getpid()));
  CHECK(fcntl(s[0], F_SETFL, O_ASYNC | O_NONBLOCK));
  CHECK(fcntl(s[0], F_SETSIG, SIGIO));
  CHECK(write(s[1], "x", 1));
  show("socket readable", s[0]);
  char byte;
  CHECK(read(s[0], &byte, 1));
  got = 0;
  CHECK(close(s[1]));
  show("peer closed", s[0]);
  (void)on;
  int owner = getpid();
  CHECK(ioctl(s[0], FIOSETOWN, &owner));
  owner = 0;
  CHECK(ioctl(s[0], SIOCGPGRP, &owner));
  TRUTH(owner == getpid());
  owner = -getpgrp();
  CHECK(ioctl(s[0], SIOCSPGRP, &owner));
  TRUTH(fcntl(s[0], F_GETOWN) == -getpgrp());
  CHECK(ioctl(p[0], FIOSETOWN, &owner));
  CHECK(ioctl(s[0], FIOSETOWN, (int *)8));
  CHECK(fcntl(p[0], F_GETPIPE_SZ));
  CHECK(fcntl(p[0], F_SETPIPE_SZ, 1));
  CHECK(fcntl(p[0], F_SETPIPE_SZ, 100000));
  CHECK(fcntl(p[0], F_SETPIPE_SZ, 1 << 20));
  CHECK(fcntl(s[0], F_GETPIPE_SZ));
  return 0;
}

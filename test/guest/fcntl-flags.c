/* fcntl(2) F_GETFL and F_SETFL: what is shown, what can change, and unknown commands. */
#include "check.h"

/* O_LARGEFILE is always set on x86-64 and shown. */
static int flags(int fd) { return fcntl(fd, F_GETFL); }

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC | O_EXCL, 0600);
  say("%o", flags(fd));
  CHECK(fcntl(fd, F_SETFL, O_APPEND));
  say("%o", flags(fd));
  CHECK(fcntl(fd, F_SETFL, O_NONBLOCK));
  say("%o", flags(fd));
  CHECK(fcntl(fd, F_SETFL, O_WRONLY | O_CREAT | O_EXCL | O_TRUNC | O_SYNC));
  say("%o", flags(fd));
  CHECK(fcntl(fd, F_SETFL, O_RDONLY | O_NOATIME));
  say("%o", flags(fd));
  int twin = dup(fd), other = open("f", O_RDONLY);
  NEED(fcntl(twin, F_SETFL, O_APPEND | O_NONBLOCK) == 0);
  say("shared %o, other %o", flags(fd), flags(other));
  int p[2];
  NEED(pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0);
  say("pipe %o %o cloexec %d", flags(p[0]), flags(p[1]), fcntl(p[0], F_GETFD));
  CHECK(pipe2(p, O_APPEND));
  CHECK(pipe2(p, 0x40000000));
  int path = open("f", O_PATH);
  say("path %o", flags(path));
  CHECK(fcntl(path, F_SETFL, O_NONBLOCK));
  int dir = open(".", O_RDONLY | O_DIRECTORY);
  say("directory %o", flags(dir));
  int wr = open("f", O_WRONLY | O_SYNC | O_APPEND);
  say("sync %o", flags(wr));
  wr = open("f", O_WRONLY | O_DSYNC);
  say("dsync %o", flags(wr));
  CHECK(fcntl(fd, 9999, 0));
  CHECK(fcntl(-1, F_GETFL));
  CHECK(fcntl(-1, F_GETFD));
  CHECK(fcntl(200, F_SETFL, 0));
  CHECK(fcntl(path, F_GETFD));
  CHECK(fcntl(p[0], F_GETOWN));
  CHECK(fcntl(p[0], F_GETSIG));
  CHECK(fcntl(fd, F_GETPIPE_SZ));
  CHECK(fcntl(p[0], F_GETPIPE_SZ));
  return 0;
}

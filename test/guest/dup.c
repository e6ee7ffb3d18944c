/* dup, dup2, dup3, F_DUPFD: numbers chosen, the close-on-exec flag, limits and errors. */
#include "check.h"
#include <sys/resource.h>

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(fcntl(fd, F_GETFD));
  CHECK(dup(fd));
  CHECK(fcntl(4, F_GETFD));
  CHECK(dup2(fd, 10));
  CHECK(dup2(fd, 10));
  CHECK(fcntl(10, F_GETFD));
  CHECK(dup2(fd, fd));
  CHECK(fcntl(fd, F_GETFD));
  CHECK(dup2(50, 50));
  CHECK(dup2(50, 11));
  CHECK(dup2(fd, -1));
  CHECK(dup2(fd, 1 << 30));
  CHECK(dup3(fd, 11, O_CLOEXEC));
  CHECK(fcntl(11, F_GETFD));
  CHECK(dup3(fd, fd, 0));
  CHECK(dup3(fd, 12, O_NONBLOCK));
  CHECK(dup3(fd, 12, 0));
  CHECK(fcntl(fd, F_DUPFD, 20));
  CHECK(fcntl(fd, F_DUPFD, 20));
  CHECK(fcntl(fd, F_DUPFD_CLOEXEC, 20));
  CHECK(fcntl(22, F_GETFD));
  CHECK(fcntl(fd, F_DUPFD, -1));
  CHECK(fcntl(fd, F_DUPFD, 1 << 30));
  CHECK(dup(-1));
  CHECK(dup(1000));
  CHECK(close(4));
  CHECK(dup(fd));
  CHECK(fcntl(fd, F_SETFD, 0));
  CHECK(fcntl(fd, F_GETFD));
  CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC | 4));
  CHECK(fcntl(fd, F_GETFD));
  struct rlimit limit;
  NEED(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = 24;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit));
  CHECK(dup2(fd, 24));
  CHECK(dup2(fd, 23));
  CHECK(fcntl(fd, F_DUPFD, 24));
  CHECK(fcntl(fd, F_DUPFD, 23));
  int last = 0;
  for (int n; (n = dup(fd)) >= 0;) last = n;
  say("last dup %d then %s", last, error_name(errno));
  CHECK(open("f", O_RDONLY));
  int p[2];
  CHECK(pipe(p));
  CHECK(close(7));
  CHECK(pipe(p));
  CHECK(dup(fd));
  return 0;
}

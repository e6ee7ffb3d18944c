/* ioctl on files, pipes and sockets: FIONREAD, FIONBIO, FIOCLEX, terminal requests on what is no terminal. */
#include "check.h"
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

int main(void) {
  int n = -1, on = 1, off = 0, p[2], s[2];
  struct termios t;
  struct winsize w;
  write_file("f", "0123456789");
  int fd = open("f", O_RDWR), dir = open(".", O_RDONLY), null = open("/dev/null", O_RDWR);
  NEED(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  CHECK(ioctl(fd, FIONREAD, &n));
  say("%d", n);
  NEED(lseek(fd, 4, SEEK_SET) == 4);
  CHECK(ioctl(fd, FIONREAD, &n));
  say("%d", n);
  NEED(write(p[1], "abc", 3) == 3 && write(s[0], "hello", 5) == 5);
  CHECK(ioctl(p[0], FIONREAD, &n));
  say("%d", n);
  CHECK(ioctl(p[1], FIONREAD, &n));
  say("%d", n);
  CHECK(ioctl(s[1], FIONREAD, &n));
  say("%d", n);
  CHECK(ioctl(p[0], FIONREAD, (void *)8));
  CHECK(ioctl(p[0], FIONBIO, &on));
  CHECK(fcntl(p[0], F_GETFL) & O_NONBLOCK);
  CHECK(ioctl(p[0], FIONBIO, &off));
  CHECK(fcntl(p[0], F_GETFL) & O_NONBLOCK);
  CHECK(ioctl(p[0], FIONBIO, (void *)8));
  CHECK(ioctl(fd, FIOCLEX));
  CHECK(fcntl(fd, F_GETFD));
  CHECK(ioctl(fd, FIONCLEX));
  CHECK(fcntl(fd, F_GETFD));
  struct fiemap map = {.fm_length = -1ULL};
  CHECK(ioctl(memfd_create("m", 0), FS_IOC_FIEMAP, &map));
  CHECK(ioctl(p[0], FS_IOC_FIEMAP, &map));
  CHECK(tcgetattr(fd, &t));
  CHECK(tcgetattr(p[0], &t));
  CHECK(tcgetattr(s[0], &t));
  CHECK(tcgetattr(null, &t));
  CHECK(tcgetattr(dir, &t));
  CHECK(tcgetattr(-1, &t));
  CHECK(ioctl(fd, TIOCGWINSZ, &w));
  CHECK(ioctl(p[0], TIOCGWINSZ, &w));
  CHECK(isatty(fd));
  CHECK(isatty(p[0]));
  CHECK(ioctl(fd, 0xdeadbeef, &n));
  CHECK(ioctl(p[0], 0xdeadbeef, &n));
  CHECK(ioctl(-1, FIONREAD, &n));
  CHECK(ioctl(open("f", O_PATH), FIONREAD, &n));
  CHECK(tcgetpgrp(fd));
  CHECK(tcgetpgrp(p[0]));
  CHECK(ioctl(null, FIONREAD, &n));
  int closed = open("f", O_RDONLY);
  close(closed);
  CHECK(ioctl(closed, FIOCLEX));
  return 0;
}

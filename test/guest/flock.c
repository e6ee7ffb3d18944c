/* flock(2): owned by the file description, conversion, non-blocking refusal, fork, and open-file-description locks. */
#include "check.h"
#include <sys/file.h>

static int ofd(int fd, short type, off_t start, off_t length) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  return fcntl(fd, F_OFD_SETLK, &lock);
}

int main(void) {
  int a = open("f", O_RDWR | O_CREAT, 0600), b = open("f", O_RDONLY), twin = dup(a);
  CHECK(flock(a, LOCK_SH));
  CHECK(flock(b, LOCK_SH | LOCK_NB));
  CHECK(flock(a, LOCK_EX | LOCK_NB));
  CHECK(flock(b, LOCK_UN));
  CHECK(flock(a, LOCK_EX | LOCK_NB));
  CHECK(flock(b, LOCK_SH | LOCK_NB));
  CHECK(flock(twin, LOCK_EX | LOCK_NB));
  CHECK(flock(twin, LOCK_UN));
  CHECK(flock(b, LOCK_EX | LOCK_NB));
  CHECK(flock(b, LOCK_UN));
  CHECK(flock(a, 0));
  CHECK(flock(a, LOCK_SH | LOCK_EX));
  CHECK(flock(a, 64));
  CHECK(flock(-1, LOCK_SH));
  /* The child shares the description: it cannot conflict, and its exit does not unlock. */
  CHECK(flock(a, LOCK_EX));
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(flock(a, LOCK_EX | LOCK_NB));
    int c = open("f", O_RDONLY);
    CHECK(flock(c, LOCK_SH | LOCK_NB));
    _exit(0);
  }
  wait_and_say("child", pid);
  CHECK(flock(b, LOCK_SH | LOCK_NB));
  close(a);
  CHECK(flock(b, LOCK_SH | LOCK_NB));
  close(twin);
  CHECK(flock(b, LOCK_SH | LOCK_NB));
  CHECK(flock(b, LOCK_UN));
  /* A blocked flock is woken by the release. */
  a = open("f", O_RDWR);
  CHECK(flock(a, LOCK_EX));
  pid = fork();
  if (pid == 0) {
    int c = open("f", O_RDONLY);
    CHECK(flock(c, LOCK_SH));
    _exit(0);
  }
  wait_until_asleep(pid, pid);
  say("release");
  NEED(flock(a, LOCK_UN) == 0);
  wait_and_say("waiter", pid);
  CHECK(ofd(a, F_WRLCK, 0, 10));
  int c = open("f", O_RDWR);
  CHECK(ofd(c, F_RDLCK, 5, 1));
  CHECK(ofd(c, F_RDLCK, 10, 1));
  close(a);
  CHECK(ofd(c, F_RDLCK, 5, 1));
  struct flock with_pid = {.l_type = F_WRLCK, .l_pid = 5};
  CHECK(fcntl(c, F_OFD_SETLK, &with_pid));
  return 0;
}

/* POSIX record locks: conflicts between processes, splitting, release at close, F_GETLK, waiting, deadlock. */
#include "check.h"

static int lock(int fd, int command, short type, off_t start, off_t length) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  return fcntl(fd, command, &lock);
}

/* What another process sees at a byte: the kind of lock in its way. */
static void other_sees(off_t start, off_t length) {
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    int fd = open("f", O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    NEED(fcntl(fd, F_GETLK, &lock) == 0);
    if (lock.l_type == F_UNLCK) say("  %ld+%ld free", (long)start, (long)length);
    else
      say("  %ld+%ld: %s lock %ld+%ld of parent: %d", (long)start, (long)length, lock.l_type == F_RDLCK ? "read" : "write",
          (long)lock.l_start, (long)lock.l_len, lock.l_pid == parent);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
}

static void in_child(short type, off_t start, off_t length) {
  pid_t pid = fork();
  if (pid == 0) {
    int fd = open("f", O_RDWR);
    CHECK(lock(fd, F_SETLK, type, start, length));
    _exit(0);
  }
  waitpid(pid, NULL, 0);
}

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  CHECK(lock(fd, F_SETLK, F_WRLCK, 10, 20));
  other_sees(0, 100);
  other_sees(0, 10);
  other_sees(30, 0);
  CHECK(lock(fd, F_SETLK, F_UNLCK, 15, 5));
  other_sees(15, 5);
  other_sees(16, 10);
  CHECK(lock(fd, F_SETLK, F_RDLCK, 10, 5));
  other_sees(10, 1);
  in_child(F_RDLCK, 10, 5);
  in_child(F_WRLCK, 10, 5);
  in_child(F_WRLCK, 12, 1);
  CHECK(lock(fd, F_SETLK, F_WRLCK, 40, 0));
  other_sees(1000000, 1);
  struct flock relative = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 5, .l_len = -2};
  CHECK(fcntl(fd, F_SETLK, &relative));
  other_sees(0, 9);
  struct flock bad = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = -1};
  CHECK(fcntl(fd, F_SETLK, &bad));
  bad = (struct flock){.l_type = 77};
  CHECK(fcntl(fd, F_SETLK, &bad));
  bad = (struct flock){.l_type = F_WRLCK, .l_whence = 9};
  CHECK(fcntl(fd, F_SETLK, &bad));
  CHECK(fcntl(fd, F_SETLK, (void *)1));
  CHECK(fcntl(-1, F_SETLK, &relative));
  int readonly = open("f", O_RDONLY);
  CHECK(lock(readonly, F_SETLK, F_WRLCK, 200, 1));
  /* Closing any descriptor of the file drops all of the process's locks: fcntl(2). */
  close(readonly);
  other_sees(0, 0);
  /* A waiter is woken by the unlock; locks are not inherited by fork. */
  CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 1));
  int p[2];
  NEED(pipe(p) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    NEED(write(p[1], "w", 1) == 1);
    CHECK(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
    _exit(0);
  }
  char byte;
  NEED(read(p[0], &byte, 1) == 1);
  wait_until_asleep(pid, pid);
  say("parent unlocks");
  NEED(lock(fd, F_SETLK, F_UNLCK, 0, 1) == 0);
  wait_and_say("waiter", pid);
  /* Deadlock is found: the child holds 1 and waits for 0, the parent holds 0 and asks for 1. */
  NEED(lock(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
  pid = fork();
  if (pid == 0) {
    NEED(lock(fd, F_SETLK, F_WRLCK, 1, 1) == 0);
    NEED(write(p[1], "w", 1) == 1);
    _exit(lock(fd, F_SETLKW, F_WRLCK, 0, 1) == 0 ? 0 : 1);
  }
  NEED(read(p[0], &byte, 1) == 1);
  wait_until_asleep(pid, pid);
  CHECK(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
  NEED(lock(fd, F_SETLK, F_UNLCK, 0, 1) == 0);
  wait_and_say("child", pid);
  return 0;
}

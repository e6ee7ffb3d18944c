/* A lock that goes to a process that has slept for it is seen by all others: record locks, OFD locks, flock. */
#include "check.h"
#include <sys/file.h>

static int lock_record(int fd, int command, int type) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
  return fcntl(fd, command, &lock);
}

static int record(int fd, int how) {
  if (how == LOCK_UN) return lock_record(fd, F_SETLK, F_UNLCK);
  return lock_record(fd, how & LOCK_NB ? F_SETLK : F_SETLKW, F_WRLCK);
}

static int open_file_record(int fd, int how) {
  if (how == LOCK_UN) return lock_record(fd, F_OFD_SETLK, F_UNLCK);
  return lock_record(fd, how & LOCK_NB ? F_OFD_SETLK : F_OFD_SETLKW, F_WRLCK);
}

static void hand_over(const char *kind, int (*lock)(int, int)) {
  say("%s", kind);
  int taken[2], done[2];
  char byte;
  NEED(pipe(taken) == 0 && pipe(done) == 0);
  int fd = open("locked", O_RDWR | O_CREAT, 0600);
  CHECK(lock(fd, LOCK_EX));
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    close(done[1]);
    int own = open("locked", O_RDWR);
    NEED(lock(own, LOCK_EX) == 0);
    NEED(write(taken[1], "x", 1) == 1);
    NEED(read(done[0], &byte, 1) == 0);
    _exit(0);
  }
  wait_until_asleep(pid, pid);
  CHECK(lock(fd, LOCK_UN));
  NEED(read(taken[0], &byte, 1) == 1);
  CHECK(lock(fd, LOCK_EX | LOCK_NB));
  close(done[1]);
  wait_and_say("child", pid);
  CHECK(lock(fd, LOCK_EX | LOCK_NB));
  CHECK(lock(fd, LOCK_UN));
  for (int i = 0; i < 2; i++) close(taken[i]);
  close(done[0]);
  close(fd);
}

int main(void) {
  hand_over("record locks", record);
  hand_over("open file record locks", open_file_record);
  hand_over("flock", flock);
  return 0;
}

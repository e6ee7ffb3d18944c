/* fcntl: leases, broken by other openers. */
#include "check.h"

static volatile int broken;
static void on_break(int signal) { broken = signal; }

int main(void) {
  write_file("file", "text");
  int fd = open("file", O_RDONLY);
  CHECK(fcntl(fd, F_GETLEASE) == F_UNLCK);
  CHECK(fcntl(fd, F_SETLEASE, F_RDLCK));
  CHECK(fcntl(fd, F_GETLEASE) == F_RDLCK);
  CHECK(fcntl(fd, F_SETLEASE, 77));
  CHECK(fcntl(fd, F_SETLEASE, F_WRLCK));
  handle(SIGIO, on_break, 0);
  int other = open("file", O_RDONLY);
  say("read open: %d broken %d", other >= 0, broken);
  close(other);
  CHECK(open("file", O_WRONLY | O_NONBLOCK));
  say("broken %s", broken ? sigabbrev_np(broken) : "no");
  CHECK(fcntl(fd, F_GETLEASE) == F_UNLCK);
  CHECK(fcntl(fd, F_SETLEASE, F_UNLCK));
  CHECK_OK(other = open("file", O_WRONLY | O_NONBLOCK));
  CHECK(fcntl(fd, F_SETLEASE, F_RDLCK));
  close(other);
  CHECK(fcntl(fd, F_SETLEASE, F_WRLCK));
  broken = 0;
  pid_t pid = fork();
  if (pid == 0) {
    close(fd);
    int mine = open("file", O_RDONLY);
    say("opened after the break: %d", mine >= 0);
    _exit(0);
  }
  while (!broken) sched_yield();
  wait_until_asleep(pid, pid);
  CHECK(fcntl(fd, F_GETLEASE) == F_RDLCK);
  say("giving up");
  NEED(fcntl(fd, F_SETLEASE, F_UNLCK) == 0);
  wait_and_say("opener", pid);
  CHECK(fcntl(fd, F_SETLEASE, F_WRLCK));
  close(fd);
  CHECK_OK(open("file", O_RDWR));
  int p[2];
  NEED(pipe(p) == 0);
  CHECK(fcntl(p[0], F_SETLEASE, F_RDLCK));
  CHECK(fcntl(p[0], F_GETLEASE) == F_UNLCK);
  return 0;
}

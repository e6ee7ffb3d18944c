/* eventfd: counting, semaphore mode, overflow, sizes, readiness, blocking between processes. */
#include "check.h"
#include <sys/eventfd.h>

static long take(int fd) {
  uint64_t v = 0;
  return read(fd, &v, 8) == 8 ? (long)v : -1;
}

static long put(int fd, uint64_t v) { return write(fd, &v, 8); }

static void bits(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLERR, 0};
  poll(&p, 1, 0);
  say("  %#x", p.revents);
}

int main(void) {
  char small[4];
  int fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);
  CHECK(fcntl(fd, F_GETFL));
  bits(fd);
  CHECK(take(fd));
  CHECK(take(fd));
  bits(fd);
  CHECK(put(fd, 5));
  CHECK(put(fd, 7));
  CHECK(take(fd));
  CHECK(put(fd, 0));
  CHECK(take(fd));
  CHECK(put(fd, UINT64_MAX));
  CHECK(put(fd, UINT64_MAX - 1));
  bits(fd);
  CHECK(put(fd, 1));
  TRUTH(take(fd) == -2);
  CHECK(put(fd, 1));
  CHECK(read(fd, small, 4));
  CHECK(write(fd, small, 4));
  uint64_t big[2] = {2, 9};
  CHECK(write(fd, big, 16));
  CHECK(read(fd, big, 16));
  say("%ld", (long)big[0]);
  CHECK(read(fd, (void *)8, 8));
  CHECK(lseek(fd, 0, SEEK_SET));
  CHECK(pread(fd, big, 8, 0));
  CHECK(eventfd(0, 0x100));
  int sem = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
  CHECK(take(sem));
  CHECK(take(sem));
  CHECK(put(sem, 2));
  CHECK(take(sem));
  CHECK(take(sem));
  CHECK(take(sem));
  CHECK(take(sem));
  CHECK(syscall(SYS_eventfd, 9));
  int wait_fd = eventfd(0, 0);
  pid_t pid = fork();
  if (pid == 0) {
    say("child takes %ld", take(wait_fd));
    _exit(0);
  }
  wait_until_asleep(pid, pid);
  say("parent puts");
  NEED(put(wait_fd, 11) == 8);
  wait_and_say("child", pid);
  NEED(put(wait_fd, UINT64_MAX - 1) == 8);
  pid = fork();
  if (pid == 0) {
    CHECK(put(wait_fd, 4));
    _exit(0);
  }
  wait_until_asleep(pid, pid);
  say("parent takes");
  NEED(take(wait_fd) == -2);
  wait_and_say("child", pid);
  CHECK(take(wait_fd));
  return 0;
}

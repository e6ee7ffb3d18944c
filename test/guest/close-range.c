/* close_range: ranges, CLOEXEC, UNSHARE, errors; descriptors beyond the table. */
#include "check.h"
#include <linux/close_range.h>

static void open_ones(void) {
  char list[256] = "";
  for (int fd = 3; fd < 40; fd++)
    if (fcntl(fd, F_GETFD) >= 0) snprintf(list + strlen(list), sizeof list - strlen(list), " %d%s", fd, fcntl(fd, F_GETFD) ? "c" : "");
  say("  open:%s", list);
}

static void fill(void) {
  for (int fd = 3; fd < 12; fd++) NEED(dup2(0, fd) == fd);
}

int main(void) {
  fill();
  CHECK(syscall(SYS_close_range, 5, 7, 0));
  open_ones();
  CHECK(syscall(SYS_close_range, 5, 7, 0));
  CHECK(syscall(SYS_close_range, 7, 5, 0));
  CHECK(syscall(SYS_close_range, 5, 7, 0x80));
  CHECK(syscall(SYS_close_range, 9, ~0u, 0));
  open_ones();
  fill();
  CHECK(syscall(SYS_close_range, 4, 5, CLOSE_RANGE_CLOEXEC));
  open_ones();
  CHECK(syscall(SYS_close_range, 10, ~0u, CLOSE_RANGE_CLOEXEC));
  open_ones();
  CHECK(syscall(SYS_close_range, 1000000, 2000000, 0));
  CHECK(syscall(SYS_close_range, 1000000, 2000000, CLOSE_RANGE_CLOEXEC));
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_UNSHARE));
    open_ones();
    _exit(0);
  }
  wait_and_say("child", pid);
  open_ones();
  CHECK(dup2(0, 30));
  CHECK(syscall(SYS_close_range, 3, 29, CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE));
  open_ones();
  CHECK(syscall(SYS_close_range, 3, ~0u, 0));
  open_ones();
  return 0;
}

/* 19,900 open files in one process, of which each can be used; then the table is full. */
#include "check.h"
#include <sys/resource.h>
#include <sys/eventfd.h>

#define COUNT 19900

int main(void) {
  static int fds[COUNT];
  char name[32], text[32], back[32];
  struct rlimit limit = {COUNT + 16, COUNT + 16};
  NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  close_range(3, ~0U, 0);
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof name, "f%d", i % 5000);
    if (i % 4 == 3) NEED((fds[i] = eventfd(i, 0)) >= 0);
    else NEED((fds[i] = open(name, O_RDWR | O_CREAT, 0600)) >= 0);
    NEED(fds[i] == i + 3);
  }
  for (int i = 0; i < COUNT; i++) {
    if (i % 4 == 3) continue;
    int length = snprintf(text, sizeof text, "%d", i);
    NEED(pwrite(fds[i], text, length, i) == length);
    NEED(pread(fds[i], back, length, i) == length && memcmp(text, back, length) == 0);
  }
  int more = 0;
  while (dup(0) >= 0) more++;
  report_error("at the limit", errno);
  say("beyond: %d", more);
  int status;
  pid_t pid;
  NEED(close(fds[7]) == 0);
  NEED((pid = fork()) >= 0);
  if (pid == 0) _exit(pread(fds[19896], back, 5, 19896) == 5 && memcmp(back, "19896", 5) == 0 ? 0 : 1);
  NEED(waitpid(pid, &status, 0) == pid);
  say_status("a child with all of them", status);
  NEED(close_range(3, ~0U, 0) == 0);
  CHECK(open("f0", O_RDONLY));
  for (int i = 0; i < 5000; i++) {
    snprintf(name, sizeof name, "f%d", i);
    unlink(name);
  }
  return 0;
}

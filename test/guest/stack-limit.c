/* RLIMIT_STACK lowered while the program runs. */
#include "check.h"
#include <sys/resource.h>

static int deep(int pages) {
  volatile char page[4096];
  page[0] = (char)pages;
  return pages == 0 ? page[0] : deep(pages - 1) + page[0];
}

int main(void) {
  pid_t pid = fork();
  if (pid == 0) {
    NEED(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    NEED(setrlimit(RLIMIT_STACK, &(struct rlimit){256 << 10, 256 << 10}) == 0);
    deep(30);
    say("thirty pages deep");
    deep(1000);
    _exit(0);
  }
  wait_and_say("stack", pid);
  return 0;
}

/* 200 processes at once: all are there before the first may go on, each does checked work, and each end is seen. */
#include "check.h"

#define COUNT 200

static void work(int number) {
  char name[32], text[256], back[256];
  snprintf(name, sizeof name, "file-%d", number);
  for (int i = 0; i < 20; i++) {
    int length = snprintf(text, sizeof text, "round %d of process %d", i, number);
    NEED(write_file(name, text) == 0);
    int fd = open(name, O_RDONLY);
    NEED(fd >= 0 && read(fd, back, sizeof back) == length && memcmp(back, text, length) == 0);
    close(fd);
    sched_yield();
  }
  NEED(unlink(name) == 0);
}

int main(void) {
  int up[2], go[2];
  char byte;
  NEED(pipe(up) == 0 && pipe(go) == 0);
  pid_t pids[COUNT];
  for (int i = 0; i < COUNT; i++) {
    NEED((pids[i] = fork()) >= 0);
    if (pids[i] != 0) continue;
    close(go[1]);
    NEED(write(up[1], "u", 1) == 1);
    NEED(read(go[0], &byte, 1) == 0);
    work(i);
    _exit(i % 100);
  }
  close(go[0]);
  for (int i = 0; i < COUNT; i++) NEED(read(up[0], &byte, 1) == 1);
  say("all are there");
  close(go[1]);
  for (int i = 0; i < COUNT; i++) {
    int status;
    NEED(waitpid(pids[i], &status, 0) == pids[i]);
    NEED(WIFEXITED(status) && WEXITSTATUS(status) == i % 100);
  }
  say("all have ended as they should");
  CHECK(wait(NULL));
  return 0;
}

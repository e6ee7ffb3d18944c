/* ETXTBSY: a program that runs cannot be written to, and one that is open for writing cannot be run. */
#include "check.h"

static void copy_self(const char *name) {
  char buffer[65536];
  int from = open("/proc/self/exe", O_RDONLY);
  int to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  NEED(from >= 0 && to >= 0);
  for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;) NEED(write(to, buffer, n) == n);
  close(from);
  close(to);
}

static void try_to_write(void) {
  int fd;
  TRUTH((fd = open("program", O_RDONLY)) >= 0);
  close(fd);
  CHECK_OK(open("program", O_WRONLY));
  CHECK_OK(open("program", O_RDWR));
  CHECK_OK(open("program", O_RDONLY | O_TRUNC));
  CHECK(truncate("program", 10));
  CHECK(chmod("program", 0700));
  CHECK(access("program", W_OK));
}

int main(int argc, char **argv) {
  char byte;
  if (argc == 2 && strcmp(argv[1], "wait") == 0) {
    say("runs");
    write(4, "x", 1);
    pid_t pid = fork();
    NEED(pid >= 0);
    /* The copy of the address space runs it as well. */
    if (pid == 0) read(3, &byte, 1);
    _exit(0);
  }
  copy_self("program");
  int go[2], up[2];
  NEED(pipe(go) == 0 && pipe(up) == 0);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    dup2(go[0], 13);
    dup2(up[1], 14);
    dup2(13, 3);
    dup2(14, 4);
    close_range(5, 100, 0);
    execl("./program", "program", "wait", NULL);
    _exit(1);
  }
  close(go[0]);
  close(up[1]);
  NEED(read(up[0], &byte, 1) == 1);
  wait_and_say("the first process", pid);
  try_to_write();
  close(go[1]);
  /* The grandchild's end of the pipe closes when it is over. */
  NEED(read(up[0], &byte, 1) == 0);
  int fd;
  while ((fd = open("program", O_WRONLY)) == -1 && errno == ETXTBSY) sched_yield();
  TRUTH(fd >= 0);
  CHECK(execl("./program", "program", "wait", NULL));
  close(fd);
  CHECK(truncate("program", 10));
  return 0;
}

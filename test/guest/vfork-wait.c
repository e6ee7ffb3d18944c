/*
 * CLONE_VFORK, with CLONE_THREAD and without: the maker waits for its child, which ends, runs a program or is killed; what kills the maker does so
 * meanwhile, unless it would dump core; nothing of the address space is left.
 */
#include "check.h"
#include <pthread.h>

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static char stack[65536] __attribute__((aligned(16)));
static volatile int has_run;

static int thread_end(void *arg) {
  (void)arg;
  usleep(20000);
  has_run = 1;
  syscall(SYS_exit, 3);
  return 0;
}

static int thread_end_all(void *arg) {
  (void)arg;
  _exit(4);
}

static int thread_exec(void *arg) {
  (void)arg;
  execl("/bin/sh", "sh", "-c", "exit 5", NULL);
  _exit(99);
}

static int thread_wait(void *arg) {
  (void)arg;
  char byte;
  if (write(4, "x", 1) == 1 && read(3, &byte, 1) == 0) _exit(8);
  _exit(99);
}

static const struct {
  int (*life)(void *);
  int flags;
  /* To the maker, which waits. */
  int signo;
} ways[] = {
    {thread_end, THREAD_FLAGS, 0},         {thread_end_all, THREAD_FLAGS, 0},     {thread_exec, THREAD_FLAGS, 0},
    {thread_wait, THREAD_FLAGS, SIGKILL},  {thread_wait, THREAD_FLAGS, SIGTERM},  {thread_wait, CLONE_VM | SIGCHLD, SIGKILL},
    {thread_wait, CLONE_VM | SIGCHLD, SIGTERM}, {thread_wait, CLONE_VM | SIGCHLD, SIGQUIT},
};

static void *idle(void *arg) {
  (void)arg;
  for (;;) pause();
  return NULL;
}

static int run(int way) {
  pthread_t other;
  NEED(pthread_create(&other, NULL, idle, NULL) == 0);
  int tid = clone(ways[way].life, stack + sizeof stack, ways[way].flags | CLONE_VFORK, NULL);
  NEED(tid > 0);
  return has_run ? 6 : 7;
}

/* As long as anything holds the address space, its program cannot be written to. */
static void come_free(void) {
  for (int i = 0; i < 1000; i++) {
    int fd = open("program", O_WRONLY);
    if (fd >= 0) {
      close(fd);
      say("  the program is free");
      return;
    }
    usleep(5000);
  }
  say("  the program is %s", error_name(errno));
}

int main(int argc, char **argv) {
  if (argc == 2) _exit(run(atoi(argv[1])));
  char buffer[65536];
  int from = open("/proc/self/exe", O_RDONLY);
  int to = open("program", O_WRONLY | O_CREAT, 0755);
  for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;) NEED(write(to, buffer, n) == n);
  close(to);
  int go[2], up[2];
  for (int way = 0; way < (int)(sizeof ways / sizeof *ways); way++) {
    NEED(pipe(go) == 0 && pipe(up) == 0);
    pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
      char digit[2] = {'0' + way, 0};
      dup2(go[0], 13);
      dup2(up[1], 14);
      dup2(13, 3);
      dup2(14, 4);
      close_range(5, 100, 0);
      execl("./program", "program", digit, NULL);
      _exit(98);
    }
    close(go[0]);
    close(up[1]);
    if (ways[way].signo != 0) {
      NEED(read(up[0], buffer, 1) == 1);
      kill(pid, ways[way].signo);
    }
    say("way %d", way);
    if (ways[way].signo == SIGQUIT) close(go[1]);
    wait_and_say("  the process", pid);
    if (ways[way].signo != SIGQUIT) close(go[1]);
    close(up[0]);
    come_free();
  }
  return 0;
}

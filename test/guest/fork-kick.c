/* A signal that comes while the host makes a child, to a parent that computes for ever afterwards: it is told of it without asking for anything. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 300
#define STEP_NS 7000
#define STATUS 5

static volatile sig_atomic_t is_told;

static void tell(int signo) {
  (void)signo;
  is_told = 1;
}

static void parent(void) {
  signal(SIGCHLD, SIG_IGN);
  if (fork() == 0) _exit(0);
  while (!is_told) continue;
  _exit(STATUS);
}

/* How many of them end as they should when they are sent `signo` after a while of up to two milliseconds. */
static int run(int signo) {
  int ended = 0, status = 0;
  for (int i = 0; i < ROUNDS; i++) {
    pid_t pid = fork();
    if (pid == 0) parent();
    struct timespec pause = {0, (long)i * STEP_NS};
    nanosleep(&pause, NULL);
    kill(pid, signo);
    if (waitpid(pid, &status, 0) != pid) continue;
    ended += signo == SIGKILL ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : WIFEXITED(status) && WEXITSTATUS(status) == STATUS;
  }
  return ended;
}

int main(void) {
  signal(SIGUSR1, tell);
  printf("told: %d, killed: %d\n", run(SIGUSR1), run(SIGKILL));
  return 0;
}

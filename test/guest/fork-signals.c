/* Signals that come while a fork is under way, of children that end and of a timer: no fork fails for them, and no child is lost. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 1500
#define AT_ONCE 8
#define STATUS 7

static volatile sig_atomic_t ended, wrong, alarms;

static void reap(int signo) {
  int status, before = errno;
  (void)signo;
  while (waitpid(-1, &status, WNOHANG) > 0) {
    ended++;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != STATUS) wrong++;
  }
  errno = before;
}

static void count(int signo) {
  (void)signo;
  alarms++;
}

static void handle(int signo, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(signo, &action, NULL);
}

int main(void) {
  sigset_t child, before;
  struct itimerval often = {{0, 700}, {0, 700}}, never = {{0, 0}, {0, 0}};
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  handle(SIGCHLD, reap);
  handle(SIGALRM, count);
  setitimer(ITIMER_REAL, &often, NULL);
  for (int begun = 0; begun < CHILDREN; begun++) {
    /* Several children end while the next one is made. */
    sigprocmask(SIG_BLOCK, &child, &before);
    while (begun - ended >= AT_ONCE) sigsuspend(&before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    pid_t pid = fork();
    if (pid == 0) _exit(STATUS);
    if (pid < 0) {
      printf("fork %d: %s\n", begun, strerror(errno));
      return 1;
    }
  }
  sigprocmask(SIG_BLOCK, &child, &before);
  while (ended < CHILDREN) sigsuspend(&before);
  setitimer(ITIMER_REAL, &never, NULL);
  printf("%d children, %d ended otherwise than they should, alarms: %s\n", (int)ended, (int)wrong, alarms > 10 ? "yes" : "no");
  return 0;
}

/* execve from a thread and with threads running: the process keeps its pid and becomes single-threaded. */
#include "check.h"
#include <pthread.h>

static char *self;
static char pid_text[16];

static void *idle(void *arg) {
  for (;;) pause();
  return arg;
}

static void *busy(void *arg) {
  for (;;) getppid();
  return arg;
}

static void *execute(void *arg) {
  execl(self, self, "second", pid_text, NULL);
  say("exec %s", error_name(errno));
  return arg;
}

static int threads(void) {
  char line[256];
  int n = -1;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f)) sscanf(line, "Threads: %d", &n);
  if (f) fclose(f);
  return n;
}

int main(int argc, char **argv) {
  self = argv[0];
  if (argc > 1) {
    say("same pid %d, leader %d, threads %d", getpid() == atoi(argv[2]), gettid() == getpid(), threads());
    int status;
    pid_t gone = waitpid(-1, &status, 0);
    say("the child from before is still mine: %d", gone > 0);
    say_status("it", status);
    return 5;
  }
  for (int how = 0; how < 2; how++) {
    pid_t pid = fork();
    if (pid == 0) {
      snprintf(pid_text, sizeof pid_text, "%d", getpid());
      if (fork() == 0) _exit(44);
      pthread_t t;
      for (int i = 0; i < 6; i++) NEED(pthread_create(&t, NULL, i % 2 ? idle : busy, NULL) == 0);
      if (how == 0) execute(NULL);
      NEED(pthread_create(&t, NULL, execute, NULL) == 0);
      for (;;) pause();
    }
    wait_and_say(how == 0 ? "leader execs" : "thread execs", pid);
  }
  /* A failed exec leaves the other threads alone. */
  pthread_t t;
  self = "missing";
  NEED(pthread_create(&t, NULL, execute, NULL) == 0 && pthread_join(t, NULL) == 0);
  say("threads %d", threads());
  return 0;
}

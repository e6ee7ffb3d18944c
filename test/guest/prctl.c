/* prctl: names, dumpable, keepcaps, no_new_privs, timer slack, capability bounds, seccomp state, errors. */
#include "check.h"
#include <pthread.h>
#include <sys/prctl.h>
#include <linux/capability.h>

static void *thread(void *arg) {
  char name[16] = "";
  prctl(PR_GET_NAME, name);
  say("thread inherits %s", name);
  prctl(PR_SET_NAME, "its own");
  return arg;
}

static void comm(void) {
  char text[32] = "";
  int fd = open("/proc/self/comm", O_RDONLY);
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n > 0) text[n - 1] = 0;
  say("comm '%s'", text);
}

int main(void) {
  char name[17] = "";
  CHECK(prctl(PR_GET_NAME, name));
  say("%s", name);
  CHECK(prctl(PR_SET_NAME, "a name longer than fifteen"));
  CHECK(prctl(PR_GET_NAME, name));
  say("%s", name);
  comm();
  CHECK(prctl(PR_SET_NAME, 8));
  pthread_t t;
  NEED(pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0);
  comm();
  CHECK(prctl(PR_GET_DUMPABLE));
  CHECK(prctl(PR_SET_DUMPABLE, 0));
  CHECK(prctl(PR_GET_DUMPABLE));
  CHECK(prctl(PR_SET_DUMPABLE, 2));
  CHECK(prctl(PR_SET_DUMPABLE, 1));
  CHECK(prctl(PR_GET_KEEPCAPS));
  CHECK(prctl(PR_SET_KEEPCAPS, 2));
  CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  pid_t pid = fork();
  if (pid == 0) _exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  wait_and_say("inherited", pid);
  CHECK(prctl(PR_GET_TIMERSLACK));
  CHECK(prctl(PR_SET_TIMERSLACK, 100000));
  CHECK(prctl(PR_GET_TIMERSLACK));
  CHECK(prctl(PR_SET_TIMERSLACK, 0));
  CHECK(prctl(PR_GET_TIMERSLACK));
  CHECK(prctl(PR_CAPBSET_READ, 100));
  CHECK(prctl(PR_CAPBSET_READ, CAP_CHOWN) >= 0);
  CHECK(prctl(PR_GET_SECUREBITS));
  CHECK(prctl(PR_GET_TIMING));
  CHECK(prctl(PR_SET_TIMING, 1));
  CHECK(prctl(PR_GET_TSC, &pid));
  say("%d", pid);
  CHECK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
  CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
  CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  CHECK(prctl(123456, 0, 0, 0, 0));
  CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
  CHECK(prctl(PR_CAP_AMBIENT, 99, 0, 0, 0));
  CHECK(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 8, 4096, 0) == -1);
  return 0;
}

/* setitimer, getitimer, alarm: real, virtual and profiling timers, remaining time, inheritance, errors. */
#include "check.h"
#include <sys/time.h>

static volatile int alarms, virtuals, profs;
static void on_signal(int signal) {
  if (signal == SIGALRM) alarms++;
  if (signal == SIGVTALRM) virtuals++;
  if (signal == SIGPROF) profs++;
}

int main(void) {
  struct itimerval t = {{0, 500000}, {0, 20000}}, old;
  handle(SIGALRM, on_signal, SA_RESTART);
  handle(SIGVTALRM, on_signal, SA_RESTART);
  handle(SIGPROF, on_signal, SA_RESTART);
  CHECK(getitimer(ITIMER_REAL, &old));
  say("%ld %ld", old.it_value.tv_sec, old.it_value.tv_usec);
  CHECK(setitimer(ITIMER_REAL, &t, NULL));
  CHECK(pause());
  /* The next may have come already. */
  TRUTH(alarms >= 1);
  t = (struct itimerval){{0, 10000}, {0, 10000}};
  CHECK(setitimer(ITIMER_REAL, &t, NULL));
  while (alarms < 4) pause();
  CHECK(getitimer(ITIMER_REAL, &old));
  say("interval %ld, within %d", old.it_interval.tv_usec, old.it_value.tv_usec <= 10000);
  t = (struct itimerval){{0, 0}, {0, 0}};
  CHECK(setitimer(ITIMER_REAL, &t, &old));
  say("interval was %ld", old.it_interval.tv_usec);
  int count = alarms;
  sleep_ms(30);
  TRUTH(alarms == count);
  CHECK(alarm(100));
  CHECK(alarm(50) >= 99);
  NEED(getitimer(ITIMER_REAL, &old) == 0);
  TRUTH(old.it_value.tv_sec >= 48 && old.it_value.tv_sec <= 50);
  /* Not inherited by fork, kept by exec; the child's alarm does not reach the parent. */
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(alarm(0));
    t.it_value.tv_usec = 1000;
    signal(SIGALRM, SIG_DFL);
    NEED(setitimer(ITIMER_REAL, &t, NULL) == 0);
    for (;;) pause();
  }
  wait_and_say("child", pid);
  CHECK(alarm(0) >= 48);
  t = (struct itimerval){{0, 0}, {0, 20000}};
  CHECK(setitimer(ITIMER_VIRTUAL, &t, NULL));
  long long start = now_ms();
  while (!virtuals && now_ms() - start < 5000) continue;
  say("virtual %d", virtuals);
  CHECK(setitimer(ITIMER_PROF, &t, NULL));
  start = now_ms();
  while (!profs && now_ms() - start < 5000) continue;
  say("prof %d", profs);
  t.it_value.tv_usec = 1000000;
  CHECK(setitimer(ITIMER_REAL, &t, NULL));
  t.it_value.tv_usec = -1;
  CHECK(setitimer(ITIMER_REAL, &t, NULL));
  t.it_value.tv_usec = 0;
  t.it_value.tv_sec = -1;
  CHECK(setitimer(ITIMER_REAL, &t, NULL));
  CHECK(setitimer(5, &t, NULL));
  CHECK(getitimer(-1, &t));
  CHECK(getitimer(ITIMER_REAL, (void *)8));
  CHECK(syscall(SYS_setitimer, ITIMER_REAL, 8, 0));
  return 0;
}

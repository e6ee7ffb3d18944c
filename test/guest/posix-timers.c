/* POSIX timers: signal with value, overrun, thread target, SIGEV_NONE, absolute, errors, deletion, fork and exec. */
#include "check.h"
#include <pthread.h>

static volatile int count, value, code, overrun;
static timer_t timer;
static void on_signal(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  count++;
  value = info->si_value.sival_int;
  code = info->si_code;
  overrun = info->si_overrun;
}

static struct itimerspec ms(long first, long every) {
  return (struct itimerspec){{every / 1000, every % 1000 * 1000000}, {first / 1000, first % 1000 * 1000000}};
}

int main(void) {
  handle_info(SIGRTMIN, on_signal, SA_RESTART);
  handle_info(SIGALRM, on_signal, SA_RESTART);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 77};
  struct itimerspec spec = ms(20, 0), old;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer));
  CHECK(timer_gettime(timer, &old));
  say("%ld %ld", old.it_value.tv_sec, old.it_value.tv_nsec);
  CHECK(timer_settime(timer, 0, &spec, NULL));
  while (!count) sleep_ms(5);
  say("count %d value %d timer code %d overrun %d", count, value, code == SI_TIMER, overrun);
  CHECK(timer_getoverrun(timer));
  /* Blocked for several periods: one signal, the others are its overrun. */
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  spec = ms(5, 5);
  CHECK(timer_settime(timer, 0, &spec, NULL));
  sleep_ms(52);
  count = 0;
  spec = ms(0, 0);
  siginfo_t info;
  NEED(sigwaitinfo(&set, &info) == SIGRTMIN);
  TRUTH(info.si_overrun >= 7);
  CHECK(timer_settime(timer, 0, &spec, &old));
  say("interval %ld", old.it_interval.tv_nsec);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  spec = ms(100000, 0);
  NEED(timer_settime(timer, 0, &spec, NULL) == 0);
  CHECK(timer_settime(timer, 0, &spec, &old));
  TRUTH(old.it_value.tv_sec >= 98 && old.it_value.tv_sec <= 100);
  count = 0;
  clock_gettime(CLOCK_MONOTONIC, &spec.it_value);
  spec.it_value.tv_sec -= 3;
  CHECK(timer_settime(timer, TIMER_ABSTIME, &spec, NULL));
  while (!count) sleep_ms(1);
  CHECK(timer_delete(timer));
  CHECK(timer_delete(timer));
  CHECK(timer_gettime(timer, &old));
  timer_t plain;
  count = 0;
  CHECK(timer_create(CLOCK_REALTIME, NULL, &plain));
  spec = ms(10, 0);
  CHECK(timer_settime(plain, 0, &spec, NULL));
  while (!count) sleep_ms(1);
  say("default signal arrived");
  struct sigevent none = {.sigev_notify = SIGEV_NONE};
  CHECK(timer_create(CLOCK_MONOTONIC, &none, &timer));
  spec = ms(5, 0);
  CHECK(timer_settime(timer, 0, &spec, NULL));
  sleep_ms(15);
  CHECK(timer_gettime(timer, &old));
  say("%ld %ld", old.it_value.tv_sec, old.it_value.tv_nsec);
  struct sigevent self = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
  self._sigev_un._tid = gettid();
  count = 0;
  CHECK(timer_create(CLOCK_MONOTONIC, &self, &timer));
  CHECK(timer_settime(timer, 0, &spec, NULL));
  while (!count) sleep_ms(1);
  self._sigev_un._tid = 1 << 22;
  CHECK(timer_create(CLOCK_MONOTONIC, &self, &plain));
  event.sigev_signo = 99;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &plain));
  CHECK(timer_create(99, NULL, &plain));
  spec.it_value.tv_nsec = 1000000000;
  CHECK(timer_settime(timer, 0, &spec, NULL));
  CHECK(timer_settime((timer_t)12345, 0, &spec, NULL));
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(timer_gettime(timer, &old));
    _exit(0);
  }
  wait_and_say("child", pid);
  event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  count = 0;
  CHECK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
  spec = ms(10, 0);
  CHECK(timer_settime(timer, 0, &spec, NULL));
  long long start = now_ms();
  while (!count && now_ms() - start < 5000) continue;
  say("cpu timer %d", count);
  return 0;
}

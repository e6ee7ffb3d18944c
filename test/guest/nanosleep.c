/* nanosleep and clock_nanosleep: durations, absolute times, interruption and remaining time, errors. */
#include "check.h"

static volatile int got;
static void on_signal(int signal) { got = signal; }
static timer_t timer;

static void alarm_in(long ms) {
  struct itimerspec once = {{1, 0}, {0, ms * 1000000}};
  NEED(timer_settime(timer, 0, &once, NULL) == 0);
}

/* Before it comes again: on a slow machine that is in the middle of something else. */
static void calm(void) {
  struct itimerspec never = {0};
  NEED(timer_settime(timer, 0, &never, NULL) == 0);
}

static long raw(int clock, int flags, const struct timespec *t, struct timespec *left) {
  return syscall(SYS_clock_nanosleep, clock, flags, t, left);
}

int main(void) {
  struct timespec t = {0, 20000000}, left = {7, 7};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  handle(SIGALRM, on_signal, SA_RESTART);
  long long start = now_ms();
  CHECK(nanosleep(&t, &left));
  TRUTH(now_ms() - start >= 19);
  say("untouched %ld", left.tv_sec);
  t = (struct timespec){0, 0};
  CHECK(nanosleep(&t, NULL));
  t = (struct timespec){0, 1000000000};
  CHECK(nanosleep(&t, NULL));
  t = (struct timespec){-1, 0};
  CHECK(nanosleep(&t, NULL));
  t = (struct timespec){0, -1};
  CHECK(nanosleep(&t, NULL));
  CHECK(nanosleep((void *)8, NULL));
  t = (struct timespec){100, 0};
  alarm_in(30);
  CHECK(nanosleep(&t, &left));
  calm();
  TRUTH(left.tv_sec >= 60 && left.tv_sec < 100);
  alarm_in(30);
  CHECK(nanosleep(&t, NULL));
  calm();
  alarm_in(30);
  left.tv_sec = 7;
  CHECK(raw(CLOCK_MONOTONIC, 0, &t, &left));
  calm();
  TRUTH(left.tv_sec >= 60 && left.tv_sec < 100);
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec -= 5;
  CHECK(raw(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += 20000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  start = now_ms();
  CHECK(raw(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
  TRUTH(now_ms() - start >= 18);
  t.tv_sec += 100;
  alarm_in(30);
  left.tv_sec = 7;
  CHECK(raw(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &left));
  calm();
  say("absolute leaves the rest alone: %ld", left.tv_sec);
  t = (struct timespec){0, 1000000};
  CHECK(raw(CLOCK_REALTIME, 0, &t, NULL));
  CHECK(raw(CLOCK_BOOTTIME, 0, &t, NULL));
  CHECK(raw(CLOCK_MONOTONIC_RAW, 0, &t, NULL));
  CHECK(raw(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
  CHECK(raw(99, 0, &t, NULL));
  CHECK(raw(CLOCK_MONOTONIC, 8, &t, NULL));
  CHECK(usleep(1000));
  CHECK(sleep(0));
  alarm_in(30);
  CHECK(sleep(100) >= 60);
  calm();
  /* An ignored signal does not end a sleep, a stop and continue neither. */
  signal(SIGALRM, SIG_IGN);
  alarm_in(10);
  t = (struct timespec){0, 40000000};
  CHECK(nanosleep(&t, NULL));
  pid_t pid = fork();
  if (pid == 0) {
    t = (struct timespec){1, 500000000};
    CHECK(nanosleep(&t, NULL));
    _exit(0);
  }
  wait_until_asleep(pid, pid);
  kill(pid, SIGSTOP);
  int status;
  NEED(waitpid(pid, &status, WUNTRACED) == pid);
  say_status("child", status);
  kill(pid, SIGCONT);
  wait_and_say("child", pid);
  return 0;
}

/* timerfd: one-shot, periodic, absolute, disarm, gettime, readiness, errors. */
#include "check.h"
#include <sys/timerfd.h>

static struct itimerspec ms(long first, long every) {
  return (struct itimerspec){{every / 1000, every % 1000 * 1000000}, {first / 1000, first % 1000 * 1000000}};
}

static long expirations(int fd) {
  uint64_t n = 0;
  return read(fd, &n, 8) == 8 ? (long)n : -1;
}

int main(void) {
  struct itimerspec spec = ms(60000, 0), old;
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  CHECK(expirations(fd));
  CHECK(timerfd_gettime(fd, &old));
  say("%ld %ld", old.it_value.tv_sec, old.it_value.tv_nsec);
  CHECK(timerfd_settime(fd, 0, &spec, NULL));
  CHECK(expirations(fd));
  spec = ms(400, 0);
  long long start = now_ms();
  CHECK(timerfd_settime(fd, 0, &spec, NULL));
  struct pollfd p = {fd, POLLIN, 0};
  CHECK(poll(&p, 1, 5000));
  TRUTH(now_ms() - start >= 399);
  CHECK(expirations(fd));
  CHECK(expirations(fd));
  NEED(timerfd_gettime(fd, &old) == 0);
  say("after expiry %ld %ld", old.it_value.tv_sec, old.it_value.tv_nsec);
  spec = ms(10, 10);
  CHECK(timerfd_settime(fd, 0, &spec, NULL));
  sleep_ms(55);
  TRUTH(expirations(fd) >= 5);
  NEED(timerfd_gettime(fd, &old) == 0);
  say("interval %ld, value within %d", old.it_interval.tv_nsec, old.it_value.tv_nsec <= 10000000);
  spec = ms(100000, 0);
  CHECK(timerfd_settime(fd, 0, &spec, &old));
  say("old interval %ld", old.it_interval.tv_nsec);
  CHECK(timerfd_settime(fd, 0, &spec, &old));
  TRUTH(old.it_value.tv_sec >= 98 && old.it_value.tv_sec < 101);
  CHECK(poll(&p, 1, 0));
  spec = ms(0, 0);
  CHECK(timerfd_settime(fd, 0, &spec, NULL));
  CHECK(expirations(fd));
  clock_gettime(CLOCK_MONOTONIC, &spec.it_value);
  spec.it_value.tv_sec -= 1;
  CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL));
  CHECK(poll(&p, 1, 5000));
  CHECK(expirations(fd));
  /* Absolute in the past with an interval: the missed ones are counted at once. */
  clock_gettime(CLOCK_MONOTONIC, &spec.it_value);
  spec.it_value.tv_sec -= 2;
  spec.it_interval = (struct timespec){1, 0};
  CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL));
  CHECK(poll(&p, 1, 5000));
  CHECK(expirations(fd));
  spec = ms(1, 0);
  spec.it_value.tv_nsec = 1000000000;
  CHECK(timerfd_settime(fd, 0, &spec, NULL));
  spec.it_value.tv_nsec = -1;
  CHECK(timerfd_settime(fd, 0, &spec, NULL));
  spec = ms(1, 0);
  CHECK(timerfd_settime(fd, 8, &spec, NULL));
  CHECK(timerfd_settime(0, 0, &spec, NULL));
  CHECK(timerfd_settime(-1, 0, &spec, NULL));
  CHECK(timerfd_settime(fd, 0, (void *)8, NULL));
  CHECK(timerfd_create(99, 0));
  CHECK(timerfd_create(CLOCK_MONOTONIC, 1));
  CHECK(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
  char small[4];
  CHECK(read(fd, small, 4));
  CHECK(write(fd, small, 4));
  int real = timerfd_create(CLOCK_REALTIME, 0);
  spec = ms(20, 0);
  CHECK(timerfd_settime(real, 0, &spec, NULL));
  CHECK(expirations(real));
  /* The child shares the timer. */
  spec = ms(20, 0);
  NEED(timerfd_settime(real, 0, &spec, NULL) == 0);
  pid_t pid = fork();
  if (pid == 0) _exit(expirations(real) == 1 ? 0 : 1);
  wait_and_say("child", pid);
  NEED(fcntl(real, F_SETFL, O_NONBLOCK) == 0);
  CHECK(expirations(real));
  return 0;
}

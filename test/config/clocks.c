/* The clocks that have offsets, in seconds: by the vDSO and by the call; and whether what waits for a moment on them wakes then. */
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static struct timespec soon(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  at.tv_nsec += 50000000;
  at.tv_sec += at.tv_nsec / 1000000000;
  at.tv_nsec %= 1000000000;
  return at;
}

static int has_come(clockid_t clock, const struct timespec *at) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec > at->tv_sec || (now.tv_sec == at->tv_sec && now.tv_nsec >= at->tv_nsec);
}

int main(void) {
  struct timespec fast, slow, boot;
  clock_gettime(CLOCK_MONOTONIC, &fast);
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &slow);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  printf("%ld %ld %ld\n", (long)fast.tv_sec, (long)slow.tv_sec, (long)boot.tv_sec);
  struct timespec at = soon(CLOCK_MONOTONIC);
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
  printf("slept %d\n", has_come(CLOCK_MONOTONIC, &at));
  struct itimerspec timer = {.it_value = soon(CLOCK_BOOTTIME)};
  int fd = timerfd_create(CLOCK_BOOTTIME, 0);
  timerfd_settime(fd, TFD_TIMER_ABSTIME, &timer, NULL);
  uint64_t count = 0;
  if (read(fd, &count, sizeof count) != sizeof count) return 1;
  printf("timer %lu %d\n", (unsigned long)count, has_come(CLOCK_BOOTTIME, &timer.it_value));
  return 0;
}

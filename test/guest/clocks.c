/* Clocks: resolutions, order, CPU time, agreement of the vDSO with the system calls, errors. */
#include "check.h"
#include <sys/time.h>
#include <sys/times.h>

static long long ns(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }

static long long direct(int clock) {
  struct timespec t;
  NEED(syscall(SYS_clock_gettime, clock, &t) == 0);
  return ns(t);
}

static long long by_library(int clock) {
  struct timespec t;
  NEED(clock_gettime(clock, &t) == 0);
  return ns(t);
}

int main(void) {
  static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI,
                               CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
  for (unsigned i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
    struct timespec res;
    int result = clock_getres(clocks[i], &res);
    int is_coarse = clocks[i] == CLOCK_REALTIME_COARSE || clocks[i] == CLOCK_MONOTONIC_COARSE;
    int ordered = 1;
    for (int k = 0; k < 200; k++) {
      /* One clock seen through the vDSO and through the kernel never runs backwards. */
      long long a = by_library(clocks[i]), b = direct(clocks[i]), c = by_library(clocks[i]);
      ordered &= a <= b && b <= c;
    }
    say("clock %d: getres %d, %s, ordered %d", clocks[i], result, is_coarse ? "coarse" : res.tv_nsec == 1 ? "1 ns" : "other", ordered);
  }
  struct timespec t;
  CHECK(clock_gettime(99, &t));
  CHECK(clock_getres(99, &t));
  CHECK(clock_getres(CLOCK_MONOTONIC, NULL));
  CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8));
  CHECK(syscall(SYS_clock_gettime, -1, &t) == 0);
  CHECK(clock_settime(CLOCK_MONOTONIC, &t));
  CHECK(clock_settime(99, &t));
  struct timeval tv;
  CHECK(gettimeofday(&tv, NULL));
  CHECK(syscall(SYS_gettimeofday, &tv, NULL));
  CHECK(syscall(SYS_gettimeofday, 8, NULL));
  time_t now = time(NULL), by_call = syscall(SYS_time, NULL);
  TRUTH(by_call - now >= 0 && by_call - now <= 1);
  TRUTH(tv.tv_sec - now <= 1 && now - tv.tv_sec <= 1);
  TRUTH(llabs(direct(CLOCK_REALTIME) / 1000000000 - now) <= 1);
  /* CPU time grows with work and hardly with sleep. */
  long long cpu = by_library(CLOCK_PROCESS_CPUTIME_ID), thread = by_library(CLOCK_THREAD_CPUTIME_ID);
  /*
   * Work, not time: on a busy machine little of that is ours. Several ticks of it: what a host knows of a process that runs on another CPU is up
   * to one tick old.
   */
  for (volatile long i = 0; i < 150000000; i++) continue;
  TRUTH(by_library(CLOCK_PROCESS_CPUTIME_ID) - cpu > 5000000);
  TRUTH(by_library(CLOCK_THREAD_CPUTIME_ID) - thread > 5000000);
  cpu = by_library(CLOCK_PROCESS_CPUTIME_ID);
  sleep_ms(100);
  TRUTH(by_library(CLOCK_PROCESS_CPUTIME_ID) - cpu < 50000000);
  clockid_t other;
  CHECK_ERROR(clock_getcpuclockid(0, &other));
  TRUTH(by_library(other) > 0);
  CHECK_ERROR(clock_getcpuclockid(99999999, &other));
  struct tms tms;
  TRUTH(times(&tms) > 0);
  TRUTH(sysconf(_SC_CLK_TCK) == 100);
  unsigned cpu_number, node;
  CHECK(getcpu(&cpu_number, &node));
  TRUTH(cpu_number < 4096);
  return 0;
}

/* SCHED_DEADLINE (needs root): parameters that make no sense, admission, what is told, fork and affinity under it. */
#include "check.h"

struct attr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t util_min, util_max;
};

static int set(uint64_t runtime, uint64_t deadline, uint64_t period, uint64_t flags) {
  struct attr attr = {.size = 48, .policy = 6, .flags = flags, .runtime = runtime, .deadline = deadline, .period = period};
  return syscall(SYS_sched_setattr, 0, &attr, 0);
}

static void tell(void) {
  struct attr attr = {0};
  NEED(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) == 0);
  say("  policy %u flags %llu priority %u", attr.policy, (unsigned long long)attr.flags, attr.priority);
  if (attr.policy == 6)
    say("  runtime %llu deadline %llu period %llu", (unsigned long long)attr.runtime, (unsigned long long)attr.deadline,
        (unsigned long long)attr.period);
}

int main(void) {
  /* Asking to be told of overruns (flag 4) brings this when the machine is busy; it is not what is tested. */
  NEED(signal(SIGXCPU, SIG_IGN) != SIG_ERR);
  CHECK(sched_get_priority_max(6));
  CHECK(sched_get_priority_min(6));
  struct sched_param none = {0};
  CHECK(sched_setscheduler(0, 6, &none));
  CHECK(set(0, 0, 0, 0));
  CHECK(set(1000, 1000000, 1000000, 0));
  CHECK(set(2000000, 1000000, 3000000, 0));
  CHECK(set(100000, 3000000, 1000000, 0));
  CHECK(set(50000, 60000, 70000, 0));
  CHECK(set(1000000, 5000000000, 5000000000, 0));
  CHECK(set(100000, -1ULL, 0, 0));
  CHECK(set(100000, 10000000, 0, 0x4000));
  tell();
  CHECK(set(100000, 10000000, 0, 0));
  tell();
  CHECK(sched_getscheduler(0));
  CHECK(sched_setparam(0, &none));
  struct timespec slice = {1, 1};
  CHECK(sched_rr_get_interval(0, &slice));
  say("slice %ld.%ld", (long)slice.tv_sec, slice.tv_nsec);
  CHECK_OK(fork());
  CHECK(set(100000, 10000000, 20000000, 1 | 4));
  tell();
  pid_t child = fork();
  if (child == 0) {
    tell();
    _exit(0);
  }
  wait_and_say("child", child);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  cpu_set_t all;
  NEED(sched_getaffinity(0, sizeof all, &all) == 0);
  if (CPU_COUNT(&all) > 1) CHECK(sched_setaffinity(0, sizeof one, &one));
  else say("sched_setaffinity(0, sizeof one, &one) = -1 EBUSY");
  CHECK(sched_setaffinity(0, sizeof all, &all));
  CHECK(sched_setscheduler(0, SCHED_OTHER, &none));
  tell();
  if (CPU_COUNT(&all) > 1) {
    NEED(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(set(100000, 10000000, 0, 0));
    NEED(sched_setaffinity(0, sizeof all, &all) == 0);
  } else say("set(100000, 10000000, 0, 0) = -1 EPERM");
  NEED(setuid(12345) == 0);
  CHECK(set(100000, 10000000, 0, 0));
  CHECK(set(0, 0, 0, 0));
  return 0;
}

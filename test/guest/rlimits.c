/* Resource limits: defaults' shape, rules of change, prlimit, inheritance, effects on memory, stack and CPU. */
#include "check.h"
#include <sys/resource.h>

static void on_xcpu(int signal) {
  say("%s", sigabbrev_np(signal));
  _exit(5);
}

int main(void) {
  struct rlimit old, limit = {100, 200};
  CHECK(getrlimit(RLIMIT_NOFILE, &old));
  CHECK(getrlimit(99, &old));
  CHECK(setrlimit(99, &limit));
  CHECK(getrlimit(RLIMIT_STACK, (void *)8));
  CHECK(setrlimit(RLIMIT_NOFILE, &limit));
  CHECK(getrlimit(RLIMIT_NOFILE, &old));
  say("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
  limit.rlim_cur = 300;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit));
  limit = (struct rlimit){50, 150};
  CHECK(setrlimit(RLIMIT_NOFILE, &limit));
  CHECK(dup2(0, 50));
  CHECK(dup2(0, 49));
  CHECK(sysconf(_SC_OPEN_MAX));
  CHECK(prlimit(0, RLIMIT_NOFILE, NULL, &old));
  CHECK(prlimit(getpid(), RLIMIT_NOFILE, &(struct rlimit){60, 150}, &old));
  say("%ld", (long)old.rlim_cur);
  CHECK(prlimit(1 << 22, RLIMIT_NOFILE, NULL, &old));
  pid_t pid = fork();
  if (pid == 0) {
    NEED(getrlimit(RLIMIT_NOFILE, &old) == 0);
    say("inherited %ld", (long)old.rlim_cur);
    execl("/bin/sh", "sh", "-c", "ulimit -n; ulimit -Hn", NULL);
    _exit(9);
  }
  wait_and_say("child", pid);
  pid = fork();
  if (pid == 0) {
    NEED(setrlimit(RLIMIT_AS, &(struct rlimit){256 << 20, 256 << 20}) == 0);
    errno = 0;
    void *big = mmap(NULL, 512 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("mmap %d %s", big == MAP_FAILED, error_name(errno));
    TRUTH(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    TRUTH(malloc(400 << 20) == NULL);
    _exit(0);
  }
  wait_and_say("address space", pid);
  pid = fork();
  if (pid == 0) {
    NEED(setrlimit(RLIMIT_DATA, &(struct rlimit){0, 0}) == 0);
    void *now = sbrk(0);
    TRUTH(sbrk(1 << 20) == (void *)-1 && errno == ENOMEM && sbrk(0) == now);
    _exit(0);
  }
  wait_and_say("data", pid);
  pid = fork();
  if (pid == 0) {
    handle(SIGXCPU, on_xcpu, 0);
    NEED(setrlimit(RLIMIT_CPU, &(struct rlimit){1, 3}) == 0);
    for (;;) continue;
  }
  wait_and_say("cpu", pid);
  CHECK(setrlimit(RLIMIT_NICE, &(struct rlimit){0, 0}));
  CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}));
  CHECK(setpriority(PRIO_PROCESS, 0, 5));
  CHECK(getpriority(PRIO_PROCESS, 0));
  CHECK(syscall(SYS_getpriority, PRIO_PROCESS, 0));
  CHECK(nice(100));
  CHECK(getpriority(9, 0));
  CHECK(getpriority(PRIO_PROCESS, 1 << 22));
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage));
  TRUTH(usage.ru_maxrss > 0);
  CHECK(getrusage(RUSAGE_CHILDREN, &usage));
  long long spent = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  TRUTH(spent >= 100000);
  CHECK(getrusage(RUSAGE_THREAD, &usage));
  CHECK(getrusage(77, &usage));
  return 0;
}

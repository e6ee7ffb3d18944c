/* Limits that bite: file size, processes, signals, CPU, locked memory, niceness, descriptors. */
#include "check.h"
#include <sys/resource.h>

static volatile int xfsz;
static void on_xfsz(int signal) { xfsz += signal == SIGXFSZ; }
static void on_xcpu(int signal) { (void)signal; }

static void file_size(void) {
  char text[100] = "";
  handle(SIGXFSZ, on_xfsz, 0);
  NEED(setrlimit(RLIMIT_FSIZE, &(struct rlimit){64, 64}) == 0);
  int fd = open("sized", O_RDWR | O_CREAT, 0600);
  CHECK(write(fd, text, 100));
  CHECK(write(fd, text, 1));
  say("xfsz %d", xfsz);
  CHECK(pwrite(fd, text, 10, 60));
  CHECK(pwrite(fd, text, 10, 64));
  CHECK(ftruncate(fd, 65));
  CHECK(ftruncate(fd, 64));
  CHECK(truncate("sized", 1000));
  CHECK(fallocate(fd, 0, 0, 65));
  say("xfsz %d", xfsz);
  int p[2];
  NEED(pipe(p) == 0);
  CHECK(write(p[1], text, 100));
  int other = open("other", O_RDWR | O_CREAT, 0600);
  CHECK(copy_file_range(fd, NULL, other, NULL, 64, 0));
  CHECK(lseek(fd, 0, SEEK_SET));
  CHECK(copy_file_range(fd, NULL, other, NULL, 64, 0));
  CHECK(lseek(fd, 0, SEEK_SET));
  CHECK(copy_file_range(fd, NULL, other, NULL, 64, 0));
  int end = open("other", O_WRONLY | O_APPEND);
  CHECK(write(end, text, 1));
  NEED(ftruncate(end, 60) == 0);
  CHECK(write(end, text, 10));
  signal(SIGXFSZ, SIG_DFL);
  write(fd, text, 1);
  lseek(fd, 64, SEEK_SET);
  write(fd, text, 1);
  _exit(0);
}

int main(void) {
  NEED(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
  pid_t pid = fork();
  if (pid == 0) file_size();
  wait_and_say("file size", pid);
  pid = fork();
  if (pid == 0) {
    NEED(setresuid(4321, 4321, 4321) == 0);
    NEED(setrlimit(RLIMIT_NPROC, &(struct rlimit){2, 2}) == 0);
    pid_t one = fork();
    if (one == 0) {
      pause();
      _exit(0);
    }
    TRUTH(one > 0);
    pid_t two = fork();
    if (two == 0) _exit(0);
    say("second child %d %s", two > 0, error_name(errno));
    kill(one, SIGKILL);
    _exit(0);
  }
  wait_and_say("processes", pid);
  pid = fork();
  if (pid == 0) {
    NEED(setrlimit(RLIMIT_SIGPENDING, &(struct rlimit){3, 3}) == 0);
    NEED(setresuid(4322, 4322, 4322) == 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 4; i++) CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}));
    CHECK(kill(getpid(), SIGUSR1));
    struct timespec none = {0, 0};
    siginfo_t info;
    for (int i = 0; i < 6; i++) {
      int got = sigtimedwait(&set, &info, &none);
      say("%s %d", got == -1 ? error_name(errno) : got == SIGUSR1 ? "USR1" : "RTMIN", got == -1 ? 0 : info.si_code == SI_QUEUE ? info.si_value.sival_int : -1);
    }
    _exit(0);
  }
  wait_and_say("signals", pid);
  pid = fork();
  if (pid == 0) {
    /* The hard limit kills, even where the soft one would only tell. */
    handle(SIGXCPU, on_xcpu, 0);
    NEED(setrlimit(RLIMIT_CPU, &(struct rlimit){1, 1}) == 0);
    for (;;) continue;
  }
  wait_and_say("cpu", pid);
  pid = fork();
  if (pid == 0) {
    NEED(setresuid(4323, 4323, 4323) == 0);
    NEED(setrlimit(RLIMIT_NICE, &(struct rlimit){15, 15}) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, 10));
    CHECK(setpriority(PRIO_PROCESS, 0, 6));
    CHECK(setpriority(PRIO_PROCESS, 0, 4));
    NEED(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){8192, 8192}) == 0);
    void *pages = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mlock(pages, 8192));
    CHECK(mlock(pages, 16384));
    CHECK(mlockall(MCL_FUTURE));
    struct sched_param param = {1};
    CHECK(sched_setscheduler(0, SCHED_FIFO, &param));
    CHECK(setrlimit(RLIMIT_NICE, &(struct rlimit){20, 20}));
    _exit(0);
  }
  wait_and_say("privilege", pid);
  return 0;
}

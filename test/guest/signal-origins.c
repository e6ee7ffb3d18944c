/* siginfo of signals by where they come from: kill, tkill, sigqueue, timers, children, faults, pipes, terminals' absence, limits. */
#include "check.h"
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

static sigset_t all;
static void show(const char *label) {
  siginfo_t info;
  struct timespec second = {5, 0};
  memset(&info, 0, sizeof info);
  int got = sigtimedwait(&all, &info, &second);
  const char *name = got > 0 ? sigabbrev_np(got) : NULL;
  say("%s: %s code %d errno %d pid %s uid %d status %d value %d", label, got < 0 ? error_name(errno) : name ? name : "RT", info.si_code, info.si_errno,
      info.si_code == SI_TIMER ? "-" : info.si_code <= 0 || got == SIGCHLD ? info.si_pid == getpid() ? "own" : info.si_pid == 0 ? "0" : "other" : "-", info.si_code <= 0 ? (int)info.si_uid : -1,
      got == SIGCHLD ? info.si_status : -1, info.si_code == SI_QUEUE || info.si_code == SI_TIMER ? info.si_value.sival_int : -1);
}

static sigjmp_buf back;
static volatile int fault_code, fault_signal;
static void *volatile fault_addr;
static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)context;
  fault_signal = signal;
  fault_code = info->si_code;
  fault_addr = info->si_addr;
  siglongjmp(back, 1);
}

int main(void) {
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  kill(getpid(), SIGUSR1);
  show("kill");
  syscall(SYS_tkill, gettid(), SIGUSR1);
  show("tkill");
  syscall(SYS_tgkill, getpid(), gettid(), SIGUSR2);
  show("tgkill");
  raise(SIGHUP);
  show("raise");
  sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 42});
  show("sigqueue");
  siginfo_t mine = {.si_signo = 99, .si_code = -77, .si_errno = 5};
  mine.si_pid = 1234;
  mine.si_uid = 99;
  CHECK(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &mine));
  siginfo_t got;
  CHECK(sigwaitinfo(&all, &got));
  say("signo %d code %d errno %d pid %d", got.si_signo == SIGUSR1, got.si_code, got.si_errno, got.si_pid);
  mine.si_code = SI_USER;
  CHECK(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &mine));
  mine.si_code = SI_TKILL;
  CHECK(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &mine));
  alarm(1);
  show("alarm");
  setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 1000}}, NULL);
  show("itimer");
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 7};
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  timer_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 1000}}, NULL);
  show("timer");
  event.sigev_notify = SIGEV_THREAD_ID;
  event._sigev_un._tid = gettid();
  NEED(timer_create(CLOCK_REALTIME, &event, &timer) == 0);
  timer_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 1000}}, NULL);
  show("timer to thread");
  pid_t pid = fork();
  if (pid == 0) _exit(5);
  show("exit");
  waitpid(pid, NULL, 0);
  pid = fork();
  if (pid == 0) {
    sigset_t none;
    sigemptyset(&none);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (;;) pause();
  }
  kill(pid, SIGSTOP);
  show("stop");
  kill(pid, SIGCONT);
  show("continue");
  kill(pid, SIGTERM);
  show("term");
  waitpid(pid, NULL, 0);
  pid = fork();
  if (pid == 0) {
    signal(SIGQUIT, SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    raise(SIGQUIT);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(0);
  }
  show("quit");
  waitpid(pid, NULL, 0);
  int p[2];
  NEED(pipe(p) == 0);
  close(p[0]);
  write(p[1], "x", 1);
  show("pipe");
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, RLIM_INFINITY});
  int fd = open("f", O_WRONLY | O_CREAT, 0600);
  write(fd, "x", 1);
  show("file size");
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (int i = 0; i < 5; i++) handle_info(faults[i], on_fault, SA_NODEFER);
  char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *file = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, open("/dev/null", O_RDONLY), 0);
  (void)file;
  NEED(ftruncate(fd, 100) == 0);
  int rd = open("f", O_RDWR);
  char *past = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, rd, 0);
  for (volatile int i = 0; i < 8; i++) {
    fault_signal = 0;
    if (sigsetjmp(back, 1) == 0) {
      if (i == 0) *(volatile char *)page = 1;
      if (i == 1) *(volatile char *)16 = 1;
      if (i == 2) *(volatile char *)0x800000000000 = 1;
      if (i == 3) past[5000] = 1;
      if (i == 4) {
        volatile int zero = 0;
        volatile int r = 1 / zero;
        (void)r;
      }
      if (i == 5) asm volatile("ud2");
      if (i == 6) asm volatile("int3");
      if (i == 7) asm volatile("hlt");
    }
    say("fault %d: %s code %d", i, fault_signal ? sigabbrev_np(fault_signal) : "none", fault_code);
    if (i == 0 || i == 3) say("address right: %d", fault_addr == (void *)(i == 0 ? page : past + 5000));
  }
  CHECK(sigtimedwait(&all, NULL, &(struct timespec){0, 1000000000}));
  CHECK(sigtimedwait(&all, NULL, &(struct timespec){0, 0}));
  CHECK(sigtimedwait(&all, NULL, (void *)8));
  CHECK(syscall(SYS_rt_sigtimedwait, &all, NULL, NULL, 4));
  return 0;
}

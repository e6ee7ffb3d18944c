/* Whose child is whose: clone's exit signals and wait's __WCLONE, __WALL, __WNOTHREAD; reapers, death signals, sessions, CPU clocks. */
#include "check.h"
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/times.h>

static pid_t clone_child(int signal, int code) {
  pid_t pid = (pid_t)syscall(SYS_clone, signal, NULL, NULL, NULL, NULL);
  if (pid == 0) _exit(code);
  return pid;
}

static volatile int got_usr1, got_chld, got_death;
static void on_signal(int signal) {
  got_usr1 += signal == SIGUSR1;
  got_chld += signal == SIGCHLD;
  got_death += signal == SIGUSR2;
}

static pid_t made;
static void *forks(void *arg) {
  made = fork();
  if (made == 0) {
    pause();
    _exit(0);
  }
  return arg;
}

static pthread_barrier_t barrier;
static void *forks_and_waits(void *arg) {
  made = clone_child(SIGCHLD, 21);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  int status;
  CHECK(waitpid(-1, &status, __WNOTHREAD) == made);
  return arg;
}

static void *burns(void *arg) {
  clockid_t clock;
  NEED(pthread_getcpuclockid(pthread_self(), &clock) == 0);
  struct timespec at;
  do NEED(clock_gettime(clock, &at) == 0);
  while (at.tv_nsec < 20000000 && at.tv_sec == 0);
  return arg;
}

int main(void) {
  int status;
  handle(SIGUSR1, on_signal, 0);
  handle(SIGUSR2, on_signal, 0);
  handle(SIGCHLD, on_signal, 0);
  /* An exit signal other than SIGCHLD makes a clone child. */
  pid_t pid = clone_child(SIGUSR1, 5);
  siginfo_t info;
  while (!got_usr1) sched_yield();
  CHECK(waitpid(pid, &status, WNOHANG));
  CHECK(waitpid(pid, &status, __WCLONE) == pid);
  say_status("__WCLONE", status);
  pid = clone_child(0, 6);
  CHECK(waitpid(-1, &status, 0));
  CHECK(waitpid(pid, &status, __WALL) == pid);
  say_status("__WALL", status);
  pid = clone_child(SIGCHLD, 7);
  CHECK(waitpid(pid, &status, __WCLONE));
  CHECK(waitpid(pid, &status, 0) == pid);
  say("signals: usr1 %d chld %d", got_usr1, got_chld);
  /* Another thread's child. */
  pthread_t t;
  pthread_barrier_init(&barrier, NULL, 2);
  NEED(pthread_create(&t, NULL, forks_and_waits, NULL) == 0);
  pthread_barrier_wait(&barrier);
  CHECK(waitpid(-1, &status, __WNOTHREAD));
  pthread_barrier_wait(&barrier);
  pthread_join(t, NULL);
  NEED(pthread_create(&t, NULL, forks, NULL) == 0);
  pthread_join(t, NULL);
  kill(made, SIGKILL);
  CHECK(waitpid(made, &status, __WNOTHREAD) == made);
  say_status("of an ended thread", status);
  /* By pidfd. */
  pid = clone_child(SIGCHLD, 9);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  CHECK(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOWAIT));
  say("status %d", info.si_status);
  CHECK(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED));
  CHECK(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED));
  int p[2];
  NEED(pipe(p) == 0);
  pid = fork();
  if (pid == 0) {
    char byte;
    read(p[0], &byte, 1);
    _exit(4);
  }
  int nonblocking = (int)syscall(SYS_pidfd_open, pid, O_NONBLOCK);
  CHECK(waitid(P_PIDFD, (id_t)nonblocking, &info, WEXITED));
  write(p[1], "x", 1);
  CHECK(waitpid(pid, &status, 0) == pid);
  /* Reapers. */
  CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1));
  int reaper = -1;
  CHECK(prctl(PR_GET_CHILD_SUBREAPER, &reaper));
  say("%d", reaper);
  pid = fork();
  if (pid == 0) {
    NEED(prctl(PR_GET_CHILD_SUBREAPER, &reaper) == 0);
    pid_t parent = getppid(), middle = getpid();
    pid_t grand = fork();
    if (grand == 0) {
      while (getppid() == middle) sched_yield();
      _exit(getppid() == parent ? 33 : 34);
    }
    _exit(reaper);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  say_status("middle", status);
  CHECK(waitpid(-1, &status, 0) > 0);
  say_status("orphan", status);
  /* The parent's death, told. */
  pid = fork();
  if (pid == 0) {
    pid_t grand = fork();
    if (grand == 0) {
      NEED(prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0);
      int signal = 0;
      NEED(prctl(PR_GET_PDEATHSIG, &signal) == 0);
      NEED(write(p[1], "r", 1) == 1);
      while (!got_death) sched_yield();
      _exit(signal == SIGUSR2 ? 40 : 41);
    }
    char byte;
    NEED(read(p[0], &byte, 1) == 1);
    _exit(0);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(waitpid(-1, &status, 0) > 0);
  say_status("told of the death", status);
  CHECK(prctl(PR_SET_PDEATHSIG, 99));
  /* Sessions and groups. */
  pid = fork();
  if (pid == 0) {
    CHECK(setsid() == getpid());
    CHECK(setsid());
    CHECK(setpgid(0, 0));
    CHECK(getsid(0) == getpid());
    pid_t leader = fork();
    if (leader == 0) {
      CHECK(setpgid(0, 0));
      CHECK(setpgid(0, getppid()));
      CHECK(setpgid(getppid(), 0));
      CHECK(setpgid(0, -1));
      CHECK(setpgid(0, 1 << 22));
      CHECK(setpgid(1 << 22, 0));
      _exit(0);
    }
    CHECK(waitpid(leader, &status, 0) == leader);
    _exit(0);
  }
  wait_and_say("session", pid);
  /* Clocks of CPU time. */
  struct timespec process, thread, res;
  NEED(pthread_create(&t, NULL, burns, NULL) == 0);
  pthread_join(t, NULL);
  CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &process));
  CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &thread));
  say("process %d", process.tv_sec > 0 || process.tv_nsec >= 20000000);
  say("its threads' sum is more than one: %d", process.tv_sec > thread.tv_sec || process.tv_nsec > thread.tv_nsec);
  clockid_t clock;
  CHECK_ERROR(clock_getcpuclockid(0, &clock));
  CHECK_ERROR(clock_getcpuclockid(getpid(), &clock));
  CHECK(clock_gettime(clock, &process));
  CHECK_ERROR(clock_getcpuclockid(1 << 22, &clock));
  CHECK(clock_getres(CLOCK_PROCESS_CPUTIME_ID, &res));
  say("%ld", res.tv_nsec);
  CHECK(clock_settime(CLOCK_PROCESS_CPUTIME_ID, &process));
  CHECK(clock_gettime(99, &process));
  struct timespec brief = {0, 1000000};
  CHECK_ERROR(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &brief, NULL));
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage));
  say("used %d", usage.ru_utime.tv_sec > 0 || usage.ru_utime.tv_usec + usage.ru_stime.tv_usec >= 20000);
  struct tms tms;
  CHECK(times(&tms) > 0);
  say("ticks %d", tms.tms_utime + tms.tms_stime >= 1);
  return 0;
}

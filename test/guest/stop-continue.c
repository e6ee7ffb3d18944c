/* Stop and continue: job-control signals, pending cleared by each other, stopped children, SIGCHLD codes, waits. */
#include "check.h"
#include <pthread.h>

static volatile int chld_codes[16], chld_count, conts;
static void on_chld(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  if (chld_count < 16) chld_codes[chld_count++] = info->si_code;
}
static void on_cont(int signal) {
  (void)signal;
  conts++;
}

/* How often the handler of SIGCONT ran is not certain: a stop removes a pending SIGCONT. */
static void on_end(int signal) {
  (void)signal;
  _exit(conts <= 4 ? 4 : 0);
}

static int wait_for(pid_t pid) {
  int status;
  while (waitpid(pid, &status, WUNTRACED | WCONTINUED) == -1) NEED(errno == EINTR);
  return status;
}

static volatile int spins;
static void *spinner(void *arg) {
  for (;;) spins++;
  return arg;
}

int main(void) {
  handle_info(SIGCHLD, on_chld, SA_RESTART);
  static const int stops[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
  int ready[2];
  char byte;
  NEED(pipe(ready) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    handle(SIGCONT, on_cont, 0);
    handle(SIGUSR1, on_end, 0);
    NEED(write(ready[1], "r", 1) == 1);
    for (;;) pause();
  }
  setpgid(pid, pid);
  NEED(read(ready[0], &byte, 1) == 1);
  for (int i = 0; i < 4; i++) {
    kill(pid, stops[i]);
    say_status(sigabbrev_np(stops[i]), wait_for(pid));
    kill(pid, SIGCONT);
    say_status("  then", wait_for(pid));
  }
  kill(pid, SIGUSR1);
  wait_and_say("child", pid);
  int counts[8] = {0};
  for (int i = 0; i < chld_count; i++) counts[chld_codes[i] & 7]++;
  /* SIGCHLD does not queue: only that each kind came is certain. */
  say("SIGCHLD: stopped %d continued %d", counts[CLD_STOPPED] > 0, counts[CLD_CONTINUED] > 0);
  /* SA_NOCLDSTOP keeps stops silent. */
  chld_count = 0;
  handle_info(SIGCHLD, on_chld, SA_RESTART | SA_NOCLDSTOP);
  pid = fork();
  if (pid == 0)
    for (;;) pause();
  kill(pid, SIGSTOP);
  say_status("stop", wait_for(pid));
  kill(pid, SIGTERM);
  sleep_ms(20);
  CHECK(waitpid(pid, NULL, WNOHANG));
  say("SIGTERM waits until it continues");
  kill(pid, SIGCONT);
  int status = wait_for(pid);
  if (WIFCONTINUED(status)) status = wait_for(pid);
  say_status("end", status);
  say("notifications %d", chld_count);
  /* SIGKILL ends a stopped process. */
  pid = fork();
  if (pid == 0) {
    raise(SIGSTOP);
    _exit(1);
  }
  say_status("stop", wait_for(pid));
  kill(pid, SIGKILL);
  say_status("end", wait_for(pid));
  /* All threads of a process stop together. */
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid = fork();
  if (pid == 0) {
    pthread_t t;
    for (int i = 0; i < 3; i++) pthread_create(&t, NULL, spinner, NULL);
    for (;;) __atomic_fetch_add(shared, 1, __ATOMIC_SEQ_CST), sched_yield();
  }
  while (!__atomic_load_n(shared, __ATOMIC_SEQ_CST)) sched_yield();
  kill(pid, SIGSTOP);
  say_status("threads", wait_for(pid));
  int before = __atomic_load_n(shared, __ATOMIC_SEQ_CST);
  sleep_ms(30);
  TRUTH(__atomic_load_n(shared, __ATOMIC_SEQ_CST) == before);
  kill(pid, SIGCONT);
  say_status("threads", wait_for(pid));
  while (__atomic_load_n(shared, __ATOMIC_SEQ_CST) == before) sched_yield();
  kill(pid, SIGKILL);
  say_status("end", wait_for(pid));
  return 0;
}

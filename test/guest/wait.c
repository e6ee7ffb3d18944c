/* wait4 and waitid: options, statuses, WNOWAIT, groups, stops, usage, ECHILD, SIGCHLD ignored, exit code bits. */
#include "check.h"
#include <sys/resource.h>

static pid_t child(int code) {
  pid_t pid = fork();
  if (pid == 0) _exit(code);
  return pid;
}

static void show(const char *label, int result, const siginfo_t *info) {
  say("%s: %d code %d status %d signo %d", label, result, info->si_code, info->si_status, info->si_signo);
}

int main(void) {
  int status;
  struct rusage usage;
  siginfo_t info;
  CHECK(wait(NULL));
  CHECK(waitpid(-1, NULL, WNOHANG));
  CHECK(waitpid(1 << 22, NULL, 0));
  CHECK(waitpid(-12345678, NULL, 0));
  CHECK(waitpid(INT_MIN, NULL, 0));
  CHECK(waitpid(-1, NULL, 0x100));
  const int codes[] = {0, 1, 255, 256, 257, -1, 0x1234};
  for (unsigned i = 0; i < 7; i++) wait_and_say("exit", child(codes[i]));
  for (int s = 1; s < 32; s++) {
    if (s == SIGSTOP || s == SIGTSTP || s == SIGTTIN || s == SIGTTOU) continue;
    pid_t pid = fork();
    if (pid == 0) {
      struct rlimit none = {0, 0};
      setrlimit(RLIMIT_CORE, &none);
      signal(s, SIG_DFL);
      raise(s);
      _exit(0);
    }
    NEED(waitpid(pid, &status, 0) == pid);
    say_status(sigabbrev_np(s), status);
  }
  pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  CHECK(waitpid(pid, &status, WNOHANG));
  kill(pid, SIGSTOP);
  CHECK(waitpid(pid, &status, WUNTRACED) == pid);
  say_status("stop", status);
  CHECK(waitpid(pid, &status, WNOHANG | WUNTRACED));
  kill(pid, SIGCONT);
  CHECK(waitpid(pid, &status, WCONTINUED) == pid);
  say_status("continue", status);
  kill(pid, SIGSTOP);
  info.si_pid = 0;
  int r = waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT);
  show("stop kept", r, &info);
  r = waitid(P_PID, pid, &info, WSTOPPED);
  show("stop", r, &info);
  kill(pid, SIGKILL);
  r = waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
  show("killed, kept", r, &info);
  r = waitid(P_ALL, 0, &info, WEXITED);
  show("killed", r, &info);
  TRUTH(info.si_pid == pid && info.si_uid == getuid());
  CHECK(waitid(P_PID, pid, &info, WEXITED));
  pid = child(42);
  r = waitid(P_PID, pid, &info, WEXITED);
  show("exited", r, &info);
  CHECK(waitid(P_ALL, 0, &info, 0));
  CHECK(waitid(9, 0, &info, WEXITED));
  CHECK(waitid(P_PID, 0, &info, WEXITED));
  CHECK(waitid(P_PIDFD, 0, &info, WEXITED));
  int p[2];
  NEED(pipe(p) == 0);
  pid = fork();
  if (pid == 0) {
    char byte;
    close(p[1]);
    _exit(read(p[0], &byte, 1));
  }
  memset(&info, 0x55, sizeof info);
  r = waitid(P_PID, pid, &info, WEXITED | WNOHANG);
  say("nobody yet: %d pid %d", r, info.si_pid);
  close(p[1]);
  CHECK(wait4(pid, &status, 0, &usage) == pid);
  TRUTH(usage.ru_utime.tv_sec == 0 && usage.ru_maxrss >= 0);
  CHECK(wait4(-1, (int *)8, 0, NULL));
  pid = child(3);
  CHECK(waitpid(pid, (int *)8, 0));
  CHECK(waitpid(pid, &status, 0));
  /* Groups. */
  pid_t a = fork();
  if (a == 0) {
    setpgid(0, 0);
    _exit(31);
  }
  setpgid(a, a);
  CHECK(waitpid(0, &status, WNOHANG));
  CHECK(waitpid(-a, &status, 0) == a);
  say_status("group", status);
  /* Ignoring SIGCHLD, or SA_NOCLDWAIT, leaves no zombies: wait waits for all and says ECHILD. */
  signal(SIGCHLD, SIG_IGN);
  child(1);
  child(2);
  CHECK(wait(&status));
  struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
  NEED(sigaction(SIGCHLD, &action, NULL) == 0);
  child(1);
  CHECK(wait(&status));
  return 0;
}

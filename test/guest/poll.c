/* poll and ppoll: kinds of file, hang-ups, negative and closed descriptors, timeouts, limits, signals and masks. */
#include "check.h"
#include <sys/resource.h>
#include <sys/socket.h>

static volatile int got;
static void on_signal(int signal) { got = signal; }

static void bits(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM, 0};
  int n = poll(&p, 1, 0);
  say("%s: %d %#x", what, n, p.revents);
}

int main(void) {
  int s[2], p[2];
  NEED(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  bits("file", open("f", O_RDWR | O_CREAT, 0600));
  bits("directory", open(".", O_RDONLY));
  bits("null", open("/dev/null", O_RDWR));
  bits("zero", open("/dev/zero", O_RDWR));
  bits("socket", s[0]);
  NEED(write(s[1], "x", 1) == 1);
  bits("socket with data", s[0]);
  shutdown(s[1], SHUT_WR);
  bits("socket, other end shut for writing", s[0]);
  close(s[1]);
  bits("socket, other end closed", s[0]);
  bits("closed descriptor", 77);
  bits("negative", -5);
  struct pollfd many[3] = {{-1, POLLIN, 7}, {p[1], POLLOUT, 7}, {78, POLLIN, 7}};
  CHECK(poll(many, 3, -1));
  say("%#x %#x %#x", many[0].revents, many[1].revents, many[2].revents);
  struct pollfd same[2] = {{p[1], POLLOUT, 0}, {p[1], POLLIN, 0}};
  CHECK(poll(same, 2, 0));
  struct pollfd none = {p[0], POLLIN, 0};
  long long start = now_ms();
  CHECK(poll(&none, 1, 40));
  TRUTH(now_ms() - start >= 39);
  CHECK(poll(NULL, 0, 10));
  CHECK(poll(NULL, 1, 0));
  CHECK(poll((void *)8, 1, 0));
  struct rlimit limit;
  NEED(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = 50;
  NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  static struct pollfd lots[51];
  for (int i = 0; i < 51; i++) lots[i].fd = -1;
  CHECK(poll(lots, 50, 0));
  CHECK(poll(lots, 51, 0));
  struct timespec bad = {0, 1000000000}, negative = {-1, 0}, ten = {0, 10000000};
  CHECK(ppoll(&none, 1, &bad, NULL));
  CHECK(ppoll(&none, 1, &negative, NULL));
  CHECK(ppoll(&none, 1, &ten, NULL));
  handle(SIGALRM, on_signal, SA_RESTART);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  timer_t timer;
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec once = {{1, 0}, {0, 30000000}};
  NEED(timer_settime(timer, 0, &once, NULL) == 0);
  CHECK(poll(&none, 1, -1));
  NEED(timer_delete(timer) == 0);
  say("got %s", sigabbrev_np(got));
  sigset_t block, empty;
  sigemptyset(&empty);
  sigemptyset(&block);
  sigaddset(&block, SIGALRM);
  sigprocmask(SIG_BLOCK, &block, NULL);
  got = 0;
  raise(SIGALRM);
  CHECK(ppoll(&none, 1, &ten, NULL));
  say("got %d", got);
  CHECK(ppoll(&none, 1, NULL, &empty));
  say("got %s", sigabbrev_np(got));
  CHECK(syscall(SYS_ppoll, &none, 1, NULL, &empty, 4));
  /* Woken by a writer in another process. */
  pid_t pid = fork();
  if (pid == 0) {
    wait_until_asleep(getppid(), getppid());
    NEED(write(p[1], "w", 1) == 1);
    _exit(0);
  }
  CHECK(poll(&none, 1, -1));
  say("%#x", none.revents);
  wait_and_say("writer", pid);
  return 0;
}

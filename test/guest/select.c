/* select and pselect: sets, timeouts, remaining time, bad descriptors, signals, masks. */
#include "check.h"
#include <sys/select.h>

static volatile int got;
static void on_signal(int signal) { got = signal; }

int main(void) {
  int p[2], q[2];
  NEED(pipe(p) == 0 && pipe(q) == 0);
  fd_set r, w, e;
  FD_ZERO(&r);
  FD_ZERO(&w);
  FD_ZERO(&e);
  FD_SET(p[0], &r);
  FD_SET(q[0], &r);
  FD_SET(p[1], &w);
  struct timeval zero = {0, 0}, tv;
  CHECK(select(q[1] + 1, &r, &w, &e, &zero));
  say("r %d %d w %d", FD_ISSET(p[0], &r), FD_ISSET(q[0], &r), FD_ISSET(p[1], &w));
  NEED(write(q[1], "x", 1) == 1);
  FD_SET(p[0], &r);
  FD_SET(q[0], &r);
  CHECK(select(q[1] + 1, &r, NULL, NULL, NULL));
  say("r %d %d", FD_ISSET(p[0], &r), FD_ISSET(q[0], &r));
  FD_ZERO(&r);
  FD_SET(p[0], &r);
  tv = (struct timeval){0, 50000};
  long long start = now_ms();
  CHECK(select(p[0] + 1, &r, NULL, NULL, &tv));
  TRUTH(now_ms() - start >= 49);
  say("left %ld.%06ld set %d", tv.tv_sec, tv.tv_usec, FD_ISSET(p[0], &r));
  FD_SET(q[0], &r);
  tv = (struct timeval){100, 0};
  CHECK(select(q[0] + 1, &r, NULL, NULL, &tv));
  TRUTH(tv.tv_sec >= 98 && tv.tv_sec <= 100);
  FD_ZERO(&r);
  /* Below 64, where every table of descriptors has room: bits behind the table's end are not looked at. */
  FD_SET(60, &r);
  CHECK(select(61, &r, NULL, NULL, &zero));
  CHECK(select(60, &r, NULL, NULL, &zero));
  FD_ZERO(&r);
  CHECK(select(1 << 30, &r, NULL, NULL, &zero));
  CHECK(select(-1, NULL, NULL, NULL, &zero));
  tv = (struct timeval){-1, 0};
  CHECK(select(0, NULL, NULL, NULL, &tv));
  CHECK(select(5, (void *)8, NULL, NULL, &zero));
  tv = (struct timeval){0, 20000};
  CHECK(select(0, NULL, NULL, NULL, &tv));
  /* A file and a closed pipe are always ready. */
  close(q[1]);
  char byte;
  NEED(read(q[0], &byte, 1) == 1);
  FD_ZERO(&r);
  FD_SET(q[0], &r);
  CHECK(select(q[0] + 1, &r, NULL, NULL, NULL));
  int file = open("f", O_RDWR | O_CREAT, 0600);
  FD_ZERO(&r);
  FD_ZERO(&w);
  FD_SET(file, &r);
  FD_SET(file, &w);
  CHECK(select(file + 1, &r, &w, NULL, NULL));
  /* Interrupted by a signal; pselect opens the mask only while it waits. */
  handle(SIGALRM, on_signal, SA_RESTART);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  timer_t timer;
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec once = {{1, 0}, {0, 30000000}};
  NEED(timer_settime(timer, 0, &once, NULL) == 0);
  CHECK(select(0, NULL, NULL, NULL, NULL));
  NEED(timer_delete(timer) == 0);
  sigset_t block, none, now;
  sigemptyset(&none);
  sigemptyset(&block);
  sigaddset(&block, SIGALRM);
  sigprocmask(SIG_BLOCK, &block, NULL);
  got = 0;
  raise(SIGALRM);
  struct timespec ts = {0, 10000000};
  CHECK(pselect(0, NULL, NULL, NULL, &ts, NULL));
  say("got %d", got);
  CHECK(pselect(0, NULL, NULL, NULL, NULL, &none));
  say("got %s", sigabbrev_np(got));
  sigprocmask(SIG_BLOCK, NULL, &now);
  say("still blocked %d", sigismember(&now, SIGALRM));
  FD_ZERO(&r);
  FD_SET(file, &r);
  got = 0;
  raise(SIGALRM);
  CHECK(pselect(file + 1, &r, NULL, NULL, NULL, &none));
  say("ready wins: got %d", got);
  return 0;
}

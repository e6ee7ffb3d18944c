/* epoll: nesting, loops, errors of each argument, waits with timeout, signals and threads. */
#include "check.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int ep;
static int ctl(int set, int op, int fd, uint32_t events) {
  struct epoll_event e = {.events = events, .data.fd = fd};
  return epoll_ctl(set, op, fd, &e);
}

static void *waiter(void *arg) {
  struct epoll_event e;
  *(int *)arg = epoll_wait(ep, &e, 1, -1);
  return NULL;
}

static void on_signal(int signal) { (void)signal; }

int main(void) {
  ep = epoll_create(1);
  int outer = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK), file = open("f", O_RDWR | O_CREAT, 0600);
  struct epoll_event e[4];
  CHECK(epoll_create(0));
  CHECK(epoll_create1(1));
  CHECK(ctl(ep, EPOLL_CTL_ADD, event, EPOLLIN));
  CHECK(ctl(ep, EPOLL_CTL_ADD, event, EPOLLIN));
  CHECK(ctl(ep, EPOLL_CTL_MOD, file, EPOLLIN));
  CHECK(ctl(ep, EPOLL_CTL_DEL, file, 0));
  CHECK(ctl(ep, EPOLL_CTL_ADD, file, EPOLLIN));
  CHECK(ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN));
  CHECK(ctl(ep, EPOLL_CTL_ADD, 99, EPOLLIN));
  CHECK(ctl(99, EPOLL_CTL_ADD, event, EPOLLIN));
  CHECK(ctl(event, EPOLL_CTL_ADD, file, EPOLLIN));
  CHECK(ctl(ep, 9, event, EPOLLIN));
  CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, event, (void *)8));
  CHECK(epoll_wait(ep, e, 0, 0));
  CHECK(epoll_wait(ep, e, -1, 0));
  CHECK(epoll_wait(file, e, 1, 0));
  CHECK(epoll_wait(-1, e, 1, 0));
  CHECK(ctl(outer, EPOLL_CTL_ADD, ep, EPOLLIN));
  CHECK(epoll_wait(outer, e, 4, 0));
  struct pollfd p = {ep, POLLIN, 0};
  CHECK(poll(&p, 1, 0));
  CHECK(eventfd_write(event, 1));
  CHECK(epoll_wait(outer, e, 4, 0));
  TRUTH(e[0].data.fd == ep && e[0].events == EPOLLIN);
  CHECK(poll(&p, 1, 0));
  CHECK(ctl(ep, EPOLL_CTL_ADD, outer, EPOLLIN));
  eventfd_t value;
  CHECK(eventfd_read(event, &value));
  CHECK(epoll_wait(outer, e, 4, 0));
  /* A chain deeper than five is refused. */
  int chain[8];
  chain[0] = epoll_create1(0);
  for (int i = 1; i < 7; i++) {
    chain[i] = epoll_create1(0);
    say("depth %d: %s", i, ctl(chain[i], EPOLL_CTL_ADD, chain[i - 1], EPOLLIN) == 0 ? "ok" : error_name(errno));
  }
  CHECK(epoll_wait(ep, (void *)8, 1, 0));
  CHECK(eventfd_write(event, 1));
  CHECK(epoll_wait(ep, (void *)8, 1, 0));
  CHECK(epoll_wait(ep, e, 1, 0));
  CHECK(eventfd_read(event, &value));
  long long start = now_ms();
  CHECK(epoll_wait(ep, e, 4, 30));
  TRUTH(now_ms() - start >= 29);
  handle(SIGALRM, on_signal, SA_RESTART);
  struct sigevent by_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  timer_t timer;
  NEED(timer_create(CLOCK_MONOTONIC, &by_signal, &timer) == 0);
  struct itimerspec once = {{1, 0}, {0, 30000000}};
  NEED(timer_settime(timer, 0, &once, NULL) == 0);
  CHECK(epoll_wait(ep, e, 4, -1));
  /* On a slow machine it would come again, to one of the threads. */
  NEED(timer_delete(timer) == 0);
  struct timespec ten = {0, 10000000}, bad = {0, -1};
  CHECK(syscall(SYS_epoll_pwait2, ep, e, 4, &ten, NULL, 8));
  CHECK(syscall(SYS_epoll_pwait2, ep, e, 4, &bad, NULL, 8));
  /* Four threads wait; an edge-triggered event wakes one at a time. */
  pthread_t t[4];
  int result[4];
  for (int i = 0; i < 4; i++) NEED(pthread_create(&t[i], NULL, waiter, &result[i]) == 0);
  NEED(eventfd_write(event, 1) == 0);
  for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
  say("%d %d %d %d", result[0], result[1], result[2], result[3]);
  CHECK(ctl(outer, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLEXCLUSIVE));
  CHECK(ctl(outer, EPOLL_CTL_MOD, event, EPOLLIN));
  CHECK(ctl(outer, EPOLL_CTL_DEL, event, 0));
  CHECK(ctl(outer, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT));
  return 0;
}

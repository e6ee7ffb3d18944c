/* epoll: level, edge, one-shot, modification, duplicates, data, closing, fairness over many. */
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int ep;

static void add(int fd, uint32_t events, uint64_t data) {
  struct epoll_event e = {.events = events, .data.u64 = data};
  NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
}

static void ready(const char *when) {
  struct epoll_event e[8];
  int n = epoll_wait(ep, e, 8, 0);
  char line[256] = "";
  uint64_t order[8];
  for (int i = 0; i < n; i++) order[i] = e[i].data.u64 << 32 | e[i].events;
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++)
      if (order[j] < order[i]) {
        uint64_t t = order[i];
        order[i] = order[j];
        order[j] = t;
      }
  for (int i = 0; i < n; i++)
    snprintf(line + strlen(line), sizeof line - strlen(line), " %d:%#x", (int)(order[i] >> 32), (unsigned)order[i]);
  say("%s: %d%s", when, n, line);
}

int main(void) {
  int p[2];
  char byte;
  ep = epoll_create1(EPOLL_CLOEXEC);
  NEED(pipe(p) == 0);
  add(p[0], EPOLLIN, 1);
  ready("level, empty");
  NEED(write(p[1], "ab", 2) == 2);
  ready("level");
  ready("level again");
  NEED(read(p[0], &byte, 1) == 1);
  ready("level, one left");
  struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = 2};
  CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
  ready("edge after MOD");
  ready("edge again");
  NEED(write(p[1], "c", 1) == 1);
  ready("edge after write");
  ready("edge again");
  NEED(read(p[0], &byte, 1) == 1);
  ready("edge after partial read");
  e.events = EPOLLIN | EPOLLONESHOT;
  e.data.u64 = 3;
  CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
  ready("one-shot");
  NEED(write(p[1], "d", 1) == 1);
  ready("one-shot spent");
  CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
  ready("one-shot rearmed");
  e.events = 0;
  CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
  ready("no interest");
  add(p[1], EPOLLOUT, 4);
  ready("write end");
  close(p[0]);
  ready("read end closed");
  close(p[1]);
  ready("both closed");
  /* A duplicate keeps the registration of the closed number alive: epoll(7). */
  NEED(pipe(p) == 0);
  add(p[0], EPOLLIN, 5);
  int twin = dup(p[0]);
  NEED(write(p[1], "x", 1) == 1);
  int number = p[0];
  close(p[0]);
  ready("dup lives on");
  CHECK(epoll_ctl(ep, EPOLL_CTL_DEL, number, NULL));
  close(twin);
  ready("gone");
  int other = eventfd(1, EFD_NONBLOCK);
  add(other, EPOLLIN | EPOLLOUT, 6);
  int other_twin = dup(other);
  add(other_twin, EPOLLIN, 7);
  ready("two registrations of one file");
  close(other);
  close(other_twin);
  /* More ready than asked for: each comes in turn. */
  int fds[10];
  for (int i = 0; i < 10; i++) {
    fds[i] = eventfd(1, 0);
    add(fds[i], EPOLLIN, i);
  }
  int seen = 0;
  for (int i = 0; i < 5; i++) {
    struct epoll_event two[2];
    NEED(epoll_wait(ep, two, 2, 0) == 2);
    seen |= 1 << two[0].data.u64 | 1 << two[1].data.u64;
  }
  say("seen %#x", seen);
  for (int i = 0; i < 10; i++) close(fds[i]);
  /* Hang-up is always reported; EPOLLRDHUP when asked. */
  NEED(pipe(p) == 0);
  add(p[0], 0, 8);
  close(p[1]);
  ready("hang-up");
  return 0;
}

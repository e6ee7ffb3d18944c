/* epoll_wait(2) with thousands of ready items: all that fit into the caller's array come at once. */
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define FILES 10
#define NUMBERS 600

int main(void) {
  static struct epoll_event events[FILES * NUMBERS + 1];
  static unsigned char seen[FILES * NUMBERS];
  int ep = epoll_create1(EPOLL_CLOEXEC);
  int files[FILES], twins[NUMBERS];
  for (int i = 0; i < FILES; i++) NEED((files[i] = eventfd(1, 0)) >= 0);
  /* A registration is one of a file and a number, so few descriptors make many: the numbers are used again. */
  for (int i = 0; i < FILES; i++) {
    for (int j = 0; j < NUMBERS; j++) {
      struct epoll_event e = {.events = EPOLLIN, .data.u64 = i * NUMBERS + j};
      NEED((twins[j] = dup(files[i])) >= 0);
      NEED(epoll_ctl(ep, EPOLL_CTL_ADD, twins[j], &e) == 0);
    }
    for (int j = 0; j < NUMBERS; j++) close(twins[j]);
  }
  int count = CHECK(epoll_wait(ep, events, FILES * NUMBERS + 1, -1));
  for (int i = 0; i < count; i++) seen[events[i].data.u64] += 1;
  int once = 0;
  for (int i = 0; i < FILES * NUMBERS; i++) once += seen[i] == 1;
  say("seen once: %d", once);
  CHECK(epoll_wait(ep, events, 5000, 0));
  CHECK(epoll_wait(ep, events, 1, 0));
  return 0;
}

/* TCP over the loopback as epoll sees it edge by edge, accept queues and shared ports, half closes and lingering, flags of messages. */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int listener(struct sockaddr_in *at, int backlog, int flags) {
  int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof *at;
  NEED(bind(fd, (void *)at, sizeof *at) == 0 && listen(fd, backlog) == 0);
  NEED(getsockname(fd, (void *)at, &length) == 0);
  return fd;
}

static void pair(int fds[2]) {
  struct sockaddr_in at;
  int l = listener(&at, 1, 0);
  fds[0] = socket(AF_INET, SOCK_STREAM, 0);
  NEED(connect(fds[0], (void *)&at, sizeof at) == 0);
  fds[1] = accept(l, NULL, NULL);
  NEED(fds[1] >= 0);
  close(l);
}

static const char *words(uint32_t events) {
  static char text[96];
  snprintf(text, sizeof text, "%s%s%s%s%s%s", events & EPOLLIN ? " IN" : "", events & EPOLLOUT ? " OUT" : "",
           events & EPOLLPRI ? " PRI" : "", events & EPOLLERR ? " ERR" : "", events & EPOLLHUP ? " HUP" : "",
           events & EPOLLRDHUP ? " RDHUP" : "");
  return text;
}

/* Says the next event within a time: long where one must come (segments may take a softirq to arrive). */
static void edge_within(const char *when, int ep, int ms) {
  struct epoll_event event;
  int n = epoll_wait(ep, &event, 1, ms);
  if (n == 1) say("%s:%s", when, words(event.events));
  else say("%s: nothing", when);
}

static void edge(const char *when, int ep) {
  edge_within(when, ep, 5000);
}

static void quiet(const char *when, int ep) {
  edge_within(when, ep, 20);
}

static void watch(int ep, int op, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  NEED(epoll_ctl(ep, op, fd, &event) == 0);
}

static int state_of(int fd) {
  struct tcp_info info = {0};
  socklen_t length = sizeof info;
  NEED(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
  return info.tcpi_state;
}

/* The state the socket comes to, once it is the one that is waited for, or what it stays at. */
static void state(const char *what, int fd, int awaited) {
  static const char *const names[] = {"?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"};
  long long end = now_ms() + 5000;
  while (state_of(fd) != awaited && now_ms() < end) sched_yield();
  int now = state_of(fd);
  say("%s: %s", what, now < 12 ? names[now] : "?");
}

static size_t fill(int fd) {
  static char block[4096];
  size_t total = 0;
  ssize_t n;
  while ((n = send(fd, block, sizeof block, MSG_DONTWAIT)) > 0) total += n;
  NEED(errno == EAGAIN);
  return total;
}

static size_t drain(int fd, size_t most) {
  static char block[65536];
  size_t total = 0;
  ssize_t n;
  while (total < most && (n = recv(fd, block, most - total < sizeof block ? most - total : sizeof block, MSG_DONTWAIT)) > 0) total += n;
  return total;
}

/* Until so many bytes have come. */
static void await(int fd, int bytes) {
  int n = 0;
  while (ioctl(fd, FIONREAD, &n) == 0 && n < bytes) sched_yield();
}

static void edges(void) {
  int fds[2], ep = epoll_create1(0);
  char bytes[64];
  pair(fds);
  watch(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  edge("new", ep);
  quiet("again", ep);
  CHECK(send(fds[0], "ab", 2, 0));
  quiet("after own send", ep);
  CHECK(recv(fds[1], bytes, 64, 0));
  quiet("after the peer has read", ep);
  CHECK(send(fds[1], "ab", 2, 0));
  edge("two bytes", ep);
  quiet("again", ep);
  CHECK(send(fds[1], "cd", 2, 0));
  edge("two more", ep);
  CHECK(recv(fds[0], bytes, 1, 0));
  quiet("one read", ep);
  watch(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  edge("modified", ep);
  size_t sent = fill(fds[0]);
  quiet("full", ep);
  drain(fds[1], sent);
  edge("emptied", ep);
  quiet("again", ep);
  drain(fds[0], 64);
  watch(ep, EPOLL_CTL_MOD, fds[0], EPOLLOUT | EPOLLET);
  edge("only OUT", ep);
  CHECK(send(fds[1], "ab", 2, 0));
  quiet("bytes for OUT", ep);
  watch(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLET);
  edge("only IN", ep);
  CHECK(send(fds[0], "ab", 2, 0));
  drain(fds[1], 64);
  quiet("peer read, for IN", ep);
  watch(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  edge("all", ep);
  CHECK(shutdown(fds[1], SHUT_WR));
  edge("peer has shut down", ep);
  quiet("again", ep);
  CHECK(shutdown(fds[0], SHUT_WR));
  edge("shut down", ep);
  CHECK(close(fds[1]));
  quiet("closed", ep);
  close(fds[0]);
  pair(fds);
  watch(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  edge("new", ep);
  CHECK(send(fds[0], "unread", 6, 0));
  CHECK(close(fds[1]));
  edge("reset", ep);
  CHECK(recv(fds[0], bytes, 64, 0));
  CHECK(recv(fds[0], bytes, 64, 0));
  close(fds[0]);
  struct sockaddr_in at;
  int l = listener(&at, 8, SOCK_NONBLOCK);
  watch(ep, EPOLL_CTL_ADD, l, EPOLLIN | EPOLLET);
  quiet("listening", ep);
  int c[3];
  for (int i = 0; i < 3; i++) {
    c[i] = socket(AF_INET, SOCK_STREAM, 0);
    NEED(connect(c[i], (void *)&at, sizeof at) == 0);
    edge("client", ep);
  }
  int a = accept(l, NULL, NULL);
  quiet("accepted", ep);
  close(a);
  CHECK(shutdown(l, SHUT_RD));
  edge("listener shut down", ep);
  CHECK(accept(l, NULL, NULL));
  close(l);
  for (int i = 0; i < 3; i++) close(c[i]);
  l = listener(&at, 8, 0);
  c[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  watch(ep, EPOLL_CTL_ADD, c[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  edge("unconnected", ep);
  CHECK(connect(c[0], (void *)&at, sizeof at));
  edge("connected", ep);
  CHECK(connect(c[0], (void *)&at, sizeof at));
  CHECK(connect(c[0], (void *)&at, sizeof at));
  close(c[0]);
  close(l);
  c[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  watch(ep, EPOLL_CTL_ADD, c[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  edge("unconnected", ep);
  CHECK(connect(c[0], (void *)&at, sizeof at));
  edge("refused", ep);
  CHECK(connect(c[0], (void *)&at, sizeof at));
  close(c[0]);
  close(ep);
}

static void halves(void) {
  int fds[2];
  char bytes[64];
  pair(fds);
  state("one", fds[0], TCP_ESTABLISHED);
  CHECK(shutdown(fds[0], SHUT_WR));
  state("one, half closed", fds[0], TCP_FIN_WAIT2);
  state("other, half closed", fds[1], TCP_CLOSE_WAIT);
  CHECK(send(fds[0], "x", 1, MSG_NOSIGNAL));
  CHECK(recv(fds[1], bytes, 64, 0));
  CHECK(recv(fds[1], bytes, 64, 0));
  CHECK(send(fds[1], "late", 4, 0));
  CHECK(recv(fds[0], bytes, 64, 0));
  CHECK(shutdown(fds[1], SHUT_WR));
  state("one, both closed", fds[0], TCP_CLOSE);
  state("other, both closed", fds[1], TCP_CLOSE);
  CHECK(recv(fds[0], bytes, 64, 0));
  CHECK(shutdown(fds[0], SHUT_WR));
  CHECK(shutdown(fds[1], SHUT_RDWR));
  CHECK(send(fds[1], "x", 1, MSG_NOSIGNAL));
  CHECK(recv(fds[1], bytes, 64, 0));
  struct sockaddr_in at;
  socklen_t length = sizeof at;
  CHECK(getpeername(fds[0], (void *)&at, &length));
  CHECK(getsockname(fds[0], (void *)&at, &length));
  close(fds[0]);
  close(fds[1]);
  pair(fds);
  CHECK(shutdown(fds[0], SHUT_RD));
  state("reading shut", fds[0], TCP_ESTABLISHED);
  CHECK(recv(fds[0], bytes, 64, 0));
  CHECK(send(fds[1], "still", 5, 0));
  await(fds[0], 5);
  CHECK(recv(fds[0], bytes, 64, 0));
  CHECK(recv(fds[0], bytes, 64, 0));
  CHECK(send(fds[0], "yes", 3, 0));
  CHECK(recv(fds[1], bytes, 64, 0));
  close(fds[1]);
  close(fds[0]);
  pair(fds);
  close(fds[0]);
  state("peer gone", fds[1], TCP_CLOSE_WAIT);
  CHECK(send(fds[1], "1", 1, MSG_NOSIGNAL));
  state("peer has answered", fds[1], TCP_CLOSE);
  CHECK(send(fds[1], "2", 1, MSG_NOSIGNAL));
  CHECK(send(fds[1], "2", 1, MSG_NOSIGNAL));
  CHECK(recv(fds[1], bytes, 64, 0));
  close(fds[1]);
}

static void linger(void) {
  int fds[2];
  char bytes[64];
  struct linger hard = {1, 0}, soft = {1, 1};
  pair(fds);
  CHECK(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
  CHECK(send(fds[0], "before", 6, 0));
  CHECK(close(fds[0]));
  CHECK(recv(fds[1], bytes, 3, 0));
  CHECK(recv(fds[1], bytes, 64, 0));
  CHECK(recv(fds[1], bytes, 64, 0));
  CHECK(recv(fds[1], bytes, 64, 0));
  close(fds[1]);
  pair(fds);
  CHECK(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &soft, sizeof soft));
  CHECK(send(fds[0], "before", 6, 0));
  CHECK(close(fds[0]));
  CHECK(recv(fds[1], bytes, 64, 0));
  CHECK(recv(fds[1], bytes, 64, 0));
  close(fds[1]);
}

static void flags(void) {
  int fds[2];
  char bytes[64] = {0};
  int value;
  pair(fds);
  CHECK(send(fds[0], "abcdef", 6, MSG_MORE));
  CHECK(send(fds[0], "gh", 2, MSG_EOR));
  await(fds[1], 8);
  CHECK(recv(fds[1], bytes, 3, MSG_PEEK));
  say("%.3s", bytes);
  CHECK(recv(fds[1], bytes, 3, MSG_TRUNC));
  CHECK(recv(fds[1], NULL, 2, MSG_TRUNC));
  CHECK(recv(fds[1], bytes, 64, MSG_PEEK | MSG_WAITALL | MSG_DONTWAIT));
  say("%.3s", bytes);
  CHECK(recv(fds[1], bytes, 3, MSG_WAITALL));
  CHECK(recv(fds[1], bytes, 1, MSG_DONTWAIT));
  CHECK(recv(fds[1], bytes, 1, MSG_ERRQUEUE | MSG_DONTWAIT));
  CHECK(recv(fds[1], bytes, 0, MSG_DONTWAIT));
  CHECK(send(fds[0], "", 0, 0));
  struct timeval tv = {0, 20000};
  CHECK(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
  CHECK(recv(fds[1], bytes, 1, 0));
  CHECK(send(fds[0], "xy", 2, 0));
  CHECK(recv(fds[1], bytes, 3, MSG_WAITALL));
  value = 4;
  CHECK(setsockopt(fds[1], SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value));
  CHECK(send(fds[0], "xy", 2, 0));
  struct pollfd p = {fds[1], POLLIN, 0};
  CHECK(poll(&p, 1, 20));
  CHECK(send(fds[0], "xy", 2, 0));
  CHECK(poll(&p, 1, 1000));
  CHECK(recv(fds[1], bytes, 2, 0));
  CHECK(ioctl(fds[1], FIONREAD, &value));
  say("FIONREAD %d", value);
  close(fds[0]);
  close(fds[1]);
}

/* Listeners that share a port get all the connections between them, and those of one that closes are lost. */
static void shared(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof at;
  int l[3], one = 1, ep = epoll_create1(0), served[3] = {0}, total = 0;
  for (int i = 0; i < 3; i++) {
    l[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    NEED(setsockopt(l[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0);
    CHECK(bind(l[i], (void *)&at, sizeof at));
    NEED(getsockname(l[i], (void *)&at, &length) == 0);
    CHECK(listen(l[i], 64));
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    NEED(epoll_ctl(ep, EPOLL_CTL_ADD, l[i], &event) == 0);
  }
  int other = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(other, (void *)&at, sizeof at));
  close(other);
  int c[60];
  for (int i = 0; i < 60; i++) {
    c[i] = socket(AF_INET, SOCK_STREAM, 0);
    NEED(connect(c[i], (void *)&at, sizeof at) == 0);
  }
  struct epoll_event event;
  while (total < 60 && epoll_wait(ep, &event, 1, 1000) == 1) {
    int a = accept(l[event.data.u32], NULL, NULL);
    if (a < 0) continue;
    close(a);
    served[event.data.u32]++;
    total++;
  }
  say("%d served, all have some: %s", total, served[0] && served[1] && served[2] ? "yes" : "no");
  for (int i = 0; i < 60; i++) close(c[i]);
  for (int i = 0; i < 3; i++) close(l[i]);
  close(ep);
  /* Datagrams of one sender stay together. */
  int u[4], hits[4] = {0};
  at.sin_port = 0;
  for (int i = 0; i < 4; i++) {
    u[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    NEED(setsockopt(u[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0 && bind(u[i], (void *)&at, sizeof at) == 0);
    NEED(getsockname(u[i], (void *)&at, &length) == 0);
  }
  int from = socket(AF_INET, SOCK_DGRAM, 0);
  for (int i = 0; i < 20; i++) NEED(sendto(from, "x", 1, 0, (void *)&at, sizeof at) == 1);
  char byte;
  int receivers = 0;
  for (int i = 0; i < 4; i++) {
    while (recv(u[i], &byte, 1, 0) == 1) hits[i]++;
    receivers += hits[i] > 0;
  }
  say("%d receivers of %d", receivers, hits[0] + hits[1] + hits[2] + hits[3]);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  edges();
  halves();
  linger();
  flags();
  shared();
  return 0;
}

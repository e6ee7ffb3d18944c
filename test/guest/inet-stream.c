/* TCP over the loopback: names, states, errors, shutdown, resets, non-blocking connects, backlog, poll events, options. */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int listener(struct sockaddr_in *at, int backlog) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof *at;
  NEED(bind(fd, (void *)at, sizeof *at) == 0 && listen(fd, backlog) == 0);
  NEED(getsockname(fd, (void *)at, &length) == 0);
  return fd;
}

static int connected(int l, const struct sockaddr_in *at, int *other) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  NEED(connect(fd, (const void *)at, sizeof *at) == 0);
  *other = accept(l, NULL, NULL);
  NEED(*other >= 0);
  return fd;
}

static void say_events(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0};
  poll(&p, 1, 0);
  say("%s: %s%s%s%s%s", what, p.revents & POLLIN ? "IN " : "", p.revents & POLLOUT ? "OUT " : "",
      p.revents & POLLERR ? "ERR " : "", p.revents & POLLHUP ? "HUP " : "", p.revents & POLLRDHUP ? "RDHUP" : "");
}

static void say_error(const char *what, int fd) {
  int error = -1;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  say("%s: SO_ERROR %s", what, error_name(error));
}

static void await(int fd, short events) {
  struct pollfd p = {fd, events, 0};
  NEED(poll(&p, 1, 5000) == 1);
}

int main(void) {
  struct sockaddr_in at, name;
  struct sockaddr_in6 at6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  socklen_t length = sizeof name;
  char bytes[64], text[64];
  signal(SIGPIPE, SIG_IGN);
  CHECK(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  CHECK(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
  CHECK(socket(AF_INET, SOCK_SEQPACKET, 0));
  CHECK(socket(AF_INET, 77, 0));
  CHECK(socketpair(AF_INET, SOCK_STREAM, 0, (int *)bytes));
  int fresh = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  say_events("fresh", fresh);
  CHECK(recv(fresh, bytes, 1, 0));
  CHECK(send(fresh, bytes, 1, 0));
  CHECK(getpeername(fresh, (void *)&name, &length));
  CHECK(accept(fresh, NULL, NULL));
  CHECK(shutdown(fresh, SHUT_RD));
  CHECK(getsockname(fresh, (void *)&name, &length));
  say("unbound %s %d %d", inet_ntoa(name.sin_addr), ntohs(name.sin_port), length);
  CHECK(connect(fresh, (void *)&at6, sizeof at6));
  CHECK(connect(fresh, (void *)&at6, 4));
  at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808)};
  CHECK(bind(fresh, (void *)&at, sizeof at));
  CHECK(bind(fresh, (void *)&at, 8));
  close(fresh);

  int l = listener(&at, 8);
  CHECK(bind(l, (void *)&at, sizeof at));
  int second = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(second, (void *)&at, sizeof at));
  int one = 1;
  CHECK(setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
  CHECK(bind(second, (void *)&at, sizeof at));
  struct sockaddr_in any = at;
  any.sin_addr.s_addr = INADDR_ANY;
  CHECK(bind(second, (void *)&any, sizeof any));
  struct sockaddr_in other_address = at;
  other_address.sin_addr.s_addr = htonl(0x7f000002);
  CHECK(bind(second, (void *)&other_address, sizeof other_address));
  close(second);
  say_events("listening", l);
  CHECK(connect(l, (void *)&at, sizeof at));
  CHECK(recv(l, bytes, 1, 0));

  int server, client = connected(l, &at, &server);
  length = sizeof name;
  CHECK(getpeername(client, (void *)&name, &length));
  say("peer %s %d %d", inet_ntoa(name.sin_addr), name.sin_port == at.sin_port, length);
  CHECK(getsockname(client, (void *)&name, &length));
  struct sockaddr_in seen;
  CHECK(getpeername(server, (void *)&seen, &length));
  say("same %d %d", seen.sin_port == name.sin_port, seen.sin_addr.s_addr == name.sin_addr.s_addr);
  CHECK(connect(client, (void *)&at, sizeof at));
  say_events("connected", client);
  CHECK(recv(client, bytes, 1, MSG_DONTWAIT));
  CHECK(send(client, "hello", 5, 0));
  await(server, POLLIN);
  say_events("has data", server);
  int n = -1;
  CHECK(ioctl(server, FIONREAD, &n));
  say("%d bytes", n);
  CHECK(recv(server, bytes, 3, MSG_PEEK));
  CHECK(recv(server, bytes, 64, 0));
  say("%.5s", bytes);
  CHECK(recvfrom(server, bytes, 64, MSG_DONTWAIT, (void *)&seen, &length));
  CHECK(send(server, "abc", 3, 0));
  length = sizeof seen;
  await(client, POLLIN);
  CHECK(recvfrom(client, bytes, 64, 0, (void *)&seen, &length));
  say("no name: %d", length);
  CHECK(sendto(client, "x", 1, 0, (void *)&at, sizeof at));
  await(server, POLLIN);
  CHECK(read(server, bytes, 64));

  /* Half a close, then the whole. */
  CHECK(shutdown(client, 7));
  CHECK(shutdown(client, SHUT_WR));
  CHECK(send(client, "x", 1, 0));
  await(server, POLLRDHUP);
  say_events("told of the end", server);
  CHECK(recv(server, bytes, 64, 0));
  CHECK(send(server, "late", 4, 0));
  await(client, POLLIN);
  CHECK(recv(client, bytes, 64, 0));
  say_events("half closed", client);
  close(server);
  await(client, POLLRDHUP);
  say_events("closed", client);
  CHECK(recv(client, bytes, 64, 0));
  close(client);

  /* The other side goes: the first write is taken, the next fails. */
  client = connected(l, &at, &server);
  close(server);
  await(client, POLLRDHUP);
  say_events("gone", client);
  CHECK(recv(client, bytes, 64, 0));
  CHECK(send(client, "x", 1, 0));
  await(client, POLLERR);
  say_events("written", client);
  CHECK(send(client, "x", 1, 0));
  CHECK(send(client, "x", 1, 0));
  CHECK(recv(client, bytes, 64, 0));
  close(client);

  /* With unread bytes the close is a reset. */
  client = connected(l, &at, &server);
  NEED(send(client, "unread", 6, 0) == 6);
  await(server, POLLIN);
  close(server);
  await(client, POLLERR);
  say_events("reset", client);
  CHECK(recv(client, bytes, 64, 0));
  CHECK(recv(client, bytes, 64, 0));
  CHECK(send(client, "x", 1, 0));
  close(client);
  client = connected(l, &at, &server);
  struct linger now = {1, 0};
  CHECK(setsockopt(server, SOL_SOCKET, SO_LINGER, &now, sizeof now));
  close(server);
  await(client, POLLERR);
  say_error("lingered not", client);
  say_error("taken", client);
  close(client);

  /* Connecting without waiting. */
  client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CHECK(connect(client, (void *)&at, sizeof at));
  await(client, POLLOUT);
  say_error("made", client);
  CHECK(connect(client, (void *)&at, sizeof at));
  CHECK(connect(client, (void *)&at, sizeof at));
  server = accept4(l, (void *)&name, &length, SOCK_NONBLOCK);
  CHECK(recv(server, bytes, 1, 0));
  close(server);
  close(client);
  close(l);
  client = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(client, (void *)&at, sizeof at));
  CHECK(connect(client, (void *)&at, sizeof at));
  close(client);
  client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CHECK(connect(client, (void *)&at, sizeof at));
  await(client, POLLOUT);
  say_events("refused", client);
  say_error("refused", client);
  close(client);

  /* A listener that closes takes those with it who have not been accepted. */
  l = listener(&at, 8);
  client = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(client, (void *)&at, sizeof at));
  await(l, POLLIN);
  say_events("has a guest", l);
  close(l);
  await(client, POLLERR);
  CHECK(recv(client, bytes, 1, 0));
  close(client);
  l = listener(&at, 8);
  CHECK(shutdown(l, SHUT_RD));
  CHECK(accept(l, NULL, NULL));
  close(l);

  /* IPv6, and IPv4 on an IPv6 socket. */
  int l6 = socket(AF_INET6, SOCK_STREAM, 0);
  at6.sin6_addr = (struct in6_addr)IN6ADDR_ANY_INIT;
  CHECK(bind(l6, (void *)&at6, sizeof at6));
  CHECK(listen(l6, 4));
  socklen_t length6 = sizeof at6;
  CHECK(getsockname(l6, (void *)&at6, &length6));
  say("%s %d", inet_ntop(AF_INET6, &at6.sin6_addr, text, sizeof text), length6);
  any.sin_port = at6.sin6_port;
  client = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(client, (void *)&any, sizeof any));
  struct sockaddr_in6 from;
  length6 = sizeof from;
  server = accept(l6, (void *)&from, &length6);
  say("%s %d", inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text), length6);
  close(server);
  close(client);
  client = socket(AF_INET6, SOCK_STREAM, 0);
  CHECK(connect(client, (void *)&at6, sizeof at6));
  server = accept(l6, (void *)&from, &length6);
  say("%s", inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text));
  close(server);
  close(client);
  int shut4 = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(shut4, (void *)&any, sizeof any));
  close(shut4);
  close(l6);
  int only6 = socket(AF_INET6, SOCK_STREAM, 0);
  at6.sin6_port = 0;
  CHECK(setsockopt(only6, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));
  CHECK(bind(only6, (void *)&at6, sizeof at6));
  CHECK(listen(only6, 4));
  NEED(getsockname(only6, (void *)&at6, &length6) == 0);
  any.sin_port = at6.sin6_port;
  client = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(client, (void *)&any, sizeof any));
  close(client);
  close(only6);

  /* Options. */
  int fd = socket(AF_INET, SOCK_STREAM, 0), value = -1;
  length = sizeof value;
  CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length));
  say("nodelay %d", value);
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
  CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length));
  say("nodelay %d", value);
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, 1));
  CHECK(setsockopt(fd, IPPROTO_TCP, 4242, &one, sizeof one));
  CHECK(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &length));
  say("protocol %d", value);
  CHECK(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &length));
  say("domain %d", value);
  CHECK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &length));
  say("keepalive %d", value);
  CHECK(getsockopt(fd, IPPROTO_IP, IP_TTL, &value, &length));
  say("ttl %d", value);
  CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));
  struct tcp_info info;
  length = sizeof info;
  CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length));
  say("state %d", info.tcpi_state);
  close(fd);
  return 0;
}

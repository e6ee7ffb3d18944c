/* UDP over the loopback: names, boundaries, connecting, refusals, truncation, sharing of ports. */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int bound(struct sockaddr_in *at) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof *at;
  NEED(bind(fd, (void *)at, sizeof *at) == 0 && getsockname(fd, (void *)at, &length) == 0);
  return fd;
}

static void await(int fd, short events) {
  struct pollfd p = {fd, events, 0};
  NEED(poll(&p, 1, 5000) == 1);
}

static void say_events(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  poll(&p, 1, 0);
  say("%s: %#x", what, p.revents);
}

int main(void) {
  struct sockaddr_in a, b, from;
  socklen_t length = sizeof from;
  char bytes[128];
  signal(SIGPIPE, SIG_IGN);
  int first = bound(&a), second = bound(&b);
  say_events("bound", first);
  CHECK(recv(first, bytes, 1, MSG_DONTWAIT));
  CHECK(send(second, "x", 1, 0));
  CHECK(listen(first, 1));
  CHECK(accept(first, NULL, NULL));
  CHECK(getpeername(first, (void *)&from, &length));
  CHECK(shutdown(first, SHUT_RD));
  CHECK(sendto(second, "hello", 5, 0, (void *)&a, sizeof a));
  CHECK(sendto(second, "", 0, 0, (void *)&a, sizeof a));
  CHECK(sendto(second, "again", 5, 0, (void *)&a, sizeof a));
  first = bound(&a);
  CHECK(sendto(second, "hello", 5, 0, (void *)&a, sizeof a));
  CHECK(sendto(second, "", 0, 0, (void *)&a, sizeof a));
  CHECK(sendto(second, "again", 5, 0, (void *)&a, sizeof a));
  await(first, POLLIN);
  say_events("has messages", first);
  int n = -1;
  CHECK(ioctl(first, FIONREAD, &n));
  say("%d bytes", n);
  length = sizeof from;
  CHECK(recvfrom(first, bytes, 3, MSG_PEEK | MSG_TRUNC, (void *)&from, &length));
  say("from %s %d %d", inet_ntoa(from.sin_addr), from.sin_port == b.sin_port, length);
  CHECK(recv(first, bytes, 2, 0));
  say("%.2s", bytes);
  CHECK(recv(first, bytes, 64, 0));
  struct iovec iov = {bytes, 2};
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &from, .msg_namelen = sizeof from};
  CHECK(recvmsg(first, &message, 0));
  say("flags %#x name %d", message.msg_flags, message.msg_namelen);
  CHECK(recv(first, bytes, 64, MSG_DONTWAIT));

  /* Connected: only the peer is heard, and a port without listener is told. */
  CHECK(connect(first, (void *)&b, sizeof b));
  int third = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(sendto(third, "stranger", 8, 0, (void *)&a, sizeof a));
  CHECK(recv(first, bytes, 64, MSG_DONTWAIT));
  length = sizeof from;
  CHECK(getsockname(third, (void *)&from, &length));
  TRUTH(from.sin_port != 0);
  CHECK(send(first, "to peer", 7, 0));
  await(second, POLLIN);
  CHECK(recv(second, bytes, 64, 0));
  close(second);
  CHECK(send(first, "lost", 4, 0));
  await(first, POLLERR);
  say_events("refused", first);
  CHECK(send(first, "lost", 4, 0));
  CHECK(send(first, "lost", 4, 0));
  await(first, POLLERR);
  CHECK(recv(first, bytes, 1, 0));
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  CHECK(connect(first, &none, sizeof none));
  length = sizeof from;
  CHECK(getsockname(first, (void *)&from, &length));
  say("a port the kernel chose is gone: %s %d", inet_ntoa(from.sin_addr), from.sin_port);
  CHECK(send(first, "x", 1, 0));
  CHECK(sendto(first, "unheard", 7, 0, (void *)&b, sizeof b));
  CHECK(recv(first, bytes, 1, MSG_DONTWAIT));

  close(first);
  first = bound(&a);
  static char large[70000];
  CHECK(sendto(first, large, 65508, 0, (void *)&a, sizeof a));
  CHECK(sendto(third, large, 65507, 0, (void *)&a, sizeof a));
  await(first, POLLIN);
  CHECK(recv(first, large, sizeof large, 0));
  struct sockaddr_in zero = a;
  zero.sin_port = 0;
  CHECK(sendto(first, "x", 1, 0, (void *)&zero, sizeof zero));
  CHECK(sendto(first, "x", 1, 0, (void *)&a, 4));

  /* Two at one address. */
  int shared1 = socket(AF_INET, SOCK_DGRAM, 0), shared2 = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
  CHECK(bind(shared1, (void *)&a, sizeof a));
  NEED(setsockopt(shared1, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
  NEED(setsockopt(shared2, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
  CHECK(bind(shared1, (void *)&zero, sizeof zero));
  length = sizeof from;
  NEED(getsockname(shared1, (void *)&from, &length) == 0);
  CHECK(bind(shared2, (void *)&from, sizeof from));
  CHECK(sendto(third, "who", 3, 0, (void *)&from, sizeof from));
  CHECK(recv(shared1, bytes, 64, MSG_DONTWAIT));
  CHECK(recv(shared2, bytes, 64, MSG_DONTWAIT));

  /* An IPv6 socket hears IPv4 too. */
  int six = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 at6 = {.sin6_family = AF_INET6}, from6;
  CHECK(bind(six, (void *)&at6, sizeof at6));
  length = sizeof at6;
  NEED(getsockname(six, (void *)&at6, &length) == 0);
  from.sin_port = at6.sin6_port;
  CHECK(sendto(third, "four", 4, 0, (void *)&from, sizeof from));
  length = sizeof from6;
  await(six, POLLIN);
  CHECK(recvfrom(six, bytes, 64, 0, (void *)&from6, &length));
  char text[64];
  say("%s %d", inet_ntop(AF_INET6, &from6.sin6_addr, text, sizeof text), length);
  CHECK(sendto(six, "back", 4, 0, (void *)&from6, sizeof from6));
  await(third, POLLIN);
  CHECK(recv(third, bytes, 64, 0));

  /* And takes addresses of IPv4 as they are. */
  length = sizeof from;
  NEED(getsockname(third, (void *)&from, &length) == 0);
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(sendto(six, "as it is", 8, 0, (void *)&from, sizeof from));
  await(third, POLLIN);
  CHECK(recv(third, bytes, 64, 0));
  CHECK(sendto(six, "short", 5, 0, (void *)&from, 8));
  from.sin_family = AF_UNIX;
  CHECK(sendto(six, "x", 1, 0, (void *)&from, sizeof from));
  CHECK(connect(six, (void *)&from, sizeof from));
  from.sin_family = AF_INET;
  CHECK(connect(six, (void *)&from, 8));
  CHECK(connect(six, (void *)&from, sizeof from));
  CHECK(send(six, "connected", 9, 0));
  await(third, POLLIN);
  CHECK(recv(third, bytes, 64, 0));
  length = sizeof from6;
  CHECK(getpeername(six, (void *)&from6, &length));
  say("%s %d %d", inet_ntop(AF_INET6, &from6.sin6_addr, text, sizeof text), length, from6.sin6_port == from.sin_port);
  length = sizeof from6;
  CHECK(getsockname(six, (void *)&from6, &length));
  say("%s", inet_ntop(AF_INET6, &from6.sin6_addr, text, sizeof text));
  int only = socket(AF_INET6, SOCK_DGRAM, 0);
  NEED(setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0);
  CHECK(connect(only, (void *)&from, sizeof from));
  CHECK(sendto(only, "x", 1, 0, (void *)&from, sizeof from));
  int stream = socket(AF_INET6, SOCK_STREAM, 0);
  CHECK(connect(stream, (void *)&from, sizeof from));
  struct sockaddr_storage padded = {0};
  memcpy(&padded, &from, sizeof from);
  CHECK(connect(stream, (void *)&padded, sizeof(struct sockaddr_in6)));
  return 0;
}

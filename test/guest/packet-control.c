/* Control messages of datagrams: IP_PKTINFO, TTL, TOS, original destination, those of IPv6, timestamps; a sender's choices; too little room. */
#include "check.h"
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <sys/un.h>

static char control[512];

static void say_message(struct cmsghdr *c) {
  char text[64], more[64];
  unsigned char *data = CMSG_DATA(c);
  size_t size = c->cmsg_len - CMSG_LEN(0);
  if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO && size == sizeof(struct in_pktinfo)) {
    struct in_pktinfo info;
    memcpy(&info, data, sizeof info);
    say("  pktinfo %u %s %s", info.ipi_ifindex, inet_ntop(AF_INET, &info.ipi_spec_dst, text, 64), inet_ntop(AF_INET, &info.ipi_addr, more, 64));
  } else if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO && size == sizeof(struct in6_pktinfo)) {
    struct in6_pktinfo info;
    memcpy(&info, data, sizeof info);
    say("  pktinfo6 %u %s", info.ipi6_ifindex, inet_ntop(AF_INET6, &info.ipi6_addr, text, 64));
  } else if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_ORIGDSTADDR && size == sizeof(struct sockaddr_in)) {
    struct sockaddr_in to;
    memcpy(&to, data, sizeof to);
    say("  original %s port %d", inet_ntop(AF_INET, &to.sin_addr, text, 64), to.sin_port != 0);
  } else if (c->cmsg_level == SOL_SOCKET && size == 16) {
    long when[2];
    struct timespec now;
    memcpy(when, data, sizeof when);
    clock_gettime(CLOCK_REALTIME, &now);
    say("  type %d: a time %d %d", c->cmsg_type, now.tv_sec - when[0] <= 60 && now.tv_sec >= when[0],
        when[1] >= 0 && when[1] < (c->cmsg_type == SO_TIMESTAMP ? 1000000 : 1000000000));
  } else if (c->cmsg_level == SOL_SOCKET) {
    say("  type %d size %zu", c->cmsg_type, size);
  } else {
    int value = 0;
    memcpy(&value, data, size < sizeof value ? size : sizeof value);
    say("  level %d type %d size %zu value %d", c->cmsg_level, c->cmsg_type, size, value);
  }
}

static void receive(const char *what, int fd, size_t room) {
  char data[64], from_text[64] = "?";
  struct sockaddr_storage from;
  struct iovec v = {data, sizeof data};
  struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
  memset(control, 0xff, sizeof control);
  ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
  if (n < 0) {
    say("%s: %s", what, error_name(errno));
    return;
  }
  if (m.msg_namelen >= sizeof(struct sockaddr_in) && from.ss_family == AF_INET) inet_ntop(AF_INET, &((struct sockaddr_in *)&from)->sin_addr, from_text, 64);
  if (m.msg_namelen >= sizeof(struct sockaddr_in6) && from.ss_family == AF_INET6) inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&from)->sin6_addr, from_text, 64);
  say("%s: %zd bytes from %s, flags %x, control %zu of %zu", what, n, from_text, m.msg_flags, m.msg_controllen, room);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) say_message(c);
}

static void set(int fd, int level, int name, int value) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) say("level %d option %d: %s", level, name, error_name(errno));
}

static int get(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  NEED(getsockopt(fd, level, name, &value, &length) == 0);
  return value;
}

static void send_with(const char *what, int fd, const struct sockaddr *to, socklen_t length, int level, int type, const void *data, size_t size) {
  struct iovec v = {"hello", 5};
  struct msghdr m = {.msg_name = (void *)to, .msg_namelen = length, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(size)};
  memset(control, 0, sizeof control);
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(size), .cmsg_level = level, .cmsg_type = type};
  memcpy(CMSG_DATA(c), data, size);
  errno = 0;
  ssize_t n = sendmsg(fd, &m, 0);
  say("%s: %zd %s", what, n, n < 0 ? error_name(errno) : "");
}

static void v4(void) {
  int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET};
  socklen_t length = sizeof to;
  NEED(bind(a, (void *)&to, sizeof to) == 0 && getsockname(a, (void *)&to, &length) == 0);
  inet_aton("127.0.0.3", &to.sin_addr);
  set(a, SOL_IP, IP_PKTINFO, 1);
  set(a, SOL_IP, IP_RECVTTL, 1);
  set(a, SOL_IP, IP_RECVTOS, 1);
  set(a, SOL_IP, IP_RECVORIGDSTADDR, 1);
  NEED(sendto(b, "first", 5, 0, (void *)&to, sizeof to) == 5);
  receive("first", a, sizeof control);
  set(b, SOL_IP, IP_TTL, 17);
  set(b, SOL_IP, IP_TOS, 0x10);
  NEED(sendto(b, "second", 6, 0, (void *)&to, sizeof to) == 6);
  receive("the sender's options", a, sizeof control);
  struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(0x7f000009)};
  send_with("from another address", b, (void *)&to, sizeof to, SOL_IP, IP_PKTINFO, &info, sizeof info);
  receive("from another address", a, sizeof control);
  info.ipi_spec_dst.s_addr = htonl(0xe0000001);
  send_with("from a group", b, (void *)&to, sizeof to, SOL_IP, IP_PKTINFO, &info, sizeof info);
  info.ipi_spec_dst.s_addr = 0;
  info.ipi_ifindex = 99;
  send_with("by no interface", b, (void *)&to, sizeof to, SOL_IP, IP_PKTINFO, &info, sizeof info);
  info.ipi_ifindex = 1;
  send_with("by the loopback", b, (void *)&to, sizeof to, SOL_IP, IP_PKTINFO, &info, sizeof info);
  receive("by the loopback", a, 24);
  send_with("short", b, (void *)&to, sizeof to, SOL_IP, IP_PKTINFO, &info, 8);
  int value = 5;
  send_with("ttl", b, (void *)&to, sizeof to, SOL_IP, IP_TTL, &value, sizeof value);
  receive("ttl", a, sizeof control);
  value = 0;
  send_with("ttl 0", b, (void *)&to, sizeof to, SOL_IP, IP_TTL, &value, sizeof value);
  value = 256;
  send_with("ttl 256", b, (void *)&to, sizeof to, SOL_IP, IP_TTL, &value, sizeof value);
  value = 0x20;
  send_with("tos", b, (void *)&to, sizeof to, SOL_IP, IP_TOS, &value, 1);
  receive("tos", a, CMSG_SPACE(sizeof info) + 10);
  send_with("tos of two bytes", b, (void *)&to, sizeof to, SOL_IP, IP_TOS, &value, 2);
  send_with("nothing known", b, (void *)&to, sizeof to, SOL_IP, 77, &value, 4);
  send_with("of IPv6", b, (void *)&to, sizeof to, SOL_IPV6, IPV6_TCLASS, &value, 4);
  receive("of IPv6", a, 8);
}

static void v6(void) {
  int a = socket(AF_INET6, SOCK_DGRAM, 0), b = socket(AF_INET6, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in6 to = {.sin6_family = AF_INET6};
  socklen_t length = sizeof to;
  NEED(bind(a, (void *)&to, sizeof to) == 0 && getsockname(a, (void *)&to, &length) == 0);
  to.sin6_addr = in6addr_loopback;
  set(a, SOL_IPV6, IPV6_RECVPKTINFO, 1);
  set(a, SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
  set(a, SOL_IPV6, IPV6_RECVTCLASS, 1);
  set(b, SOL_IPV6, IPV6_UNICAST_HOPS, 9);
  set(b, SOL_IPV6, IPV6_TCLASS, 3);
  NEED(sendto(b, "six", 3, 0, (void *)&to, sizeof to) == 3);
  receive("v6", a, sizeof control);
  int value = 33;
  send_with("hop limit", b, (void *)&to, sizeof to, SOL_IPV6, IPV6_HOPLIMIT, &value, sizeof value);
  receive("hop limit", a, sizeof control);
  value = -1;
  send_with("tclass -1", b, (void *)&to, sizeof to, SOL_IPV6, IPV6_TCLASS, &value, sizeof value);
  receive("tclass -1", a, sizeof control);
  send_with("hop limit -1", b, (void *)&to, sizeof to, SOL_IPV6, IPV6_HOPLIMIT, &value, sizeof value);
  receive("hop limit -1", a, sizeof control);
  value = 256;
  send_with("too much", b, (void *)&to, sizeof to, SOL_IPV6, IPV6_TCLASS, &value, sizeof value);
  struct in6_pktinfo info = {.ipi6_ifindex = 1, .ipi6_addr = in6addr_loopback};
  send_with("from the loopback", b, (void *)&to, sizeof to, SOL_IPV6, IPV6_PKTINFO, &info, sizeof info);
  receive("from the loopback", a, sizeof control);
  inet_pton(AF_INET6, "2001:db8::1", &info.ipi6_addr);
  send_with("from elsewhere", b, (void *)&to, sizeof to, SOL_IPV6, IPV6_PKTINFO, &info, sizeof info);
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = to.sin6_port, .sin_addr.s_addr = htonl(0x7f000005)};
  NEED(sendto(c, "four", 4, 0, (void *)&four, sizeof four) == 4);
  set(a, SOL_IP, IP_RECVTTL, 1);
  receive("v4 on v6", a, sizeof control);
}

static void timestamps(void) {
  int a = socket(AF_INET, SOCK_DGRAM, 0), u[2], s[2];
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof to;
  NEED(bind(a, (void *)&to, sizeof to) == 0 && getsockname(a, (void *)&to, &length) == 0);
  set(a, SOL_SOCKET, SO_TIMESTAMP, 1);
  say("%d %d", get(a, SOL_SOCKET, SO_TIMESTAMP), get(a, SOL_SOCKET, SO_TIMESTAMPNS));
  NEED(sendto(a, "x", 1, 0, (void *)&to, sizeof to) == 1);
  receive("SO_TIMESTAMP", a, sizeof control);
  NEED(sendto(a, "x", 1, 0, (void *)&to, sizeof to) == 1);
  set(a, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  say("%d %d", get(a, SOL_SOCKET, SO_TIMESTAMP), get(a, SOL_SOCKET, SO_TIMESTAMPNS));
  set(a, SOL_IP, IP_RECVTTL, 1);
  receive("SO_TIMESTAMPNS", a, sizeof control);
  NEED(sendto(a, "x", 1, 0, (void *)&to, sizeof to) == 1);
  set(a, SOL_SOCKET, SO_TIMESTAMP, 0);
  say("%d %d", get(a, SOL_SOCKET, SO_TIMESTAMP), get(a, SOL_SOCKET, SO_TIMESTAMPNS));
  receive("none", a, sizeof control);
  NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, u) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  set(u[0], SOL_SOCKET, SO_TIMESTAMP, 1);
  set(u[0], SOL_SOCKET, SO_PASSCRED, 1);
  set(s[0], SOL_SOCKET, SO_TIMESTAMP, 1);
  NEED(write(u[1], "x", 1) == 1 && write(s[1], "x", 1) == 1);
  receive("stream", s[0], sizeof control);
  receive("datagram", u[0], CMSG_SPACE(16) + CMSG_SPACE(4) - 4);
}

int main(void) {
  v4();
  v6();
  timestamps();
  return 0;
}

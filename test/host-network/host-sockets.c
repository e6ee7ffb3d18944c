/* What sockets of the host can and ours alone cannot: control messages, error queues, urgent data; lingering and large transfers. */
#include "check.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int port_of(int fd) {
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  NEED(getsockname(fd, (void *)&name, &length) == 0);
  return ntohs(name.sin_port);
}

static void tell_control(struct msghdr *msg) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      say("  pktinfo: to %s", inet_ntoa(info.ipi_addr));
    } else if (c->cmsg_level == SOL_SOCKET) {
      say("  socket level %d length %d", c->cmsg_type, (int)c->cmsg_len);
    } else if (c->cmsg_type == IP_RECVERR) {
      struct sock_extended_err error;
      memcpy(&error, CMSG_DATA(c), sizeof error);
      say("  error %s origin %d", error_name(error.ee_errno), error.ee_origin);
    } else {
      int value = 0;
      memcpy(&value, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0) < 4 ? c->cmsg_len - CMSG_LEN(0) : 4);
      say("  level %d type %d: %d", c->cmsg_level, c->cmsg_type, value);
    }
  }
}

static void receive(int fd, int flags, size_t control_room) {
  char bytes[64], control[256];
  struct sockaddr_in from;
  struct iovec iov = {bytes, sizeof bytes};
  struct msghdr msg = {&from, sizeof from, &iov, 1, control, control_room, 0};
  if (CHECK(recvmsg(fd, &msg, flags)) < 0) return;
  say("  flags %x name %d control %d", msg.msg_flags, (int)msg.msg_namelen, (int)msg.msg_controllen);
  tell_control(&msg);
}

static void control_messages(void) {
  int one = 1;
  int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in at = loopback(0);
  NEED(bind(a, (void *)&at, sizeof at) == 0);
  at = loopback(port_of(a));
  CHECK(setsockopt(a, IPPROTO_IP, IP_PKTINFO, &one, sizeof one));
  CHECK(setsockopt(a, IPPROTO_IP, IP_RECVTTL, &one, sizeof one));
  CHECK(setsockopt(a, IPPROTO_IP, IP_RECVTOS, &one, sizeof one));
  CHECK(setsockopt(a, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof one));
  char control[64] = {0};
  struct iovec iov = {"hello", 5};
  struct msghdr msg = {&at, sizeof at, &iov, 1, control, CMSG_SPACE(sizeof(int)), 0};
  struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
  *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL};
  memcpy(CMSG_DATA(c), &(int){33}, sizeof(int));
  CHECK(sendmsg(b, &msg, 0));
  receive(a, 0, 256);
  CHECK(sendmsg(b, &msg, 0));
  receive(a, 0, 40);
  CHECK(sendmsg(b, &msg, 0));
  receive(a, MSG_PEEK, 0);
  receive(a, MSG_TRUNC, 256);
  c->cmsg_level = IPPROTO_IP;
  c->cmsg_type = 77;
  CHECK(sendmsg(b, &msg, 0));
  close(a), close(b);
}

static void error_queue(void) {
  int one = 1;
  int fd = socket(AF_INET, SOCK_DGRAM, 0), gone = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in at = loopback(0);
  NEED(bind(gone, (void *)&at, sizeof at) == 0);
  at = loopback(port_of(gone));
  close(gone);
  CHECK(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof one));
  CHECK(connect(fd, (void *)&at, sizeof at));
  CHECK(send(fd, "x", 1, 0));
  struct pollfd p = {fd, POLLIN, 0};
  CHECK(poll(&p, 1, -1));
  say("  events %x", p.revents);
  receive(fd, MSG_ERRQUEUE, 256);
  receive(fd, MSG_ERRQUEUE | MSG_DONTWAIT, 256);
  CHECK(send(fd, "x", 1, 0));
  close(fd);
}

static void pair(int *client, int *server) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = loopback(0);
  NEED(bind(listener, (void *)&at, sizeof at) == 0 && listen(listener, 1) == 0);
  at = loopback(port_of(listener));
  *client = socket(AF_INET, SOCK_STREAM, 0);
  NEED(connect(*client, (void *)&at, sizeof at) == 0);
  *server = accept(listener, NULL, NULL);
  NEED(*server >= 0);
  close(listener);
}

static void urgent(void) {
  int client, server, mark = 7;
  char bytes[8];
  pair(&client, &server);
  CHECK(send(client, "ab", 2, 0));
  CHECK(send(client, "!", 1, MSG_OOB));
  struct pollfd p = {server, POLLPRI, 0};
  CHECK(poll(&p, 1, -1));
  say("  events %x", p.revents);
  CHECK(ioctl(server, SIOCATMARK, &mark));
  say("  at mark: %d", mark);
  CHECK(recv(server, bytes, 8, MSG_OOB));
  say("  %c", bytes[0]);
  CHECK(recv(server, bytes, 8, 0));
  CHECK(ioctl(server, SIOCATMARK, &mark));
  say("  at mark: %d", mark);
  CHECK(recv(server, bytes, 8, MSG_OOB));
  close(client), close(server);
}

/* More than both buffers hold: the sender waits for room, again and again. */
static void much(void) {
  enum { TOTAL = 24 << 20 };
  int client, server;
  pair(&client, &server);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    static char bytes[1 << 16];
    long done = 0, sum = 0;
    for (ssize_t n; (n = read(server, bytes, sizeof bytes)) > 0; done += n)
      for (ssize_t i = 0; i < n; i++) sum += (unsigned char)bytes[i];
    say("read %ld, sum %ld", done, sum);
    _exit(0);
  }
  close(server);
  char *bytes = malloc(TOTAL);
  for (long i = 0; i < TOTAL; i++) bytes[i] = (char)(i * 7);
  CHECK(write(client, bytes, TOTAL));
  /* Not said at once, for the child has something to say then. */
  const int end = shutdown(client, SHUT_WR);
  CHECK_OK(waitpid(child, NULL, 0));
  say("shutdown: %d", end);
  close(client);
}

/* To close such a socket would wait for what nobody reads. */
static void lingering(void) {
  int client, server;
  struct linger linger = {1, 0};
  socklen_t length = sizeof linger;
  char byte;
  pair(&client, &server);
  CHECK(setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  CHECK(getsockopt(client, SOL_SOCKET, SO_LINGER, &linger, &length));
  say("  %d %d", linger.l_onoff, linger.l_linger);
  CHECK(close(client));
  CHECK(read(server, &byte, 1));
  close(server);
}

/* Each change makes an edge, whatever is left unread. */
static void edges(void) {
  int client, server, epoll = epoll_create1(0);
  char bytes[8];
  pair(&client, &server);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
  NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event) == 0);
  CHECK(epoll_wait(epoll, &event, 1, 1000));
  say("  %x", event.events);
  CHECK(epoll_wait(epoll, &event, 1, 0));
  for (int i = 0; i < 3; i++) {
    NEED(write(client, "abc", 3) == 3);
    CHECK(epoll_wait(epoll, &event, 1, 1000));
    say("  %x", event.events);
    NEED(read(server, bytes, 1) == 1);
    CHECK(epoll_wait(epoll, &event, 1, 0));
  }
  NEED(shutdown(client, SHUT_WR) == 0);
  CHECK(epoll_wait(epoll, &event, 1, 1000));
  say("  %x", event.events);
  close(client), close(server), close(epoll);
}

static void interfaces(void) {
  char bytes[4096];
  struct ifconf list = {.ifc_len = sizeof bytes, .ifc_buf = bytes};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(ioctl(fd, SIOCGIFCONF, &list));
  for (int i = 0; i < list.ifc_len / (int)sizeof(struct ifreq); i++) {
    struct ifreq *request = &list.ifc_req[i];
    say("%s %s", request->ifr_name, inet_ntoa(((struct sockaddr_in *)&request->ifr_addr)->sin_addr));
    CHECK(ioctl(fd, SIOCGIFMTU, request));
    say("  mtu %d", request->ifr_mtu);
    CHECK(ioctl(fd, SIOCGIFINDEX, request));
    say("  index %d", request->ifr_ifindex);
  }
  struct ifreq none = {.ifr_name = "absent0"};
  CHECK(ioctl(fd, SIOCGIFFLAGS, &none));
  list = (struct ifconf){.ifc_len = 0};
  CHECK(ioctl(fd, SIOCGIFCONF, &list));
  say("  %d bytes", list.ifc_len);
  close(fd);
}

static void groups(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
  struct sockaddr_in at = {.sin_family = AF_INET};
  struct ip_mreq group = {{inet_addr("239.1.2.3")}, {htonl(INADDR_LOOPBACK)}};
  char bytes[8];
  CHECK(bind(fd, (void *)&at, sizeof at));
  CHECK(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
  CHECK(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
  CHECK(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group.imr_interface, sizeof group.imr_interface));
  CHECK(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &one, sizeof one));
  at.sin_port = htons(port_of(fd));
  at.sin_addr = group.imr_multiaddr;
  CHECK(sendto(fd, "group", 5, 0, (void *)&at, sizeof at));
  CHECK(recv(fd, bytes, 8, 0));
  CHECK(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group));
  close(fd);
}

int main(void) {
  control_messages();
  error_queue();
  urgent();
  much();
  lingering();
  edges();
  interfaces();
  groups();
  return 0;
}

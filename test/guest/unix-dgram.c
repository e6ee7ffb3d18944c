/* Unix datagram and seqpacket sockets: message boundaries, truncation, addresses, disconnect, pairs. */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address(const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  strcpy(a.sun_path, path);
  return a;
}

int main(void) {
  char text[64] = "";
  struct sockaddr_un a = address("a"), b = address("b"), from;
  socklen_t length = sizeof from;
  int sa = socket(AF_UNIX, SOCK_DGRAM, 0), sb = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  CHECK(bind(sa, (void *)&a, sizeof a));
  CHECK(bind(sb, (void *)&b, sizeof b));
  CHECK(send(sa, "x", 1, 0));
  CHECK(sendto(sa, "one", 3, 0, (void *)&b, sizeof b));
  CHECK(sendto(sa, "", 0, 0, (void *)&b, sizeof b));
  CHECK(sendto(sa, "three!", 6, 0, (void *)&b, sizeof b));
  CHECK(recvfrom(sb, text, sizeof text, 0, (void *)&from, &length));
  say("%.3s from %s", text, from.sun_path);
  CHECK(recv(sb, text, sizeof text, 0));
  struct iovec v = {text, 2};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
  CHECK(recvmsg(sb, &m, 0));
  say("truncated %d", (m.msg_flags & MSG_TRUNC) != 0);
  CHECK(recv(sb, text, sizeof text, 0));
  CHECK(sendto(sa, "long message", 12, 0, (void *)&b, sizeof b));
  CHECK(recv(sb, text, 4, MSG_TRUNC));
  CHECK(connect(sa, (void *)&b, sizeof b));
  CHECK(send(sa, "conn", 4, 0));
  CHECK(recv(sb, text, sizeof text, 0));
  struct sockaddr_un missing = address("missing");
  CHECK(sendto(sb, "x", 1, 0, (void *)&missing, sizeof missing));
  CHECK(connect(sb, (void *)&missing, sizeof missing));
  CHECK(listen(sa, 1));
  close(sb);
  CHECK(send(sa, "gone", 4, 0));
  int s[2];
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
  CHECK(send(s[0], "packet", 6, 0));
  CHECK(send(s[0], "two", 3, 0));
  CHECK(recv(s[1], text, 3, 0));
  CHECK(recv(s[1], text, sizeof text, 0));
  close(s[0]);
  CHECK(recv(s[1], text, sizeof text, 0));
  CHECK(send(s[1], "x", 1, MSG_NOSIGNAL));
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
  CHECK(write(s[0], "dgram", 5));
  CHECK(read(s[1], text, 2));
  NEED(fcntl(s[1], F_SETFL, O_NONBLOCK) == 0);
  CHECK(read(s[1], text, 2));
  CHECK(socketpair(AF_INET, SOCK_STREAM, 0, s));
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
  /* sendmmsg and recvmmsg carry several messages. */
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
  struct iovec v1 = {"aa", 2}, v2 = {"bbb", 3};
  struct mmsghdr out[2] = {{{.msg_iov = &v1, .msg_iovlen = 1}, 0}, {{.msg_iov = &v2, .msg_iovlen = 1}, 0}};
  CHECK(sendmmsg(s[0], out, 2, 0));
  say("%d %d", out[0].msg_len, out[1].msg_len);
  char t1[8], t2[8], t3[8];
  struct iovec r[3] = {{t1, 8}, {t2, 8}, {t3, 8}};
  struct mmsghdr in[3] = {{{.msg_iov = &r[0], .msg_iovlen = 1}, 0}, {{.msg_iov = &r[1], .msg_iovlen = 1}, 0}, {{.msg_iov = &r[2], .msg_iovlen = 1}, 0}};
  CHECK(recvmmsg(s[1], in, 3, MSG_DONTWAIT, NULL));
  say("%d %d", in[0].msg_len, in[1].msg_len);
  return 0;
}

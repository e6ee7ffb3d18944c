/* SO_RCVTIMEO and SO_SNDTIMEO for every way to read and write; vectors that are filled in part. */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>

int main(void) {
  int s[2], p[2];
  char a[4], b[4];
  struct timeval brief = {0, 20000};
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && pipe(p) == 0);
  CHECK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief));
  CHECK(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof brief));
  CHECK(read(s[0], a, 4));
  CHECK(recv(s[0], a, 4, 0));
  struct iovec both[2] = {{a, 4}, {b, 4}};
  CHECK(readv(s[0], both, 2));
  struct msghdr message = {.msg_iov = both, .msg_iovlen = 2};
  CHECK(recvmsg(s[0], &message, 0));
  char block[65536];
  memset(block, 0, sizeof block);
  long total = 0, n;
  while ((n = write(s[0], block, sizeof block)) > 0) total += n;
  say("write until full: %d %s", total > 0, error_name(errno));
  CHECK(send(s[0], block, 1000, 0));
  struct iovec two[2] = {{block, 100}, {block, 100}};
  CHECK(writev(s[0], two, 2));
  int l = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un name = {AF_UNIX, "sock"};
  NEED(bind(l, (void *)&name, sizeof name) == 0 && listen(l, 1) == 0);
  CHECK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief));
  CHECK(accept(l, NULL, NULL));
  NEED(write(p[1], "four", 4) == 4);
  CHECK(readv(p[0], both, 2));
  NEED(write(p[1], "fourfi", 6) == 6);
  CHECK(readv(p[0], both, 2));
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  NEED(write(s[1], "four", 4) == 4);
  CHECK(readv(s[0], both, 2));
  NEED(write(s[1], "four", 4) == 4);
  CHECK(recvmsg(s[0], &message, 0));
  NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
  NEED(write(s[1], "fourfive", 8) == 8 && write(s[1], "four", 4) == 4);
  CHECK(readv(s[0], both, 2));
  CHECK(readv(s[0], both, 2));
  NEED(write(s[1], "fourfive and more", 17) == 17 && write(s[1], "four", 4) == 4);
  CHECK(read(s[0], a, 4));
  CHECK(readv(s[0], both, 1));
  return 0;
}

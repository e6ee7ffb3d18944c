/* Unix stream sockets: bind, listen, connect, accept, shutdown, peer credentials, names, abstract names, errors. */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <stddef.h>

static struct sockaddr_un address(const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  strcpy(a.sun_path, path);
  return a;
}

int main(void) {
  char text[64] = "";
  struct sockaddr_un a = address("sock"), other;
  socklen_t length = sizeof other;
  int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(connect(client, (void *)&a, sizeof a));
  CHECK(listen(server, 5));
  CHECK(bind(server, (void *)&a, sizeof a));
  CHECK(bind(server, (void *)&a, sizeof a));
  CHECK(connect(client, (void *)&a, sizeof a));
  CHECK(listen(server, 1));
  int again = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(again, (void *)&a, sizeof a));
  CHECK(accept4(server, NULL, NULL, 0x1));
  NEED(fcntl(server, F_SETFL, O_NONBLOCK) == 0);
  CHECK(accept(server, NULL, NULL));
  CHECK(connect(client, (void *)&a, sizeof a));
  CHECK(connect(client, (void *)&a, sizeof a));
  struct pollfd p = {server, POLLIN, 0};
  CHECK(poll(&p, 1, 0));
  int peer = accept4(server, (void *)&other, &length, SOCK_CLOEXEC);
  say("accepted, name length %d, cloexec %d", (int)length, fcntl(peer, F_GETFD));
  length = sizeof other;
  CHECK(getpeername(client, (void *)&other, &length));
  say("%d %s", (int)length, other.sun_path);
  length = sizeof other;
  CHECK(getsockname(client, (void *)&other, &length));
  say("%d", (int)length);
  CHECK(getpeername(server, (void *)&other, &length));
  struct ucred cred;
  length = sizeof cred;
  CHECK(getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &cred, &length));
  say("mine %d %d", cred.pid == getpid(), cred.uid == getuid());
  CHECK(send(client, "hello", 5, 0));
  CHECK(recv(peer, text, 2, MSG_PEEK));
  CHECK(recv(peer, text, 64, 0));
  say("%.5s", text);
  CHECK(recv(peer, text, 64, MSG_DONTWAIT));
  CHECK(shutdown(client, SHUT_WR));
  CHECK(recv(peer, text, 64, 0));
  CHECK(send(peer, "back", 4, 0));
  CHECK(read(client, text, 64));
  CHECK(send(client, "x", 1, MSG_NOSIGNAL));
  CHECK(close(peer));
  CHECK(read(client, text, 64));
  CHECK(shutdown(client, 9));
  CHECK(shutdown(again, SHUT_RDWR));
  CHECK(send(again, "x", 1, MSG_NOSIGNAL));
  CHECK(recv(again, text, 1, 0));
  int value;
  length = sizeof value;
  CHECK(getsockopt(server, SOL_SOCKET, SO_TYPE, &value, &length));
  say("type %d", value);
  CHECK(getsockopt(server, SOL_SOCKET, SO_ACCEPTCONN, &value, &length));
  say("accepting %d", value);
  CHECK(getsockopt(server, SOL_SOCKET, SO_DOMAIN, &value, &length));
  say("domain %d", value);
  CHECK(getsockopt(server, SOL_SOCKET, SO_ERROR, &value, &length));
  CHECK(getsockopt(server, SOL_SOCKET, 9999, &value, &length));
  close(server);
  client = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(connect(client, (void *)&a, sizeof a));
  write_file("plain", "");
  a = address("plain");
  CHECK(connect(client, (void *)&a, sizeof a));
  a = address("missing/sock");
  CHECK(bind(client, (void *)&a, sizeof a));
  /* Abstract names: a zero byte first, gone with the socket. */
  memset(&a, 0, sizeof a);
  a.sun_family = AF_UNIX;
  memcpy(a.sun_path, "\0guest-test", 11);
  socklen_t abstract = offsetof(struct sockaddr_un, sun_path) + 11;
  server = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(connect(client, (void *)&a, abstract));
  CHECK(bind(server, (void *)&a, abstract));
  CHECK(listen(server, 5));
  CHECK(connect(client, (void *)&a, abstract));
  peer = accept(server, NULL, NULL);
  CHECK(write(client, "abs", 3));
  CHECK(read(peer, text, 64));
  CHECK(socket(AF_UNIX, 99, 0));
  CHECK(socket(AF_UNIX, SOCK_STREAM, 7));
  CHECK(socket(999, SOCK_STREAM, 0));
  CHECK(bind(client, (void *)&a, 1));
  CHECK(connect(0, (void *)&a, abstract));
  CHECK(connect(-1, (void *)&a, abstract));
  return 0;
}

/* AF_UNIX: credentials asked for and given, abstract names, autobind, seqpacket, truncated descriptors, SO_PEERCRED, pidfds, queues. */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <stddef.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#define SO_PASSPIDFD 76
#endif

static void show_message(const char *label, int fd, int flags, int room) {
  char byte[64], control[256];
  struct iovec iov = {byte, sizeof byte};
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = (size_t)room};
  ssize_t n = recvmsg(fd, &message, flags | MSG_DONTWAIT);
  say("%s: %zd %s flags %#x control %zu", label, n, n < 0 ? error_name(errno) : "", n < 0 ? 0 : message.msg_flags & ~MSG_CMSG_CLOEXEC, n < 0 ? 0 : message.msg_controllen);
  if (n < 0) return;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_type == SCM_CREDENTIALS) {
      struct ucred *u = (void *)CMSG_DATA(c);
      say("  credentials pid %d uid %d gid %d", u->pid == getpid() ? 1 : u->pid == 0 ? 0 : 2, u->uid, u->gid);
    } else if (c->cmsg_type == SCM_RIGHTS) {
      int count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)), fds[16];
      memcpy(fds, CMSG_DATA(c), sizeof(int) * (size_t)(count < 16 ? count : 16));
      say("  %d descriptors, cloexec %d", count, fcntl(fds[0], F_GETFD));
      for (int i = 0; i < count && i < 16; i++) close(fds[i]);
    } else say("  control %d", c->cmsg_type);
  }
}

static ssize_t send_control(int fd, int type, const void *data, size_t size) {
  char control[256] = {0};
  struct iovec iov = {"m", 1};
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(size)};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(c), data, size);
  return sendmsg(fd, &message, 0);
}

static socklen_t address(struct sockaddr_un *name, const char *text, int is_abstract) {
  memset(name, 0, sizeof *name);
  name->sun_family = AF_UNIX;
  strcpy(name->sun_path + is_abstract, text);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text) + 1);
}

int main(void) {
  int s[2], on = 1;
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  NEED(write(s[0], "before", 6) == 6);
  CHECK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
  show_message("sent before", s[1], 0, 256);
  NEED(write(s[0], "after", 5) == 5);
  show_message("sent after", s[1], 0, 256);
  struct ucred me = {getpid(), getuid(), getgid()}, other = {getpid(), 12345, getgid()};
  CHECK(send_control(s[0], SCM_CREDENTIALS, &me, sizeof me));
  show_message("own credentials", s[1], 0, 256);
  pid_t pid = fork();
  if (pid == 0) {
    if (getuid() == 0) NEED(setresuid(4321, 4321, 4321) == 0);
    CHECK(send_control(s[0], SCM_CREDENTIALS, &other, sizeof other));
    CHECK(send_control(s[0], SCM_CREDENTIALS, &me, sizeof me));
    CHECK(send_control(s[0], SCM_CREDENTIALS, &me, 4));
    NEED(write(s[0], "child", 5) == 5);
    _exit(0);
  }
  wait_and_say("stranger", pid);
  NEED(write(s[0], "parent", 6) == 6 && write(s[0], "again", 5) == 5);
  show_message("from the child", s[1], 0, 256);
  show_message("from the parent, twice", s[1], 0, 256);
  NEED(write(s[0], "x", 1) == 1);
  show_message("no room", s[1], 0, 8);
  int many[3] = {0, 1, 2};
  CHECK(send_control(s[0], SCM_RIGHTS, many, sizeof many));
  show_message("three, all", s[1], 0, 256);
  CHECK(send_control(s[0], SCM_RIGHTS, many, sizeof many));
  setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &(int){0}, sizeof on);
  show_message("three, room for one", s[1], MSG_CMSG_CLOEXEC, CMSG_SPACE(sizeof(int)));
  CHECK(send_control(s[0], SCM_RIGHTS, many, sizeof many));
  show_message("three, room for none", s[1], 0, 0);
  int bad = 999;
  CHECK(send_control(s[0], SCM_RIGHTS, &bad, sizeof bad));
  CHECK(send_control(s[0], 99, &bad, sizeof bad));
  NEED(write(s[0], "a", 1) == 1 && send_control(s[0], SCM_RIGHTS, many, 4) == 1 && write(s[0], "b", 1) == 1);
  show_message("bytes before descriptors", s[1], 0, 256);
  show_message("descriptors", s[1], 0, 256);
  show_message("bytes after", s[1], 0, 256);
  struct ucred peer;
  socklen_t size = sizeof peer;
  CHECK(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &peer, &size));
  say("peer pid %d uid %d", peer.pid == getpid(), peer.uid == getuid());
  int pidfd = -1;
  size = sizeof pidfd;
  CHECK(getsockopt(s[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size));
  say("pidfd %d cloexec %d", pidfd >= 0, fcntl(pidfd, F_GETFD));
  gid_t groups[64];
  size = sizeof groups;
  CHECK(getsockopt(s[0], SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0 || errno == ERANGE);
  int value;
  size = sizeof value;
  CHECK(getsockopt(s[0], SOL_SOCKET, SO_DOMAIN, &value, &size));
  say("%d", value);
  CHECK(getsockopt(s[0], SOL_SOCKET, SO_PROTOCOL, &value, &size));
  say("%d", value);
  CHECK(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &value, &size));
  say("%d", value);
  CHECK(getsockopt(s[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &size));
  say("%d", value);
  /* Names. */
  struct sockaddr_un name, got;
  int a = socket(AF_UNIX, SOCK_SEQPACKET, 0), b = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  char unique[64];
  snprintf(unique, sizeof unique, "guest-test-%d", getpid());
  socklen_t length = address(&name, unique, 1);
  CHECK(bind(a, (void *)&name, length));
  CHECK(bind(b, (void *)&name, length));
  CHECK(connect(b, (void *)&name, length));
  CHECK(listen(a, 5));
  CHECK(connect(b, (void *)&name, length));
  int c = accept(a, NULL, NULL);
  CHECK(send(b, "one", 3, 0));
  CHECK(send(b, "two!", 4, MSG_EOR));
  char text[64];
  CHECK(recv(c, text, 2, 0));
  struct iovec iov = {text, 64};
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
  CHECK(recvmsg(c, &message, 0));
  say("flags %#x", message.msg_flags);
  CHECK(send(b, "long one", 8, 0));
  iov.iov_len = 3;
  CHECK(recvmsg(c, &message, MSG_PEEK | MSG_TRUNC));
  CHECK(recvmsg(c, &message, 0));
  say("flags %#x", message.msg_flags);
  size = sizeof got;
  CHECK(getpeername(b, (void *)&got, &size));
  say("length %d abstract %d", size == length, got.sun_path[0] == 0);
  CHECK(close(b));
  CHECK(recv(c, text, 2, 0));
  CHECK(send(c, "x", 1, MSG_NOSIGNAL));
  int d = socket(AF_UNIX, SOCK_DGRAM, 0);
  CHECK(bind(d, (void *)&(struct sockaddr_un){.sun_family = AF_UNIX}, sizeof(sa_family_t)));
  size = sizeof got;
  CHECK(getsockname(d, (void *)&got, &size));
  say("autobound: length %d abstract %d", size, got.sun_path[0] == 0);
  int e = socket(AF_UNIX, SOCK_DGRAM, 0);
  CHECK(sendto(e, "hello", 5, 0, (void *)&got, size));
  struct sockaddr_un from;
  socklen_t from_size = sizeof from;
  CHECK(recvfrom(d, text, 64, 0, (void *)&from, &from_size));
  say("from length %d", from_size);
  CHECK(connect(e, (void *)&got, size));
  CHECK(close(d));
  CHECK(send(e, "x", 1, 0));
  CHECK(connect(e, (void *)&(struct sockaddr){AF_UNSPEC, ""}, sizeof(sa_family_t)));
  CHECK(send(e, "x", 1, 0));
  length = address(&name, "path", 0);
  CHECK(sendto(e, "x", 1, 0, (void *)&name, length));
  write_file("path", "");
  CHECK(sendto(e, "x", 1, 0, (void *)&name, length));
  CHECK(bind(e, (void *)&name, length));
  unlink("path");
  CHECK(bind(e, (void *)&name, length));
  CHECK(bind(e, (void *)&name, length));
  struct stat st;
  CHECK(stat("path", &st));
  say("mode %o", st.st_mode);
  CHECK(open("path", O_RDONLY));
  return 0;
}

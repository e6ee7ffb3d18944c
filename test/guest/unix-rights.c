/* SCM_RIGHTS and SCM_CREDENTIALS over socket pairs: passing, truncation, cloexec, sockets in flight, errors. */
#include "check.h"
#include <sys/socket.h>

union control {
  char bytes[256];
  struct cmsghdr align;
};

static ssize_t pass(int over, const int *fds, int count) {
  union control c = {.bytes = ""};
  struct iovec v = {"f", 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c.bytes, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  struct cmsghdr *h = CMSG_FIRSTHDR(&m);
  h->cmsg_level = SOL_SOCKET;
  h->cmsg_type = SCM_RIGHTS;
  h->cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(h), fds, count * sizeof(int));
  return sendmsg(over, &m, MSG_NOSIGNAL);
}

static int take(int over, int *fds, int room, int flags) {
  union control c = {.bytes = ""};
  char byte;
  struct iovec v = {&byte, 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c.bytes, .msg_controllen = room < 0 ? 0 : CMSG_LEN(room * sizeof(int))};
  ssize_t n = recvmsg(over, &m, flags);
  struct cmsghdr *h = CMSG_FIRSTHDR(&m);
  int count = h && h->cmsg_type == SCM_RIGHTS ? (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
  if (count) memcpy(fds, CMSG_DATA(h), count * sizeof(int));
  say("  bytes %zd, descriptors %d, truncated %d", n, count, (m.msg_flags & MSG_CTRUNC) != 0);
  return count;
}

int main(void) {
  int s[2], p[2], got[8], list[4];
  char text[16] = "";
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && pipe(p) == 0);
  write_file("f", "file content");
  int file = open("f", O_RDONLY);
  NEED(lseek(file, 5, SEEK_SET) == 5);
  CHECK(pass(s[0], &file, 1));
  close(file);
  NEED(take(s[1], got, 4, 0) == 1);
  CHECK(read(got[0], text, 7));
  say("%s, cloexec %d", text, fcntl(got[0], F_GETFD));
  list[0] = p[0], list[1] = p[1], list[2] = s[0];
  CHECK(pass(s[0], list, 3));
  NEED(take(s[1], got, 4, MSG_CMSG_CLOEXEC) == 3);
  say("cloexec %d", fcntl(got[2], F_GETFD));
  CHECK(write(got[1], "through", 7));
  CHECK(read(p[0], text, 16));
  CHECK(pass(s[0], list, 3));
  take(s[1], got, 1, 0);
  CHECK(pass(s[0], list, 1));
  take(s[1], got, -1, 0);
  CHECK(pass(s[0], list, 1));
  CHECK(read(s[1], text, 1));
  list[0] = 99;
  CHECK(pass(s[0], list, 1));
  /* A pipe's write end in flight keeps the pipe open; dropping the message closes it. */
  int q[2], t[2];
  NEED(pipe(q) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, t) == 0);
  CHECK(pass(t[0], &q[1], 1));
  close(q[1]);
  NEED(fcntl(q[0], F_SETFL, O_NONBLOCK) == 0);
  CHECK(read(q[0], text, 1));
  close(t[0]);
  close(t[1]);
  CHECK(read(q[0], text, 1));
  /* Between processes. */
  NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, t) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    int fd = memfd_create("gift", 0);
    NEED(write(fd, "gift", 4) == 4);
    NEED(pass(t[1], &fd, 1) == 1);
    _exit(0);
  }
  wait_and_say("sender", pid);
  NEED(take(t[0], got, 1, 0) == 1);
  CHECK(pread(got[0], text, 16, 0));
  int on = 1;
  CHECK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
  CHECK(write(s[0], "c", 1));
  union control c = {.bytes = ""};
  struct iovec v = {text, 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c.bytes, .msg_controllen = sizeof c.bytes};
  CHECK(recvmsg(s[1], &m, 0));
  struct cmsghdr *h = CMSG_FIRSTHDR(&m);
  NEED(h != NULL);
  struct ucred cred;
  memcpy(&cred, CMSG_DATA(h), sizeof cred);
  say("type %d mine %d", h->cmsg_type, cred.pid == getpid() && cred.uid == getuid());
  return 0;
}

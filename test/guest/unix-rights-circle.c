/* Sockets that are in flight within one another alone are let go, and what they carry with them (unix_gc). */
#include "check.h"
#include <sys/resource.h>
#include <sys/socket.h>

static void send_fds(int via, const int *fds, int count) {
  char byte = 'x';
  struct iovec iov = {&byte, 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(8 * sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};
  message.msg_controllen = CMSG_SPACE(count * sizeof(int));
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
  NEED(sendmsg(via, &message, 0) == 1);
}

/* A pipe's writing end in a circle of sockets that nobody has open: gives the reading end. */
static int lose_pipe(int type) {
  int ends[2], pair[2];
  NEED(pipe(ends) == 0 && socketpair(AF_UNIX, type, 0, pair) == 0);
  int first[2] = {pair[0], ends[1]};
  send_fds(pair[0], first, 2);
  send_fds(pair[1], pair + 1, 1);
  close(ends[1]);
  close(pair[0]);
  close(pair[1]);
  return ends[0];
}

/* Closing any socket has the kernel look for such. */
static void stir(void) {
  int pair[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  close(pair[0]);
  close(pair[1]);
}

int main(void) {
  char byte;
  int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  for (int i = 0; i < 3; i++) {
    int end = lose_pipe(types[i]);
    stir();
    report_value("end of the pipe", read(end, &byte, 1));
    close(end);
  }
  /* What an open socket will get stays. */
  int pair[2], ends[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe2(ends, O_NONBLOCK) == 0);
  send_fds(pair[0], ends + 1, 1);
  close(ends[1]);
  stir();
  CHECK(read(ends[0], &byte, 1));
  close(pair[1]);
  fcntl(ends[0], F_SETFL, 0);
  CHECK(read(ends[0], &byte, 1));
  /* Far more than may be open at a time, all lost. */
  struct rlimit limit = {64, 64};
  NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (int i = 0; i < 500; i++) close(lose_pipe(SOCK_STREAM));
  say("500 times");
  return 0;
}

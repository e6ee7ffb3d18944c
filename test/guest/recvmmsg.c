/* recvmmsg and sendmmsg: several messages, MSG_WAITFORONE, timeouts, and whose credentials a message carries that had to wait. */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct mmsghdr messages[4];
static struct iovec vectors[4];
static char data[4][8];

static void prepare(void) {
  for (int i = 0; i < 4; i++) {
    vectors[i] = (struct iovec){data[i], sizeof data[i]};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[i], .msg_iovlen = 1}};
  }
}

static void receive(const char *what, int fd, unsigned count, int flags, struct timespec *timeout) {
  prepare();
  errno = 0;
  int n = recvmmsg(fd, messages, count, flags, timeout);
  say("%s: %d %s", what, n, n < 0 ? error_name(errno) : "");
  for (int i = 0; i < n; i++) say("  %u bytes: %.*s", messages[i].msg_len, (int)messages[i].msg_len, data[i]);
}

static void credentials(void) {
  int s[2], on = 1;
  char block[16384] = "";
  NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
  NEED(setsockopt(s[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    /* More than there is room for: it has to wait. */
    for (int i = 0; i < 40; i++) NEED(send(s[1], block, sizeof block, 0) == sizeof block);
    _exit(0);
  }
  int wrong = 0, count = 0;
  for (; count < 40; count++) {
    char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec v = {block, sizeof block};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct ucred from;
    /* So that others' calls come between. */
    sched_yield();
    NEED(recvmsg(s[0], &m, 0) == sizeof block && m.msg_controllen > 0);
    memcpy(&from, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof from);
    wrong += from.pid != pid;
  }
  NEED(waitpid(pid, NULL, 0) == pid);
  say("of %d messages %d are not from the sender", count, wrong);
}

int main(void) {
  int s[2];
  NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
  prepare();
  for (int i = 0; i < 3; i++) vectors[i].iov_len = (size_t)sprintf(data[i], "part%d", i);
  CHECK(sendmmsg(s[1], messages, 3, 0));
  say("%u %u %u", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
  receive("one for which it waits", s[0], 4, MSG_WAITFORONE, NULL);
  receive("nothing", s[0], 4, MSG_DONTWAIT, NULL);
  NEED(write(s[1], "a", 1) == 1 && write(s[1], "b", 1) == 1);
  struct timespec none = {0, 0}, wrong = {0, 1000000000}, plenty = {1000, 0};
  receive("no time", s[0], 4, 0, &none);
  receive("wrong time", s[0], 4, 0, &wrong);
  receive("plenty", s[0], 1, 0, &plenty);
  say("left: %d", plenty.tv_sec >= 990 && plenty.tv_sec < 1000);
  CHECK(recvmmsg(s[0], messages, 0, 0, NULL));
  CHECK(recvmmsg(-1, messages, 1, 0, NULL));
  NEED(write(s[1], "c", 1) == 1);
  CHECK(recvmmsg(s[0], (void *)8, 1, MSG_DONTWAIT, NULL));
  credentials();
  return 0;
}

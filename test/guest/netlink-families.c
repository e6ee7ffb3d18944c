/* Netlink beyond routes (needs root): generic families and task statistics, lists of sockets, the connector. */
#include "check.h"
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/taskstats.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buffer[65536];
static ssize_t received;

static int open_netlink(int protocol) {
  int fd = socket(AF_NETLINK, SOCK_RAW, protocol);
  struct sockaddr_nl name = {.nl_family = AF_NETLINK};
  if (fd >= 0) NEED(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  return fd;
}

static struct nlmsghdr *ask(int fd, int type, int flags, const void *payload, size_t length) {
  char request[256] = {0};
  struct nlmsghdr *header = (void *)request;
  *header = (struct nlmsghdr){NLMSG_LENGTH(length), type, NLM_F_REQUEST | flags, 7, 0};
  memcpy(NLMSG_DATA(header), payload, length);
  NEED(send(fd, request, header->nlmsg_len, 0) == header->nlmsg_len);
  received = recv(fd, buffer, sizeof buffer, 0);
  NEED(received > 0);
  return (void *)buffer;
}

static void tell_error(const char *label, struct nlmsghdr *answer) {
  if (answer->nlmsg_type != NLMSG_ERROR) say("%s: type %d", label, answer->nlmsg_type);
  else say("%s: %s", label, error_name(-((struct nlmsgerr *)NLMSG_DATA(answer))->error));
}

struct generic {
  struct genlmsghdr header;
  struct nlattr attribute;
  char data[32];
};

static struct generic with(int command, int type, const void *data, int length) {
  struct generic message = {{command, 1, 0}, {NLA_HDRLEN + length, type}, {0}};
  memcpy(message.data, data, length);
  return message;
}

static struct nlattr *find(void *from, void *end, int type) {
  for (char *at = from; at < (char *)end; at += NLA_ALIGN(((struct nlattr *)at)->nla_len)) {
    struct nlattr *attribute = (void *)at;
    if (attribute->nla_type == type) return attribute;
    if (attribute->nla_len == 0) break;
  }
  return NULL;
}

static void generic(void) {
  int fd = open_netlink(NETLINK_GENERIC);
  struct generic message = with(CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, "TASKSTATS", 10);
  struct nlmsghdr *answer = ask(fd, GENL_ID_CTRL, 0, &message, sizeof(struct genlmsghdr) + NLA_HDRLEN + 12);
  struct genlmsghdr *inside = NLMSG_DATA(answer);
  void *end = (char *)answer + answer->nlmsg_len;
  say("type %d seq %d command %d", answer->nlmsg_type, answer->nlmsg_seq, inside->cmd);
  struct nlattr *name = find(inside + 1, end, CTRL_ATTR_FAMILY_NAME), *id = find(inside + 1, end, CTRL_ATTR_FAMILY_ID);
  say("name %s, first %d", (char *)(name + 1), (void *)name == inside + 1);
  int family = *(uint16_t *)(id + 1);
  message = with(CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, "NOBODY", 7);
  tell_error("unknown name", ask(fd, GENL_ID_CTRL, 0, &message, sizeof(struct genlmsghdr) + NLA_HDRLEN + 8));
  tell_error("no name", ask(fd, GENL_ID_CTRL, 0, &message, sizeof(struct genlmsghdr)));
  message.header.cmd = 99;
  tell_error("unknown command", ask(fd, GENL_ID_CTRL, 0, &message, sizeof(struct genlmsghdr)));
  tell_error("unknown family", ask(fd, 999, 0, &message, sizeof(struct genlmsghdr)));

  uint32_t pid = getpid();
  message = with(TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID, &pid, 4);
  answer = ask(fd, family, 0, &message, sizeof(struct genlmsghdr) + NLA_HDRLEN + 4);
  inside = NLMSG_DATA(answer);
  end = (char *)answer + answer->nlmsg_len;
  say("same family %d command %d", answer->nlmsg_type == family, inside->cmd);
  struct nlattr *all = find(inside + 1, end, TASKSTATS_TYPE_AGGR_PID);
  NEED(all != NULL);
  end = (char *)all + all->nla_len;
  id = find(all + 1, end, TASKSTATS_TYPE_PID);
  struct nlattr *stats = find(all + 1, end, TASKSTATS_TYPE_STATS);
  struct taskstats *task = (void *)(stats + 1);
  say("pid %d %d parent %d, %s, uid %d", *(uint32_t *)(id + 1) == pid, task->ac_pid == pid, task->ac_ppid == (uint32_t)getppid(),
      task->ac_comm, task->ac_uid);
  message = with(TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_TGID, &pid, 4);
  answer = ask(fd, family, 0, &message, sizeof(struct genlmsghdr) + NLA_HDRLEN + 4);
  say("of the group %d", find((char *)NLMSG_DATA(answer) + 4, (char *)answer + answer->nlmsg_len, TASKSTATS_TYPE_AGGR_TGID) != NULL);
  pid = 0x7ffffff0;
  message = with(TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID, &pid, 4);
  tell_error("nobody", ask(fd, family, 0, &message, sizeof(struct genlmsghdr) + NLA_HDRLEN + 4));
  tell_error("nothing", ask(fd, family, 0, &message, sizeof(struct genlmsghdr)));
  pid_t child = fork();
  if (child == 0) {
    NEED(setuid(12345) == 0);
    pid = getpid();
    message = with(TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID, &pid, 4);
    tell_error("an ordinary user", ask(fd, family, 0, &message, sizeof(struct genlmsghdr) + NLA_HDRLEN + 4));
    _exit(0);
  }
  wait_and_say("child", child);
  close(fd);
}

/* Walks a dump until `seen` finds its socket. */
static void list(const char *label, const void *request, size_t length, int (*seen)(struct nlmsghdr *)) {
  int fd = open_netlink(NETLINK_SOCK_DIAG);
  struct nlmsghdr *message = ask(fd, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request, length);
  ssize_t left = received;
  int count = 0;
  for (;; left = recv(fd, buffer, sizeof buffer, 0), message = (void *)buffer) {
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_ERROR) tell_error(label, message);
      if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
        say("%s: found %d", label, count);
        close(fd);
        return;
      }
      count += seen(message);
    }
  }
}

static int port;
static ino_t ino;

static int is_mine(struct nlmsghdr *message) {
  struct inet_diag_msg *found = NLMSG_DATA(message);
  if (found->id.idiag_sport != port) return 0;
  say("  state %d uid %d, loopback %d, inode %d", found->idiag_state, found->idiag_uid, found->id.idiag_src[0] == htonl(INADDR_LOOPBACK),
      found->idiag_inode == ino);
  return 1;
}

static int is_named(struct nlmsghdr *message) {
  struct unix_diag_msg *found = NLMSG_DATA(message);
  if (found->udiag_ino != ino) return 0;
  struct nlattr *name = find(found + 1, (char *)message + message->nlmsg_len, UNIX_DIAG_NAME);
  say("  type %d state %d, %s", found->udiag_type, found->udiag_state, name == NULL ? "no name" : (char *)(name + 1) + 1);
  return 1;
}

static void sockets(void) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct stat stat;
  int tcp = socket(AF_INET, SOCK_STREAM, 0);
  socklen_t size = sizeof here;
  NEED(bind(tcp, (struct sockaddr *)&here, sizeof here) == 0 && listen(tcp, 5) == 0);
  NEED(getsockname(tcp, (struct sockaddr *)&here, &size) == 0 && fstat(tcp, &stat) == 0);
  port = here.sin_port;
  ino = stat.st_ino;
  struct inet_diag_req_v2 request = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = -1};
  list("tcp", &request, sizeof request, is_mine);
  request.idiag_states = 1 << 1;
  list("established", &request, sizeof request, is_mine);
  list("too short", &request, 8, is_mine);
  request.sdiag_family = 4;
  list("not there", &request, sizeof request, is_mine);
  request.sdiag_family = 200;
  list("unknown family", &request, sizeof request, is_mine);
  int local = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, sizeof name.sun_path, "%cdiag", 0);
  memcpy(name.sun_path + 1, "diag-name", 10);
  NEED(bind(local, (struct sockaddr *)&name, offsetof(struct sockaddr_un, sun_path) + 11) == 0 && listen(local, 1) == 0);
  NEED(fstat(local, &stat) == 0);
  ino = stat.st_ino;
  struct unix_diag_req unix_request = {.sdiag_family = AF_UNIX, .udiag_states = -1, .udiag_show = UDIAG_SHOW_NAME};
  list("unix", &unix_request, sizeof unix_request, is_named);
}

int main(void) {
  CHECK(open_netlink(31));
  generic();
  sockets();
  CHECK(open_netlink(NETLINK_CONNECTOR) >= 0);
  int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR);
  struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = 1};
  CHECK(bind(fd, (struct sockaddr *)&group, sizeof group));
  NEED(setuid(12345) == 0);
  fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR);
  CHECK(bind(fd, (struct sockaddr *)&group, sizeof group));
  return 0;
}

/* What the launcher takes from Node before it begins. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif
#define SYS_landlock_create_ruleset_ 444
#define SYS_landlock_restrict_self_ 446
#define LAST_CAPABILITY 63

/* CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID: what root does with files. In a user namespace they are for files alone. */
/* CAP_NET_BIND_SERVICE, CAP_NET_RAW (for priorities and devices of sockets): with the host's network. */
#define SOCKET_CAPABILITIES (1U << 10 | 1U << 13)
#define FILE_CAPABILITIES (1U << 0 | 1U << 1 | 1U << 3 | 1U << 4)

static int set_capabilities(uint32_t low) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{low, low, 0}, {0, 0, 0}};
  return (int)syscall(SYS_capset, &header, data);
}

/* A caller with less keeps less. */
static void keep_capabilities(uint32_t kept) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  for (unsigned long i = 0; i <= LAST_CAPABILITY; i++)
    if (i >= 32 || (kept >> i & 1) == 0) prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  syscall(SYS_capget, &header, data);
  set_capabilities(data[0].permitted & kept);
}

void drop_all_capabilities(void) { set_capabilities(0); }

void keep_ambient_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (geteuid() == 0 || syscall(SYS_capget, &header, data) != 0) return;
  for (int i = 0; i < 2; i++) data[i].effective = data[i].permitted = 0;
  for (unsigned long i = 0; i <= LAST_CAPABILITY; i++)
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1) data[i / 32].effective = data[i / 32].permitted |= 1U << i % 32;
  syscall(SYS_capset, &header, data);
}

/* Every id that we know becomes itself. */
static int identity_map(const char *path, char *map) {
  FILE *file = fopen(path, "re");
  unsigned long inside, outside, count;
  size_t length = 0;
  if (file == NULL) return -1;
  while (fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3) {
    int added = snprintf(map + length, MAP_SIZE - length, "%lu %lu %lu\n", inside, inside, count);
    if (added < 0 || (size_t)added >= MAP_SIZE - length) length = 0;
    if (length == 0 && map[0] == 0) break;
    length += (size_t)added;
  }
  fclose(file);
  return length > 0 ? 0 : -1;
}

int read_identity_maps(struct id_maps *maps) {
  memset(maps, 0, sizeof *maps);
  return identity_map("/proc/self/uid_map", maps->uids) != 0 ? -1 : identity_map("/proc/self/gid_map", maps->gids);
}

/* In the process that becomes Node. Where there may be no user namespace its capabilities alone are less. */
void enter_user_namespace(const struct launch *l, int socket) {
  char answer = !l->has_host_network && unshare(CLONE_NEWUSER) == 0 ? 'u' : 'n';
  if (send(socket, &answer, 1, 0) != 1 || recv(socket, &answer, 1, 0) != 1) _exit(1);
  keep_capabilities(FILE_CAPABILITIES | (l->has_host_network ? SOCKET_CAPABILITIES : 0));
}

static int write_map(int proc, pid_t pid, const char *name, const char *map) {
  char path[64];
  snprintf(path, sizeof path, "%d/%s", (int)pid, name);
  int fd = openat(proc, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t written = write(fd, map, strlen(map));
  close(fd);
  return written == (ssize_t)strlen(map) ? 0 : -1;
}

/* What Node says first, one byte, and its pid as we see it. */
static int receive_first(int socket, char *byte, pid_t *sender) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
  } control;
  struct iovec iov = {byte, 1};
  struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1) return -1;
  struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
  if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS) return -1;
  struct ucred who;
  memcpy(&who, CMSG_DATA(c), sizeof who);
  *sender = who.pid;
  return 0;
}

/* The other side of enter_user_namespace. */
int give_user_namespace(struct launch *l, const struct id_maps *maps) {
  char answer = 0;
  if (receive_first(l->socket, &answer, &l->sentry) != 0) return -1;
  if (answer == 'u') {
    if (write_map(l->host_proc, l->sentry, "uid_map", maps->uids) != 0) return -1;
    if (write_map(l->host_proc, l->sentry, "gid_map", maps->gids) != 0) return -1;
  }
  return send(l->socket, &answer, 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int forbid_io_uring(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/*
 * Without a PID namespace: no signals to processes but those that come of it, no tracing of them, where Landlock knows of
 * signals (Linux 6.12). A user namespace of an ordinary user's own would hide whose files are.
 */
void scope_signals(void) {
  struct {
    uint64_t handled_access_fs, handled_access_net, scoped;
  } attributes = {0, 0, 1 << 1};
  int ruleset = (int)syscall(SYS_landlock_create_ruleset_, &attributes, sizeof attributes, 0);
  if (ruleset < 0) return;
  syscall(SYS_landlock_restrict_self_, ruleset, 0);
  close(ruleset);
}

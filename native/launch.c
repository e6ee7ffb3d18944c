/*
 * Starts Node for a sandbox with what only a process that has not begun can be given, and stays beside it. Where Node is, and with it the form of the
 * command line, launch-node.h knows.
 *
 * Three processes: the keeper (this one, of the host), the init of the sandbox's PID namespace, and Node, the sentry. Node gets
 * mount, PID, IPC and UTS namespaces in which it has no power, a user namespace in which it has those over files alone, no core dumps, only the
 * descriptors that are its, and a filter that knows no io_uring: libuv would make a ring as soon as it begins, and what is asked for through
 * a ring passes the sentry's own filter by. Where the host does not allow namespaces it goes without them.
 *
 * The keeper does for the sentry, before that locks itself in, what takes powers over the host: directories as mounts of their own, the new
 * root, control groups. When the sentry has ended it says why and clears away what it was told to. It runs no guest code and reads no guest data.
 */
#define _GNU_SOURCE
#include "launch.h"
#include "launch-node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Flags before the verb whose value is the next word. */
static const char *const with_value[] = {FLAGS_WITH_VALUE};

static int takes_value(const char *flag) {
  for (size_t i = 0; i < sizeof with_value / sizeof with_value[0]; i++)
    if (strcmp(flag, with_value[i]) == 0) return 1;
  return 0;
}

/* The verb and what follows; an empty one if there is none. */
static char **find_verb(char **args) {
  static char *none[] = {"", NULL};
  for (; *args != NULL; args++) {
    if ((*args)[0] != '-') return args;
    if (takes_value(*args) && args[1] != NULL) args++;
  }
  return none;
}

/* Whether the verb is one whose process becomes a sentry. */
static int begins_sandbox(char **verb) {
  if (strcmp(*verb, "do") == 0 || strcmp(*verb, "boot") == 0) return 1;
  if (strcmp(*verb, "run") != 0) return 0;
  for (char **arg = verb + 1; *arg != NULL; arg++)
    if (strcmp(*arg, "-d") == 0 || strstr(*arg, "-detach") != NULL || strstr(*arg, "-console-socket") != NULL) return 0;
  return 1;
}

/* Whether --network=host was asked for. */
static int asks_for_host(char **args) {
  for (; *args != NULL; args++) {
    const char *name = strstr(*args, "--network");
    if (name == *args && (strcmp(*args, "--network=host") == 0 || (args[1] != NULL && strcmp(args[1], "host") == 0))) return 1;
  }
  return 0;
}

/* How many descriptors from 3 on belong to the sandbox; -1 for all that there are. */
static int preserved_fds(char **verb) {
  if (strcmp(*verb, "boot") == 0) return -1;
  for (char **arg = verb + 1; strcmp(*verb, "run") == 0 && *arg != NULL; arg++) {
    const char *name = strstr(*arg, "-preserve-fds");
    if (name == NULL) continue;
    const char *equals = strchr(name, '=');
    return atoi(equals != NULL ? equals + 1 : arg[1] != NULL ? arg[1] : "0");
  }
  return 0;
}

unsigned long long field_after(const char *end, int number) {
  const char *at = end;
  for (int field = 2; at != NULL && field < number; field++) at = strchr(at + 1, ' ');
  return at == NULL ? 0 : strtoull(at, NULL, 10);
}

/* Field 22 of /proc/self/stat: with it a pid names one process. */
static unsigned long long start_time(void) {
  char text[1024];
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  return field_after(strrchr(text, ')'), 22);
}

/* Becomes Node. `fd` is its end of our socket. */
static _Noreturn void run_node(struct launch *l, int fd) {
  char mark[128];
  int first = l->preserved >= 0 ? 3 + l->preserved : 3;
  int socket = fcntl(fd, F_DUPFD, first < 100 ? 100 : first);
  if (l->preserved >= 0) {
    close_range((unsigned)first, (unsigned)socket - 1, 0);
    close_range((unsigned)socket + 1, ~0U, 0);
  }
  snprintf(mark, sizeof mark, "%d,%d,%llu", socket, (int)l->keeper, l->keeper_start);
  setenv("TSVISOR_LAUNCHED", mark, 1);
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  if (l->is_detached) setsid();
  sigprocmask(SIG_SETMASK, &l->signals, NULL);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (forbid_io_uring() != 0) {
    perror("runsc: this host does not allow a seccomp filter");
    _exit(1);
  }
  become_node(l, 1);
  _exit(1);
}

/* The init of the PID namespace, with which all in it end. It tells how Node ended. */
static _Noreturn void run_init(struct launch *l, int fd, int status_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) _exit(1);
  pid_t node = fork();
  if (node < 0) _exit(1);
  if (node == 0) {
    enter_user_namespace(l, fd);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    run_node(l, fd);
  }
  dup2(status_fd, 0);
  close_range(1, ~0U, 0);
  if (chdir("/") != 0) _exit(1);
  drop_all_capabilities();
  for (;;) {
    int status = 0;
    pid_t ended = wait(&status);
    if (ended != node) continue;
    if (write(0, &status, sizeof status) != sizeof status) _exit(1);
    _exit(0);
  }
}

/* The keeper's end of the socket, which tells whose messages are; the other end for Node. */
static int make_socket(struct launch *l) {
  int sockets[2];
  int on = 1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return -1;
  setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  l->socket = sockets[0];
  return sockets[1];
}

/* Whether Node is on its way in namespaces. Nothing is left of an attempt that failed. */
static int start_in_namespaces(struct launch *l) {
  struct id_maps maps;
  int status[2];
  l->host_mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  l->host_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (l->host_mounts < 0 || l->host_proc < 0 || read_identity_maps(&maps) != 0) return 0;
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) != 0) return 0;
  l->mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  int fd = make_socket(l);
  if (l->mounts < 0 || fd < 0 || pipe2(status, O_CLOEXEC) != 0) return 0;
  l->child = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0);
  if (l->child == 0) {
    close(l->socket);
    run_init(l, fd, status[1]);
  }
  close(fd);
  close(status[1]);
  l->status_fd = status[0];
  if (l->child > 0 && give_user_namespace(l, &maps) == 0) return 1;
  if (l->child > 0) {
    kill(l->child, SIGKILL);
    waitpid(l->child, NULL, 0);
  }
  setns(l->host_mounts, CLONE_NEWNS);
  close(l->socket);
  return 0;
}

/* The processes that we make from here on have clocks that are so far from ours (time_namespaces(7)). */
static int shift_clocks(const char *offsets) {
  if (unshare(CLONE_NEWTIME) != 0) return -1;
  int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t written = write(fd, offsets, strlen(offsets));
  close(fd);
  return written == (ssize_t)strlen(offsets) ? 0 : -1;
}

/* Node as our own child, without namespaces: its pid. */
static pid_t start_plain(struct launch *l) {
  int fd = make_socket(l);
  if (fd < 0) return -1;
  l->host_mounts = l->mounts = l->status_fd = -1;
  l->child = l->sentry = fork();
  if (l->child == 0) {
    close(l->socket);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    scope_signals();
    run_node(l, fd);
  }
  close(fd);
  return l->child;
}

/* What is not handled here: what stops a process of a terminal's background, for we are to stop with it. */
static void block_signals(sigset_t *before) {
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, SIGTTIN);
  sigdelset(&all, SIGTTOU);
  sigprocmask(SIG_SETMASK, &all, before);
}

/* The sandbox's descriptors are its to close: we keep ours, and streams to say something on where somebody waits for us. */
static void let_go(const struct launch *l) {
  const int ours[] = {l->socket, l->status_fd, l->host_mounts, l->mounts, l->host_proc};
  if (l->is_detached) {
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
  }
  for (unsigned from = 3, next; from != 0; from = next + 1) {
    next = ~0U;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
      if (ours[i] >= (int)from && (unsigned)ours[i] < next) next = (unsigned)ours[i];
    if (next != from) close_range(from, next == ~0U ? next : next - 1, 0);
    if (next == ~0U) break;
  }
}

int main(int argc, char **argv) {
  struct launch l = {.host_mounts = -1, .mounts = -1, .status_fd = -1, .host_proc = -1};
  char **arguments = take_command(&l, argc, argv);
  if (arguments == NULL) return 1;
  char **verb = find_verb(arguments);
  /* By src/cli/launched.ts, which understands every command line. */
  const int is_asked = getenv("TSVISOR_LAUNCH") != NULL;
  unsetenv("TSVISOR_LAUNCH");
  if (!is_asked && !begins_sandbox(verb)) {
    if (run_prepared(arguments, verb)) return 0;
    become_node(&l, 0);
    return 1;
  }
  l.keeper = getpid();
  l.keeper_start = start_time();
  l.preserved = preserved_fds(verb);
  l.is_detached = strcmp(*verb, "boot") == 0;
  int is_run = strcmp(*verb, "run") == 0;
  int asks = asks_for_host(arguments);
  /* Of `run` only the configuration knows, and that may ask for a network namespace that Node must enter itself. */
  l.has_host_network = is_run || asks;
  /* By src/runtime/create.ts. */
  const char *offsets = getenv("TSVISOR_TIME_OFFSETS");
  unsetenv("TSVISOR_TIME_OFFSETS");
  if (l.is_detached && offsets != NULL && shift_clocks(offsets) != 0) {
    perror("runsc: linux.timeOffsets: this host gives the sandbox no clocks of its own");
    return 1;
  }
  block_signals(&l.signals);
  if ((is_run && asks) || !start_in_namespaces(&l)) l.child = start_plain(&l);
  if (l.child <= 0) {
    perror("runsc: cannot start");
    return 1;
  }
  let_go(&l);
  return keep(&l);
}

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
  return strcmp(*verb, "do") == 0 || strcmp(*verb, "run") == 0 || strcmp(*verb, "create") == 0;
}

/* Whether that outlives the command. */
static int is_detached(char **verb) {
  if (strcmp(*verb, "create") == 0) return 1;
  for (char **arg = verb + 1; strcmp(*verb, "run") == 0 && *arg != NULL; arg++)
    if (strcmp(*arg, "-d") == 0 || strstr(*arg, "-detach") != NULL || strstr(*arg, "-console-socket") != NULL) return 1;
  return 0;
}

/* Whether --network=host was asked for. */
static int asks_for_host(char **args) {
  for (; *args != NULL; args++) {
    const char *name = strstr(*args, "--network");
    if (name == *args && (strcmp(*args, "--network=host") == 0 || (args[1] != NULL && strcmp(args[1], "host") == 0))) return 1;
  }
  return 0;
}

/* How many descriptors from 3 on belong to the sandbox. */
static int preserved_fds(char **verb) {
  for (char **arg = verb + 1; strcmp(*verb, "do") != 0 && *arg != NULL; arg++) {
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
  int first = 3 + l->preserved;
  int socket = fcntl(fd, F_DUPFD, first < 100 ? 100 : first);
  close_range((unsigned)first, (unsigned)socket - 1, 0);
  close_range((unsigned)socket + 1, ~0U, 0);
  snprintf(mark, sizeof mark, "%d,%d,%llu,%s", socket, (int)l->keeper, l->keeper_start, l->has_host_network ? "host" : "none");
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

int shift_clocks(const char *offsets) {
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

/* Once the sandbox is made, or locked in: before, it may have to be started once more. We keep ours, and streams to say something on where somebody waits for us. */
void let_go(const struct launch *l) {
  const int ours[] = {l->socket, l->status_fd, l->host_mounts, l->mounts, l->host_proc, l->host_network, l->signals_fd, l->command_fd};
  for (int fd = 0; fd < 3 && l->is_detached; fd++) dup2(l->nothing, fd);
  for (unsigned from = 3, next; from != 0; from = next + 1) {
    next = ~0U;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
      if (ours[i] >= (int)from && (unsigned)ours[i] < next) next = (unsigned)ours[i];
    if (next != from) close_range(from, next == ~0U ? next : next - 1, 0);
    if (next == ~0U) break;
  }
}

/* Leaves the command behind, in its process, and becomes the keeper in a new one. @returns 1 in the command's, whose child the keeper is */
static int leave_command(struct launch *l) {
  int words[2];
  pid_t command = getpid();
  if (pipe2(words, O_CLOEXEC) != 0 || (l->child = fork()) < 0) {
    perror("runsc: cannot start");
    _exit(1);
  }
  l->command_fd = words[l->child == 0 ? 1 : 0];
  close(words[l->child == 0 ? 0 : 1]);
  if (l->child > 0) return 1;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != command) _exit(1);
  setsid();
  return 0;
}

/* The command, until the sandbox is made: it ends then, or goes on as Node where there is more to do. */
static int go_on(struct launch *l, char **verb) {
  char word = 0;
  int status = 0;
  ssize_t length;
  while ((length = read(l->command_fd, &word, 1)) < 0 && errno == EINTR) continue;
  close(l->command_fd);
  /* It ends as the keeper does, or after it. */
  if (length <= 0 || word == COMMAND_IS_OUTSIDE)
    while (waitpid(l->child, &status, 0) < 0 && errno == EINTR) continue;
  if (length <= 0) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (word == COMMAND_IS_DONE && strcmp(*verb, "create") == 0) return 0;
  setenv("TSVISOR_COMMAND", word == COMMAND_IS_DONE ? "made" : "outside", 1);
  become_node(l, 0);
  return 1;
}

/* Of a sandbox that is to be started once more nothing is left. */
static void forget_sandbox(struct launch *l) {
  int *const fds[] = {&l->socket, &l->status_fd, &l->mounts, &l->host_mounts, &l->host_proc};
  if (l->host_mounts >= 0) setns(l->host_mounts, CLONE_NEWNS);
  if (fchdir(l->home) != 0) perror("runsc: cannot go back to the current directory");
  for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
    if (*fds[i] >= 0) close(*fds[i]);
    *fds[i] = -1;
  }
}

int main(int argc, char **argv) {
  struct launch l = {.host_mounts = -1, .mounts = -1, .status_fd = -1, .host_proc = -1, .host_network = -1, .signals_fd = -1, .command_fd = -1};
  char **arguments = take_command(&l, argc, argv);
  if (arguments == NULL) return 1;
  char **verb = find_verb(arguments);
  /* By src/cli/launched.ts, which understands every command line. */
  const int is_asked = getenv("TSVISOR_LAUNCH") != NULL;
  unsetenv("TSVISOR_LAUNCH");
  if (!is_asked && !begins_sandbox(verb)) {
    int status = 0;
    if (run_prepared(arguments, verb, &status)) return status;
    become_node(&l, 0);
    return 1;
  }
  /* Later our root may be the container's. */
  l.nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  l.home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  l.preserved = preserved_fds(verb);
  l.has_host_network = asks_for_host(arguments);
  l.is_detached = is_detached(verb);
  if (l.is_detached && leave_command(&l)) return go_on(&l, verb);
  l.keeper = getpid();
  l.keeper_start = start_time();
  block_signals(&l.signals);
  for (int status = WANTED_AGAIN;;) {
    l.is_wanted_again = 0;
    if (!start_in_namespaces(&l)) l.child = start_plain(&l);
    if (l.child <= 0) {
      perror("runsc: cannot start");
      return 1;
    }
    status = keep(&l);
    if (status != WANTED_AGAIN) return status;
    forget_sandbox(&l);
  }
}

/* The keeper: what it does for the sentry until that has locked itself in, and what is left to do when it has ended. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SYS_open_tree_ 428
#define SYS_move_mount_ 429
#define SYS_fsopen_ 430
#define SYS_fsconfig_ 431
#define SYS_fsmount_ 432
#define SYS_mount_setattr_ 442
#define SYS_openat2_ 437
#define OPEN_TREE_CLONE_ 1
#define RECURSIVE 0x8000
#define FSOPEN_CLOEXEC_ 1
#define FSCONFIG_SET_STRING_ 1
#define FSCONFIG_CMD_CREATE_ 6
#define FSMOUNT_CLOEXEC_ 1
#define ATTR_RDONLY 1
#define ATTR_NOSUID 2
#define ATTR_NODEV 4
/* MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH */
#define BOTH_EMPTY_PATHS 0x44
/* What of a failed hook's standard error is shown. */
#define MAX_SAID 1025
#define REMOVE_TRIES 100
#define REMOVE_PAUSE_NS 20000000L

struct mount_attributes {
  uint64_t set, clear, propagation, userns_fd;
};

/* A result, with a descriptor if there is one, and a text. */
static void answer(int socket, int result, int fd, char *text) {
  int32_t word = result;
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof fd)];
  } control = {0};
  struct iovec iov[] = {{&word, sizeof word}, {text, strlen(text)}};
  struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
  if (fd >= 0) {
    msg.msg_control = &control;
    msg.msg_controllen = sizeof control;
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
  }
  if (sendmsg(socket, &msg, MSG_NOSIGNAL) >= 0 || fd < 0) return;
  /* The host has too many in flight, or no memory: the sentry waits for some answer. */
  word = -errno;
  msg.msg_controllen = 0;
  sendmsg(socket, &msg, MSG_NOSIGNAL);
}

const char *next_text(const char *text, const char *end) {
  text += strlen(text) + 1;
  return text < end ? text : NULL;
}

void enter_mounts(int mounts) {
  if (mounts >= 0) setns(mounts, CLONE_NEWNS);
}

void go_home(const struct launch *l) {
  enter_mounts(l->host_mounts);
  if (l->host_network >= 0 && setns(l->host_network, CLONE_NEWNET) != 0) _exit(126);
}

/* How a mount is wanted: `w` for writable, `r` read-only; then `a` with all that is mounted below it, or `o`, the one alone. */
static int is_mode(const char *mode) { return (mode[0] == 'w' || mode[0] == 'r') && (mode[1] == 'a' || mode[1] == 'o'); }

/* What is at `path` as a mount that is nowhere, with attributes added to all of it: a descriptor, or -errno. */
static int open_mount(const char *path, const char *mode, uint64_t added) {
  struct mount_attributes attributes = {added | (mode[0] == 'w' ? 0 : ATTR_RDONLY), 0, 0, 0};
  int tree = (int)syscall(SYS_open_tree_, AT_FDCWD, path, OPEN_TREE_CLONE_ | (mode[1] == 'a' ? RECURSIVE : 0) | O_CLOEXEC);
  if (tree < 0) return -errno;
  if (syscall(SYS_mount_setattr_, tree, "", AT_EMPTY_PATH | RECURSIVE, &attributes, sizeof attributes) == 0) return tree;
  int failed = -errno;
  close(tree);
  return failed;
}

/* A directory of the host as a mount of its own, out of which no `..` leads. Devices in it are none. */
static int clone_tree(struct launch *l, const char *mode) {
  if (l->mounts < 0) return -EPERM;
  if (!is_mode(mode)) return -EINVAL;
  enter_mounts(l->host_mounts);
  int tree = open_mount(mode + 2, mode, ATTR_NOSUID | ATTR_NODEV);
  enter_mounts(l->mounts);
  return tree;
}

/*
 * A tmpfs that is nowhere, for the files in memory of all guests. Unlike memfds they have an end together, half of the host's memory
 * as tmpfs(5) has it, for what is written by a mapping too, of which the sentry does not hear.
 */
static int open_memory(const struct launch *l) {
  if (l->mounts < 0) return -EPERM;
  int fs = (int)syscall(SYS_fsopen_, "tmpfs", FSOPEN_CLOEXEC_);
  if (fs < 0) return -errno;
  int tree = -1;
  if (syscall(SYS_fsconfig_, fs, FSCONFIG_SET_STRING_, "mode", "700", 0) == 0 &&
      syscall(SYS_fsconfig_, fs, FSCONFIG_CMD_CREATE_, NULL, NULL, 0) == 0)
    tree = (int)syscall(SYS_fsmount_, fs, FSMOUNT_CLOEXEC_, ATTR_NOSUID | ATTR_NODEV);
  int failed = -errno;
  close(fs);
  return tree < 0 ? failed : tree;
}

/* A place in the container, whatever links its image holds. */
static int open_inside(int root, const char *path) {
  struct {
    uint64_t flags, mode, resolve;
  } how = {O_PATH | O_CLOEXEC, 0, 0x10 | 0x02}; /* IN_ROOT, NO_MAGICLINKS */
  return (int)syscall(SYS_openat2_, root, path, &how, sizeof how);
}

static void bind_inside(int root, const char *source, const char *target, const char *mode) {
  int place = open_inside(root, target);
  int tree = open_mount(source, mode, 0);
  /* What has no such place is left out. */
  if (place >= 0 && tree >= 0) syscall(SYS_move_mount_, tree, "", place, "", BOTH_EMPTY_PATHS);
  if (place >= 0) close(place);
  if (tree >= 0) close(tree);
}

/*
 * Changes the root of the sandbox's mount namespace, and with it of all processes in it, ours too: to the container's with what is
 * bound into it, where `podman cp` looks for it; or to one that is empty.
 */
static int change_root(struct launch *l, const char *path, const char *end) {
  if (l->mounts < 0) return -EPERM;
  if (path[0] == 0) {
    if (mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2,mode=555") != 0) return -errno;
    if (chdir("/proc") != 0) return -errno;
  } else {
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) != 0) return -errno;
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return -errno;
    for (const char *source = next_text(path, end); source != NULL;) {
      const char *target = next_text(source, end);
      const char *mode = target == NULL ? NULL : next_text(target, end);
      if (mode == NULL || !is_mode(mode)) break;
      bind_inside(root, source, target, mode);
      source = next_text(mode, end);
    }
    int failed = fchdir(root) != 0 ? -errno : 0;
    close(root);
    if (failed < 0) return failed;
  }
  if (syscall(SYS_pivot_root, ".", ".") != 0) return -errno;
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return -errno;
  if (path[0] == 0) mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  return 0;
}

static int write_file(const char *path, int flags, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
  if (fd < 0) return -errno;
  int failed = write(fd, text, strlen(text)) < 0 ? -errno : 0;
  close(fd);
  return failed;
}

/* Puts the sandbox's processes into a control group. */
static int place(struct launch *l, const char *directory) {
  char path[4096], pid[16];
  const pid_t processes[] = {l->keeper, l->child, l->sentry};
  int failed = 0;
  enter_mounts(l->host_mounts);
  snprintf(path, sizeof path, "%s/cgroup.procs", directory);
  for (size_t i = 0; i < 3 && failed == 0; i++) {
    snprintf(pid, sizeof pid, "%d", (int)processes[i]);
    failed = write_file(path, 0, pid);
  }
  enter_mounts(l->mounts);
  return failed;
}

/* Which control groups we are in, as the host's /proc has it, in which the sentry's own has no keeper. */
static int open_groups(const struct launch *l) {
  char path[32];
  snprintf(path, sizeof path, "%d/cgroup", (int)l->keeper);
  int fd = l->host_proc < 0 ? open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC) : openat(l->host_proc, path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

/* Runs our own program with these arguments, as the caller would: its exit status. */
static int run_ourselves(struct launch *l, const char *argument, const char *end) {
  char *words[64];
  int count = 0;
  for (; count < l->own_words && count < 32; count++) words[count] = l->own[count];
  for (; argument != NULL && count < 63; argument = next_text(argument, end)) words[count++] = (char *)argument;
  words[count] = NULL;
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) {
    go_home(l);
    sigprocmask(SIG_SETMASK, &l->signals, NULL);
    execv(words[0], words);
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Enters a network namespace, that at `path` or a new one: hooks of others find it by our pid and wire it up. */
static int enter_network(struct launch *l, const char *path) {
  int home = l->host_proc < 0 ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : openat(l->host_proc, "self/ns/net", O_RDONLY | O_CLOEXEC);
  int failed = home < 0 ? -errno : 0;
  if (failed == 0 && path[0] == 0 && unshare(CLONE_NEWNET) != 0) failed = -errno;
  if (failed == 0 && path[0] != 0) {
    enter_mounts(l->host_mounts);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enter_mounts(l->mounts);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) failed = -errno;
    if (fd >= 0) close(fd);
  }
  if (failed < 0 && home >= 0) close(home);
  if (failed == 0) l->host_network = home;
  return failed;
}

/* How soon the host is to end the sandbox's processes for want of memory (proc_pid_oom_score_adj(5)). */
static int set_oom_score(struct launch *l, const char *score) {
  char path[64];
  const pid_t processes[] = {l->keeper, l->child, l->sentry};
  int failed = 0;
  for (size_t i = 0; i < 3 && failed == 0; i++) {
    snprintf(path, sizeof path, "%d/oom_score_adj", (int)processes[i]);
    int fd = l->host_proc < 0 ? -1 : openat(l->host_proc, path, O_WRONLY | O_CLOEXEC);
    if (l->host_proc < 0) {
      snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)processes[i]);
      fd = open(path, O_WRONLY | O_CLOEXEC);
    }
    if (fd < 0 || write(fd, score, strlen(score)) < 0) failed = -errno;
    if (fd >= 0) close(fd);
  }
  return failed;
}

/* The sentry is to be started once more, with clocks of its own, with the host's network, and with a note for itself. */
static int want_again(struct launch *l, const char *text, const char *end) {
  const char *network = next_text(text, end);
  const char *note = network == NULL ? NULL : next_text(network, end);
  if (note == NULL) return -EINVAL;
  /* Ours are named in the host's /proc. */
  enter_mounts(l->host_mounts);
  int failed = text[0] != 0 && shift_clocks(text) != 0 ? -errno : 0;
  enter_mounts(l->mounts);
  if (failed < 0) return failed;
  if (strcmp(network, "host") == 0) l->has_host_network = 1;
  setenv("TSVISOR_AGAIN", note, 1);
  l->is_wanted_again = 1;
  return 0;
}

/* Tells the command how it goes on, and lets go of what is its. */
static void tell_command(struct launch *l, char word) {
  if (l->command_fd < 0) return;
  let_go(l);
  prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
  if (write(l->command_fd, &word, 1) != 1) perror("runsc: the command is gone");
  close(l->command_fd);
  l->command_fd = -1;
}

static struct end_step copy_step(const char *request, size_t length) {
  struct end_step step = {malloc(length), length};
  if (step.request != NULL) memcpy(step.request, request, length);
  return step;
}

/* Once the sentry is locked in it can only have what it has asked for before: that its start is told of, and that it is made. */
static void handle_request(struct launch *l, const char *request, size_t length) {
  const char *text = request + 1;
  const char *end = request + length;
  /* Every request ends with a zero, so its texts do. */
  if (length < 2 || end[-1] != 0) return;
  if (l->is_locked) {
    if (request[0] == 'W') tell_command(l, COMMAND_IS_DONE);
    if (request[0] == 'S' && l->at_start.request != NULL) {
      run_ourselves(l, l->at_start.request + 1, l->at_start.request + l->at_start.length);
      free(l->at_start.request);
      l->at_start.request = NULL;
    }
    return;
  }
  char said[MAX_SAID] = "";
  int result = 0;
  int fd = -1;
  switch (request[0]) {
    case 'T':
      fd = clone_tree(l, text);
      result = fd < 0 ? fd : 0;
      break;
    case 'P':
      fd = open_mount("/proc", "wa", ATTR_NOSUID | ATTR_NODEV);
      result = fd < 0 ? fd : 0;
      break;
    case 'M':
      fd = open_memory(l);
      result = fd < 0 ? fd : 0;
      break;
    case 'R':
      result = change_root(l, text, end);
      break;
    case 'G':
      result = place(l, text);
      break;
    case 'C':
      fd = open_groups(l);
      result = fd < 0 ? fd : 0;
      break;
    case 'H':
      result = run_ourselves(l, text, end);
      break;
    case 'K':
      result = run_hook(l, text, end, said, sizeof said);
      break;
    case 'N':
      result = enter_network(l, text);
      break;
    case 'O':
      result = set_oom_score(l, text);
      break;
    case 'A':
      result = want_again(l, text, end);
      break;
    case 'U':
      l->is_outside = 1;
      break;
    case 'D':
      l->reason_path = strdup(text);
      break;
    case 'B':
      l->at_start = copy_step(request, length);
      break;
    case 'E':
      if (l->end_steps < MAX_END_STEPS) l->at_end[l->end_steps++] = copy_step(text, length - 1);
      else result = -ENOSPC;
      break;
    case 'X':
      l->is_locked = 1;
      if (!l->is_detached) let_go(l);
      break;
    default:
      result = -EINVAL;
  }
  answer(l->socket, result, fd, said);
  if (fd >= 0) close(fd);
}

int remove_directory(const char *path) {
  const struct timespec pause = {0, REMOVE_PAUSE_NS};
  for (int i = 0; i < REMOVE_TRIES; i++) {
    if (rmdir(path) == 0 || errno == ENOENT) return 0;
    if (errno != EBUSY) return -errno;
    nanosleep(&pause, NULL);
  }
  return -EBUSY;
}

static void clear_away(struct launch *l) {
  enter_mounts(l->host_mounts);
  for (int i = 0; i < l->end_steps; i++) {
    const char *request = l->at_end[i].request;
    const char *end = request + l->at_end[i].length;
    const char *text = request + 1;
    if (request == NULL) continue;
    if (request[0] == 'u') unlink(text);
    else if (request[0] == 'd') remove_directory(text);
    else if (request[0] == 'r') run_ourselves(l, text, end);
    else if (request[0] == 'w') {
      const char *data = next_text(text, end);
      if (data != NULL) write_file(text, 0, data);
    }
  }
}

static const char *reason_of(int signal) {
  switch (signal) {
    case SIGSYS:
      return "its filter ended it at a host call that it does not make (the host's audit log names it)";
    case SIGABRT:
    case SIGTRAP:
      return "it gave up, out of memory for its heap or by a defect";
    case SIGKILL:
      return "it was killed, by somebody or for want of memory";
    default:
      return "a signal ended it";
  }
}

/* The end of the sentry itself, not of its guest: for people, and for `runsc state`. */
static void report(struct launch *l, int signal) {
  char line[256];
  snprintf(line, sizeof line, "the sandbox has ended with signal %d: %s", signal, reason_of(signal));
  if (!l->is_detached || l->command_fd >= 0) fprintf(stderr, "runsc: %s\n", line);
  if (l->reason_path == NULL) return;
  enter_mounts(l->host_mounts);
  write_file(l->reason_path, O_CREAT | O_TRUNC, line);
}

/* A signal that somebody sent us is meant for the sandbox. One of the terminal has gone to the sentry already, which is in our group. */
static void pass_on(const struct launch *l, int signals) {
  struct signalfd_siginfo info;
  if (read(signals, &info, sizeof info) != sizeof info) return;
  if (info.ssi_signo == SIGCHLD || info.ssi_code > 0) return;
  kill(l->sentry, (int)info.ssi_signo);
}

/* @returns whether our child has ended, with Node's status in `status` */
static int has_ended(struct launch *l, int *status) {
  int own = 0;
  if (waitpid(l->child, &own, WNOHANG) != l->child) return 0;
  *status = own;
  if (l->status_fd >= 0 && read(l->status_fd, status, sizeof *status) != sizeof *status) *status = own;
  return 1;
}

int keep(struct launch *l) {
  static char request[MAX_REQUEST];
  sigset_t taken;
  sigfillset(&taken);
  sigdelset(&taken, SIGTTIN);
  sigdelset(&taken, SIGTTOU);
  const int signals = l->signals_fd = signalfd(l->signals_fd, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
  struct pollfd polled[] = {{signals, POLLIN, 0}, {l->socket, POLLIN, 0}};
  int status = 0;
  while (!has_ended(l, &status)) {
    if (poll(polled, 2, -1) < 0 && errno != EINTR) break;
    if (polled[1].revents != 0) {
      ssize_t length = recv(l->socket, request, sizeof request, MSG_CMSG_CLOEXEC);
      if (length > 0) handle_request(l, request, (size_t)length);
      else polled[1].fd = -1;
    }
    if (polled[0].revents != 0) pass_on(l, signals);
  }
  if (l->is_wanted_again && WIFEXITED(status)) return WANTED_AGAIN;
  if (l->is_outside && WIFEXITED(status)) tell_command(l, COMMAND_IS_OUTSIDE);
  if (WIFSIGNALED(status)) report(l, WTERMSIG(status));
  clear_away(l);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* /proc/PID/ns and setns; kcmp; signals by pidfd to a thread, a process, a group. */
#include "check.h"
#include <linux/kcmp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#define NS_GET_NSTYPE _IO(0xb7, 3)
#define NS_GET_OWNER_UID _IO(0xb7, 4)

static volatile int got;
static int p[2];
/* Each arrival is told, so that the next signal is not sent while one is pending. */
static void on_signal(int signal) {
  got += signal == SIGUSR1;
  NEED(write(p[1], "s", 1) == 1);
}

static long kcmp(pid_t a, pid_t b, int type, unsigned long x, unsigned long y) {
  long r = syscall(SYS_kcmp, a, b, type, x, y);
  return r == 2 ? 1 : r;
}

int main(void) {
  static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"};
  char path[64], text[64];
  pid_t parent = getpid();
  for (int i = 0; i < 9; i++) {
    struct stat mine, theirs;
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
    ssize_t n = readlink(path, text, sizeof text - 1);
    NEED(n > 0);
    text[n] = 0;
    *strchr(text, '[') = 0;
    int fd = open(path, O_RDONLY);
    NEED(stat(path, &mine) == 0);
    pid_t pid = fork();
    if (pid == 0) {
      snprintf(path, sizeof path, "/proc/%d/ns/%s", getpid(), names[i]);
      NEED(stat(path, &theirs) == 0);
      _exit(mine.st_ino == theirs.st_ino && mine.st_dev == theirs.st_dev);
    }
    int status;
    NEED(waitpid(pid, &status, 0) == pid);
    say("%s %s mode %o open %d shared %d type %#x", names[i], text, mine.st_mode, fd >= 0, WEXITSTATUS(status), ioctl(fd, NS_GET_NSTYPE));
    close(fd);
  }
  int uts = open("/proc/self/ns/uts", O_RDONLY), user = open("/proc/self/ns/user", O_RDONLY);
  CHECK(ioctl(uts, NS_GET_OWNER_UID, text));
  CHECK(ioctl(uts, TCGETS, text));
  CHECK(write(uts, "x", 1));
  CHECK(open("/proc/self/ns/uts", O_WRONLY));
  pid_t pid = fork();
  if (pid == 0) {
    if (getuid() == 0) NEED(setresgid(4321, 4321, 4321) == 0 && setresuid(4321, 4321, 4321) == 0);
    CHECK(setns(uts, 0));
    CHECK(setns(uts, CLONE_NEWUTS));
    CHECK(setns(uts, CLONE_NEWNS));
    CHECK(setns(user, 0));
    CHECK(setns(0, 0));
    CHECK(setns(99, 0));
    CHECK(kcmp(getpid(), parent, KCMP_VM, 0, 0) == -1);
    _exit(0);
  }
  wait_and_say("unprivileged", pid);
  NEED(pipe(p) == 0);
  int copy = dup(p[0]), other = open("/dev/null", O_RDONLY);
  CHECK(kcmp(getpid(), getpid(), KCMP_FILE, (unsigned long)p[0], (unsigned long)copy));
  CHECK(kcmp(getpid(), getpid(), KCMP_FILE, (unsigned long)p[0], (unsigned long)other));
  CHECK(kcmp(getpid(), getpid(), KCMP_FILE, 999, (unsigned long)other));
  CHECK(kcmp(getpid(), getpid(), 99, 0, 0));
  CHECK(kcmp(getpid(), 1 << 22, KCMP_VM, 0, 0));
  pid = fork();
  if (pid == 0) {
    handle(SIGUSR1, on_signal, 0);
    NEED(setpgid(0, 0) == 0 && write(p[1], "r", 1) == 1);
    while (got < 4) sched_yield();
    _exit(got);
  }
  char byte;
  NEED(read(p[0], &byte, 1) == 1);
  CHECK(kcmp(getpid(), pid, KCMP_FILE, (unsigned long)p[0], (unsigned long)copy));
  CHECK(kcmp(getpid(), pid, KCMP_VM, 0, 0));
  CHECK(kcmp(getpid(), pid, KCMP_FILES, 0, 0));
  CHECK(kcmp(getpid(), getpid(), KCMP_VM, 0, 0));
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  for (unsigned flags = 0; flags < 6; flags++) {
    long result = syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, flags);
    say("flags %u: %s", flags, result == 0 ? "sent" : error_name(errno));
    if (result == 0) NEED(read(p[0], &byte, 1) == 1);
  }
  wait_and_say("signalled", pid);
  return 0;
}

/* Files and directories of a process in /proc that were opened while it was there, when it is a zombie and when it is gone. */
#include "check.h"
#include <dirent.h>

static int directory, path_only;

static int open_in(const char *name, int flags) {
  int fd = openat(directory, name, flags);
  NEED(fd >= 0);
  return fd;
}

static long list(int fd) {
  char entries[4096];
  NEED(lseek(fd, 0, SEEK_SET) == 0);
  return syscall(SYS_getdents64, fd, entries, sizeof entries);
}

int main(void) {
  char path[64], text[4096];
  struct stat st;
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    pause();
    _exit(0);
  }
  snprintf(path, sizeof path, "/proc/%d", pid);
  NEED((directory = open(path, O_RDONLY | O_DIRECTORY)) >= 0);
  NEED((path_only = open(path, O_PATH)) >= 0);
  static const char *const names[] = {"status", "stat", "maps", "cmdline", "limits", "comm", "oom_score_adj"};
  int files[sizeof names / sizeof names[0]];
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) files[i] = open_in(names[i], O_RDONLY);
  int descriptors = open_in("fd", O_RDONLY), threads = open_in("task", O_RDONLY), adjust = open_in("oom_score_adj", O_WRONLY);
  NEED(kill(pid, SIGKILL) == 0);
  siginfo_t info;
  NEED(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
  for (int round = 0; round < 2; round++) {
    say(round == 0 ? "a zombie" : "gone");
    CHECK_OK(openat(directory, "status", O_RDONLY));
    CHECK_OK(openat(path_only, "stat", O_RDONLY));
    CHECK_OK(fstatat(directory, "comm", &st, 0));
    CHECK_OK(openat(directory, "task", O_RDONLY));
    CHECK_OK(readlinkat(directory, "exe", text, sizeof text));
    CHECK_OK(fstat(directory, &st));
    CHECK_OK(stat(path, &st));
    CHECK_OK(list(directory));
    CHECK_OK(list(threads));
    CHECK_OK(openat(descriptors, "0", O_RDONLY));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
      long n = pread(files[i], text, sizeof text, 0);
      say("%s: %s", names[i], n < 0 ? error_name(errno) : n == 0 ? "empty" : "text");
    }
    CHECK(write(adjust, "5", 1));
    NEED(round == 1 || waitpid(pid, NULL, 0) == pid);
  }
  return 0;
}

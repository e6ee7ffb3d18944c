/* /proc/self: the files that programs read, checked against what the calls say. */
#include "check.h"
#include <dirent.h>
#include <sys/prctl.h>

static char text[1 << 20];
static ssize_t slurp(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) {
    say("%s: %s", path, error_name(errno));
    return text[0] = 0, -1;
  }
  ssize_t n, total = 0;
  while ((n = read(fd, text + total, sizeof text - 1 - total)) > 0) total += n;
  text[total] = 0;
  close(fd);
  return total;
}

static long field(const char *name) {
  char *at = strstr(text, name);
  return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

/* Whoever starts this may hand it some. */
static int count_descriptors(void) {
  DIR *dir = opendir("/proc/self/fd");
  int count = 0;
  for (struct dirent *e; dir && (e = readdir(dir));) count += e->d_name[0] != '.';
  closedir(dir);
  return count;
}

int main(void) {
  int at_start = count_descriptors();
  char path[64], link[256];
  TRUTH(readlink("/proc/self", link, sizeof link) == snprintf(path, sizeof path, "%d", getpid()));
  NEED(prctl(PR_SET_NAME, "na (me) x") == 0);
  NEED(slurp("/proc/self/stat") > 0);
  char state;
  int pid, ppid, pgrp, session, n = 0;
  sscanf(text, "%d", &pid);
  char *end = strrchr(text, ')');
  TRUTH(end && sscanf(end + 2, "%c %d %d %d", &state, &ppid, &pgrp, &session) == 4);
  TRUTH(pid == getpid() && ppid == getppid() && pgrp == getpgrp() && session == getsid(0));
  say("state %c name %.9s", state, strchr(text, '(') + 1);
  for (char *p = end; *p; p++) n += *p == ' ';
  say("fields after the name %d", n);
  NEED(slurp("/proc/self/status") > 0);
  TRUTH(field("\nPid:\t") == getpid() && field("\nPPid:\t") == getppid() && field("\nTgid:\t") == getpid());
  TRUTH(field("\nUid:\t") == (long)getuid() && field("\nGid:\t") == (long)getgid());
  TRUTH(field("\nThreads:\t") == 1 && field("\nVmRSS:") > 0 && field("\nVmSize:") > 0);
  say("%.15s", text);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGUSR2, SIG_IGN);
  kill(getpid(), SIGUSR1);
  NEED(slurp("/proc/self/status") > 0);
  char *at = strstr(text, "ShdPnd:");
  say("%.24s", at ? at : "none");
  at = strstr(text, "SigBlk:");
  say("%.24s", at ? at : "none");
  at = strstr(text, "SigIgn:");
  say("%.24s", at ? at : "none");
  int fd = open("f", O_RDWR | O_CREAT | O_APPEND, 0600);
  NEED(write(fd, "12345", 5) == 5);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(path, link, sizeof link - 1);
  link[length > 0 ? length : 0] = 0;
  TRUTH(strcmp(strrchr(link, '/'), "/f") == 0);
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  NEED(slurp(path) > 0);
  say("%.6s", text);
  at = strstr(text, "flags:");
  say("%.14s", at ? at : "none");
  NEED(unlink("f") == 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  length = readlink(path, link, sizeof link - 1);
  link[length > 0 ? length : 0] = 0;
  TRUTH(strcmp(strrchr(link, '/'), "/f (deleted)") == 0);
  CHECK(open(path, O_RDONLY));
  int p[2];
  NEED(pipe(p) == 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
  length = readlink(path, link, sizeof link - 1);
  say("%.6s", link);
  say("descriptors more than at the start: %d", count_descriptors() - at_start);
  NEED(slurp("/proc/self/maps") > 0);
  TRUTH(strstr(text, "[heap]") != NULL || sbrk(0) == NULL || 1);
  TRUTH(strstr(text, "[stack]") != NULL && strstr(text, "r-xp") != NULL);
  /* The permissions stand two fields before the offset of such a line. */
  for (const char *name = "[vvar]"; name != NULL; name = strcmp(name, "[vvar]") == 0 ? "[vdso]" : NULL) {
    char *line = strstr(text, name);
    NEED(line != NULL);
    while (line > text && line[-1] != '\n') line--;
    say("%s %.4s", name, strchr(line, ' ') + 1);
  }
  char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  snprintf(link, sizeof link, "%lx-", (long)page);
  NEED(slurp("/proc/self/maps") > 0);
  TRUTH(strstr(text, link) != NULL);
  NEED(slurp("/proc/self/statm") > 0);
  n = 0;
  for (char *s = text; *s; s++) n += *s == ' ';
  say("statm spaces %d", n);
  NEED(slurp("/proc/self/cmdline") > 0 && slurp("/proc/self/environ") >= 0 && slurp("/proc/self/limits") > 0);
  say("%.5s", text);
  NEED(slurp("/proc/self/mountinfo") > 0 && slurp("/proc/self/mounts") > 0 && slurp("/proc/mounts") > 0);
  snprintf(path, sizeof path, "/proc/self/task/%d/comm", gettid());
  NEED(slurp(path) > 0);
  say("%s", strtok(text, "\n"));
  CHECK(access("/proc/99999999", F_OK));
  CHECK(access("/proc/self/missing", F_OK));
  CHECK(mkdir("/proc/x", 0700));
  CHECK(unlink("/proc/self/stat"));
  CHECK(open("/proc/self/fd/77", O_RDONLY));
  NEED(slurp("/proc/uptime") > 0 && slurp("/proc/loadavg") > 0 && slurp("/proc/version") > 0 && slurp("/proc/cpuinfo") > 0);
  TRUTH(strstr(text, "processor") == text && strstr(text, "flags") != NULL);
  NEED(slurp("/proc/meminfo") > 0);
  TRUTH(field("MemTotal:") > 0 && field("MemAvailable:") > 0);
  NEED(slurp("/proc/stat") > 0);
  TRUTH(strncmp(text, "cpu ", 4) == 0 && strstr(text, "btime ") != NULL);
  NEED(slurp("/proc/sys/kernel/pid_max") > 0 && slurp("/proc/sys/kernel/hostname") > 0 && slurp("/proc/filesystems") > 0);
  CHECK(readlink("/proc/self/cwd", link, sizeof link) > 0);
  CHECK(readlink("/proc/self/root", link, sizeof link));
  return 0;
}

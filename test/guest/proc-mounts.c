/* What is mounted on a directory of a process in /proc goes with the process (needs root). */
#include "check.h"
#include <sys/mount.h>

static int count_mounts(const char *part) {
  static char line[8192];
  int count = 0;
  FILE *mounts = fopen("/proc/self/mounts", "r");
  NEED(mounts != NULL);
  while (fgets(line, sizeof line, mounts)) count += strstr(line, part) != NULL;
  fclose(mounts);
  return count;
}

int main(void) {
  char path[64], byte;
  int go[2];
  NEED(unshare(CLONE_NEWNS) == 0 || errno == EINVAL || errno == EPERM);
  NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  NEED(mkdir("here", 0700) == 0 && write_file("here/file", "text") == 0);
  NEED(pipe(go) == 0);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    close(go[1]);
    read(go[0], &byte, 1);
    _exit(0);
  }
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  CHECK(mount("here", path, NULL, MS_BIND, NULL));
  snprintf(path, sizeof path, "/proc/%d/fd/file", pid);
  CHECK(access(path, F_OK));
  CHECK(unlink("here/file"));
  CHECK(rmdir("here"));
  snprintf(path, sizeof path, "/proc/%d/", pid);
  say("mounted: %d", count_mounts(path));
  close(go[1]);
  wait_and_say("the process", pid);
  say("mounted: %d", count_mounts(path));
  CHECK(access(path, F_OK));
  return 0;
}

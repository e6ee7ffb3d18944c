/* access, faccessat2 and permission checks of open and path walk for root and another user (needs root) */
#include "check.h"
#include <grp.h>

static void all(const char *name) {
  int r = access(name, R_OK) == 0, w = access(name, W_OK) == 0, x = access(name, X_OK) == 0;
  say("  %s %c%c%c", name, r ? 'r' : '-', w ? 'w' : '-', x ? 'x' : '-');
}

int main(void) {
  umask(0);
  NEED(chmod(".", 0755) == 0);
  write_file("open", "");
  write_file("closed", "");
  write_file("exec", "");
  write_file("group", "");
  NEED(chmod("open", 0666) == 0 && chmod("closed", 0) == 0 && chmod("exec", 0711) == 0);
  NEED(chmod("group", 0060) == 0 && chown("group", 1000, 2000) == 0);
  NEED(mkdir("d", 0700) == 0 && mkdir("pass", 0711) == 0 && mkdir("shared", 01777) == 0 && mkdir("list", 0744) == 0);
  write_file("d/f", "");
  write_file("pass/f", "");
  write_file("list/f", "");
  write_file("shared/roots", "");
  all("open");
  all("closed");
  all("exec");
  all("d");
  CHECK(access("missing", F_OK));
  CHECK(access("open/x", F_OK));
  CHECK(access("open", 8));
  CHECK(access("", F_OK));
  CHECK(access("open", F_OK));
  NEED(symlink("missing", "dangling") == 0);
  CHECK(access("dangling", F_OK));
  CHECK(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
  CHECK(syscall(SYS_faccessat2, AT_FDCWD, "open", F_OK, 0x40000));
  CHECK(syscall(SYS_faccessat2, 99, "open", F_OK, 0));
  pid_t pid = fork();
  if (pid == 0) {
    gid_t groups[] = {3000};
    NEED(setgroups(1, groups) == 0 && setgid(1000) == 0 && setuid(1000) == 0);
    all("open");
    all("closed");
    all("exec");
    all("group");
    all("d");
    CHECK(open("closed", O_RDONLY));
    CHECK(open("exec", O_RDONLY));
    CHECK(open("open", O_RDWR) >= 0);
    CHECK(open("group", O_RDONLY));
    CHECK(access("d/f", F_OK));
    CHECK(access("pass/f", F_OK));
    CHECK(access("list/f", F_OK));
    CHECK(open("pass", O_RDONLY));
    CHECK(open("list", O_RDONLY) >= 0);
    CHECK(open("new", O_CREAT | O_WRONLY, 0600));
    CHECK(mkdir("new", 0700));
    CHECK(unlink("open"));
    CHECK(rename("open", "x"));
    CHECK(unlink("shared/roots"));
    CHECK(rename("shared/roots", "shared/mine"));
    CHECK(open("shared/own", O_CREAT | O_WRONLY, 0400) >= 0);
    CHECK(open("shared/own", O_WRONLY));
    CHECK(unlink("shared/own"));
    CHECK(chdir("d"));
    CHECK(open("/proc/1/environ", O_WRONLY));
    CHECK(open("open", O_RDONLY | O_NOATIME));
    CHECK(truncate("closed", 0));
    CHECK(execl("exec", "exec", NULL));
    CHECK(execl("open", "open", NULL));
    _exit(0);
  }
  wait_and_say("user", pid);
  /* access asks for the real user, AT_EACCESS for the effective one. */
  pid = fork();
  if (pid == 0) {
    NEED(setresuid(1000, 0, 0) == 0);
    CHECK(access("closed", R_OK));
    CHECK(syscall(SYS_faccessat2, AT_FDCWD, "closed", R_OK, AT_EACCESS));
    CHECK(open("closed", O_RDONLY) >= 0);
    NEED(setresuid(0, 1000, 0) == 0);
    CHECK(access("closed", R_OK));
    CHECK(open("closed", O_RDONLY));
    _exit(0);
  }
  wait_and_say("real user", pid);
  return 0;
}

/* chmod and chown families, and what chown and writes do to set-id bits (needs root) */
#include "check.h"

static void mode(const char *name) {
  struct stat st;
  NEED(lstat(name, &st) == 0);
  say("  %s %o %d:%d", name, st.st_mode, st.st_uid, st.st_gid);
}

int main(void) {
  write_file("f", "x");
  NEED(symlink("f", "soft") == 0 && mkdir("d", 0755) == 0);
  CHECK(chmod("f", 0640));
  mode("f");
  CHECK(chmod("f", 0107777));
  mode("f");
  CHECK(chmod("soft", 0600));
  mode("f");
  mode("soft");
  CHECK(chmod("missing", 0600));
  CHECK(chmod("f/x", 0600));
  CHECK(chmod("", 0600));
  CHECK(fchmodat(AT_FDCWD, "d", 01700, 0));
  mode("d");
  CHECK(fchmod(-1, 0600));
  CHECK(fchmod(open("f", O_PATH), 0600));
  CHECK(chown("f", 1000, 2000));
  mode("f");
  CHECK(chown("f", -1, 3000));
  mode("f");
  CHECK(chown("f", 1001, -1));
  mode("f");
  CHECK(lchown("soft", 5, 6));
  mode("soft");
  CHECK(chown("soft", 7, 8));
  mode("f");
  CHECK(chown("missing", 0, 0));
  CHECK(fchown(-1, 0, 0));
  CHECK(fchownat(AT_FDCWD, "", 0, 0, 0));
  CHECK(fchownat(AT_FDCWD, "f", 0, 0, 0x8000));
  int fd = open("f", O_RDWR);
  CHECK(fchownat(fd, "", 9, 9, AT_EMPTY_PATH));
  mode("f");
  /* chown clears the set-id bits of a file, but set-group-id only where group execution is set: chown(2). */
  NEED(chmod("f", 06755) == 0);
  CHECK(chown("f", 10, 10));
  mode("f");
  NEED(chmod("f", 06644) == 0);
  CHECK(chown("f", 11, 11));
  mode("f");
  NEED(chmod("d", 06755) == 0);
  CHECK(chown("d", 11, 11));
  mode("d");
  /* A new entry of a set-group-id directory takes its group; directories the bit too: inode(7). */
  NEED(mkdir("d/sub", 0755) == 0);
  mode("d/sub");
  write_file("d/file", "");
  mode("d/file");
  /* An unprivileged process: not the owner's rights. */
  NEED(chmod(".", 0777) == 0 && chmod("f", 06755) == 0 && chown("f", 1000, 1000) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    NEED(setgid(1000) == 0 && setuid(1000) == 0);
    CHECK(chmod("f", 0777));
    CHECK(chown("f", 1001, -1));
    CHECK(chown("f", -1, 1001));
    CHECK(chown("f", 1000, 1000));
    CHECK(chmod("f", 04777));
    mode("f");
    int mine = open("f", O_WRONLY);
    CHECK(write(mine, "y", 1));
    mode("f");
    CHECK(chmod("d", 0777));
    CHECK(fchmod(mine, 02755));
    mode("f");
    _exit(0);
  }
  wait_and_say("user 1000", pid);
  return 0;
}

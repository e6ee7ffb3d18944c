/* Mounts that fail leave nothing behind: what they would have hung on can be removed, again and again (needs root). */
#include "check.h"
#include <sys/mount.h>

int main(void) {
  NEED(unshare(CLONE_NEWNS) == 0 || errno == EINVAL || errno == EPERM);
  NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  NEED(mkdir("from", 0700) == 0 && mkdir("from/inner", 0700) == 0 && mkdir("to", 0700) == 0);
  NEED(write_file("file", "x") == 0);
  NEED(mount("none", "from/inner", "tmpfs", 0, NULL) == 0);
  for (int i = 0; i < 3; i++) CHECK(mount("from", "file", NULL, MS_BIND | MS_REC, NULL));
  CHECK(mount("none", "file", "tmpfs", 0, NULL));
  CHECK(rmdir("from/inner"));
  CHECK(umount2("from/inner", 0));
  CHECK(rmdir("from/inner"));
  CHECK(unlink("file"));
  /* The copies of what is below go with the copy. */
  NEED(mkdir("from/inner", 0700) == 0 && mount("none", "from/inner", "tmpfs", 0, NULL) == 0);
  CHECK(mount("from", "to", NULL, MS_BIND | MS_REC, NULL));
  CHECK(umount2("from/inner", 0));
  CHECK(rmdir("from/inner"));
  CHECK(umount2("to", MNT_DETACH));
  CHECK(rmdir("from/inner"));
  CHECK(rmdir("to"));
  NEED(mkdir("to", 0700) == 0);
  for (int i = 0; i < 50; i++) {
    NEED(mount("from", "to", NULL, MS_BIND, NULL) == 0);
    NEED(umount2("to", 0) == 0);
  }
  CHECK(rmdir("to"));
  CHECK(rmdir("from"));
  /* Nor does a copy that fails take away what it is a copy of, where both would be told of each other's mounts. */
  NEED(mkdir("shared", 0700) == 0 && mount("none", "shared", "tmpfs", 0, NULL) == 0 && mount(NULL, "shared", NULL, MS_SHARED, NULL) == 0);
  NEED(mkdir("shared/inner", 0700) == 0 && mount("none", "shared/inner", "tmpfs", 0, NULL) == 0);
  NEED(write_file("shared/inner/there", "x") == 0 && write_file("file", "x") == 0);
  CHECK(mount("shared", "file", NULL, MS_BIND | MS_REC, NULL));
  CHECK(access("shared/inner/there", F_OK));
  CHECK(umount2("shared/inner", 0));
  CHECK(umount2("shared", 0));
  CHECK(rmdir("shared"));
  CHECK(unlink("file"));
  /* What is mounted can be removed; where it is mounted cannot. */
  NEED(write_file("one", "1") == 0 && write_file("two", "2") == 0);
  NEED(mount("one", "two", NULL, MS_BIND, NULL) == 0);
  CHECK(unlink("two"));
  CHECK(unlink("one"));
  FILE *mounts = fopen("/proc/self/mountinfo", "r");
  static char line[8192], root[4096], target[4096];
  NEED(mounts != NULL);
  while (fgets(line, sizeof line, mounts)) {
    if (sscanf(line, "%*s %*s %*s %4095s %4095s", root, target) == 2 && strstr(line, "/two")) {
      say("%s at %s", strstr(root, "/one"), strrchr(target, '/'));
    }
  }
  fclose(mounts);
  CHECK(umount2("two", 0));
  CHECK(unlink("two"));
  return 0;
}

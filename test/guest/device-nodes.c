/* Device nodes made with mknod: those of memory work wherever they are, what has no driver does not; nodev. */
#include "check.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

static void use(const char *name, mode_t type, unsigned major_number, unsigned minor_number) {
  char bytes[8] = "........";
  struct stat st;
  errno = 0;
  if (mknod(name, type | 0666, makedev(major_number, minor_number)) != 0) {
    say("mknod %s: %s", name, error_name(errno));
    return;
  }
  NEED(stat(name, &st) == 0);
  int fd = open(name, O_RDWR | O_NONBLOCK);
  say("%s: mode %o device %u %u open %s", name, st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev), fd < 0 ? error_name(errno) : "ok");
  if (fd < 0) return;
  errno = 0;
  ssize_t got = read(fd, bytes, sizeof bytes);
  say("  read %zd %s, first %s", got, error_name(errno), bytes[0] == 0 ? "zero" : "not zero or random");
  errno = 0;
  ssize_t put = write(fd, "text", 4);
  say("  write %zd %s", put, error_name(errno));
  close(fd);
}

int main(void) {
  umask(0);
  use("null", S_IFCHR, 1, 3);
  use("zero", S_IFCHR, 1, 5);
  use("full", S_IFCHR, 1, 7);
  use("nothing", S_IFCHR, 251, 77);
  use("block", S_IFBLK, 251, 77);
  NEED(mkdir("m", 0755) == 0);
  if (unshare(CLONE_NEWNS) != 0) {
    say("unshare: %s", error_name(errno));
    return 0;
  }
  NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  CHECK(mount("none", "m", "tmpfs", 0, NULL));
  use("m/null", S_IFCHR, 1, 3);
  CHECK(mount("none", "m", "tmpfs", MS_NODEV, NULL));
  use("m/null", S_IFCHR, 1, 3);
  return 0;
}

/* umask and mknod: masks of each creating call, inheritance, kinds of node (needs root) */
#include "check.h"
#include <sys/sysmacros.h>
#include <sys/socket.h>
#include <sys/un.h>

static void mode(const char *name) {
  struct stat st;
  NEED(lstat(name, &st) == 0);
  say("  %s %o", name, st.st_mode);
}

int main(void) {
  umask(0);
  CHECK(umask(022));
  CHECK(umask(07777));
  CHECK(umask(0123));
  NEED(open("f", O_CREAT | O_WRONLY, 0777) >= 0 && mkdir("d", 0777) == 0);
  mode("f");
  mode("d");
  CHECK(mknod("reg", S_IFREG | 0666, 0));
  mode("reg");
  CHECK(mknod("plain", 0666, 0));
  mode("plain");
  CHECK(mknod("fifo", S_IFIFO | 0666, 0));
  mode("fifo");
  CHECK(mknod("sock", S_IFSOCK | 0666, 0));
  mode("sock");
  CHECK(open("sock", O_RDWR));
  CHECK(mknod("dir", S_IFDIR | 0777, 0));
  CHECK(mknod("link", S_IFLNK | 0777, 0));
  CHECK(mknod("fifo", S_IFIFO | 0666, 0));
  CHECK(mknod("no/fifo", S_IFIFO | 0666, 0));
  CHECK(mknod("wrong", 0170000 | 0666, 0));
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "bound"};
  CHECK(bind(s, (void *)&name, sizeof name));
  mode("bound");
  CHECK(symlink("f", "soft"));
  mode("soft");
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(umask(077));
    CHECK(umask(077));
    _exit(0);
  }
  wait_and_say("child", pid);
  CHECK(umask(0));
  pid = fork();
  if (pid == 0) {
    NEED(chmod(".", 0777) == 0 && setuid(1000) == 0);
    CHECK(mknod("mine", S_IFIFO | 0600, 0));
    CHECK(mknod("device", S_IFCHR | 0600, makedev(1, 3)));
    CHECK(mknod("block", S_IFBLK | 0600, makedev(1, 3)));
    CHECK(mknod("white", S_IFCHR | 0600, makedev(0, 0)));
    _exit(0);
  }
  wait_and_say("user", pid);
  return 0;
}

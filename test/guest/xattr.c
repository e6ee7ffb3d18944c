/* Extended attributes of the user namespace: set, get, list, remove, flags, sizes, kinds of file, errors. */
#include "check.h"
#include <sys/xattr.h>

int main(void) {
  char text[256];
  write_file("f", "x");
  NEED(mkdir("d", 0755) == 0 && symlink("f", "soft") == 0);
  int fd = open("f", O_RDWR);
  CHECK(getxattr("f", "user.a", text, sizeof text));
  CHECK(setxattr("f", "user.a", "value", 5, 0));
  CHECK(getxattr("f", "user.a", text, sizeof text));
  say("%.5s", text);
  CHECK(getxattr("f", "user.a", NULL, 0));
  CHECK(getxattr("f", "user.a", text, 3));
  CHECK(setxattr("f", "user.a", "new", 3, XATTR_CREATE));
  CHECK(setxattr("f", "user.b", "new", 3, XATTR_REPLACE));
  CHECK(setxattr("f", "user.a", "longer value", 12, XATTR_REPLACE));
  CHECK(fgetxattr(fd, "user.a", text, sizeof text));
  CHECK(setxattr("f", "user.empty", "", 0, XATTR_CREATE));
  CHECK(getxattr("f", "user.empty", text, sizeof text));
  CHECK(setxattr("f", "user.a", "v", 1, 8));
  ssize_t n = listxattr("f", text, sizeof text);
  say("list %zd", n);
  int has_a = 0, has_empty = 0;
  for (char *name = text; n > 0 && name < text + n; name += strlen(name) + 1) {
    has_a += strcmp(name, "user.a") == 0;
    has_empty += strcmp(name, "user.empty") == 0;
  }
  say("has %d %d", has_a, has_empty);
  CHECK(listxattr("f", NULL, 0));
  CHECK(listxattr("f", text, 3));
  CHECK(removexattr("f", "user.empty"));
  CHECK(removexattr("f", "user.empty"));
  CHECK(setxattr("f", "nonamespace", "v", 1, 0));
  CHECK(setxattr("f", "", "v", 1, 0));
  CHECK(setxattr("f", "user.", "v", 1, 0));
  CHECK(setxattr("f", "wrong.name", "v", 1, 0));
  char name[300] = "user.";
  memset(name + 5, 'n', 290);
  name[256] = 0;
  errno = 0;
  int result = setxattr("f", name, "v", 1, 0);
  say("name of 256: %d %s", result, error_name(errno));
  CHECK(setxattr("f", "user.huge", text, 70000, 0));
  CHECK(setxattr("d", "user.on-dir", "1", 1, 0));
  CHECK(getxattr("d", "user.on-dir", text, sizeof text));
  CHECK(lsetxattr("soft", "user.x", "1", 1, 0));
  CHECK(setxattr("soft", "user.through", "1", 1, 0));
  CHECK(getxattr("f", "user.through", text, sizeof text));
  CHECK(lgetxattr("soft", "user.through", text, sizeof text));
  CHECK(setxattr("missing", "user.x", "1", 1, 0));
  CHECK(fsetxattr(-1, "user.x", "1", 1, 0));
  CHECK(fsetxattr(open("f", O_RDONLY), "user.x", "1", 1, 0));
  CHECK(fremovexattr(fd, "user.x"));
  NEED(mkfifo("p", 0600) == 0);
  CHECK(setxattr("p", "user.x", "1", 1, 0));
  CHECK(getxattr("f", (char *)8, text, sizeof text));
  CHECK(setxattr("f", "user.z", (char *)8, 4, 0));
  return 0;
}

/* openat2(2): RESOLVE_* restrictions and the checks of struct open_how. */
#include "check.h"
#include <linux/openat2.h>

static long open_how(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
  if (fd >= 0) close(fd);
  return fd >= 0 ? 0 : fd;
}

int main(void) {
  NEED(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
  write_file("outside", "o");
  write_file("d/f", "f");
  NEED(symlink("f", "d/soft") == 0);
  NEED(symlink("../outside", "d/escape") == 0);
  NEED(symlink("/dev/null", "d/absolute") == 0);
  NEED(symlink("/e", "d/rooted") == 0);
  int d = open("d", O_RDONLY | O_DIRECTORY);
  CHECK(open_how(d, "f", O_RDONLY, 0, 0));
  CHECK(open_how(d, "f", O_RDONLY, 0, RESOLVE_BENEATH));
  CHECK(open_how(d, "soft", O_RDONLY, 0, RESOLVE_BENEATH));
  CHECK(open_how(d, "../outside", O_RDONLY, 0, RESOLVE_BENEATH));
  CHECK(open_how(d, "e/../f", O_RDONLY, 0, RESOLVE_BENEATH));
  CHECK(open_how(d, "..", O_RDONLY, 0, RESOLVE_BENEATH));
  CHECK(open_how(d, "/dev/null", O_RDONLY, 0, RESOLVE_BENEATH));
  CHECK(open_how(d, "escape", O_RDONLY, 0, RESOLVE_BENEATH));
  CHECK(open_how(d, "absolute", O_RDONLY, 0, RESOLVE_BENEATH));
  CHECK(open_how(d, "soft", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
  CHECK(open_how(d, "f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
  CHECK(open_how(d, "../../../../f", O_RDONLY, 0, RESOLVE_IN_ROOT));
  CHECK(open_how(d, "/f", O_RDONLY, 0, RESOLVE_IN_ROOT));
  CHECK(open_how(d, "escape", O_RDONLY, 0, RESOLVE_IN_ROOT));
  CHECK(open_how(d, "rooted", O_RDONLY, 0, RESOLVE_IN_ROOT));
  CHECK(open_how(d, "absolute", O_RDONLY, 0, RESOLVE_IN_ROOT));
  CHECK(open_how(d, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
  CHECK(open_how(d, "f", O_RDONLY, 0, RESOLVE_IN_ROOT | RESOLVE_BENEATH));
  CHECK(open_how(d, "f", O_RDONLY, 0, 0x1000));
  CHECK(open_how(d, "f", O_RDONLY, 0600, 0));
  CHECK(open_how(d, "n", O_CREAT | O_WRONLY, 0600, RESOLVE_BENEATH));
  CHECK(open_how(d, "n", O_CREAT | O_WRONLY, 010000, 0));
  CHECK(open_how(d, "f", 1ULL << 40, 0, 0));
  struct {
    struct open_how how;
    uint64_t more;
  } bigger = {.how = {.flags = O_RDONLY}};
  long fd = syscall(SYS_openat2, d, "f", &bigger, sizeof bigger);
  say("larger zero struct: %s", fd >= 0 ? "ok" : error_name(errno));
  bigger.more = 1;
  CHECK(syscall(SYS_openat2, d, "f", &bigger, sizeof bigger));
  CHECK(syscall(SYS_openat2, d, "f", &bigger, 8));
  CHECK(syscall(SYS_openat2, d, "f", (void *)8, sizeof bigger.how));
  return 0;
}

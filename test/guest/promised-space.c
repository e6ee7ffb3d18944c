/* fallocate(2) on a tmpfs promises space: others cannot have it, and writes there do not fail (needs root). Sixteen pages are what is counted here. */
#include "check.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#define KEEP_SIZE 1
#define PUNCH (KEEP_SIZE | 2)
#define PAGES(n) ((off_t)(n) * 4096)

static void say_free(const char *when) {
  struct statfs fs;
  NEED(statfs("t", &fs) == 0);
  say("%s: %ld of %ld pages free", when, (long)fs.f_bfree, (long)fs.f_blocks);
}

static void say_blocks(const char *name) {
  struct stat st;
  NEED(stat(name, &st) == 0);
  say("  %s: %ld bytes, %ld pages", name, (long)st.st_size, (long)st.st_blocks / 8);
}

static long fill(int fd, off_t at, int pages) {
  static char page[4096];
  long done = 0;
  for (; done < pages; done++)
    if (pwrite(fd, page, sizeof page, at + PAGES(done)) != sizeof page) break;
  return done;
}

int main(void) {
  NEED(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  NEED(mkdir("t", 0700) == 0 && mount("none", "t", "tmpfs", 0, "size=4m") == 0);
  say_free("empty");
  int a = open("t/a", O_RDWR | O_CREAT, 0600), b = open("t/b", O_RDWR | O_CREAT, 0600);
  CHECK(fallocate(a, 0, 0, PAGES(608)));
  say_blocks("t/a");
  say_free("promised");
  CHECK(fallocate(b, 0, 0, PAGES(608)));
  say_blocks("t/b");
  CHECK(fallocate(b, 0, 0, PAGES(384)));
  say_blocks("t/b");
  say_free("others too");
  CHECK(fallocate(a, 0, 0, PAGES(608)));
  CHECK(fallocate(a, 0, PAGES(112), PAGES(208)));
  say_free("promised again");
  CHECK(fill(a, 0, 608));
  say_blocks("t/a");
  say_free("written");
  CHECK(fallocate(a, PUNCH, PAGES(112), PAGES(208)));
  say_blocks("t/a");
  CHECK(fallocate(b, PUNCH, 0, PAGES(384)));
  say_blocks("t/b");
  say_free("punched");
  CHECK(ftruncate(a, PAGES(48)));
  say_blocks("t/a");
  say_free("shorter");
  CHECK(fallocate(b, KEEP_SIZE, PAGES(384), PAGES(912)));
  say_blocks("t/b");
  CHECK(ftruncate(b, PAGES(384)));
  say_blocks("t/b");
  CHECK(fallocate(b, 0, PAGES(1 << 20), PAGES(16)));
  say_blocks("t/b");
  CHECK(fill(b, PAGES(1 << 20), 16));
  say_free("far away");
  CHECK(fill(b, 0, 384));
  CHECK(fallocate(b, 0, PAGES((1 << 20) + 16), PAGES(608)));
  CHECK(fallocate(b, 0, PAGES((1 << 20) + 16), PAGES(496)));
  say_blocks("t/b");
  say_free("appended");
  close(a), close(b);
  CHECK(unlink("t/a"));
  CHECK(unlink("t/b"));
  say_free("removed");
  CHECK(umount("t"));
  return rmdir("t");
}

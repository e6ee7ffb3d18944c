/* link, symlink, readlink, unlink: counts, unlinked open files, following, path errors, ELOOP at forty. */
#include "check.h"

int main(void) {
  struct stat st;
  char text[64] = "";
  write_file("f", "data");
  CHECK(link("f", "g"));
  NEED(stat("g", &st) == 0);
  say("links %ld", (long)st.st_nlink);
  CHECK(link("f", "g"));
  CHECK(link("missing", "h"));
  CHECK(link(".", "h"));
  CHECK(link("f", "no/h"));
  CHECK(link("f", ""));
  CHECK(link("f/", "h"));
  CHECK(symlink("f", "soft"));
  CHECK(link("soft", "hard-of-soft"));
  NEED(lstat("hard-of-soft", &st) == 0);
  say("symlink %d links %ld", S_ISLNK(st.st_mode), (long)st.st_nlink);
  CHECK(linkat(AT_FDCWD, "soft", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
  NEED(lstat("followed", &st) == 0);
  say("symlink %d links %ld", S_ISLNK(st.st_mode), (long)st.st_nlink);
  CHECK(linkat(AT_FDCWD, "f", AT_FDCWD, "x", 0x40000));
  CHECK(symlink("f", "soft"));
  CHECK(symlink("", "empty"));
  CHECK(symlink("f", ""));
  CHECK(symlink("f", "no/soft"));
  CHECK(readlink("soft", text, sizeof text));
  CHECK(readlink("soft", text, 0));
  CHECK(readlink("f", text, sizeof text));
  CHECK(readlink("missing", text, sizeof text));
  CHECK(readlink("f/x", text, sizeof text));
  NEED(symlink("0123456789", "ten") == 0);
  CHECK(readlink("ten", text, 4));
  say("%.4s", text);
  CHECK(unlink("missing"));
  CHECK(unlink("."));
  CHECK(unlink(""));
  CHECK(unlink("f/"));
  CHECK(unlink("soft/"));
  int fd = open("f", O_RDWR);
  CHECK(unlink("f"));
  CHECK(unlink("g"));
  CHECK(unlink("followed"));
  NEED(fstat(fd, &st) == 0);
  say("links %ld size %ld", (long)st.st_nlink, (long)st.st_size);
  CHECK(write(fd, "still here", 10));
  CHECK(pread(fd, text, sizeof text, 0));
  CHECK(ftruncate(fd, 3));
  CHECK(fchmod(fd, 0400));
  CHECK(open("f", O_RDONLY));
  CHECK(open("soft", O_RDONLY));
  /* Linux gives up after forty symbolic links: path_resolution(7). */
  char from[16], to[16];
  write_file("l0", "end");
  for (int i = 1; i <= 41; i++) {
    snprintf(from, sizeof from, "l%d", i - 1);
    snprintf(to, sizeof to, "l%d", i);
    NEED(symlink(from, to) == 0);
  }
  CHECK(access("l40", F_OK));
  CHECK(access("l41", F_OK));
  NEED(mkdir("d", 0700) == 0);
  CHECK(symlink("../l0", "d/up"));
  CHECK(open("d/up", O_RDONLY) >= 0);
  CHECK(open("d/up/", O_RDONLY));
  NEED(symlink("d", "dl") == 0);
  CHECK(lstat("dl", &st));
  say("link %d", S_ISLNK(st.st_mode));
  CHECK(lstat("dl/", &st));
  say("directory %d", S_ISDIR(st.st_mode));
  CHECK(rmdir("dl"));
  CHECK(rmdir("dl/"));
  CHECK(mkdir("dl/sub", 0700));
  CHECK(rmdir("d/sub"));
  return 0;
}

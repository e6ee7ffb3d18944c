/* openat(2) and friends relative to directory descriptors, AT_FDCWD, absolute paths, and bad descriptors. */
#include "check.h"

int main(void) {
  struct stat st;
  NEED(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
  write_file("d/f", "in d");
  int d = open("d", O_RDONLY | O_DIRECTORY), f = open("d/f", O_RDONLY);
  char text[16];
  CHECK(openat(d, "f", O_RDONLY));
  CHECK(read(5, text, sizeof text));
  CHECK(openat(d, "missing", O_RDONLY));
  CHECK(openat(d, "../d/f", O_RDONLY));
  CHECK(openat(f, "x", O_RDONLY));
  CHECK(openat(99, "x", O_RDONLY));
  CHECK(openat(-1, "x", O_RDONLY));
  CHECK(openat(AT_FDCWD, "d/f", O_RDONLY));
  CHECK(openat(99, "/dev/null", O_RDONLY));
  CHECK(mkdirat(d, "g", 0700));
  CHECK(mkdirat(f, "g", 0700));
  CHECK(fstatat(d, "g", &st, 0));
  say("mode %o", st.st_mode);
  CHECK(fstatat(d, "", &st, 0));
  CHECK(fstatat(d, "", &st, AT_EMPTY_PATH));
  CHECK(fstatat(f, "", &st, AT_EMPTY_PATH));
  say("size %ld", (long)st.st_size);
  CHECK(fstatat(d, "g", &st, 0x80000));
  CHECK(unlinkat(d, "g", 0));
  CHECK(unlinkat(d, "g", AT_REMOVEDIR));
  CHECK(unlinkat(d, "f", AT_REMOVEDIR));
  CHECK(unlinkat(d, "f", 0x1000000));
  CHECK(linkat(d, "f", d, "hard", 0));
  CHECK(symlinkat("f", d, "soft"));
  CHECK(readlinkat(d, "soft", text, sizeof text));
  CHECK(readlinkat(d, "soft", text, 0));
  CHECK(readlinkat(d, "f", text, sizeof text));
  CHECK(fstatat(d, "soft", &st, AT_SYMLINK_NOFOLLOW));
  say("symlink %d size %ld", S_ISLNK(st.st_mode), (long)st.st_size);
  CHECK(renameat(d, "f", AT_FDCWD, "moved"));
  CHECK(fstatat(d, "f", &st, 0));
  CHECK(faccessat(d, "hard", R_OK, 0));
  /* The directory keeps working after it is renamed and after it is removed. */
  CHECK(rename("d", "renamed"));
  CHECK(openat(d, "hard", O_RDONLY) >= 0);
  NEED(unlinkat(d, "hard", 0) == 0 && unlinkat(d, "soft", 0) == 0 && unlinkat(d, "e", AT_REMOVEDIR) == 0);
  CHECK(rmdir("renamed"));
  CHECK(openat(d, "new", O_CREAT | O_RDWR, 0600));
  CHECK(mkdirat(d, "new", 0700));
  CHECK(fstat(d, &st));
  say("links of removed directory %ld", (long)st.st_nlink);
  return 0;
}

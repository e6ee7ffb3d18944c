/* rename and renameat2: replacing, directories, own subdirectories, hard links of one file, flags. */
#include "check.h"
#include <linux/fs.h>

static void content(const char *name) {
  char text[16] = "";
  int fd = open(name, O_RDONLY);
  if (fd < 0) {
    say("  %s: %s", name, error_name(errno));
    return;
  }
  ssize_t n = read(fd, text, sizeof text - 1);
  say("  %s: %s", name, n < 0 ? error_name(errno) : text);
  close(fd);
}

int main(void) {
  write_file("a", "A");
  write_file("b", "B");
  CHECK(rename("a", "b"));
  content("a");
  content("b");
  CHECK(rename("missing", "b"));
  CHECK(rename("b", "no/b"));
  CHECK(rename("b", "b"));
  CHECK(link("b", "same"));
  CHECK(rename("b", "same"));
  content("b");
  content("same");
  NEED(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0 && mkdir("empty", 0755) == 0);
  CHECK(rename("d", "d/e/f"));
  CHECK(rename("d", "d/e"));
  CHECK(rename("d/e", "d"));
  CHECK(rename("d", "b"));
  CHECK(rename("b", "d"));
  CHECK(rename("empty", "d"));
  CHECK(rename("d", "empty"));
  CHECK(rename("empty/e", "e"));
  CHECK(rename("empty/.", "x"));
  CHECK(rename("empty/..", "x"));
  CHECK(rename("empty", "."));
  CHECK(rename("b/", "x"));
  CHECK(rename("b", "x/"));
  CHECK(rename("e/", "g/"));
  CHECK(rename("", "x"));
  CHECK(rename("b", ""));
  CHECK(symlink("b", "soft"));
  CHECK(rename("soft", "soft2"));
  content("soft2");
  CHECK(rename("b", "soft2"));
  content("soft2");
  struct stat st;
  CHECK(lstat("soft2", &st));
  say("regular %d", S_ISREG(st.st_mode));
  write_file("p", "P");
  write_file("q", "Q");
  CHECK(renameat2(AT_FDCWD, "p", AT_FDCWD, "q", RENAME_NOREPLACE));
  CHECK(renameat2(AT_FDCWD, "p", AT_FDCWD, "r", RENAME_NOREPLACE));
  CHECK(renameat2(AT_FDCWD, "r", AT_FDCWD, "q", RENAME_EXCHANGE));
  content("r");
  content("q");
  CHECK(renameat2(AT_FDCWD, "r", AT_FDCWD, "g", RENAME_EXCHANGE));
  CHECK(stat("r", &st));
  say("directory %d", S_ISDIR(st.st_mode));
  CHECK(renameat2(AT_FDCWD, "r", AT_FDCWD, "missing", RENAME_EXCHANGE));
  CHECK(renameat2(AT_FDCWD, "r", AT_FDCWD, "q", RENAME_EXCHANGE | RENAME_NOREPLACE));
  CHECK(renameat2(AT_FDCWD, "r", AT_FDCWD, "q", 0x100));
  CHECK(rename("q", "/dev/null/x"));
  CHECK(rename("q", "/proc/q"));
  /* An open file keeps its identity over a rename, and a replaced one lives on. */
  int fd = open("q", O_RDWR);
  write_file("n", "N");
  CHECK(rename("n", "q"));
  char text[8] = "";
  CHECK(read(fd, text, sizeof text));
  say("%s", text);
  CHECK(fstat(fd, &st));
  say("links %ld", (long)st.st_nlink);
  return 0;
}

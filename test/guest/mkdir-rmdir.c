/* mkdir, rmdir: modes, set-group-id, link counts, and the error of each refusal. */
#include "check.h"

int main(void) {
  struct stat st;
  umask(027);
  CHECK(mkdir("d", 0777));
  NEED(stat("d", &st) == 0);
  say("mode %o", st.st_mode);
  CHECK(mkdir("d", 0777));
  CHECK(mkdir("d/", 0777));
  CHECK(mkdir("d/x/y", 0777));
  CHECK(mkdir("d/x/", 0700));
  CHECK(mkdir("", 0700));
  CHECK(mkdir("/", 0700));
  CHECK(mkdir(".", 0700));
  CHECK(mkdir("..", 0700));
  CHECK(mkdir("sticky", 01777));
  NEED(stat("sticky", &st) == 0);
  say("mode %o", st.st_mode);
  write_file("f", "");
  CHECK(mkdir("f", 0700));
  CHECK(mkdir("f/x", 0700));
  NEED(symlink("nowhere", "dangling") == 0);
  CHECK(mkdir("dangling", 0700));
  CHECK(mkdir("dangling/", 0700));
  CHECK(rmdir("d"));
  CHECK(rmdir("d/x/."));
  CHECK(rmdir("d/x/.."));
  CHECK(rmdir("d/x/"));
  CHECK(rmdir("d/x"));
  CHECK(rmdir("f"));
  CHECK(rmdir("dangling"));
  CHECK(rmdir(""));
  CHECK(rmdir("/"));
  CHECK(unlink("d"));
  CHECK(rmdir("d"));
  char name[300];
  memset(name, 'n', sizeof name);
  name[255] = 0;
  CHECK_OK(mkdir(name, 0700));
  CHECK_OK(rmdir(name));
  name[255] = 'n';
  name[256] = 0;
  errno = 0;
  int result = mkdir(name, 0700);
  say("name of 256: %d %s", result, error_name(errno));
  static char path[5000];
  for (int i = 0; i < 4999; i++) path[i] = i % 2 ? '/' : '.';
  path[4095] = 0;
  result = mkdir(path, 0700);
  say("path of 4095: %d %s", result, error_name(errno));
  path[4095] = '/';
  result = mkdir(path, 0700);
  say("path of 4999: %d %s", result, error_name(errno));
  /* A directory that some process works in can be removed; it is then empty and takes no entry. */
  NEED(mkdir("cwd", 0700) == 0 && chdir("cwd") == 0);
  CHECK(rmdir("../cwd"));
  CHECK(mkdir("inside", 0700));
  CHECK(stat(".", &st));
  CHECK(stat("..", &st));
  errno = 0;
  TRUTH(getcwd(path, sizeof path) == NULL);
  say("getcwd %s", error_name(errno));
  return 0;
}

/* chdir, fchdir, getcwd, chroot and how threads and children share or copy the working directory (needs root) */
#include "check.h"
#include <pthread.h>

static char start[4096];

static void here(void) {
  char path[4096];
  if (getcwd(path, sizeof path) == NULL) say("  getcwd %s", error_name(errno));
  else say("  %s", strncmp(path, start, strlen(start)) == 0 ? path + strlen(start) : path);
}

static void *thread(void *arg) {
  NEED(chdir("b") == 0);
  return arg;
}

int main(void) {
  NEED(getcwd(start, sizeof start) != NULL);
  NEED(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0 && mkdir("a/b/c", 0755) == 0 && symlink("a/b", "short") == 0);
  write_file("f", "");
  CHECK(chdir("missing"));
  CHECK(chdir("f"));
  CHECK(chdir(""));
  CHECK(chdir("short"));
  here();
  CHECK(chdir(".."));
  here();
  CHECK(chdir("/"));
  here();
  CHECK(chdir(".."));
  here();
  NEED(chdir(start) == 0);
  int a = open("a", O_RDONLY), f = open("f", O_RDONLY);
  CHECK(fchdir(f));
  CHECK(fchdir(-1));
  CHECK(fchdir(open("a", O_PATH)));
  CHECK(fchdir(a));
  here();
  pid_t pid = fork();
  if (pid == 0) _exit(chdir("b/c") == 0 ? 0 : 1);
  wait_and_say("child chdir", pid);
  here();
  pthread_t t;
  NEED(pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0);
  here();
  char small[4];
  errno = 0;
  TRUTH(syscall(SYS_getcwd, small, sizeof small) == -1 && errno == ERANGE);
  CHECK(syscall(SYS_getcwd, (void *)8, 4096));
  say("length is counted with the zero: %d", syscall(SYS_getcwd, start + 2048, 2048) == (long)strlen(start + 2048) + 1);
  NEED(rename("c", "moved") == 0 && chdir("moved") == 0);
  here();
  pid = fork();
  if (pid == 0) {
    NEED(fchdir(a) == 0);
    CHECK(chroot("missing"));
    CHECK(chroot("../f"));
    CHECK(chroot("b"));
    here();
    NEED(chdir("/") == 0);
    here();
    CHECK(chdir("moved"));
    CHECK(chdir("../../../.."));
    here();
    CHECK(access("/moved", F_OK));
    CHECK(access("/f", F_OK));
    CHECK(symlink("/moved", "link"));
    CHECK(chdir("link"));
    here();
    /* A descriptor from outside leads outside: chroot(2). */
    CHECK(fchdir(a));
    CHECK(access("../f", F_OK));
    NEED(setuid(1000) == 0);
    CHECK(chroot("b"));
    _exit(0);
  }
  wait_and_say("chroot child", pid);
  here();
  return 0;
}

/* exec and privilege (needs root): set-id bits, no_new_privs, scripts, nosuid, dumpable, secure mode, by descriptor. */
#include "check.h"
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>

static int report(const char *label) {
  uid_t r, e, s;
  gid_t rg, eg, sg;
  getresuid(&r, &e, &s);
  getresgid(&rg, &eg, &sg);
  say("%s: uid %d %d %d gid %d %d %d secure %ld dumpable %d", label, r, e, s, rg, eg, sg, getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE));
  return 0;
}

static void run(const char *label, const char *path, int no_new_privs, uid_t uid) {
  pid_t pid = fork();
  if (pid == 0) {
    if (no_new_privs) NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    NEED(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0);
    execl(path, "report", label, NULL);
    say("%s: %s", label, error_name(errno));
    _exit(1);
  }
  wait_and_say(label, pid);
}

static void copy(const char *from, const char *to, mode_t mode, uid_t uid, gid_t gid) {
  int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  char block[65536];
  for (ssize_t n; (n = read(in, block, sizeof block)) > 0;) NEED(write(out, block, (size_t)n) == n);
  close(in);
  close(out);
  NEED(chown(to, uid, gid) == 0 && chmod(to, mode) == 0);
}

int main(int argc, char **argv) {
  if (argc > 1) return report(argv[1]);
  NEED(chmod(".", 0755) == 0);
  copy("/proc/self/exe", "plain", 0755, 0, 0);
  copy("plain", "setuid", 04755, 33, 0);
  copy("plain", "setgid", 02755, 0, 34);
  copy("plain", "setroot", 06755, 0, 0);
  copy("plain", "lockbit", 02745, 0, 34);
  copy("plain", "unreadable", 0711, 0, 0);
  run("plain", "./plain", 0, 1000);
  run("setuid", "./setuid", 0, 1000);
  run("setgid", "./setgid", 0, 1000);
  run("setroot", "./setroot", 0, 1000);
  run("lockbit", "./lockbit", 0, 0);
  run("unreadable", "./unreadable", 0, 1000);
  run("setuid, no new privileges", "./setuid", 1, 1000);
  run("setroot, no new privileges", "./setroot", 1, 1000);
  char script[PATH_MAX + 100], cwd[PATH_MAX];
  snprintf(script, sizeof script, "#!%s/plain script\n", getcwd(cwd, sizeof cwd));
  write_file("script", script);
  NEED(chown("script", 33, 33) == 0 && chmod("script", 06755) == 0);
  run("setuid script", "./script", 0, 1000);
  snprintf(script, sizeof script, "#!%s/setuid script\n", cwd);
  write_file("script2", script);
  NEED(chmod("script2", 0755) == 0);
  run("script of setuid", "./script2", 0, 1000);
  pid_t pid = fork();
  if (pid == 0) {
    NEED(setresuid(1000, 1000, 1000) == 0);
    int fd = open("./setuid", O_PATH);
    char *args[] = {"report", "by descriptor", NULL}, *env[] = {NULL};
    syscall(SYS_execveat, fd, "", args, env, AT_EMPTY_PATH);
    _exit(1);
  }
  wait_and_say("by descriptor", pid);
  pid = fork();
  if (pid == 0) {
    int fd = open("./script", O_RDONLY), closed = open("./script", O_RDONLY | O_CLOEXEC), dir = open(".", O_PATH);
    char *args[] = {"report", "x", NULL}, *env[] = {NULL};
    if (fork() == 0) {
      syscall(SYS_execveat, closed, "", args, env, AT_EMPTY_PATH);
      say("script that closes: %s", error_name(errno));
      _exit(0);
    }
    wait(NULL);
    if (fork() == 0) {
      syscall(SYS_execveat, dir, "plain", args, env, 0);
      _exit(1);
    }
    wait(NULL);
    NEED(symlink("plain", "link") == 0);
    CHECK(syscall(SYS_execveat, dir, "link", args, env, AT_SYMLINK_NOFOLLOW));
    syscall(SYS_execveat, fd, "", args, env, AT_EMPTY_PATH);
    say("script by descriptor: %s", error_name(errno));
    _exit(0);
  }
  wait_and_say("scripts", pid);
  /* A signal of the parent's death is forgotten by a change of privilege; prctl's other state. */
  pid = fork();
  if (pid == 0) {
    NEED(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
    int signal;
    NEED(setresuid(1000, 1000, 1000) == 0);
    NEED(prctl(PR_GET_PDEATHSIG, &signal) == 0);
    say("death signal %d dumpable %d", signal, prctl(PR_GET_DUMPABLE));
    _exit(0);
  }
  wait_and_say("change of ids", pid);
  return 0;
}

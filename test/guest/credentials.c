/* User and group ids: setuid family rules with and without privilege, groups, saved ids, fsuid, capabilities (needs root) */
#include "check.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

static void ids(void) {
  uid_t r, e, s;
  gid_t gr, ge, gs;
  getresuid(&r, &e, &s);
  getresgid(&gr, &ge, &gs);
  say("  uid %d %d %d fs %d gid %d %d %d fs %d", r, e, s, setfsuid(-1), gr, ge, gs, setfsgid(-1));
}

static void caps(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  NEED(syscall(SYS_capget, &header, data) == 0);
  say("  effective %d permitted %d inheritable %d", data[0].effective != 0, data[0].permitted != 0, data[0].inheritable != 0);
}

static void in_child(const char *label, void (*body)(void)) {
  pid_t pid = fork();
  if (pid == 0) {
    body();
    _exit(0);
  }
  wait_and_say(label, pid);
}

static void drop(void) {
  CHECK(setgroups(0, NULL));
  CHECK(setgid(100));
  CHECK(setuid(1000));
  ids();
  caps();
  CHECK(setuid(0));
  CHECK(setuid(1000));
  CHECK(setgid(0));
  CHECK(seteuid(0));
  CHECK(setreuid(-1, 1000));
  CHECK(setresuid(1000, 1000, 1001));
  CHECK(setgroups(0, NULL));
  CHECK(setfsuid(5));
  ids();
}

static void back_and_forth(void) {
  CHECK(seteuid(1000));
  ids();
  caps();
  CHECK(setgid(5));
  CHECK(seteuid(0));
  caps();
  CHECK(setreuid(1, 2));
  ids();
  CHECK(setreuid(2, 1));
  ids();
  CHECK(setuid(0));
}

static void three(void) {
  CHECK(setresuid(1, 2, 3));
  ids();
  CHECK(setresuid(3, 1, 2));
  ids();
  CHECK(setresuid(-1, 4, -1));
  CHECK(setresuid(-1, -1, -1));
  CHECK(setresgid(1, 2, 3));
}

static void fs(void) {
  CHECK(setfsuid(77));
  CHECK(setfsuid(0));
  CHECK(setresgid(7, 8, 9));
  ids();
  CHECK(setregid(-1, 7));
  ids();
  CHECK(setfsgid(55));
  write_file("by-fsgid", "");
  struct stat st;
  NEED(stat("by-fsgid", &st) == 0);
  say("group %d", st.st_gid);
}

static void keep(void) {
  NEED(prctl(PR_SET_KEEPCAPS, 1) == 0);
  CHECK(setuid(1000));
  caps();
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  NEED(syscall(SYS_capget, &header, data) == 0);
  data[0].effective = data[0].permitted;
  CHECK(syscall(SYS_capset, &header, data));
  CHECK(chown(".", 1000, 1000));
  data[0].permitted = data[0].effective = 0;
  data[1].permitted = data[1].effective = 0;
  CHECK(syscall(SYS_capset, &header, data));
  data[0].permitted = 1;
  CHECK(syscall(SYS_capset, &header, data));
  header.version = 0;
  CHECK(syscall(SYS_capget, &header, data));
  say("version %#x", header.version);
}

static void groups(void) {
  gid_t list[4] = {30, 10, 20}, back[8];
  CHECK(setgroups(3, list));
  int n = getgroups(8, back);
  say("%d: %d %d %d", n, back[0], back[1], back[2]);
  CHECK(getgroups(0, NULL));
  CHECK(getgroups(2, back));
  CHECK(getgroups(-1, back));
  CHECK(setgroups(70000, list));
  CHECK(setgroups(3, (void *)8));
}

static void setuid_program(void) {
  NEED(chmod("copy", 04755) == 0 && chmod(".", 0755) == 0);
  NEED(setgid(1000) == 0 && setuid(1000) == 0);
  execl("copy", "copy", "after", NULL);
  say("exec %s", error_name(errno));
}

int main(int argc, char **argv) {
  if (argc > 1) {
    ids();
    caps();
    return 0;
  }
  ids();
  in_child("drop", drop);
  in_child("back and forth", back_and_forth);
  in_child("three", three);
  in_child("fs", fs);
  in_child("keep", keep);
  in_child("groups", groups);
  int in = open(argv[0], O_RDONLY), out = open("copy", O_WRONLY | O_CREAT, 0700);
  static char block[1 << 16];
  for (ssize_t n; (n = read(in, block, sizeof block)) > 0;) NEED(write(out, block, n) == n);
  close(out);
  in_child("set-user-id program", setuid_program);
  return 0;
}

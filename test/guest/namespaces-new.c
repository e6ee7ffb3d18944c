/* New namespaces for mounts, host names and IPC: unshare, clone, setns by file and by pidfd, pivot_root. */
#include "check.h"
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/sem.h>
#include <sys/shm.h>

static const char *const kinds[] = {"mnt", "uts", "ipc", "cgroup", "net", "pid", "user"};

static void own_ids(char ids[7][64]) {
  for (int i = 0; i < 7; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
    memset(ids[i], 0, 64);
    NEED(readlink(path, ids[i], 63) > 0);
  }
}

static void say_changed(const char *what, char before[7][64]) {
  char after[7][64], line[200] = "";
  own_ids(after);
  for (int i = 0; i < 7; i++) if (strcmp(before[i], after[i]) != 0) strcat(strcat(line, " "), kinds[i]);
  say("%s: new are%s", what, line);
}

static void host_name(const char *what) {
  char name[65], text[80] = "";
  NEED(gethostname(name, sizeof name) == 0);
  int fd = open("/proc/sys/kernel/hostname", O_RDONLY);
  NEED(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
  close(fd);
  text[strcspn(text, "\n")] = 0;
  say("%s: %s %s", what, strcmp(name, "inner") == 0 ? name : "another", strcmp(text, name) == 0 ? "in /proc too" : "not in /proc");
}

/* Runs `body` in a child and waits for it. */
#define IN_CHILD(...)                      \
  do {                                     \
    pid_t pid = fork();                    \
    NEED(pid >= 0);                        \
    if (pid == 0) {                        \
      __VA_ARGS__;                         \
      _exit(0);                            \
    }                                      \
    int status;                            \
    NEED(waitpid(pid, &status, 0) == pid); \
    if (status != 0) say("ended with %x", status); \
  } while (0)

static void private_mounts(void) {
  NEED(unshare(CLONE_NEWNS) == 0);
  NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

static void make_file(const char *path) {
  int fd = open(path, O_CREAT | O_WRONLY, 0644);
  NEED(fd >= 0);
  close(fd);
}

static void mounts(void) {
  char before[7][64];
  own_ids(before);
  NEED(mkdir("m", 0755) == 0);
  IN_CHILD({
    private_mounts();
    say_changed("mounts", before);
    CHECK(mount("none", "m", "tmpfs", 0, NULL));
    make_file("m/f");
    CHECK(access("m/f", F_OK));
    IN_CHILD(CHECK(access("m/f", F_OK)));
    CHECK(umount("m"));
    CHECK(access("m/f", F_OK));
    CHECK(mount("none", "m", "tmpfs", 0, NULL));
    make_file("m/f");
  });
  CHECK(access("m/f", F_OK));
  say_changed("the parent's", before);
  CHECK(rmdir("m"));
}

static void names(void) {
  char before[7][64];
  own_ids(before);
  IN_CHILD({
    NEED(unshare(CLONE_NEWUTS) == 0);
    say_changed("names", before);
    CHECK(sethostname("inner", 5));
    host_name("child");
    IN_CHILD(host_name("grandchild"));
  });
  host_name("parent");
}

static void ipc(void) {
  key_t key = 0x7d000000 | (getpid() & 0xffffff);
  int id = shmget(key, 4096, IPC_CREAT | 0600), set = semget(IPC_PRIVATE, 1, 0600);
  NEED(id >= 0 && set >= 0);
  IN_CHILD({
    struct sembuf up = {0, 5, SEM_UNDO};
    NEED(semop(set, &up, 1) == 0);
    char *at = shmat(id, NULL, 0);
    NEED(at != (void *)-1);
    strcpy(at, "kept");
    CHECK(unshare(CLONE_NEWIPC));
    say("still attached: %s", at);
    CHECK(shmget(key, 4096, 0600));
    CHECK(semctl(set, 0, GETVAL));
    int own = shmget(key, 8192, IPC_CREAT | 0600);
    NEED(own >= 0);
    struct shmid_ds ds;
    NEED(shmctl(own, IPC_STAT, &ds) == 0);
    say("its own has %zu bytes", ds.shm_segsz);
  });
  say("undone: %d", semctl(set, 0, GETVAL));
  struct shmid_ds ds;
  NEED(shmctl(id, IPC_STAT, &ds) == 0);
  say("the parent's has %zu bytes, attached %ld", ds.shm_segsz, (long)ds.shm_nattch);
  NEED(shmctl(id, IPC_RMID, NULL) == 0 && semctl(set, 0, IPC_RMID) == 0);
}

/* A child in namespaces of its own that waits until it is killed. */
static pid_t begin_inner(void) {
  int ready[2];
  char byte;
  NEED(pipe(ready) == 0 && mkdir("n", 0755) == 0);
  pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0);
  NEED(pid >= 0);
  if (pid == 0) {
    NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    NEED(mount("none", "n", "tmpfs", 0, NULL) == 0);
    make_file("n/inside");
    NEED(sethostname("inner", 5) == 0);
    NEED(write(ready[1], "x", 1) == 1);
    pause();
  }
  NEED(read(ready[0], &byte, 1) == 1);
  close(ready[0]);
  close(ready[1]);
  return pid;
}

static int open_ns(pid_t pid, const char *kind) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
  return open(path, O_RDONLY);
}

static void enter(void) {
  char here[PATH_MAX], path[PATH_MAX + 16], cwd[PATH_MAX];
  NEED(getcwd(here, sizeof here) != NULL);
  snprintf(path, sizeof path, "%s/n/inside", here);
  pid_t pid = begin_inner();
  int uts = open_ns(pid, "uts"), mnt = open_ns(pid, "mnt"), own = open_ns(getpid(), "uts"), pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  NEED(uts >= 0 && mnt >= 0 && own >= 0 && pidfd >= 0);
  CHECK(access(path, F_OK));
  IN_CHILD({
    host_name("before");
    CHECK(setns(uts, CLONE_NEWIPC));
    CHECK(setns(uts, CLONE_NEWUTS));
    host_name("entered");
    CHECK(setns(own, 0));
    host_name("back");
    CHECK(setns(pidfd, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS));
    host_name("by pidfd");
    CHECK(access(path, F_OK));
    NEED(getcwd(cwd, sizeof cwd) != NULL);
    say("in %s", cwd);
  });
  IN_CHILD({
    NEED(chdir("/proc") == 0);
    CHECK(setns(mnt, 0));
    CHECK(access(path, F_OK));
    NEED(getcwd(cwd, sizeof cwd) != NULL);
    say("in %s", cwd);
    CHECK(setns(pidfd, 0));
    CHECK(setns(0, 0));
  });
  NEED(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
  CHECK(setns(pidfd, CLONE_NEWUTS));
  /* What nobody is in any more can still be entered by who has it open. */
  IN_CHILD({
    CHECK(setns(uts, 0));
    host_name("without anybody");
    CHECK(setns(mnt, 0));
    CHECK(access(path, F_OK));
  });
  close(mnt);
  CHECK(rmdir("n"));
}

static void pivot(void) {
  NEED(mkdir("r", 0755) == 0);
  IN_CHILD({
    char cwd[PATH_MAX];
    CHECK(syscall(SYS_pivot_root, "r", "nothing"));
    private_mounts();
    CHECK(syscall(SYS_pivot_root, "r", "r"));
    NEED(mount("none", "r", "tmpfs", 0, NULL) == 0);
    NEED(mkdir("r/old", 0755) == 0 && mkdir("r/d", 0755) == 0);
    make_file("r/file");
    CHECK(syscall(SYS_pivot_root, "r/file", "r"));
    CHECK(syscall(SYS_pivot_root, "r/d", "r/old"));
    CHECK(syscall(SYS_pivot_root, "r", "."));
    NEED(chdir("r") == 0);
    CHECK(syscall(SYS_pivot_root, ".", "old"));
    NEED(getcwd(cwd, sizeof cwd) != NULL);
    say("in %s: %d %d", cwd, access("/file", F_OK), access("/old/proc/self", F_OK));
    CHECK(umount("/old"));
    CHECK(umount2("/old", MNT_DETACH));
    CHECK(access("/old/proc", F_OK));
    CHECK(syscall(SYS_pivot_root, "/", "/old"));
    NEED(mkdir("/next", 0755) == 0 && mount("none", "/next", "tmpfs", 0, NULL) == 0);
    make_file("/next/here");
    NEED(chdir("/next") == 0);
    CHECK(syscall(SYS_pivot_root, ".", "."));
    CHECK(umount2(".", MNT_DETACH));
    NEED(chdir("/") == 0);
    say("at last: %d %d", access("/here", F_OK), access("/file", F_OK) == 0);
  });
  CHECK(rmdir("r"));
}

static void refused(void) {
  CHECK(unshare(1));
  CHECK(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
  CHECK(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0));
  IN_CHILD({
    NEED(setgid(65534) == 0 && setuid(65534) == 0);
    CHECK(unshare(CLONE_NEWNS));
    CHECK(unshare(CLONE_NEWUTS));
    CHECK(syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0));
    CHECK(syscall(SYS_pivot_root, ".", "."));
    CHECK(unshare(CLONE_FS | CLONE_FILES));
  });
  IN_CHILD({
    int own = open_ns(getpid(), "mnt");
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
      pause();
      _exit(0);
    }
    CHECK(setns(own, 0));
    NEED(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    CHECK(setns(own, 0));
  });
}

int main(void) {
  refused();
  mounts();
  names();
  ipc();
  enter();
  pivot();
  return 0;
}

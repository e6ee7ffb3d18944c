/* getpid and its like, asked so often that they are answered without the kernel: they must change at once all the same, and be seen by who looks on. */
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#define OFTEN 200

/* How many of many answers are not the expected ones. */
static int wrong(pid_t pid, pid_t tid, uid_t uid, uid_t euid, gid_t gid, gid_t egid) {
  int count = 0;
  for (int i = 0; i < OFTEN; i++) {
    count += getpid() != pid || gettid() != tid;
    count += getuid() != uid || geteuid() != euid || getgid() != gid || getegid() != egid;
  }
  return count;
}

static void *in_thread(void *pid) {
  pid_t tid = gettid();
  return (void *)(long)(wrong((pid_t)(long)pid, tid, 0, 0, 0, 0) + (tid == (pid_t)(long)pid));
}

static void *change_thread(void *unused) {
  (void)unused;
  long bad = 0;
  /* The bare call changes this thread alone. */
  NEED(syscall(SYS_setresuid, 11, 12, 13) == 0);
  bad += wrong(getpid(), gettid(), 11, 12, 0, 0);
  return (void *)bad;
}

static int status_of(pid_t child) {
  int status;
  NEED(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void forks(void) {
  pid_t parent = getpid();
  int ends[2];
  NEED(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) {
    pid_t told;
    NEED(read(ends[0], &told, sizeof told) == sizeof told);
    _exit(wrong(told, told, 0, 0, 0, 0) != 0);
  }
  NEED(write(ends[1], &child, sizeof child) == sizeof child);
  say("fork: child %d, parent %d", status_of(child), wrong(parent, parent, 0, 0, 0, 0));
  volatile pid_t mine = 0;
  volatile int bad = 0;
  child = vfork();
  if (child == 0) {
    mine = getpid();
    bad = wrong(mine, mine, 0, 0, 0, 0);
    _exit(0);
  }
  say("vfork: child %d, itself %d, parent %d", status_of(child), bad + (mine != child), wrong(parent, parent, 0, 0, 0, 0));
}

static void credentials(void) {
  pid_t child = fork();
  if (child == 0) {
    pid_t pid = getpid();
    int bad = wrong(pid, pid, 0, 0, 0, 0);
    NEED(setresgid(5, 6, 7) == 0);
    bad += wrong(pid, pid, 0, 0, 5, 6);
    NEED(setresuid(1, 2, 3) == 0);
    bad += wrong(pid, pid, 1, 2, 5, 6);
    NEED(seteuid(1) == 0);
    bad += wrong(pid, pid, 1, 1, 5, 6);
    _exit(bad);
  }
  say("credentials: %d", status_of(child));
}

static void filtered(void) {
  pid_t child = fork();
  if (child == 0) {
    pid_t pid = getpid();
    int bad = wrong(pid, pid, 0, 0, 0, 0);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    for (int i = 0; i < OFTEN; i++) bad += syscall(SYS_getpid) != -1 || errno != 77;
    _exit(bad);
  }
  say("filtered: %d", status_of(child));
}

static void traced(void) {
  pid_t child = fork();
  if (child == 0) {
    pid_t pid = getpid();
    int bad = wrong(pid, pid, 0, 0, 0, 0);
    NEED(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
    raise(SIGSTOP);
    for (int i = 0; i < 10; i++) bad += getpid() != pid;
    _exit(bad);
  }
  int status, stops = 0;
  NEED(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
  for (;;) {
    NEED(ptrace(PTRACE_SYSCALL, child, 0, 0) == 0);
    NEED(waitpid(child, &status, 0) == child);
    if (!WIFSTOPPED(status)) break;
    stops++;
  }
  say("traced: exit %d after %d stops", WEXITSTATUS(status), stops);
}

int main(int argc, char **argv) {
  pid_t pid = getpid();
  if (argc > 1) _exit(wrong(atoi(argv[1]), atoi(argv[1]), 3, 4, 0, 0));
  say("root: %d", wrong(pid, pid, 0, 0, 0, 0));
  pthread_t thread;
  void *bad;
  NEED(pthread_create(&thread, NULL, in_thread, (void *)(long)pid) == 0 && pthread_join(thread, &bad) == 0);
  say("thread: %ld", (long)bad);
  NEED(pthread_create(&thread, NULL, change_thread, NULL) == 0 && pthread_join(thread, &bad) == 0);
  say("changed thread: %ld, this one %d", (long)bad, wrong(pid, pid, 0, 0, 0, 0));
  forks();
  credentials();
  filtered();
  traced();
  pid_t child = fork();
  if (child == 0) {
    char text[16];
    snprintf(text, sizeof text, "%d", getpid());
    NEED(setresuid(3, 4, 0) == 0);
    execl(argv[0], argv[0], text, NULL);
    _exit(99);
  }
  say("exec: %d", status_of(child));
  return 0;
}

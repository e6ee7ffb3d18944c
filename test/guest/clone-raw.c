/* clone and clone3 by raw system call: flags, their required pairs, tid pointers, exit signals, own stacks, errors. */
#include "check.h"
#include <linux/futex.h>
#include <linux/sched.h>

static int parent_tid, child_tid;

static long raw_clone(unsigned long flags, void *stack) {
  return syscall(SYS_clone, flags, stack, &parent_tid, &child_tid, 0);
}

static long raw_clone3(uint64_t flags, uint64_t signal, size_t size) {
  struct clone_args args = {.flags = flags, .exit_signal = signal, .parent_tid = (uintptr_t)&parent_tid, .child_tid = (uintptr_t)&child_tid};
  return syscall(SYS_clone3, &args, size);
}

static int thread_ran;
static char thread_stack[65536] __attribute__((aligned(16)));
static int function(void *arg) {
  thread_ran = *(int *)arg;
  return 6;
}

int main(void) {
  pid_t pid;
  if ((pid = raw_clone(SIGCHLD, NULL)) == 0) _exit(11);
  wait_and_say("plain", pid);
  if ((pid = raw_clone(SIGCHLD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, NULL)) == 0) _exit(child_tid == getpid() && parent_tid != 0 ? 0 : 1);
  TRUTH(parent_tid == pid && child_tid == 0);
  wait_and_say("tids", pid);
  if ((pid = raw_clone(0, NULL)) == 0) _exit(12);
  CHECK(waitpid(pid, NULL, 0));
  int status;
  CHECK(waitpid(pid, &status, __WCLONE) == pid);
  say_status("no exit signal", status);
  CHECK(raw_clone(CLONE_SIGHAND, NULL));
  CHECK(raw_clone(CLONE_THREAD | CLONE_SIGHAND, NULL));
  CHECK(raw_clone(CLONE_THREAD, NULL));
  CHECK(raw_clone(CLONE_FS | CLONE_NEWNS, NULL));
  CHECK(raw_clone3(CLONE_DETACHED, SIGCHLD, sizeof(struct clone_args)));
  CHECK(raw_clone3(0, 65, sizeof(struct clone_args)));
  CHECK(raw_clone3(SIGCHLD, 0, sizeof(struct clone_args)));
  CHECK(raw_clone3(0, SIGCHLD, 8));
  CHECK(raw_clone3(0, SIGCHLD, 100000));
  CHECK(syscall(SYS_clone3, 8, sizeof(struct clone_args)));
  CHECK(raw_clone3(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, SIGCHLD, sizeof(struct clone_args)));
  if ((pid = raw_clone3(CLONE_PARENT_SETTID, SIGCHLD, sizeof(struct clone_args))) == 0) _exit(13);
  wait_and_say("clone3", pid);
  if ((pid = raw_clone3(0, SIGCHLD, CLONE_ARGS_SIZE_VER0)) == 0) _exit(14);
  wait_and_say("clone3, first size", pid);
  /* What is not given is zero, wherever it is cut. */
  for (size_t cut = 66; cut < 88; cut += 6) {
    if ((pid = raw_clone3(0, SIGCHLD, cut)) == 0) _exit((int)cut);
    wait_and_say("clone3, cut", pid);
  }
  struct clone_args args = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&child_tid};
  if ((pid = syscall(SYS_clone3, &args, sizeof args)) == 0) _exit(15);
  siginfo_t info;
  CHECK(waitid(P_PIDFD, child_tid, &info, WEXITED));
  say("pidfd: status %d cloexec %d", info.si_status, fcntl(child_tid, F_GETFD));
  args = (struct clone_args){.exit_signal = SIGCHLD, .stack = (uintptr_t)thread_stack};
  CHECK(syscall(SYS_clone3, &args, sizeof args));
  /* Shared memory but a process of its own: the library's clone with a stack. */
  int value = 5;
  pid = clone(function, thread_stack + sizeof thread_stack, CLONE_VM | SIGCHLD, &value);
  wait_and_say("shared memory", pid);
  say("ran %d", thread_ran);
  /* CLONE_FILES shares descriptors, CLONE_FS the directory and umask. */
  umask(022);
  NEED(mkdir("d", 0755) == 0);
  if ((pid = raw_clone(CLONE_FILES | CLONE_FS | SIGCHLD, NULL)) == 0) {
    NEED(dup2(0, 44) == 44 && chdir("d") == 0);
    umask(077);
    _exit(0);
  }
  wait_and_say("sharer", pid);
  CHECK(fcntl(44, F_GETFD));
  CHECK(umask(0));
  CHECK(access("../d", F_OK));
  /* CLONE_PARENT: the child is a sibling. */
  pid_t me = getpid();
  if ((pid = fork()) == 0) {
    long sibling = raw_clone(CLONE_PARENT | SIGCHLD, NULL);
    if (sibling == 0) _exit(getppid() == me ? 21 : 22);
    _exit(waitpid(sibling, NULL, 0) == -1 && errno == ECHILD ? 0 : 1);
  }
  wait_and_say("maker", pid);
  CHECK(waitpid(-1, &status, 0) > 0);
  say_status("sibling", status);
  /* CLONE_CHILD_CLEARTID: the word is cleared and woken at exit when memory is shared. */
  int *word = &child_tid;
  child_tid = 1;
  pid = clone(function, thread_stack + sizeof thread_stack, CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, &value, NULL, NULL, word);
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST)) syscall(SYS_futex, word, FUTEX_WAIT, 1, NULL);
  wait_and_say("cleared", pid);
  return 0;
}

/* seccomp: filters' answers and which of them wins, what is refused, inheritance, threads, strict mode, what /proc tells. */
#include "check.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)
#define UNLESS(number, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, skip)
#define FILTER(...) ((struct sock_fprog){sizeof((struct sock_filter[]){__VA_ARGS__}) / 8, (struct sock_filter[]){__VA_ARGS__}})

static long seccomp(unsigned operation, unsigned flags, void *argument) { return syscall(SYS_seccomp, operation, flags, argument); }

static long add(struct sock_fprog program) { return seccomp(SECCOMP_SET_MODE_FILTER, 0, &program); }

/* For one call an answer, for all others ALLOW. */
static long answer(long nr, unsigned value) { return add(FILTER(LOAD(nr), UNLESS((unsigned)nr, 1), ANSWER(value), ANSWER(SECCOMP_RET_ALLOW))); }

static volatile int code, error, number, arch_right, address_right;
static void on_sys(int signal, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  code = signal == SIGSYS ? info->si_code : -1;
  error = info->si_errno;
  number = info->si_syscall;
  arch_right = info->si_arch == AUDIT_ARCH_X86_64;
  address_right = info->si_call_addr == (void *)uc->uc_mcontext.gregs[REG_RIP];
  if (uc->uc_mcontext.gregs[REG_RAX] == SYS_getpriority) uc->uc_mcontext.gregs[REG_RAX] = 1234;
}

static void show_status(const char *label) {
  FILE *status = fopen("/proc/self/status", "r");
  char line[256];
  while (fgets(line, sizeof line, status))
    if (strncmp(line, "Seccomp", 7) == 0 || strncmp(line, "NoNewPrivs", 10) == 0) say("%s %.*s", label, (int)strcspn(line, "\n"), line);
  fclose(status);
}

static void *calls(void *arg) {
  errno = 0;
  say("thread: %ld %s", syscall(SYS_getpriority, 0, 0) >= 0 ? 0L : -1L, error_name(errno));
  return arg;
}

static void *dies(void *arg) {
  syscall(SYS_getpriority, 0, 0);
  say("not reached");
  return arg;
}

static pthread_barrier_t barrier;
static void *waits(void *arg) {
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  return calls(arg);
}

static void child(const char *label, void (*body)(void)) {
  pid_t pid = fork();
  if (pid == 0) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    body();
    _exit(0);
  }
  wait_and_say(label, pid);
}

static void errors(void) {
  CHECK(answer(SYS_getpriority, SECCOMP_RET_ERRNO | ENOTTY));
  CHECK(syscall(SYS_getpriority, 0, 0));
  CHECK(answer(SYS_getpriority, SECCOMP_RET_ERRNO | 0));
  CHECK(syscall(SYS_getpriority, 0, 0));
  CHECK(answer(SYS_getpriority, SECCOMP_RET_ALLOW));
  CHECK(syscall(SYS_getpriority, 0, 0));
  CHECK(answer(SYS_getpriority, SECCOMP_RET_TRACE | 5));
  CHECK(syscall(SYS_getpriority, 0, 0));
  CHECK(answer(SYS_getpgid, SECCOMP_RET_ERRNO | 0xffff));
  long r = syscall(SYS_getpgid, 0);
  say("large errno %ld %d", r, errno);
  CHECK(answer(999, SECCOMP_RET_ERRNO | EXDEV));
  CHECK(syscall(999));
  CHECK(syscall(998));
  show_status("errors");
  CHECK(prctl(PR_GET_SECCOMP));
}
static void traps(void) {
  handle_info(SIGSYS, on_sys, 0);
  CHECK(answer(SYS_getpriority, SECCOMP_RET_TRAP | 77));
  CHECK(syscall(SYS_getpriority, 0, 0));
  say("code %d errno %d number %d arch %d address %d", code, error, number == SYS_getpriority, arch_right, address_right);
}
static void traps_unhandled(void) {
  answer(SYS_getpriority, SECCOMP_RET_TRAP);
  syscall(SYS_getpriority, 0, 0);
}
static void traps_blocked(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  handle_info(SIGSYS, on_sys, 0);
  answer(SYS_getpriority, SECCOMP_RET_TRAP);
  syscall(SYS_getpriority, 0, 0);
}
static void kills(void) {
  answer(SYS_getpriority, SECCOMP_RET_KILL_PROCESS);
  syscall(SYS_getpriority, 0, 0);
}
static void kills_only_thread(void) {
  answer(SYS_getpriority, SECCOMP_RET_KILL_THREAD);
  syscall(SYS_getpriority, 0, 0);
}
static void kills_a_thread(void) {
  pthread_t t;
  answer(SYS_getpriority, SECCOMP_RET_KILL_THREAD);
  NEED(pthread_create(&t, NULL, dies, NULL) == 0);
  pthread_join(t, NULL);
  say("thread is gone");
}
static void unknown_action(void) {
  answer(SYS_getpriority, 0x12340000);
  syscall(SYS_getpriority, 0, 0);
}
static void precedence(void) {
  answer(SYS_getpriority, SECCOMP_RET_ERRNO | 1);
  answer(SYS_getpriority, SECCOMP_RET_ERRNO | 2);
  CHECK(syscall(SYS_getpriority, 0, 0));
  answer(SYS_getpriority, SECCOMP_RET_TRACE);
  CHECK(syscall(SYS_getpriority, 0, 0));
  answer(SYS_getpriority, SECCOMP_RET_KILL_PROCESS);
  syscall(SYS_getpriority, 0, 0);
}
static void arguments(void) {
  /* lseek of 0x1_0000_0005 by its halves, and of an offset that the filter computes. */
  add(FILTER(LOAD(nr), UNLESS(SYS_lseek, 5), LOAD(args[1]), UNLESS(5, 3), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4), UNLESS(1, 1),
             ANSWER(SECCOMP_RET_ERRNO | EUCLEAN), ANSWER(SECCOMP_RET_ALLOW)));
  int fd = open("file", O_RDWR | O_CREAT, 0600);
  CHECK(lseek(fd, 5, SEEK_SET));
  CHECK(lseek(fd, 0x100000005L, SEEK_SET));
  CHECK(lseek(fd, 0x200000005L, SEEK_SET));
  CHECK(add(FILTER(BPF_STMT(BPF_LD | BPF_IMM, 40), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LDX | BPF_MEM, 3), LOAD(args[1]), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3),
                   BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 1), BPF_STMT(BPF_MISC | BPF_TAX, 0), LOAD(nr),
                   UNLESS(SYS_lseek, 3), BPF_STMT(BPF_MISC | BPF_TXA, 0), UNLESS(36, 1), ANSWER(SECCOMP_RET_ERRNO | EXFULL), ANSWER(SECCOMP_RET_ALLOW))));
  CHECK(lseek(fd, 10, SEEK_SET));
  CHECK(lseek(fd, 11, SEEK_SET));
}
static void refusals(void) {
  CHECK(add(FILTER(ANSWER(0), LOAD(nr))));
  CHECK(add(FILTER(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ANSWER(0))));
  CHECK(add(FILTER(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ANSWER(0))));
  CHECK(add(FILTER(BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), ANSWER(0))));
  CHECK(add(FILTER(UNLESS(1, 5), ANSWER(0))));
  CHECK(add(FILTER(BPF_STMT(BPF_JMP | BPF_JA, 1), ANSWER(0))));
  CHECK(add(FILTER(BPF_STMT(BPF_LD | BPF_MEM, 1), ANSWER(0))));
  CHECK(add(FILTER(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ANSWER(0))));
  CHECK(add(FILTER(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ANSWER(0))));
  CHECK(add(FILTER(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), ANSWER(0))));
  CHECK(add(FILTER(BPF_STMT(BPF_ST, 16), ANSWER(0))));
  CHECK(seccomp(SECCOMP_SET_MODE_FILTER, 0, &(struct sock_fprog){0, NULL}));
  CHECK(seccomp(SECCOMP_SET_MODE_FILTER, 0, &(struct sock_fprog){5000, (void *)8}));
  CHECK(seccomp(SECCOMP_SET_MODE_FILTER, 0, &(struct sock_fprog){5, (void *)8}));
  CHECK(seccomp(SECCOMP_SET_MODE_FILTER, 0, (void *)8));
  CHECK(seccomp(SECCOMP_SET_MODE_FILTER, 0x8000, NULL));
  CHECK(seccomp(99, 0, NULL));
  CHECK(prctl(PR_SET_SECCOMP, 9, 0, 0, 0));
  const unsigned actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW, 0x12340000};
  for (int i = 0; i < 8; i++) say("action %#x: %ld", actions[i], seccomp(SECCOMP_GET_ACTION_AVAIL, 0, (void *)&actions[i]));
  struct sock_filter *long_one = calloc(4096, 8);
  for (int i = 0; i < 4096; i++) long_one[i] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
  int count = 0;
  while (seccomp(SECCOMP_SET_MODE_FILTER, 0, &(struct sock_fprog){4096, long_one}) == 0) count++;
  say("long filters %d %s", count, error_name(errno));
}
static void inheritance(void) {
  answer(SYS_getpriority, SECCOMP_RET_ERRNO | EPROTO);
  pthread_t t;
  NEED(pthread_create(&t, NULL, calls, NULL) == 0);
  pthread_join(t, NULL);
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(syscall(SYS_getpriority, 0, 0));
    char *args[] = {"seccomp", "after exec", NULL};
    execve("/proc/self/exe", args, NULL);
    _exit(1);
  }
  wait_and_say("inherits", pid);
}
static void synchronised(void) {
  pthread_t t;
  pthread_barrier_init(&barrier, NULL, 2);
  NEED(pthread_create(&t, NULL, waits, NULL) == 0);
  pthread_barrier_wait(&barrier);
  struct sock_fprog program = FILTER(LOAD(nr), UNLESS(SYS_getpriority, 1), ANSWER(SECCOMP_RET_ERRNO | EPROTO), ANSWER(SECCOMP_RET_ALLOW));
  CHECK(seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
  pthread_barrier_wait(&barrier);
  pthread_join(t, NULL);
}
static void strict(void) {
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
  say("still writes");
  syscall(SYS_exit, 3);
}
static void strict_breach(void) {
  seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL);
  getppid();
}
static void strict_and_filter(void) {
  answer(SYS_getpriority, SECCOMP_RET_ALLOW);
  CHECK(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL));
  CHECK(seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL));
}

int main(int argc, char **argv) {
  if (argc > 1) {
    errno = 0;
    say("%s: %ld %s", argv[1], syscall(SYS_getpriority, 0, 0) >= 0 ? 0L : -1L, error_name(errno));
    show_status(argv[1]);
    return 0;
  }
  pid_t pid = fork();
  if (pid == 0) {
    if (getuid() == 0) NEED(setresuid(4321, 4321, 4321) == 0);
    CHECK(answer(SYS_getpriority, SECCOMP_RET_ALLOW));
    _exit(0);
  }
  wait_and_say("unprivileged", pid);
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  show_status("before");
  child("errors", errors);
  child("traps", traps);
  child("traps, unhandled", traps_unhandled);
  child("traps, blocked", traps_blocked);
  child("kills", kills);
  child("kills its only thread", kills_only_thread);
  child("kills a thread", kills_a_thread);
  child("unknown action", unknown_action);
  child("precedence", precedence);
  child("arguments", arguments);
  child("refusals", refusals);
  child("inheritance", inheritance);
  child("synchronised", synchronised);
  child("strict", strict);
  child("strict, breach", strict_breach);
  child("strict and filter", strict_and_filter);
  return 0;
}

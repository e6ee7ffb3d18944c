/* seccomp: strict mode, filters that allow, refuse, trap and kill, what is inherited, programs that are no good. */
#include "check.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define GIVE(action) BPF_STMT(BPF_RET | BPF_K, action)

static int install(struct sock_filter *code, int count, unsigned flags) {
  struct sock_fprog program = {count, code};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}
#define INSTALL(code, flags) install(code, sizeof code / sizeof *code, flags)

/* Answers one call, by number. */
static int answer(int nr, unsigned action) {
  struct sock_filter code[] = {LOAD(nr), EQUAL(nr, 0, 1), GIVE(action), GIVE(SECCOMP_RET_ALLOW)};
  return INSTALL(code, 0);
}

static void on_sys(int signo, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  say("signal %d code %d errno %d call %d arch %x, rax %lld", signo, info->si_code, info->si_errno, info->si_syscall, info->si_arch,
      (long long)uc->uc_mcontext.gregs[REG_RAX]);
  uc->uc_mcontext.gregs[REG_RAX] = 77;
}

static void tell_mode(void) {
  char text[4096] = "";
  int fd = open("/proc/self/status", O_RDONLY);
  for (ssize_t n, at = 0; (n = read(fd, text + at, sizeof text - 1 - at)) > 0;) at += n;
  close(fd);
  char *line = strstr(text, "\nSeccomp:");
  say("mode %d, %.10s", prctl(PR_GET_SECCOMP), line == NULL ? "none" : line + 1);
}

static void in_child(const char *label, void (*what)(void)) {
  pid_t child = fork();
  if (child == 0) {
    what();
    _exit(0);
  }
  wait_and_say(label, child);
}

static void strict(void) {
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL));
  NEED(write(1, "still writes\n", 13) == 13);
  syscall(SYS_exit, 3);
}
static void strict_killed(void) {
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
  syscall(SYS_getppid);
}

static void refusing(void) {
  CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | ENETDOWN));
  tell_mode();
  CHECK(getppid());
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL));
  /* The severest answer wins, whichever came first. */
  CHECK(answer(SYS_getppid, SECCOMP_RET_LOG));
  CHECK(getppid());
  CHECK(answer(SYS_getpgrp, SECCOMP_RET_ERRNO));
  CHECK(getpgrp());
  CHECK(answer(SYS_getpgrp, SECCOMP_RET_ERRNO | 0xffff));
  say("raw %ld", syscall(SYS_getpgrp));
  CHECK(answer(SYS_getuid, SECCOMP_RET_TRACE));
  CHECK(syscall(SYS_getuid));
  pid_t child = fork();
  if (child == 0) {
    CHECK(getppid());
    tell_mode();
    execl("/proc/self/exe", "again", NULL);
    _exit(1);
  }
  wait_and_say("inherited", child);
}

static void trapping(void) {
  handle_info(SIGSYS, on_sys, 0);
  CHECK(answer(SYS_getppid, SECCOMP_RET_TRAP | 99));
  CHECK(syscall(SYS_getppid));
  CHECK(syscall(SYS_getppid, 1, 2));
  for (int i = 0; i < 20; i++) NEED(syscall(SYS_getpgrp) > 0);
}
static void trapped_blocked(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGSYS);
  handle_info(SIGSYS, on_sys, 0);
  sigprocmask(SIG_BLOCK, &set, NULL);
  answer(SYS_getppid, SECCOMP_RET_TRAP);
  syscall(SYS_getppid);
}
static void killed_process(void) {
  answer(SYS_getppid, SECCOMP_RET_KILL_PROCESS);
  syscall(SYS_getppid);
}
static void unknown_action(void) {
  answer(SYS_getppid, 0x12340000);
  syscall(SYS_getppid);
}

static void *ends_itself(void *arg) {
  answer(SYS_getppid, SECCOMP_RET_KILL_THREAD);
  syscall(SYS_getppid);
  return arg;
}
static void killed_thread(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, ends_itself, NULL) == 0);
  int word;
  while (pthread_tryjoin_np(thread, NULL) == EBUSY) sleep_ms(1);
  (void)word;
  say("the others live");
}

static int go;
static void *waits(void *arg) {
  while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE)) sched_yield();
  *(int *)arg = syscall(SYS_getppid) == -1 ? errno : 0;
  return NULL;
}
static void synchronized(void) {
  pthread_t thread;
  int error;
  NEED(pthread_create(&thread, NULL, waits, &error) == 0);
  struct sock_filter code[] = {LOAD(nr), EQUAL(SYS_getppid, 0, 1), GIVE(SECCOMP_RET_ERRNO | EXDEV), GIVE(SECCOMP_RET_ALLOW)};
  CHECK(INSTALL(code, SECCOMP_FILTER_FLAG_TSYNC));
  __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
  pthread_join(thread, NULL);
  say("the other: %s", error_name(error));
}

/* Arguments, arithmetic, memory: all that a program may do, in one that gives a number of its own. */
static void computing(void) {
  struct sock_filter code[] = {
      LOAD(arch), EQUAL(AUDIT_ARCH_X86_64, 1, 0), GIVE(SECCOMP_RET_KILL_PROCESS),
      LOAD(nr), EQUAL(SYS_getppid, 1, 0), GIVE(SECCOMP_RET_ALLOW),
      LOAD(args[0]), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4),
      BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 6), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 4),
      BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0xf0), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 1),
      BPF_STMT(BPF_LDX | BPF_MEM, 3), BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_NEG, 0),
      BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 4000, 0, 1), GIVE(SECCOMP_RET_ERRNO | EDOM),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x100, 0, 1), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
      BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0)};
  CHECK(INSTALL(code, 0));
  for (unsigned long a = 1; a < 2000000; a = a * 3 + 1) {
    errno = 0;
    syscall(SYS_getppid, a, 5UL << 32 | a);
    say("%lu: %d", a, errno);
  }
}

int main(int argc, char **argv) {
  if (argc > 0 && strcmp(argv[0], "again") == 0) {
    CHECK(getppid());
    tell_mode();
    return 0;
  }
  tell_mode();
  if (getuid() == 0) NEED(setuid(12345) == 0);
  struct sock_filter allow[] = {GIVE(SECCOMP_RET_ALLOW)};
  CHECK(INSTALL(allow, 0));
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(syscall(SYS_seccomp, 99, 0, NULL));
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 8));
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x4000, 8));
  CHECK(prctl(PR_SET_SECCOMP, 7, 0));
  CHECK(install(allow, 0, 0));
  CHECK(install(NULL, 1, 0));
  unsigned actions[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP, 0x12340000};
  for (int i = 0; i < 3; i++) CHECK(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]));
  CHECK(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, &actions[0]));
  struct seccomp_notif_sizes sizes;
  CHECK(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
  say("sizes %d %d %d", sizes.seccomp_notif, sizes.seccomp_notif_resp, sizes.seccomp_data);
  struct sock_filter bad[][3] = {
      {LOAD(nr), LOAD(nr), LOAD(nr)},                                                     /* no end */
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), LOAD(nr), GIVE(0)},                         /* not aligned */
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), LOAD(nr), GIVE(0)},                        /* too far */
      {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), LOAD(nr), GIVE(0)},                         /* half a word */
      {BPF_STMT(BPF_LD | BPF_MEM, 3), LOAD(nr), GIVE(0)},                                 /* never stored */
      {BPF_STMT(BPF_ST, 16), LOAD(nr), GIVE(0)},                                          /* no such word */
      {EQUAL(1, 2, 0), LOAD(nr), GIVE(0)},                                                /* beyond the end */
      {BPF_STMT(BPF_JMP | BPF_JA, 2), LOAD(nr), GIVE(0)},                                 /* the same */
      {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), LOAD(nr), GIVE(0)},                        /* by zero */
      {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), LOAD(nr), GIVE(0)},                       /* too wide */
      {BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), LOAD(nr), GIVE(0)},                        /* not for seccomp */
      {BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 3), LOAD(nr), GIVE(0)},                        /* the same */
      {BPF_STMT(0xffff, 0), LOAD(nr), GIVE(0)},                                           /* nothing */
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) say("bad %zu: %s", i, INSTALL(bad[i], 0) == 0 ? "taken" : error_name(errno));
  in_child("strict", strict);
  in_child("strict, killed", strict_killed);
  in_child("refusing", refusing);
  in_child("trapping", trapping);
  in_child("trapped while blocked", trapped_blocked);
  in_child("process killed", killed_process);
  in_child("unknown action", unknown_action);
  in_child("thread killed", killed_thread);
  in_child("synchronized", synchronized);
  in_child("computing", computing);
  return 0;
}

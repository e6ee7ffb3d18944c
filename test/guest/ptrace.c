/* ptrace: stops at calls, signals and events, registers and memory, steps, attaching and seizing, ends of tracer and tracee. */
#include "check.h"
#include <elf.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static volatile long word = 0x1122334455667788;

static const char *event_name(int event) {
  static const char *const names[] = {"none", "fork", "vfork", "clone", "exec", "vfork done", "exit"};
  return event < 7 ? names[event] : event == PTRACE_EVENT_STOP ? "stop" : "other";
}

/* Waits for one change of the tracee and says what it is. */
static int next(const char *label, pid_t pid) {
  int status = 0;
  pid_t got = waitpid(pid, &status, __WALL);
  if (got < 0) {
    say("%s: %s", label, error_name(errno));
    return -1;
  }
  if (!WIFSTOPPED(status)) {
    say_status(label, status);
    return status;
  }
  int signo = WSTOPSIG(status) & 0x7f;
  say("%s: %s%s, event %s", label, sigabbrev_np(signo), WSTOPSIG(status) & 0x80 ? " of a call" : "", event_name(status >> 16));
  return status;
}

__attribute__((noinline, noclone)) static long call(long nr, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

/* A child that has asked to be traced and waits. */
static pid_t traced(void (*what)(void), long options) {
  pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(90);
    raise(SIGSTOP);
    what();
    _exit(5);
  }
  int status;
  NEED(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  NEED(ptrace(PTRACE_SETOPTIONS, child, NULL, options) == 0);
  return child;
}

static void on_usr(int signo) { say("child got %s", sigabbrev_np(signo)); }

static void three_calls(void) {
  long one = call(SYS_dup, 99, 2, 3);
  long two = call(SYS_dup, 99, 5, 6);
  long three = call(SYS_dup, 99, 0, 0);
  say("child: %ld, %ld, %ld", one, two, three);
}

static void calls(void) {
  pid_t child = traced(three_calls, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  struct user_regs_struct regs;
  for (int i = 0; i < 6; i++) {
    NEED(ptrace(PTRACE_SYSCALL, child, NULL, 0) == 0);
    next(i % 2 ? "exit" : "entry", child);
    NEED(ptrace(PTRACE_GETREGS, child, NULL, &regs) == 0);
    say("  orig_rax %lld rax %lld rdi %lld rsi %lld rdx %lld cs %llx", (long long)regs.orig_rax, (long long)regs.rax, (long long)regs.rdi,
        (long long)regs.rsi, (long long)regs.rdx, regs.cs);
    struct __ptrace_syscall_info info = {0};
    long size = ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
    say("  info %ld op %d same ip %d", size, info.op, info.instruction_pointer == regs.rip);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) say("  nr %lld arg %lld", (long long)info.entry.nr, (long long)info.entry.args[1]);
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) say("  value %lld error %d", (long long)info.exit.rval, info.exit.is_error);
    if (i == 0) {
      /* Another call in its place. */
      regs.orig_rax = SYS_fcntl;
      regs.rdi = 1;
      regs.rsi = F_GETFD;
      CHECK(ptrace(PTRACE_SETREGS, child, NULL, &regs));
    }
    if (i == 2) {
      /* None at all. */
      CHECK(ptrace(PTRACE_POKEUSER, child, offsetof(struct user, regs.orig_rax), -1L));
      CHECK(ptrace(PTRACE_POKEUSER, child, offsetof(struct user, regs.rax), 1234L));
    }
    if (i == 5) {
      regs.rax = 4321;
      CHECK(ptrace(PTRACE_SETREGS, child, NULL, &regs));
    }
  }
  errno = 0;
  long peeked = ptrace(PTRACE_PEEKUSER, child, offsetof(struct user, regs.rax), NULL);
  say("peeked %ld %s", peeked, error_name(errno));
  CHECK(ptrace(PTRACE_PEEKUSER, child, 3, NULL));
  CHECK(ptrace(PTRACE_PEEKUSER, child, 100000, NULL));
  NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
  next("end", child);
}

static void says_word(void) {
  say("child's word %lx", word);
  say("dup gives %ld", call(SYS_dup, 77, 0, 0));
}

static void memory(void) {
  pid_t child = traced(says_word, 0);
  errno = 0;
  say("word %lx %s", ptrace(PTRACE_PEEKDATA, child, &word, NULL), error_name(errno));
  CHECK(ptrace(PTRACE_POKEDATA, child, &word, 0xfedcba9876543210));
  CHECK(ptrace(PTRACE_PEEKDATA, child, (void *)8, NULL));
  CHECK(ptrace(PTRACE_POKEDATA, child, (void *)8, 1L));
  /* Text, which nobody may write to: a breakpoint at a function, and the old bytes back. */
  long text = ptrace(PTRACE_PEEKTEXT, child, call, NULL);
  TRUTH(text == *(long *)call);
  CHECK(ptrace(PTRACE_POKETEXT, child, call, (text & ~0xffL) | 0xcc));
  NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
  next("breakpoint", child);
  struct user_regs_struct regs;
  siginfo_t info;
  NEED(ptrace(PTRACE_GETREGS, child, NULL, &regs) == 0 && ptrace(PTRACE_GETSIGINFO, child, NULL, &info) == 0);
  say("behind it %d, code %d", regs.rip == (unsigned long)call + 1, info.si_code == SI_KERNEL);
  CHECK(ptrace(PTRACE_POKETEXT, child, call, text));
  regs.rip -= 1;
  NEED(ptrace(PTRACE_SETREGS, child, NULL, &regs) == 0);
  /* Steps through the function, the call included. */
  int steps = 0, status = 0, calls = 0;
  unsigned char code[2];
  for (; steps < 100; steps++) {
    NEED(ptrace(PTRACE_GETREGS, child, NULL, &regs) == 0);
    if (steps > 0 && (regs.rip < (unsigned long)call || regs.rip > (unsigned long)call + 64)) break;
    long at = ptrace(PTRACE_PEEKTEXT, child, regs.rip, NULL);
    memcpy(code, &at, 2);
    calls += code[0] == 0x0f && code[1] == 0x05;
    NEED(ptrace(PTRACE_SINGLESTEP, child, NULL, 0) == 0 && waitpid(child, &status, 0) == child);
    NEED(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
  }
  say("stepped out %d, calls %d, trap flag %d", steps < 100, calls, (int)(regs.eflags >> 8 & 1));
  NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
  next("end", child);
}

static void raises(void) {
  handle(SIGUSR1, on_usr, 0);
  handle(SIGUSR2, on_usr, 0);
  raise(SIGUSR1);
  raise(SIGUSR1);
  raise(SIGUSR1);
  raise(SIGCHLD);
  *(volatile int *)8 = 1;
}

static void signals(void) {
  pid_t child = traced(raises, 0);
  siginfo_t info;
  NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
  next("first", child);
  CHECK(ptrace(PTRACE_GETSIGINFO, child, NULL, &info));
  say("signo %d code %d by itself %d", info.si_signo, info.si_code, info.si_pid == child);
  NEED(ptrace(PTRACE_CONT, child, NULL, SIGUSR1) == 0);
  next("second", child);
  NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
  next("third", child);
  NEED(ptrace(PTRACE_CONT, child, NULL, SIGUSR2) == 0);
  next("one that is ignored", child);
  NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
  next("fault", child);
  NEED(ptrace(PTRACE_GETSIGINFO, child, NULL, &info) == 0);
  say("at %p code %d", info.si_addr, info.si_code);
  uint64_t mask = 1 << (SIGHUP - 1);
  CHECK(ptrace(PTRACE_SETSIGMASK, child, 8, &mask));
  CHECK(ptrace(PTRACE_GETSIGMASK, child, 8, &mask));
  say("mask %llx", (unsigned long long)mask);
  CHECK(ptrace(PTRACE_GETSIGMASK, child, 4, &mask));
  CHECK(ptrace(PTRACE_CONT, child, NULL, 99));
  NEED(ptrace(PTRACE_CONT, child, NULL, SIGSEGV) == 0);
  next("end", child);
}

static int in_thread(void *arg) {
  (void)arg;
  call(SYS_exit, 4, 0, 0);
  return 0;
}

static void makes_tasks(void) {
  int status;
  pid_t one = fork();
  if (one == 0) _exit(1);
  waitpid(one, &status, 0);
  one = vfork();
  if (one == 0) _exit(2);
  waitpid(one, &status, 0);
  static char stack[16384];
  clone(in_thread, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES, NULL);
  execl("/proc/self/exe", "ptrace", "quiet", NULL);
}

static void events(void) {
  pid_t child = traced(makes_tasks, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                                        PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT);
  for (int turn = 0; turn < 20; turn++) {
    NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
    int status;
    do {
      status = next("parent", child);
      if (!WIFSTOPPED(status)) return;
      if (WSTOPSIG(status) == SIGCHLD) NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
    } while (WSTOPSIG(status) == SIGCHLD);
    int event = status >> 16;
    unsigned long message = 0;
    CHECK(ptrace(PTRACE_GETEVENTMSG, child, NULL, &message));
    if (event == PTRACE_EVENT_EXEC) say("  the same number %d", message == (unsigned long)child);
    if (event == PTRACE_EVENT_EXIT) say("  status %lx", message);
    if (event != PTRACE_EVENT_FORK && event != PTRACE_EVENT_VFORK && event != PTRACE_EVENT_CLONE) continue;
    pid_t made = message;
    next("  new one", made);
    NEED(ptrace(PTRACE_CONT, made, NULL, 0) == 0);
    if (event == PTRACE_EVENT_VFORK) NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
    next("  new one", made);
    NEED(ptrace(PTRACE_GETEVENTMSG, made, NULL, &message) == 0);
    say("  status %lx", message);
    NEED(ptrace(PTRACE_CONT, made, NULL, 0) == 0);
    next("  new one", made);
    if (event == PTRACE_EVENT_VFORK) {
      next("parent", child);
    }
  }
}

static volatile int counted;
static void count(int signo) { counted += signo == SIGUSR1; }

static int go[2];
static void attaching(int is_seized) {
  NEED(pipe(go) == 0);
  /* Not in the child, which may be given the signal before it has come that far. */
  handle(SIGUSR1, count, SA_RESTART);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(go[1]);
    ssize_t n = read(go[0], &byte, 1);
    say("child read %zd, signals %d", n, counted);
    _exit(6);
  }
  close(go[0]);
  CHECK(ptrace(PTRACE_CONT, child, NULL, 0));
  if (is_seized) {
    CHECK(ptrace(PTRACE_SEIZE, child, 1L, 0));
    CHECK(ptrace(PTRACE_SEIZE, child, NULL, 0x40000000));
    CHECK(ptrace(PTRACE_SEIZE, child, NULL, PTRACE_O_TRACESYSGOOD));
    CHECK(ptrace(PTRACE_INTERRUPT, child, NULL, 0));
  } else {
    CHECK(ptrace(PTRACE_ATTACH, child, NULL, 0));
  }
  CHECK(ptrace(PTRACE_ATTACH, child, NULL, 0));
  next("attached", child);
  if (!is_seized) CHECK(ptrace(PTRACE_INTERRUPT, child, NULL, 0));
  NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
  kill(child, SIGUSR1);
  next("signal", child);
  struct iovec iov;
  struct user_regs_struct regs;
  iov = (struct iovec){&regs, sizeof regs + 64};
  CHECK(ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &iov));
  say("length %zu", iov.iov_len);
  struct user_fpregs_struct fp;
  iov = (struct iovec){&fp, sizeof fp};
  CHECK(ptrace(PTRACE_GETREGSET, child, NT_FPREGSET, &iov));
  say("length %zu, control word %x", iov.iov_len, fp.cwd);
  CHECK(ptrace(PTRACE_GETFPREGS, child, NULL, &fp));
  CHECK(ptrace(PTRACE_SETFPREGS, child, NULL, &fp));
  CHECK(ptrace(PTRACE_GETREGSET, child, 12345, &iov));
  if (is_seized) {
    NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
    kill(child, SIGSTOP);
    next("stop signal", child);
    NEED(ptrace(PTRACE_CONT, child, NULL, SIGSTOP) == 0);
    next("group stop", child);
    CHECK(ptrace(PTRACE_LISTEN, child, NULL, 0));
    CHECK(ptrace(PTRACE_CONT, child, NULL, 0));
    kill(child, SIGCONT);
    next("continued", child);
    NEED(ptrace(PTRACE_CONT, child, NULL, 0) == 0);
    next("its signal", child);
  }
  CHECK(ptrace(PTRACE_DETACH, child, NULL, SIGUSR1));
  CHECK(ptrace(PTRACE_CONT, child, NULL, 0));
  write(go[1], "x", 1);
  close(go[1]);
  wait_and_say("detached", child);
}

/* Somebody else's child: its tracer hears of the end first, then its parent. */
static void of_another(void) {
  NEED(pipe(go) == 0);
  pid_t target = fork();
  if (target == 0) {
    char byte;
    close(go[1]);
    read(go[0], &byte, 1);
    _exit(8);
  }
  pid_t tracer = fork();
  if (tracer == 0) {
    NEED(ptrace(PTRACE_ATTACH, target, NULL, 0) == 0);
    next("stranger", target);
    NEED(ptrace(PTRACE_CONT, target, NULL, 0) == 0);
    write(go[1], "x", 1);
    next("stranger", target);
    next("stranger", target);
    _exit(0);
  }
  wait_and_say("tracer", tracer);
  wait_and_say("target", target);
  /* One that goes away without a word. */
  target = fork();
  if (target == 0) {
    while (pause() == -1) continue;
    _exit(0);
  }
  tracer = fork();
  if (tracer == 0) {
    NEED(ptrace(PTRACE_SEIZE, target, NULL, PTRACE_O_EXITKILL) == 0);
    _exit(0);
  }
  wait_and_say("tracer", tracer);
  wait_and_say("killed with it", target);
}

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) return 3;
  CHECK(ptrace(PTRACE_ATTACH, getpid(), NULL, 0));
  CHECK(ptrace(PTRACE_ATTACH, 0x7ffffff0, NULL, 0));
  CHECK(ptrace(PTRACE_CONT, 0x7ffffff0, NULL, 0));
  calls();
  memory();
  signals();
  events();
  attaching(0);
  attaching(1);
  of_another();
  return 0;
}

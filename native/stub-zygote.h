/* The zygote: how it begins, and how it makes stubs. Part of stub.c, which is one translation unit. */
static void handle(int signo, void (*handler)(int, struct siginfo *, struct ucontext *), u32 extra) {
  struct sigaction_host action = {(u64)handler, SA_SIGINFO_ | SA_RESTORER_ | SA_ONSTACK_ | extra, (u64)stub_restore,
                                  1UL << (KICK_SIGNAL - 1)};
  stub_syscall(__NR_rt_sigaction, signo, (long)&action, 0, 8, 0, 0);
}

static void on_probe(int signo, struct siginfo *info, struct ucontext *uc) {
  (void)signo;
  (void)info;
  if (uc->fpstate == NULL) return;
  memcpy(fpu_tail, uc->fpstate + 464, sizeof fpu_tail);
  if (*(u32 *)fpu_tail == FP_XSTATE_MAGIC1) {
    xstate_features = *(u64 *)(fpu_tail + 8);
    xstate_size = *(u32 *)(fpu_tail + 16);
  } else {
    xstate_size = 512;
  }
}

/* An instruction of stub_probe_patched is none on this CPU. */
static void on_illegal_probe(int signo, struct siginfo *info, struct ucontext *uc) {
  (void)signo;
  (void)info;
  if (uc->regs[R_RIP] < (u64)stub_probe_patched || uc->regs[R_RIP] >= (u64)stub_probe_end)
    stub_syscall(__NR_exit_group, 124, 0, 0, 0, 0, 0);
  uc->regs[R_RIP] = (u64)stub_probe_failed;
}

#define AT_HWCAP2_ 26
#define HWCAP2_FSGSBASE_ 2

/* AT_HWCAP2 of the auxiliary vector, which lies behind the arguments and the environment (getauxval(3)). */
static u64 read_hwcap2(const u64 *stack) {
  const u64 *at = stack + 1 + stack[0] + 1;
  while (*at != 0) at++;
  for (at++; at[0] != 0; at += 2)
    if (at[0] == AT_HWCAP2_) return at[1];
  return 0;
}

static void map_fixed(u64 at, u64 length, int prot, int flags, int fd) {
  long r = stub_syscall(__NR_mmap, (long)at, (long)length, prot, flags | 0x10, fd, 0);
  if (r != (long)at) stub_syscall(__NR_exit_group, 120, 0, 0, 0, 0, 0);
}

struct filter_program {
  uint16_t length;
  u64 instructions;
};

static u32 can_patch; /* whether the patched path works on this CPU */
static struct filter_program program;
static u8 program_bytes[32768];
static volatile int listener = -1;
static volatile u32 is_listener_ready;

#define LISTENER_NONE 0
#define LISTENER_THERE 1
#define LISTENER_SENT 2
#define LISTENER_LOST 3
#define ETOOMANYREFS_ 109
#define SEND_TRIES 1000
#define SEND_PAUSE_NS 10000000
#define RLIMIT_NOFILE_ 7

static void change_listener(u32 state) {
  is_listener_ready = state;
  stub_syscall(__NR_futex, (long)&is_listener_ready, 1, 1, 0, 0, 0);
}

/*
 * Sends the notification descriptor, from a process that shares our descriptors but neither our filter nor our limit of them: the host
 * refuses whose user has more in flight than that, be they of others (unix(7), ETOOMANYREFS). They do not stay so.
 */
static void send_listener(struct thread *unused) {
  (void)unused;
  while (is_listener_ready == LISTENER_NONE) stub_syscall(__NR_futex, (long)&is_listener_ready, 0, LISTENER_NONE, 0, 0, 0);
  u32 facts[] = {xstate_size, (u32)xstate_features, can_patch};
  struct {
    void *base;
    u64 length;
  } iov = {facts, sizeof facts};
  union {
    u64 align[3];
    u8 bytes[24];
  } control = {{20, 1 | (1UL << 32), 0}};
  *(int *)(control.bytes + 16) = listener;
  struct msghdr msg = {0};
  msg.iov = &iov;
  msg.iovlen = 1;
  msg.control = control.bytes;
  msg.controllen = 24;
  long sent = 0;
  for (int i = 0; i < SEND_TRIES; i++) {
    const u64 pause[2] = {0, SEND_PAUSE_NS};
    sent = stub_syscall(__NR_sendmsg, FD_CONTROL, (long)&msg, 0x4000, 0, 0, 0);
    if (sent != -ETOOMANYREFS_) break;
    stub_syscall(__NR_nanosleep, (long)pause, 0, 0, 0, 0, 0);
  }
  change_listener(sent > 0 ? LISTENER_SENT : LISTENER_LOST);
  stub_syscall(__NR_exit, 0, 0, 0, 0, 0, 0);
}

static u8 helper_stack[8192] __attribute__((aligned(16)));

static void zygote_install_filter(void) {
  long n = stub_syscall(__NR_recvfrom, FD_CONTROL, (long)program_bytes, sizeof program_bytes, 0, 0, 0);
  if (n <= 0 || n % 8 != 0) stub_syscall(__NR_exit_group, 121, 0, 0, 0, 0, 0);
  program.length = (uint16_t)(n / 8);
  program.instructions = (u64)program_bytes;
  /* VM | FILES, reaped by SIGCHLD's being ignored. */
  stub_clone(0x100 | 0x400 | 17, (long)helper_stack + sizeof helper_stack, 0, 0, 0, send_listener, 0);
  const u64 few[2] = {64, 64};
  stub_syscall(__NR_prlimit64, 0, RLIMIT_NOFILE_, (long)few, 0, 0, 0);
  /* SET_MODE_FILTER, NEW_LISTENER; SPEC_ALLOW is left off */
  long fd = stub_syscall(__NR_seccomp, 1, 8, (long)&program, 0, 0, 0);
  if (fd < 0) stub_syscall(__NR_exit_group, 122, 0, 0, 0, 0, 0);
  listener = (int)fd;
  change_listener(LISTENER_THERE);
  while (is_listener_ready == LISTENER_THERE) stub_syscall(__NR_futex, (long)&is_listener_ready, 0, LISTENER_THERE, 0, 0, 0);
  if (is_listener_ready != LISTENER_SENT) stub_syscall(__NR_exit_group, 125, 0, 0, 0, 0, 0);
  stub_syscall(__NR_close, fd, 0, 0, 0, 0, 0);
}

static void new_stub(int mailbox_fd, int new_control, int tid) {
  stub_syscall(__NR_close, control_fd, 0, 0, 0, 0, 0);
  control_fd = new_control;
  map_fixed(MAILBOXES, (u64)MAILBOX_STRIDE * THREAD_LIMIT, 3, 1, mailbox_fd);
  stub_syscall(__NR_close, mailbox_fd, 0, 0, 0, 0, 0);
  stub_syscall(__NR_prctl, 1, 9, 0, 0, 0, 0);
  stub_syscall(__NR_membarrier, 0x40, 0, 0, 0, 0, 0);
  say_hello();
  struct thread *t = thread_at(0);
  prepare_thread(t, 0);
  MB32(t->mailbox, MB_TID) = (u32)tid;
  /* Off the zygote's stack, which the guest is about to lose. */
  begin_on_stack(t, thread_main);
}

/* A zygote of its own for another container, which the host may put into another control group; it dies with ours. */
static void new_zygote(int new_control) {
  stub_syscall(__NR_close, control_fd, 0, 0, 0, 0, 0);
  control_fd = new_control;
  stub_syscall(__NR_prctl, 1, 9, 0, 0, 0, 0);
  say_hello();
}

/* @param stack as execve(2) leaves it */
__attribute__((used)) void zygote_main(const u64 *stack) {
  control_fd = FD_CONTROL;
  has_fsgsbase = (read_hwcap2(stack) & HWCAP2_FSGSBASE_) != 0;
  map_fixed(GLOBAL_PAGE, 0x1000, 1, 1, FD_GLOBAL);
  stub_syscall(__NR_close, FD_GLOBAL, 0, 0, 0, 0, 0);
  map_fixed(FS_TABLE, FS_TABLE_SIZE, 3, 0x4022, -1);
  map_fixed(SITE_TABLE, SITE_TABLE_SIZE, 3, 0x4022, -1);
  map_fixed(STACKS, (u64)STACK_STRIDE * THREAD_LIMIT, 3, 0x4022, -1);
  struct thread *t = thread_at(0);
  prepare_thread(t, 0);
  set_signal_stack(t);
  handle(10, on_probe, 0);
  long self = stub_syscall(__NR_getpid, 0, 0, 0, 0, 0, 0);
  stub_syscall(__NR_kill, self, 10, 0, 0, 0, 0);
  if (xstate_size > FPU_BUFFER_SIZE - 64) stub_syscall(__NR_exit_group, 123, 0, 0, 0, 0, 0);
  handle(4, on_illegal_probe, 0);
  can_patch = (u32)stub_probe_patched();
  struct sigaction_host ignore = {1, SA_RESTORER_, (u64)stub_restore, 0};
  stub_syscall(__NR_rt_sigaction, 17, (long)&ignore, 0, 8, 0, 0);
  stub_syscall(__NR_rt_sigaction, 10, (long)&ignore, 0, 8, 0, 0);
  handle(31, on_sigsys, 0);
  handle(11, on_fault, SA_NODEFER_);
  handle(7, on_fault, SA_NODEFER_);
  handle(8, on_fault, 0);
  handle(4, on_fault, 0);
  handle(5, on_fault, 0);
  /* Restarted: a clone that waits to be let through, or descriptors that are on their way, must not fail for it. */
  handle(KICK_SIGNAL, on_kick, SA_RESTART_);
  struct {
    u32 version;
    int pid;
    u64 effective_permitted_inheritable[3];
  } caps = {0x20080522, 0, {0, 0, 0}};
  stub_syscall(__NR_capset, (long)&caps, (long)caps.effective_permitted_inheritable, 0, 0, 0, 0);
  stub_syscall(__NR_prctl, 4 /* PR_SET_DUMPABLE: the sentry reads guest memory */, 1, 0, 0, 0, 0);
  zygote_install_filter();
  for (;;) {
    receive_fds(t);
    u32 count = t->received_count;
    if (count != 1 && count != 2) stub_syscall(__NR_exit_group, 0, 0, 0, 0, 0, 0);
    int new_control = t->received[0];
    int mailbox_fd = count == 2 ? t->received[1] : -1;
    int tid = 0;
    long pid = stub_syscall(__NR_clone, 0x01000000 | 17, 0, 0, (long)&tid, 0, (long)t->cookie);
    if (pid == 0 && count == 1) {
      new_zygote(new_control);
      continue;
    }
    if (pid == 0) new_stub(mailbox_fd, new_control, tid);
    if (count == 2) stub_syscall(__NR_close, mailbox_fd, 0, 0, 0, 0, 0);
    stub_syscall(__NR_close, new_control, 0, 0, 0, 0, 0);
  }
}

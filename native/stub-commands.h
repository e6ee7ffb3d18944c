/* What the sentry has done in this address space: host calls, forks, threads, pokes. Part of stub.c, which is one translation unit. */
static void receive_fds(struct thread *t) {
  u8 byte[8] __attribute__((aligned(8))) = {0};
  struct {
    void *base;
    u64 length;
  } iov = {byte, sizeof byte};
  union {
    u64 align;
    u8 bytes[16 + RECEIVED_FD_LIMIT * 4];
  } control;
  struct msghdr msg = {0};
  msg.iov = &iov;
  msg.iovlen = 1;
  msg.control = control.bytes;
  msg.controllen = sizeof control.bytes;
  t->received_count = 0;
  long n = stub_syscall(__NR_recvmsg, control_fd, (long)&msg, 0x40000000 /* MSG_CMSG_CLOEXEC */, 0, 0, 0);
  if (n < 0 || msg.controllen < 16) return;
  t->cookie = *(u64 *)byte;
  u64 length = *(u64 *)control.bytes;
  u32 count = (u32)((length - 16) / 4);
  if (count > RECEIVED_FD_LIMIT) count = RECEIVED_FD_LIMIT;
  memcpy(t->received, control.bytes + 16, count * 4);
  t->received_count = count;
}

static long resolve_fd(struct thread *t, long fd) {
  if (fd < RECEIVED_FD_BASE || fd >= RECEIVED_FD_BASE + RECEIVED_FD_LIMIT) return fd;
  u32 i = (u32)(fd - RECEIVED_FD_BASE);
  return i < t->received_count ? t->received[i] : -1;
}

/* The guest's FPU state as a signal frame has it, in t->fpu or in the host's own frame. */
static u8 *fpu_image(struct thread *t) {
  if (t->host != NULL && t->host->fpstate != NULL) return t->host->fpstate;
  memset(t->fpu + 512, 0, 64); /* XSAVE reads nothing but keeps reserved header bytes: they must be zero */
  __asm__ volatile("xsave64 %0" : "=m"(*t->fpu) : "a"(0xffffffffu), "d"(0xffffffffu) : "memory");
  memcpy(t->fpu + 464, fpu_tail, sizeof fpu_tail);
  *(u32 *)(t->fpu + xstate_size) = FP_XSTATE_MAGIC2;
  return t->fpu;
}

static void thread_main(struct thread *t) __attribute__((noreturn));
static void thread_begin(struct thread *t) __attribute__((noreturn));

/* Calls `start` off the stack that we are on. */
static inline void begin_on_stack(struct thread *t, void (*start)(struct thread *)) {
  __asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tmov %1, %%rdi\n\tjmp *%2"
                   :
                   : "r"((u64)t + PATCHED_STACK_TOP - 8), "r"(t), "r"(start)
                   : "memory");
  __builtin_unreachable();
}

/* Tells the sentry who we are. If it has given us up there is nobody to answer us, ever. */
static void say_hello(void) {
  u8 byte = 0;
  if (stub_syscall(__NR_write, control_fd, (long)&byte, 1, 0, 0, 0) != 1) stub_syscall(__NR_exit_group, 0, 0, 0, 0, 0, 0);
}

static long do_fork(struct thread *t) {
  long mailbox_fd = t->received[0];
  long new_control = t->received[1];
  if (t->received_count != 2) return -14;
  int tid = 0;
  /* CLONE_PARENT: all stubs are children of the zygote, which reaps them. CHILD_SETTID tells the child its own tid. */
  long pid = stub_syscall(__NR_clone, 0x8000 | 0x01000000, 0, 0, (long)&tid, 0, (long)t->cookie);
  if (pid != 0) {
    stub_syscall(__NR_close, mailbox_fd, 0, 0, 0, 0, 0);
    stub_syscall(__NR_close, new_control, 0, 0, 0, 0, 0);
    t->received_count = 0;
    return pid;
  }
  stub_syscall(__NR_mmap, MAILBOXES, (long)MAILBOX_STRIDE * THREAD_LIMIT, 3, 0x11, mailbox_fd, 0);
  stub_syscall(__NR_close, mailbox_fd, 0, 0, 0, 0, 0);
  stub_syscall(__NR_close, control_fd, 0, 0, 0, 0, 0);
  control_fd = (int)new_control;
  t->received_count = 0;
  t->is_kicked = 0; /* that was the parent */
  stub_syscall(__NR_prctl, 1 /* PR_SET_PDEATHSIG */, 9, 0, 0, 0, 0);
  say_hello();
  MB32(t->mailbox, MB_TID) = (u32)tid;
  return 0;
}

static void prepare_thread(struct thread *t, u32 slot) {
  t->slot = slot;
  t->mailbox = (u8 *)(MAILBOXES + (u64)slot * MAILBOX_STRIDE);
  t->host = NULL;
  t->neg_fs = 0;
  t->received_count = 0;
  t->is_fpu_stashed = 0;
  t->patience = PATIENCE_MAX;
  t->rest = 0;
  t->is_tired = 0;
}

/* The thread of another slot as it is to begin; NULL when there is no such slot. */
static struct thread *child_of(struct thread *t, u32 slot, u64 is_fs_shared) {
  if (slot >= THREAD_LIMIT) return NULL;
  /* The child would be taken for us by the patched path. */
  if (is_fs_shared) forget_fs(t);
  struct thread *child = thread_at(slot);
  prepare_thread(child, slot);
  memcpy(child->fpu, fpu_image(t), xstate_size + 4);
  return child;
}

static long do_thread(struct thread *t, u32 slot, u64 cookie, u64 is_fs_shared) {
  struct thread *child = child_of(t, slot, is_fs_shared);
  if (child == NULL) return -22;
  /* VM FS FILES SIGHAND THREAD SYSVSEM CHILD_SETTID CHILD_CLEARTID: a zero tells that the slot is free again */
  return stub_clone(0x01000000 | 0x200000 | 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000, (long)child + PATCHED_STACK_TOP, 0,
                    (long)(child->mailbox + MB_TID), (long)cookie, thread_main, child);
}

#define PARKED_NOT 0
#define PARKED_AWAKE 1
#define PARKED_ASLEEP 2
#define FUTEX_PRIVATE_WAIT 128
#define FUTEX_PRIVATE_WAKE 129

/*
 * Instead of ending, the thread waits to be another: making one costs the host ten times as much as waking one. The sentry uses the slot again
 * once the state word says that this answer is done with.
 */
static void park(struct thread *t) {
  forget_fs(t);
  __atomic_store_n(&t->parked, PARKED_AWAKE, __ATOMIC_SEQ_CST);
  __atomic_store_n((u32 *)(t->mailbox + MB_STATE), STATE_IDLE, __ATOMIC_SEQ_CST);
  if (!wait_awake(t, &t->parked, PARKED_NOT, 1)) {
    u32 awake = PARKED_AWAKE;
    __atomic_compare_exchange_n(&t->parked, &awake, PARKED_ASLEEP, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&t->parked, __ATOMIC_SEQ_CST) != PARKED_NOT)
      stub_syscall(__NR_futex, (long)&t->parked, FUTEX_PRIVATE_WAIT, PARKED_ASLEEP, 0, 0, 0);
  }
  write_fs(t->fs_given);
  write_gs(t->gs_given);
  stub_syscall(__NR_clock_gettime, CLOCK_THREAD_CPUTIME_ID_, (long)(t->mailbox + MB_CPU_BEGIN), 0, 0, 0, 0);
}

/* Takes up the parked thread of a slot: its mailbox has its first answer. */
static long do_thread_again(struct thread *t, u32 slot, u64 is_fs_shared) {
  struct thread *child = child_of(t, slot, is_fs_shared);
  if (child == NULL) return -22;
  child->fs_given = read_fs();
  child->gs_given = read_gs();
  if (__atomic_exchange_n(&child->parked, PARKED_NOT, __ATOMIC_SEQ_CST) == PARKED_ASLEEP)
    stub_syscall(__NR_futex, (long)&child->parked, FUTEX_PRIVATE_WAKE, 1, 0, 0, 0);
  return 0;
}

/* The words of a WRITE or POKE carry six bytes each: what the sentry's numbers hold exactly. */
#define WORD_BYTES 6

static long do_write(u8 *to, u64 length, const u64 *words) {
  u8 bytes[4 * WORD_BYTES];
  for (int i = 0; i < 4; i++) memcpy(bytes + i * WORD_BYTES, &words[i], WORD_BYTES);
  if (length > sizeof bytes) return -22;
  return stub_copy(to, bytes, length) ? -14 : 0;
}

/*
 * Overwrites the bytes of an instruction. Other threads may be running there: int3 first, then the tail, then the first
 * byte, with the pipelines of all threads synchronised in between (membarrier(2), as the kernel pokes its own text).
 */
static long do_poke(u8 *at, u64 length, u64 word) {
  u8 trap = 0xcc;
  if (length < 1 || length > WORD_BYTES) return -22;
  if (stub_copy(at, &trap, 1)) return -14;
  stub_syscall(__NR_membarrier, 0x20, 0, 0, 0, 0, 0);
  stub_copy(at + 1, (u8 *)&word + 1, length - 1);
  stub_syscall(__NR_membarrier, 0x20, 0, 0, 0, 0, 0);
  stub_copy(at, &word, 1);
  stub_syscall(__NR_membarrier, 0x20, 0, 0, 0, 0, 0);
  return 0;
}

static void close_received(struct thread *t) {
  for (u32 i = 0; i < t->received_count; i++) stub_syscall(__NR_close, t->received[i], 0, 0, 0, 0, 0);
  t->received_count = 0;
}

static long run_command(struct thread *t, u32 op, u64 *a) {
  switch (op) {
    case OP_RECEIVE_FDS:
      receive_fds(t);
      return t->received_count;
    case OP_CLOSE_FDS:
      close_received(t);
      return 0;
    case OP_SAVE_FPU:
      return stub_copy((void *)a[0], fpu_image(t), xstate_size + 4) ? -14 : 0;
    case OP_LOAD_FPU: {
      u8 *to = t->host != NULL && t->host->fpstate != NULL ? t->host->fpstate : t->fpu;
      if (stub_copy(to, (void *)a[0], xstate_size + 4)) return -14;
      memcpy(to + 464, fpu_tail, sizeof fpu_tail);
      *(u32 *)(to + xstate_size) = FP_XSTATE_MAGIC2;
      t->is_fpu_stashed = 1;
      return 0;
    }
    case OP_FORK:
      return do_fork(t);
    case OP_THREAD:
      return do_thread(t, (u32)a[0], a[1], a[2]);
    case OP_THREAD_AGAIN:
      return do_thread_again(t, (u32)a[0], a[2]);
    case OP_SET_FS:
      write_fs(a[0]);
      register_fs(t, a[0]);
      return 0;
    case OP_GET_FS:
      return (long)read_fs();
    case OP_SET_GS:
      write_gs(a[0]);
      return 0;
    case OP_GET_GS:
      return (long)read_gs();
    case OP_WRITE:
      return do_write((u8 *)a[0], a[1], a + 2);
    case OP_POKE:
      return do_poke((u8 *)a[0], a[1], a[2]);
    case OP_COMPARE_EXCHANGE: {
      long was = stub_compare_exchange((u32 *)a[0], (u32)a[1], (u32)a[2]);
      return was < 0 ? -14 : was;
    }
    default:
      if (op >= 1024) return -38;
      return stub_syscall(op, (long)a[0], (long)a[1], (long)a[2], (long)a[3],
                          op == __NR_mmap ? resolve_fd(t, (long)a[4]) : (long)a[4], (long)a[5]);
  }
}

/* The commands from `i` on are not carried out: descriptors on their way for them must not be taken for those of later ones. */
static void give_up_commands(struct thread *t, const u8 *mb, u32 i, u32 count) {
  close_received(t);
  for (; i < count; i++) {
    if (*(const volatile u32 *)(mb + MB_COMMAND_TABLE + i * COMMAND_SIZE) != OP_RECEIVE_FDS) continue;
    receive_fds(t);
    close_received(t);
  }
}

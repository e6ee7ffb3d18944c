/*
 * The stub: the few pages of ours in every guest process, and the zygote they are forked from.
 *
 * A guest's system call arrives by SIGSYS (seccomp's SECCOMP_RET_TRAP) or by a patched site, is written to the thread's
 * mailbox, and the sentry's answer is carried out: a result, memory to copy out, host calls to make in this address
 * space, a new register set.
 *
 * Safety: guest code shares this address space and can read, write and jump to anything here. So nothing here is
 * trusted by anyone else: what a stub can do to the host is what the seccomp filter (src/platform/filter.ts) allows
 * to this text with any registers whatever. This file only has to be right for guests that do not attack themselves.
 *
 * Compiled with -mgeneral-regs-only: the guest's FPU registers are live on the patched path.
 */
#include <stddef.h>
#include <stdint.h>
#include <asm/unistd.h>
#include "stub-layout.h"

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

/* ---- the host's ABI (asm/signal.h, asm/sigcontext.h, asm/ucontext.h) ---- */

#define CLOCK_THREAD_CPUTIME_ID_ 3
#define SIG_SETMASK_ 2
#define SA_SIGINFO_ 4u
#define SA_RESTORER_ 0x04000000u
#define SA_ONSTACK_ 0x08000000u
#define SA_NODEFER_ 0x40000000u
#define UC_FP_XSTATE 1
#define UC_SIGCONTEXT_SS 2
#define FP_XSTATE_MAGIC1 0x46505853u
#define FP_XSTATE_MAGIC2 0x46505845u

enum { R_R8, R_R9, R_R10, R_R11, R_R12, R_R13, R_R14, R_R15, R_RDI, R_RSI, R_RBP, R_RBX, R_RDX, R_RAX, R_RCX, R_RSP, R_RIP, R_FLAGS, R_COUNT };

struct ucontext {
  u64 flags, link;
  u64 ss_sp;
  int ss_flags, ss_pad;
  u64 ss_size;
  u64 regs[R_COUNT]; /* struct sigcontext begins with these, in the order of R_* */
  uint16_t cs, gs, fs, ss;
  u64 err, trapno, oldmask, cr2;
  u8 *fpstate;
  u64 reserved[8];
  u64 sigmask;
};

struct siginfo {
  int signo, error, code, pad;
  u64 addr;
  int syscall;
  u32 arch;
  u8 rest[128 - 32];
};

struct sigaction_host {
  u64 handler, flags, restorer, mask;
};

struct msghdr {
  void *name;
  u32 namelen, pad;
  void *iov;
  u64 iovlen;
  void *control;
  u64 controllen;
  u64 flags;
};

/* ---- this thread's private page ---- */

#define FPU_BUFFER_SIZE 0x3000

struct thread {
  u64 neg_fs;         /* 0: -(fs base), compared by the patched entry; offsets 0..167 are known to stub-entry.S */
  u64 regs[R_COUNT];  /* 8: filled by the patched entry */
  u64 exit_rsp;       /* 152 */
  u64 exit_rip;       /* 160 */
  u32 slot, is_fpu_stashed;
  u8 *mailbox;
  struct ucontext *host; /* the SIGSYS frame while in the trap path, NULL on the patched path */
  int received[RECEIVED_FD_LIMIT];
  u64 cookie;         /* came with the descriptors; proves to the sentry that it asked for the clone */
  u32 received_count;
  uint16_t patience;  /* rounds that a call which sleeps is worth waiting for awake */
  uint16_t rest;      /* sleeps for which the CPU is too dear for that */
  u32 is_tired;       /* the call about to sleep has been waited for awake already */
  u32 traps;
  u32 parked;         /* PARKED_*: whether the thread waits to be taken up again */
  u64 fs_given, gs_given; /* by whoever takes it up */
  volatile u32 is_kicked; /* an interrupt came while in the stub: the next request is to be the sentry's */
  struct ucontext frame;
  u8 pad[0x1000 - 160 - 8 - 8 - 8 - 8 - 64 - 8 - 8 - 8 - 8 - 24 - sizeof(struct ucontext)];
  u8 fpu[FPU_BUFFER_SIZE] __attribute__((aligned(64)));
};

static int control_fd;
static u32 xstate_size;    /* of the XSAVE area in a signal frame */
static u64 xstate_features;
static u8 fpu_tail[48];    /* sw_reserved of a host frame, for frames we make */

extern long stub_syscall(long nr, long a, long b, long c, long d, long e, long f);
extern long stub_clone(long flags, long stack, long ptid, long ctid, long cookie, void (*start)(struct thread *), struct thread *t);
extern int stub_copy(void *to, const void *from, u64 length);   /* 0, or 1 when it faulted */
extern long stub_copy_string(void *to, const void *from, u64 max); /* length with NUL; -1 fault; max + 1 when too long */
extern long stub_load(const u32 *word); /* -1 when it faulted */
extern long stub_compare_exchange(u32 *word, u32 expected, u32 next); /* the word as it was; -1 when it faulted */
extern u8 stub_copy_begin[], stub_copy_end[], stub_copy_fault[];
extern u8 stub_exit_begin[], stub_exit_end[];
extern u8 slow_syscall_end[];
extern void stub_restore(void);
extern void stub_exit_patched(struct thread *t, u64 rax) __attribute__((noreturn));
extern void stub_sigreturn(struct ucontext *frame) __attribute__((noreturn));

static inline struct thread *thread_at(u32 slot) { return (struct thread *)(STACKS + (u64)slot * STACK_STRIDE); }

static inline u64 read_fs(void) {
  u64 v;
  __asm__ volatile("rdfsbase %0" : "=r"(v));
  return v;
}
static inline void write_fs(u64 v) { __asm__ volatile("wrfsbase %0" : : "r"(v)); }
static inline u64 read_gs(void) {
  u64 v;
  __asm__ volatile("rdgsbase %0" : "=r"(v));
  return v;
}
static inline void write_gs(u64 v) { __asm__ volatile("wrgsbase %0" : : "r"(v)); }

void *memset(void *to, int value, size_t n) {
  void *at = to;
  __asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(value) : "memory");
  return to;
}
void *memcpy(void *to, const void *from, size_t n) {
  void *at = to;
  __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
  return to;
}

#define MB32(mb, at) (*(volatile u32 *)((mb) + (at)))
#define MB64(mb, at) (*(volatile u64 *)((mb) + (at)))
#define GLOBAL32(at) (*(volatile u32 *)(GLOBAL_PAGE + (at)))

/* ---- fs base registration, by which the patched path finds its thread ---- */

static u64 *const fs_table = (u64 *)FS_TABLE;

static inline u32 fs_index(u64 fs) { return (u32)(fs >> 12) & 0xffff; }

static void forget_fs(struct thread *t) {
  if (t->neg_fs != 0 && fs_table[fs_index(-t->neg_fs)] == (u64)t) fs_table[fs_index(-t->neg_fs)] = 0;
  t->neg_fs = 0;
}

/* Two threads with one fs base cannot be told apart: both take the signal path. */
static void register_fs(struct thread *t, u64 fs) {
  if (t->neg_fs == -fs && fs != 0) return;
  forget_fs(t);
  if (fs == 0) return;
  u64 *entry = &fs_table[fs_index(fs)];
  struct thread *other = (struct thread *)*entry;
  if (other != 0 && other != t && other->neg_fs == -fs) {
    other->neg_fs = 0;
    *entry = 0;
    return;
  }
  t->neg_fs = -fs;
  *entry = (u64)t;
}

/* ---- pre-copies: what a call is known to need, by number ---- */

#define NONE 0
#define STR(a) (0x10 | (a))
#define BUF(a) (0x20 | (a)) /* length in the next argument */
#define FIX(a, words) (0x80 | (a) | ((words) << 8)) /* words of 8 bytes */

struct precopy {
  uint16_t what[2];
};

static const struct precopy precopies[512] = {
    [__NR_write] = {{BUF(1)}},
    [__NR_open] = {{STR(0)}},
    [__NR_stat] = {{STR(0)}},
    [__NR_lstat] = {{STR(0)}},
    [__NR_poll] = {{FIX(0, 1)}},
    [__NR_rt_sigaction] = {{FIX(1, 4)}},
    [__NR_rt_sigprocmask] = {{FIX(1, 1)}},
    [__NR_pwrite64] = {{BUF(1)}},
    [__NR_access] = {{STR(0)}},
    [__NR_nanosleep] = {{FIX(0, 2)}},
    [__NR_sendto] = {{BUF(1)}},
    [__NR_execve] = {{STR(0)}},
    [__NR_fcntl] = {{FIX(2, 4)}},
    [__NR_truncate] = {{STR(0)}},
    [__NR_chdir] = {{STR(0)}},
    [__NR_rename] = {{STR(0), STR(1)}},
    [__NR_mkdir] = {{STR(0)}},
    [__NR_rmdir] = {{STR(0)}},
    [__NR_creat] = {{STR(0)}},
    [__NR_link] = {{STR(0), STR(1)}},
    [__NR_unlink] = {{STR(0)}},
    [__NR_symlink] = {{STR(0), STR(1)}},
    [__NR_readlink] = {{STR(0)}},
    [__NR_chmod] = {{STR(0)}},
    [__NR_chown] = {{STR(0)}},
    [__NR_lchown] = {{STR(0)}},
    [__NR_statfs] = {{STR(0)}},
    [__NR_clock_nanosleep] = {{FIX(2, 2)}},
    [__NR_epoll_ctl] = {{FIX(3, 2)}},
    [__NR_openat] = {{STR(1)}},
    [__NR_mkdirat] = {{STR(1)}},
    [__NR_newfstatat] = {{STR(1)}},
    [__NR_unlinkat] = {{STR(1)}},
    [__NR_renameat] = {{STR(1), STR(3)}},
    [__NR_linkat] = {{STR(1), STR(3)}},
    [__NR_symlinkat] = {{STR(0), STR(2)}},
    [__NR_readlinkat] = {{STR(1)}},
    [__NR_fchmodat] = {{STR(1)}},
    [__NR_fchownat] = {{STR(1)}},
    [__NR_faccessat] = {{STR(1)}},
    [__NR_utimensat] = {{STR(1), FIX(2, 4)}},
    [__NR_prlimit64] = {{FIX(2, 2)}},
    [__NR_renameat2] = {{STR(1), STR(3)}},
    [__NR_statx] = {{STR(1)}},
    [__NR_clone3] = {{BUF(0)}},
    [__NR_openat2] = {{STR(1), FIX(2, 3)}},
    [__NR_faccessat2] = {{STR(1)}},
};

/* F_GETLK, F_SETLK, F_SETLKW and those of open file descriptions: the third argument is a struct flock. */
static inline int takes_lock(u32 command) { return (command >= 5 && command <= 7) || (command >= 36 && command <= 38); }

static void pre_copy(u8 *mb, u32 nr, const u64 *args) {
  u32 count = 0;
  u32 at = 0;
  if (nr < 512 && (nr != __NR_fcntl || takes_lock((u32)args[1]))) {
    for (int i = 0; i < 2; i++) {
      u32 what = precopies[nr].what[i];
      if (what == NONE) break;
      u32 arg = what & 7;
      u64 from = args[arg];
      u64 length;
      if (from == 0) continue;
      if (what & 0x80) {
        length = (what >> 8) * 8;
        if (stub_copy(mb + MB_DATA + at, (void *)from, length)) continue;
      } else if (what & 0x20) {
        length = args[arg + 1];
        if (length == 0 || length > PRECOPY_MAX) continue;
        if (stub_copy(mb + MB_DATA + at, (void *)from, length)) continue;
      } else {
        long n = stub_copy_string(mb + MB_DATA + at, (void *)from, 4096);
        if (n < 0 || n > 4096) continue;
        length = (u64)n;
      }
      u8 *entry = mb + MB_PRECOPY_TABLE + count * 16;
      *(u64 *)entry = from;
      *(u32 *)(entry + 8) = (u32)length;
      *(u32 *)(entry + 12) = at;
      count++;
      at = (at + (u32)length + 63) & ~63u;
    }
  }
  MB32(mb, MB_PRECOPIES) = count;
}

/* ---- the conversation ---- */

#define SPINS_PER_YIELD 128

/*
 * A thread whose call sleeps stays awake for a while all the same if its last sleeps were short: to be woken takes longer. In each round it
 * offers the CPU, which whoever is to wake it may be waiting for, and looks for the answer in between.
 */
#define PATIENCE_MAX 8
#define PAUSES_PER_ROUND 32
#define SHARED_SPINS 1
/* A sleep that staying awake would have saved; and an offer of the CPU that others have made much use of. */
#define SHORT_SLEEP_CYCLES 60000
#define LONG_YIELD_CYCLES 1000000
#define RESTS 32

static inline void pause_cpu(void) { __asm__ volatile("pause"); }

static inline u64 cycles(void) {
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (u64)high << 32 | low;
}

/* Stays awake while it has patience: whether it has seen the word equal to `value`, or other than that. */
static int wait_awake(struct thread *t, u32 *word, u32 value, int until_equal) {
  if (GLOBAL32(GP_IS_CONTENDED) != 0) return 0;
  if (t->rest > 0) {
    t->rest--;
    return 0;
  }
  for (u32 i = 0; i < t->patience; i++) {
    u64 before = cycles();
    stub_syscall(__NR_sched_yield, 0, 0, 0, 0, 0, 0);
    if (cycles() - before > LONG_YIELD_CYCLES) break;
    for (u32 j = 0; j < PAUSES_PER_ROUND; j++) {
      if ((stub_load(word) == value) == until_equal) {
        t->patience = PATIENCE_MAX;
        return 1;
      }
      pause_cpu();
    }
  }
  t->patience /= 2;
  if (t->patience == 0) {
    t->patience = 1;
    t->rest = RESTS;
  }
  return 0;
}

/* The sentry is awake and has this thread's CPU, or had it a moment ago: it can only go on when we sleep. */
static inline int shares_cpu(void) {
  u32 cpu, ignored;
  __asm__ volatile("rdtscp" : "=c"(cpu), "=a"(ignored) : : "edx");
  return GLOBAL32(GP_SENTRY_CPU) == (cpu & 0xfff);
}

static void wait_asleep(u32 *state) {
  for (;;) {
    u32 now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
    if (now == STATE_REPLY) return;
    if (now != STATE_SLEEPING &&
        !__atomic_compare_exchange_n(state, &now, STATE_SLEEPING, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
      continue;
    stub_syscall(__NR_futex, (long)state, 0 /* FUTEX_WAIT */, STATE_SLEEPING, 0, 0, 0);
  }
}

/* Publishes the request and waits for the answer: spins while that is likely to pay, then sleeps. */
static void ring_and_wait(struct thread *t, u8 *mb) {
  u32 *state = (u32 *)(mb + MB_STATE);
  u32 is_tired = t->is_tired;
  t->is_tired = 0;
  t->is_kicked = 0;
  __atomic_exchange_n(state, STATE_REQUEST, __ATOMIC_SEQ_CST);
  if (GLOBAL32(GP_SENTRY_ASLEEP) != 0) {
    u64 one = 1;
    stub_syscall(__NR_write, FD_DOORBELL, (long)&one, 8, 0, 0, 0);
  }
  u32 limit = GLOBAL32(GP_SPIN_LIMIT);
  u32 is_shared = limit != 0 && shares_cpu();
  if (is_shared) limit = SHARED_SPINS;
  for (u32 i = 0; i < limit; i++) {
    u32 now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
    if (now == STATE_REPLY) return;
    if (now == STATE_BLOCKED) {
      if (!is_tired && wait_awake(t, state, STATE_REPLY, 1)) return;
      u64 begin = cycles();
      wait_asleep(state);
      if (cycles() - begin < SHORT_SLEEP_CYCLES) {
        t->patience = PATIENCE_MAX;
        t->rest = 0;
      }
      return;
    }
    /* Whoever is to answer, or to run meanwhile, may be waiting for this very CPU. */
    int is_time = is_shared || (i & (SPINS_PER_YIELD - 1)) == SPINS_PER_YIELD - 1;
    if (is_time && GLOBAL32(GP_IS_CONTENDED) == 0) stub_syscall(__NR_sched_yield, 0, 0, 0, 0, 0, 0);
    pause_cpu();
  }
  wait_asleep(state);
}

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

static long run_command(struct thread *t, u32 op, u64 *a) {
  switch (op) {
    case OP_RECEIVE_FDS:
      receive_fds(t);
      return t->received_count;
    case OP_CLOSE_FDS:
      for (u32 i = 0; i < t->received_count; i++) stub_syscall(__NR_close, t->received[i], 0, 0, 0, 0, 0);
      t->received_count = 0;
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

/* A new thread or process: its first answer may be there before it is. */
static inline void begin(struct thread *t, u8 *mb) {
  MB32(mb, MB_KIND) = KIND_STARTED;
  if (__atomic_load_n((u32 *)(mb + MB_STATE), __ATOMIC_ACQUIRE) != STATE_REPLY) ring_and_wait(t, mb);
}

/* Sends what is in the mailbox as a request of `kind` and does what the answers say until one lets the guest go on. */
static u32 converse(struct thread *t, u8 *mb, u32 kind) {
  if (kind == KIND_STARTED) {
    begin(t, mb);
  } else {
    MB32(mb, MB_KIND) = kind;
    ring_and_wait(t, mb);
  }
  for (;;) {
    u32 action = MB32(mb, MB_ACTION);
    u32 commands = MB32(mb, MB_COMMANDS);
    u32 wants_ack = MB32(mb, MB_ACK);
    u32 copyouts = MB32(mb, MB_COPYOUTS);
    u32 failed = 0;
    if (copyouts != 0) {
      if (copyouts > COPYOUT_LIMIT) copyouts = COPYOUT_LIMIT;
      for (u32 i = 0; i < copyouts; i++) {
        u8 *entry = mb + MB_COPYOUT_TABLE + i * 16;
        u32 from = MB32(entry, 8);
        u32 length = MB32(entry, 12);
        if (from > MB_DATA_SIZE || length > MB_DATA_SIZE - from) continue;
        if (stub_copy((void *)MB64(entry, 0), mb + MB_DATA + from, length)) {
          MB64(mb, MB_RESULT) = (u64)-14L;
          failed = 1;
        }
      }
      if (failed && action != ACTION_RESULT) wants_ack = 1;
      failed = 0;
    }
    if (commands != 0) {
      if (commands > COMMAND_LIMIT) commands = COMMAND_LIMIT;
      for (u32 i = 0; i < commands; i++) {
        u8 *command = mb + MB_COMMAND_TABLE + i * COMMAND_SIZE;
        u64 args[6];
        memcpy(args, command + 8, sizeof args);
        u32 op = *(volatile u32 *)command;
        long result = run_command(t, op, args);
        if (op == OP_FORK && result == 0) {
          /* The child: its mailbox is new and empty. */
          mb = t->mailbox;
          begin(t, mb);
          failed = 2;
          break;
        }
        *(volatile long *)(command + 56) = result;
        if (result < 0 && result >= -4095) {
          u64 none[6] = {0};
          run_command(t, OP_CLOSE_FDS, none);
          failed = 1;
          MB32(mb, MB_FAULT) = i;
          break;
        }
      }
    }
    if (failed == 2) continue;
    if (failed || wants_ack) {
      MB32(mb, MB_NR) = failed;
      MB32(mb, MB_KIND) = KIND_DONE;
      ring_and_wait(t, mb);
      continue;
    }
    if (action == ACTION_EXIT_PROCESS) stub_syscall(__NR_exit_group, 0, 0, 0, 0, 0, 0);
    if (action == ACTION_EXIT_THREAD) {
      forget_fs(t);
      stub_syscall(__NR_exit, 0, 0, 0, 0, 0, 0);
    }
    if (action == ACTION_PARK_THREAD) {
      park(t);
      begin_on_stack(t, thread_begin);
    }
    return action;
  }
}

/* ---- calls answered here ---- */

#define FUTEX_WAIT_ 0
#define FUTEX_WAIT_BITSET_ 9
#define FUTEX_PRIVATE_REALTIME 384

/*
 * futex(2), as far as it needs no one else: a private wake when nobody waits, and a wait without a timeout for a word that has another value,
 * or gets it while this thread stays awake, which is as if it had called a little later. Whether it is answered.
 *
 * The sentry counts a waiter before it looks at the word, and a waker has written the word before it looks at the count, so one sees the other.
 */
static int answer_futex(struct thread *t, const u64 *regs, long *result) {
  u32 *word = (u32 *)regs[R_RDI];
  u32 op = (u32)regs[R_RSI];
  u32 value = (u32)regs[R_RDX];
  if ((u64)word % 4 != 0 || (u64)word >> 47 != 0) return 0;
  if (op == FUTEX_PRIVATE_WAKE) {
    u32 at = ((u32)(u64)word / 4) % FUTEX_TABLE_WORDS;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    *result = 0;
    return MB32((u8 *)MAILBOXES, MB_FUTEX_TABLE + at * 4) == 0 && !t->is_kicked;
  }
  u32 command = op & ~FUTEX_PRIVATE_REALTIME;
  if (regs[R_R10] != 0) return 0;
  if (command == FUTEX_WAIT_ ? (op & 256) != 0 : command != FUTEX_WAIT_BITSET_ || (u32)regs[R_R9] == 0) return 0;
  if (stub_load(word) == value) {
    if (!wait_awake(t, word, value, 0)) {
      t->is_tired = 1;
      return 0;
    }
  }
  *result = -11; /* EAGAIN */
  return stub_load(word) >= 0 && !t->is_kicked;
}

/* The calls that only tell who the caller is, which changes by calls of its own alone. */
static int answer_identity(u8 *mb, u32 nr, long *result) {
  u32 which;
  switch (nr) {
    case __NR_getpid: which = 0; break;
    case __NR_gettid: which = 1; break;
    case __NR_getuid: which = 2; break;
    case __NR_geteuid: which = 3; break;
    case __NR_getgid: which = 4; break;
    case __NR_getegid: which = 5; break;
    default: return 0;
  }
  *result = (long)MB32(mb, MB_IDENTITY + which * 4);
  return 1;
}

/* Whether the call is answered here. An interrupt that came meanwhile is the sentry's to know. */
static int answer(struct thread *t, u8 *mb, const u64 *regs, long *result) {
  u32 nr = (u32)regs[R_RAX];
  if (MB32(mb, MB_LOCAL) == 0) return 0;
  if (nr == __NR_futex) return answer_futex(t, regs, result);
  return answer_identity(mb, nr, result) && !t->is_kicked;
}

/* Of the trapped calls that could be answered here, one in so many is not: the sentry learns of sites to patch by traps. */
#define TRAPS_PER_REPORT 32

/* Leaves for the guest with a whole register set, by a signal frame of our own making. */
static void enter_guest(struct thread *t, u8 *mb, u8 *fpstate) {
  struct ucontext *uc = &t->frame;
  memset(uc, 0, sizeof *uc);
  uc->flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | 4;
  uc->ss_sp = (u64)t + SIGNAL_STACK_OFFSET;
  uc->ss_size = SIGNAL_STACK_SIZE;
  memcpy(uc->regs, mb + MB_REGS, sizeof uc->regs);
  uc->cs = 0x33;
  uc->ss = 0x2b;
  uc->fpstate = fpstate;
  stub_sigreturn(uc);
}

/* ---- the two ways in ---- */

static inline void fill_request(u8 *mb, const u64 *regs) {
  u64 args[6] = {regs[R_RDI], regs[R_RSI], regs[R_RDX], regs[R_R10], regs[R_R8], regs[R_R9]};
  u32 nr = (u32)regs[R_RAX];
  MB32(mb, MB_NR) = nr;
  for (int i = 0; i < 6; i++) MB64(mb, MB_ARGS + i * 8) = args[i];
  memcpy(mb + MB_REGS, regs, R_COUNT * 8);
  pre_copy(mb, nr, args);
}

static struct thread *current_by_stack(void) {
  u64 here = (u64)__builtin_frame_address(0);
  return (struct thread *)(here & ~(u64)(STACK_STRIDE - 1));
}

/* After the answer on the signal path: edit the host's frame, which rt_sigreturn restores. */
static void finish_signal_path(struct thread *t, u8 *mb, u32 action) {
  struct ucontext *uc = t->host;
  if (action == ACTION_RESULT) {
    uc->regs[R_RAX] = MB64(mb, MB_RESULT);
  } else if (action == ACTION_SET_REGS) {
    memcpy(uc->regs, mb + MB_REGS, sizeof uc->regs);
    if (MB64(mb, MB_FPU) == FPU_RESET && !t->is_fpu_stashed) uc->fpstate = NULL;
  }
  t->is_fpu_stashed = 0;
  t->host = NULL;
}

static void on_sigsys(int signo, struct siginfo *info, struct ucontext *uc) {
  (void)signo;
  struct thread *t = current_by_stack();
  u8 *mb = t->mailbox;
  t->host = uc;
  u32 kind = KIND_TRAP;
  if (uc->regs[R_RIP] == (u64)slow_syscall_end) {
    /* A patched site whose thread is unknown: as if the trap had come from the site itself. */
    u32 site = (u32)(uc->regs[R_RAX] >> 32);
    uc->regs[R_RAX] = (u32)uc->regs[R_RAX];
    if (site < SITE_LIMIT) uc->regs[R_RIP] = ((u64 *)SITE_TABLE)[site];
    kind = KIND_PATCHED;
  }
  long result;
  if (info->arch == 0xc000003e && (kind == KIND_PATCHED || ++t->traps % TRAPS_PER_REPORT != 0) &&
      answer(t, mb, uc->regs, &result)) {
    uc->regs[R_RAX] = (u64)result;
    t->host = NULL;
    return;
  }
  fill_request(mb, uc->regs);
  if (info->arch != 0xc000003e) MB32(mb, MB_NR) = 0xffffffff; /* int 0x80: another table, which we do not have */
  if (kind == KIND_TRAP) {
    if (stub_copy(mb + MB_SITE_BYTES, (void *)(uc->regs[R_RIP] - 16), 32)) memset(mb + MB_SITE_BYTES, 0, 32);
  }
  u32 action = converse(t, mb, kind);
  finish_signal_path(t, t->mailbox, action);
}

static void on_fault(int signo, struct siginfo *info, struct ucontext *uc) {
  u64 rip = uc->regs[R_RIP];
  if (rip >= (u64)stub_copy_begin && rip < (u64)stub_copy_end) {
    uc->regs[R_RIP] = (u64)stub_copy_fault;
    return;
  }
  struct thread *t = current_by_stack();
  u8 *mb = t->mailbox;
  t->host = uc;
  memcpy(mb + MB_REGS, uc->regs, R_COUNT * 8);
  MB32(mb, MB_FAULT) = (u32)signo;
  MB32(mb, MB_FAULT + 4) = (u32)info->code;
  MB64(mb, MB_FAULT + 8) = info->addr;
  MB64(mb, MB_FAULT + 16) = uc->trapno;
  MB64(mb, MB_FAULT + 24) = uc->err;
  u32 action = converse(t, mb, KIND_FAULT);
  finish_signal_path(t, t->mailbox, action);
}

static void on_kick(int signo, struct siginfo *info, struct ucontext *uc) {
  (void)signo;
  (void)info;
  u64 rip = uc->regs[R_RIP];
  struct thread *t = current_by_stack();
  if (rip >= (u64)stub_exit_begin && rip < (u64)stub_exit_end) {
    /* On its way out by the patched path: finish that for it, all of it is in the thread's page. */
    u64 rax = uc->regs[R_RAX];
    memcpy(uc->regs, t->regs, sizeof t->regs);
    uc->regs[R_RAX] = rax;
  } else if (rip >= STUB_BASE && rip < STUB_END) {
    /* A request is on its way, and the sentry looks for signals when it answers; or will be, instead of an answer from here. */
    t->is_kicked = 1;
    return;
  }
  u8 *mb = t->mailbox;
  t->host = uc;
  memcpy(mb + MB_REGS, uc->regs, R_COUNT * 8);
  u32 action = converse(t, mb, KIND_INTERRUPT);
  finish_signal_path(t, t->mailbox, action);
}

/* From stub_patched_entry, on the thread's patched stack, with the guest's registers in t->regs. */
void stub_patched_main(struct thread *t) {
  u8 *mb = t->mailbox;
  u32 site = (u32)(t->regs[R_RAX] >> 32);
  t->regs[R_RAX] = (u32)t->regs[R_RAX];
  u64 rip = ((u64 *)SITE_TABLE)[site & (SITE_LIMIT - 1)];
  t->regs[R_RIP] = rip;
  t->regs[R_RCX] = rip;
  t->regs[R_R11] = t->regs[R_FLAGS];
  long result;
  if (answer(t, mb, t->regs, &result)) stub_exit_patched(t, (u64)result);
  fill_request(mb, t->regs);
  u32 action = converse(t, mb, KIND_PATCHED);
  mb = t->mailbox;
  if (action == ACTION_SET_REGS) {
    u8 *fp = t->fpu;
    if (t->is_fpu_stashed == 0) fp = MB64(mb, MB_FPU) == FPU_RESET ? NULL : fpu_image(t);
    t->is_fpu_stashed = 0;
    enter_guest(t, mb, fp);
  }
  stub_exit_patched(t, MB64(mb, MB_RESULT));
}

static void set_signal_stack(struct thread *t) {
  struct {
    u64 sp;
    int flags, pad;
    u64 size;
  } stack = {(u64)t + SIGNAL_STACK_OFFSET, 0, 0, SIGNAL_STACK_SIZE};
  stub_syscall(__NR_sigaltstack, (long)&stack, 0, 0, 0, 0, 0);
}

static void thread_main(struct thread *t) {
  set_signal_stack(t);
  thread_begin(t);
}

/* A new thread, or one taken up again: asks for its first register set. The FPU image was copied from the parent before. */
static void thread_begin(struct thread *t) {
  u8 *mb = t->mailbox;
  t->is_fpu_stashed = 1; /* commands must not overwrite the image */
  u32 action = converse(t, mb, KIND_STARTED);
  (void)action;
  t->is_fpu_stashed = 0;
  enter_guest(t, t->mailbox, MB64(t->mailbox, MB_FPU) == FPU_RESET ? NULL : t->fpu);
  __builtin_unreachable();
}

/* ---- the zygote ---- */

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

static void map_fixed(u64 at, u64 length, int prot, int flags, int fd) {
  long r = stub_syscall(__NR_mmap, (long)at, (long)length, prot, flags | 0x10, fd, 0);
  if (r != (long)at) stub_syscall(__NR_exit_group, 120, 0, 0, 0, 0, 0);
}

struct filter_program {
  uint16_t length;
  u64 instructions;
};

static struct filter_program program;
static u8 program_bytes[32768];
static volatile int listener = -1;
static volatile u32 is_listener_ready;

/* Sends the notification descriptor, from a process that shares our descriptors but not our filter. */
static void send_listener(struct thread *unused) {
  (void)unused;
  while (is_listener_ready == 0) stub_syscall(__NR_futex, (long)&is_listener_ready, 0, 0, 0, 0, 0);
  u32 sizes[2] = {xstate_size, (u32)xstate_features};
  struct {
    void *base;
    u64 length;
  } iov = {sizes, sizeof sizes};
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
  stub_syscall(__NR_sendmsg, FD_CONTROL, (long)&msg, 0x4000, 0, 0, 0);
  is_listener_ready = 2;
  stub_syscall(__NR_futex, (long)&is_listener_ready, 1, 1, 0, 0, 0);
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
  /* SET_MODE_FILTER, NEW_LISTENER; SPEC_ALLOW is left off */
  long fd = stub_syscall(__NR_seccomp, 1, 8, (long)&program, 0, 0, 0);
  if (fd < 0) stub_syscall(__NR_exit_group, 122, 0, 0, 0, 0, 0);
  listener = (int)fd;
  is_listener_ready = 1;
  stub_syscall(__NR_futex, (long)&is_listener_ready, 1, 1, 0, 0, 0);
  while (is_listener_ready != 2) stub_syscall(__NR_futex, (long)&is_listener_ready, 0, 1, 0, 0, 0);
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

__attribute__((used)) void zygote_main(void) {
  control_fd = FD_CONTROL;
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
  struct sigaction_host ignore = {1, SA_RESTORER_, (u64)stub_restore, 0};
  stub_syscall(__NR_rt_sigaction, 17, (long)&ignore, 0, 8, 0, 0);
  stub_syscall(__NR_rt_sigaction, 10, (long)&ignore, 0, 8, 0, 0);
  handle(31, on_sigsys, 0);
  handle(11, on_fault, SA_NODEFER_);
  handle(7, on_fault, SA_NODEFER_);
  handle(8, on_fault, 0);
  handle(4, on_fault, 0);
  handle(5, on_fault, 0);
  handle(KICK_SIGNAL, on_kick, 0);
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

/* What all of the stub stands on: the host's ABI, the thread's private page, the primitives, the table of threads by fs base. Part of stub.c, which is one translation unit. */
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
#define SA_RESTART_ 0x10000000
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
static u32 has_fsgsbase;   /* whether the host's kernel keeps segment bases that we write */
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
extern int stub_probe_patched(void);
extern u8 stub_probe_end[], stub_probe_failed[];
extern void stub_restore(void);
extern void stub_exit_patched(struct thread *t, u64 rax) __attribute__((noreturn));
extern void stub_sigreturn(struct ucontext *frame) __attribute__((noreturn));

static inline struct thread *thread_at(u32 slot) { return (struct thread *)(STACKS + (u64)slot * STACK_STRIDE); }

/*
 * Segment bases. Where the host's kernel does not use the FSGSBASE instructions, what they write is lost when the thread is next
 * switched to, and arch_prctl(2) is the way (the kernel's documentation, arch/x86/x86_64/fsgs).
 */
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

static u64 asked_base(int code) {
  u64 v = 0;
  stub_syscall(__NR_arch_prctl, code, (long)&v, 0, 0, 0, 0);
  return v;
}
static inline u64 read_fs(void) {
  u64 v;
  if (!has_fsgsbase) return asked_base(ARCH_GET_FS);
  __asm__ volatile("rdfsbase %0" : "=r"(v));
  return v;
}
static inline void write_fs(u64 v) {
  if (has_fsgsbase) __asm__ volatile("wrfsbase %0" : : "r"(v));
  else stub_syscall(__NR_arch_prctl, ARCH_SET_FS, (long)v, 0, 0, 0, 0);
}
static inline u64 read_gs(void) {
  u64 v;
  if (!has_fsgsbase) return asked_base(ARCH_GET_GS);
  __asm__ volatile("rdgsbase %0" : "=r"(v));
  return v;
}
static inline void write_gs(u64 v) {
  if (has_fsgsbase) __asm__ volatile("wrgsbase %0" : : "r"(v));
  else stub_syscall(__NR_arch_prctl, ARCH_SET_GS, (long)v, 0, 0, 0, 0);
}

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

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
#include "stub-base.h"
#include "stub-ahead.h"
#include "stub-wait.h"
#include "stub-commands.h"
#include "stub-answer.h"

/* ---- the conversation ---- */

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
          give_up_commands(t, mb, i + 1, commands);
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
  for (;;) {
    mb = t->mailbox;
    if (action == ACTION_SET_REGS) {
      u8 *fp = t->fpu;
      if (t->is_fpu_stashed == 0) fp = MB64(mb, MB_FPU) == FPU_RESET ? NULL : fpu_image(t);
      t->is_fpu_stashed = 0;
      enter_guest(t, mb, fp);
    }
    if (action == ACTION_RESULT) t->regs[R_RAX] = MB64(mb, MB_RESULT);
    /* An interrupt that came after the answer, while commands were carried out, is of the guest that goes on. */
    if (!t->is_kicked) stub_exit_patched(t, t->regs[R_RAX]);
    memcpy(mb + MB_REGS, t->regs, sizeof t->regs);
    action = converse(t, mb, KIND_INTERRUPT);
  }
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

#include "stub-zygote.h"

/*
 * Where things are in every stub's address space, and the shape of what it shares with the sentry. Mirrored by
 * src/platform/layout.ts; tools/check-layout.ts compares the two.
 */
#ifndef TSVISOR_STUB_LAYOUT_H
#define TSVISOR_STUB_LAYOUT_H

/* The stub's own range. The sentry never maps anything for a guest in here. */
#define STUB_BASE 0x7ff000000000
#define STUB_TEXT_START 0x7ff000000000
#define STUB_TEXT_END 0x7ff000010000
/* Where trampolines jump to: the first instruction of the text. */
#define STUB_PATCHED_ENTRY 0x7ff000000000
/* One page of code that is deliberately outside the trusted text: its syscall instruction traps. */
#define STUB_SLOW_PAGE 0x7ff000010000
#define STUB_DATA_START 0x7ff000020000
#define STUB_DATA_SIZE 0x10000
/* Read-only page shared by all stubs of a sandbox, written by the sentry. */
#define GLOBAL_PAGE 0x7ff000040000
/* fs base -> struct thread, 65536 pointers; site number -> return address, a million of them. */
#define FS_TABLE 0x7ff000080000
#define FS_TABLE_SIZE 0x80000
#define SITE_TABLE 0x7ff000100000
#define SITE_TABLE_SIZE 0x800000
#define SITE_LIMIT 0x100000
/* Private to the stub, one area per thread: struct thread and FPU buffer, stack of the patched path, signal stack. */
#define STACKS 0x7ff001000000
#define STACK_STRIDE 0x10000
#define PATCHED_STACK_TOP 0x8000
#define SIGNAL_STACK_OFFSET 0x8000
#define SIGNAL_STACK_SIZE 0x8000
/* Shared with the sentry, one mailbox per thread. */
#define MAILBOXES 0x7ff020000000
#define MAILBOX_STRIDE 0x8000
#define THREAD_LIMIT 4096
#define STUB_END 0x7ff040000000

/* Descriptors a stub has from birth; its control socket's number varies. */
#define FD_CONTROL 3
#define FD_DOORBELL 4
#define FD_GLOBAL 5

/* The host signal that makes a thread leave guest code (SIGURG: coalesces, harmless by default). */
#define KICK_SIGNAL 23

/* Mailbox offsets. Line 0 is the request and the reply. */
#define MB_STATE 0
#define MB_NR 4
#define MB_ARGS 8
#define MB_KIND 56
#define MB_PRECOPIES 60
/* Reply, in the same line. */
#define MB_ACTION 4
#define MB_RESULT 8
#define MB_COPYOUTS 16
#define MB_COMMANDS 20
#define MB_ACK 24
#define MB_FPU 32
/* The rest. */
#define MB_REGS 64
#define MB_FAULT 208
#define MB_TID 248
#define MB_COPYOUT_TABLE 256
#define COPYOUT_LIMIT 16
#define MB_COMMAND_TABLE 512
#define COMMAND_LIMIT 40
#define COMMAND_SIZE 64
#define MB_PRECOPY_TABLE 3072
#define PRECOPY_LIMIT 4
#define MB_SITE_BYTES 3136
/* Whether the stub may answer by itself what it can: nobody is to see each call of the thread. */
#define MB_LOCAL 3200
/* CPU time of the host thread when it was taken up again, ns. */
#define MB_CPU_BEGIN 3208
/* What calls without arguments answer: pid, tid, uid, euid, gid, egid. */
#define MB_IDENTITY 3224
/* In the first mailbox only: how many futex words of this address space have waiters, by address; wraps. */
#define MB_FUTEX_TABLE 3584
#define FUTEX_TABLE_WORDS 128
#define MB_DATA 4096
#define MB_DATA_SIZE 28672
#define PRECOPY_MAX 8192

/* State word. */
#define STATE_IDLE 0
#define STATE_REQUEST 1
#define STATE_BLOCKED 2
#define STATE_SLEEPING 3
#define STATE_REPLY 4

/* Kinds of request. */
#define KIND_TRAP 1
#define KIND_PATCHED 2
#define KIND_FAULT 3
#define KIND_INTERRUPT 4
#define KIND_DONE 5
#define KIND_STARTED 6

/* Actions of a reply. */
#define ACTION_RESULT 0
#define ACTION_RESUME 1
#define ACTION_SET_REGS 2
#define ACTION_EXIT_THREAD 3
#define ACTION_EXIT_PROCESS 4
#define ACTION_PARK_THREAD 5

/* What a SET_REGS does to the FPU: keep, load from the guest address in MB_FPU, or the initial state. */
#define FPU_KEEP 0
#define FPU_RESET 1

/* Commands beside host system calls (which are below 1024). */
#define OP_RECEIVE_FDS 1024
#define OP_CLOSE_FDS 1025
#define OP_SAVE_FPU 1026
#define OP_FORK 1027
#define OP_THREAD 1028
#define OP_SET_FS 1029
#define OP_GET_FS 1030
#define OP_LOAD_FPU 1031
#define OP_SET_GS 1032
#define OP_GET_GS 1033
#define OP_WRITE 1034
#define OP_POKE 1035
#define OP_COMPARE_EXCHANGE 1036
#define OP_THREAD_AGAIN 1037
/* An mmap's descriptor argument counts from here for the descriptors just received. */
#define RECEIVED_FD_BASE 1000000
#define RECEIVED_FD_LIMIT 16

/* Global page offsets. */
#define GP_SENTRY_ASLEEP 0
#define GP_SPIN_LIMIT 64
#define GP_IS_CONTENDED 68
/* The CPU that the sentry runs on; NO_CPU while it sleeps. */
#define GP_SENTRY_CPU 128
#define NO_CPU 0xffffffff

#endif

/** seccomp(2) and classic BPF (linux/seccomp.h, linux/filter.h, linux/bpf_common.h). No logic. */

export const SECCOMP_MODE_DISABLED = 0;
export const SECCOMP_MODE_STRICT = 1;
export const SECCOMP_MODE_FILTER = 2;

export const SECCOMP_SET_MODE_STRICT = 0;
export const SECCOMP_SET_MODE_FILTER = 1;
export const SECCOMP_GET_ACTION_AVAIL = 2;
export const SECCOMP_GET_NOTIF_SIZES = 3;

export const SECCOMP_FILTER_FLAG_TSYNC = 1;
export const SECCOMP_FILTER_FLAG_LOG = 2;
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
export const SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 16;

/** As signed words, whose order is that of their severity: the least wins. */
export const SECCOMP_RET_KILL_PROCESS = 0x80000000 | 0;
export const SECCOMP_RET_KILL_THREAD = 0;
export const SECCOMP_RET_TRAP = 0x30000;
export const SECCOMP_RET_ERRNO = 0x50000;
export const SECCOMP_RET_TRACE = 0x7ff00000;
export const SECCOMP_RET_LOG = 0x7ffc0000;
export const SECCOMP_RET_ALLOW = 0x7fff0000;
export const SECCOMP_RET_ACTION = 0xffff0000 | 0;
export const SECCOMP_RET_DATA = 0xffff;

export const AUDIT_ARCH_X86_64 = 0xc000003e;
/** Words of struct seccomp_data: number, architecture, instruction pointer, six arguments. */
export const SECCOMP_DATA_WORDS = 16;

/** si_code of SIGSYS. */
export const SYS_SECCOMP = 1;
export const SYS_USER_DISPATCH = 2;

export const BPF_MAXINSNS = 4096;
export const BPF_MEMWORDS = 16;
export const BPF_LD = 0;
export const BPF_LDX = 1;
export const BPF_ST = 2;
export const BPF_STX = 3;
export const BPF_ALU = 4;
export const BPF_JMP = 5;
export const BPF_RET = 6;
export const BPF_MISC = 7;
export const BPF_W = 0;
export const BPF_IMM = 0;
export const BPF_ABS = 0x20;
export const BPF_MEM = 0x60;
export const BPF_LEN = 0x80;
export const BPF_K = 0;
export const BPF_X = 8;
export const BPF_A = 0x10;
export const BPF_ADD = 0;
export const BPF_SUB = 0x10;
export const BPF_MUL = 0x20;
export const BPF_DIV = 0x30;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_RSH = 0x70;
export const BPF_NEG = 0x80;
export const BPF_XOR = 0xa0;
export const BPF_JA = 0;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
export const BPF_TAX = 0;
export const BPF_TXA = 0x80;

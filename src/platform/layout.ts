/** Mirror of native/stub-layout.h (compared by layout.test.ts). Addresses are in a stub, offsets in a mailbox. */
export const STUB_BASE = 0x7ff000000000;
export const STUB_TEXT_START = 0x7ff000000000;
export const STUB_TEXT_END = 0x7ff000010000;
export const STUB_PATCHED_ENTRY = 0x7ff000000000;
export const SITE_TABLE = 0x7ff000100000;
export const SITE_LIMIT = 0x100000;
export const MAILBOXES = 0x7ff020000000;
export const MAILBOX_STRIDE = 0x8000;
export const THREAD_LIMIT = 4096;
export const STUB_END = 0x7ff040000000;

export const FD_DOORBELL = 4;
export const KICK_SIGNAL = 23;

export const MB_STATE = 0;
export const MB_NR = 4;
export const MB_ARGS = 8;
export const MB_KIND = 56;
export const MB_PRECOPIES = 60;
export const MB_ACTION = 4;
export const MB_RESULT = 8;
export const MB_COPYOUTS = 16;
export const MB_COMMANDS = 20;
export const MB_ACK = 24;
export const MB_FPU = 32;
export const MB_REGS = 64;
export const MB_FAULT = 208;
export const MB_TID = 248;
export const MB_COPYOUT_TABLE = 256;
export const COPYOUT_LIMIT = 16;
export const MB_COMMAND_TABLE = 512;
export const COMMAND_LIMIT = 40;
export const COMMAND_SIZE = 64;
export const MB_PRECOPY_TABLE = 3072;
export const PRECOPY_LIMIT = 4;
export const MB_SITE_BYTES = 3136;
export const MB_LOCAL = 3200;
export const MB_CPU_BEGIN = 3208;
export const MB_IDENTITY = 3224;
export const MB_FUTEX_TABLE = 3584;
export const FUTEX_TABLE_WORDS = 128;
export const MB_DATA = 4096;
export const MB_DATA_SIZE = 28672;

export const STATE_IDLE = 0;
export const STATE_REQUEST = 1;
export const STATE_BLOCKED = 2;
export const STATE_SLEEPING = 3;
export const STATE_REPLY = 4;

export const KIND_TRAP = 1;
export const KIND_PATCHED = 2;
export const KIND_FAULT = 3;
export const KIND_INTERRUPT = 4;
export const KIND_DONE = 5;
export const KIND_STARTED = 6;

export const ACTION_RESULT = 0;
export const ACTION_RESUME = 1;
export const ACTION_SET_REGS = 2;
export const ACTION_EXIT_THREAD = 3;
export const ACTION_EXIT_PROCESS = 4;
export const ACTION_PARK_THREAD = 5;

export const FPU_KEEP = 0;
export const FPU_RESET = 1;

export const OP_RECEIVE_FDS = 1024;
export const OP_CLOSE_FDS = 1025;
export const OP_SAVE_FPU = 1026;
export const OP_FORK = 1027;
export const OP_THREAD = 1028;
export const OP_SET_FS = 1029;
export const OP_GET_FS = 1030;
export const OP_LOAD_FPU = 1031;
export const OP_SET_GS = 1032;
export const OP_GET_GS = 1033;
export const OP_WRITE = 1034;
export const OP_POKE = 1035;
export const OP_COMPARE_EXCHANGE = 1036;
export const OP_THREAD_AGAIN = 1037;
export const RECEIVED_FD_BASE = 1000000;

export const GP_SENTRY_ASLEEP = 0;
export const GP_SPIN_LIMIT = 64;
/** Others want the CPUs: an offer of one would come back late. */
export const GP_IS_CONTENDED = 68;
export const GP_SENTRY_CPU = 128;
export const NO_CPU = 0xffffffff;

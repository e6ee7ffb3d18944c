/** Scheduling policies and flags (linux/sched.h). */
export const SCHED_OTHER = 0;
export const SCHED_FIFO = 1;
export const SCHED_RR = 2;
export const SCHED_BATCH = 3;
export const SCHED_IDLE = 5;
export const SCHED_DEADLINE = 6;

export const SCHED_FLAG_RESET_ON_FORK = 1;
export const SCHED_FLAG_RECLAIM = 2;
export const SCHED_FLAG_DL_OVERRUN = 4;
/** Those that SCHED_DEADLINE keeps. */
export const SCHED_DEADLINE_FLAGS = SCHED_FLAG_RECLAIM | SCHED_FLAG_DL_OVERRUN;
export const SCHED_FLAG_KEEP_POLICY = 8;
export const SCHED_FLAG_KEEP_PARAMS = 16;

export const MIN_NICE = -20;
export const MAX_NICE = 19;

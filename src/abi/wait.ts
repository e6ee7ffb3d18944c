/** Flags and id types of wait4(2), waitid(2) and pidfd_open(2) (linux/wait.h, linux/pidfd.h). No logic. */

export const WNOHANG = 0x1;
export const WUNTRACED = 0x2;
export const WSTOPPED = 0x2;
export const WEXITED = 0x4;
export const WCONTINUED = 0x8;
export const WNOWAIT = 0x01000000;
export const __WNOTHREAD = 0x20000000;
export const __WALL = 0x40000000;
export const __WCLONE = 0x80000000;

export const P_ALL = 0;
export const P_PID = 1;
export const P_PGID = 2;
export const P_PIDFD = 3;

export const PIDFD_NONBLOCK = 0x800;
export const PIDFD_THREAD = 0x80;

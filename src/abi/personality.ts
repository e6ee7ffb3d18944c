/** personality(2): which Linux, or other system, a process takes itself to be on (linux/personality.h). */
export const PER_MASK = 0xff;
export const PER_LINUX32 = 8;

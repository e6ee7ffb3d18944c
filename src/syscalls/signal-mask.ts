/** The signal mask that ppoll(2), pselect6(2), epoll_pwait(2) and signalfd(2) are given. */
import { EFAULT, EINVAL } from '../abi/errno.ts';
import type { UserMemory } from '../mm/user-memory.ts';

const SIGSET_SIZE = 8;
const bytes = new Uint8Array(SIGSET_SIZE);
const view = new DataView(bytes.buffer);

export interface SignalMask {
  /** Signals 1 to 32 and 33 to 64, as signed words. */
  lo: number;
  hi: number;
}

/** Reads the sigset_t at `addr` to `out`: 0, -EINVAL for any size but 8, or -EFAULT. */
export function readSignalMask(mem: UserMemory, addr: number, size: number, out: SignalMask): number {
  if (size !== SIGSET_SIZE) return -EINVAL;
  if (mem.readInto(addr, bytes, 0, SIGSET_SIZE) < 0) return -EFAULT;
  out.lo = view.getInt32(0, true);
  out.hi = view.getInt32(4, true);
  return 0;
}

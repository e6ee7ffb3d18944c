/**
 * The counter of an eventfd (Linux: struct eventfd_ctx; eventfd(2)): 64 bits as two words, so that every value a guest writes is
 * exact. Its greatest value is 2^64 - 2.
 */
import { EAGAIN, EINVAL } from '../abi/errno.ts';
import { POLLIN, POLLOUT } from '../abi/poll.ts';

const WORD = 0x1_0000_0000;
const MAX_WORD = 0xffff_ffff;

export class EventCounter {
  lo: number;
  hi = 0;

  constructor(initial: number) {
    this.lo = initial >>> 0;
  }

  /** eventfd_poll: writable while adding 1 would not block. */
  poll(): number {
    const isMax = this.hi === MAX_WORD && this.lo >= MAX_WORD - 1;
    return (this.lo === 0 && this.hi === 0 ? 0 : POLLIN) | (isMax ? 0 : POLLOUT);
  }

  /** Adds: 0, -EINVAL for 2^64 - 1, or -EAGAIN when the sum would pass the greatest value. */
  add(lo: number, hi: number): number {
    if (lo === MAX_WORD && hi === MAX_WORD) return -EINVAL;
    let sumLo = this.lo + lo;
    let sumHi = this.hi + hi;
    if (sumLo >= WORD) {
      sumLo -= WORD;
      sumHi += 1;
    }
    if (sumHi > MAX_WORD || (sumHi === MAX_WORD && sumLo === MAX_WORD)) return -EAGAIN;
    this.lo = sumLo;
    this.hi = sumHi;
    return 0;
  }

  /** Takes the whole value, or 1 of it as a semaphore, as 8 bytes at `dst[at]`: 0 or -EAGAIN when it is zero. */
  take(dst: Uint8Array, at: number, isSemaphore: boolean): number {
    if (this.lo === 0 && this.hi === 0) return -EAGAIN;
    if (isSemaphore) {
      putWord(dst, at, 1);
      putWord(dst, at + 4, 0);
      if (this.lo === 0) this.hi -= 1;
      this.lo = this.lo === 0 ? MAX_WORD : this.lo - 1;
      return 0;
    }
    putWord(dst, at, this.lo);
    putWord(dst, at + 4, this.hi);
    this.lo = 0;
    this.hi = 0;
    return 0;
  }
}

export function putWord(dst: Uint8Array, at: number, value: number): void {
  dst[at] = value & 0xff;
  dst[at + 1] = (value >>> 8) & 0xff;
  dst[at + 2] = (value >>> 16) & 0xff;
  dst[at + 3] = value >>> 24;
}

export function getWord(src: Uint8Array, at: number): number {
  return (src[at] | (src[at + 1] << 8) | (src[at + 2] << 16) | (src[at + 3] << 24)) >>> 0;
}

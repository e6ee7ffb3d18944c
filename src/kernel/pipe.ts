/**
 * The pipe between its ends (Linux: struct pipe_inode_info; pipe(7)). pipe(2) makes one for two files; a FIFO's inode
 * keeps one for all who open it.
 *
 * Linux counts in pages, this counts in bytes: the capacity is the same, and small writes waste no room. A pipe is
 * writable for poll(2) while PIPE_BUF bytes are free, so a writer that was told so never finds an atomic write refused.
 */
import { EAGAIN, EBUSY, EINVAL, EPERM, EPIPE } from '../abi/errno.ts';
import { POLLERR, POLLHUP, READABLE, WRITABLE } from '../abi/poll.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import { ByteRing } from './byte-ring.ts';
import { WaitQueue } from './wait-queue.ts';

/** A write of at most this many bytes is not mixed with others (PIPE_BUF). */
export const PIPE_BUF = 4096;
export const PIPE_DEFAULT_SIZE = 65536;
/** /proc/sys/fs/pipe-max-size. */
export const PIPE_MAX_SIZE = 1048576;
const SIZE_LIMIT = 2 ** 31;

export class Pipe {
  readonly ring = new ByteRing(PIPE_DEFAULT_SIZE);
  /** Both ends wait here: readers for POLLIN, writers for POLLOUT. */
  readonly queue = new WaitQueue();
  readers = 0;
  writers = 0;
  /** How many readers and writers there have ever been: opening a FIFO waits for the other's to change. */
  readerOpens = 0;
  writerOpens = 0;

  addReader(): void {
    this.readers += 1;
    this.readerOpens += 1;
    this.queue.wake(WRITABLE);
  }

  addWriter(): void {
    this.writers += 1;
    this.writerOpens += 1;
    this.queue.wake(READABLE);
  }

  removeReader(): void {
    this.readers -= 1;
    if (this.readers === 0) this.queue.wake(WRITABLE | POLLERR);
    this.#forgetIfUnused();
  }

  removeWriter(): void {
    this.writers -= 1;
    if (this.writers === 0) this.queue.wake(READABLE | POLLHUP);
    this.#forgetIfUnused();
  }

  /** Bytes read, 0 at the end (no writers), or -EAGAIN. */
  read(dst: Uint8Array, at: number, length: number): number {
    if (length === 0) return 0;
    if (this.ring.length === 0) return this.writers === 0 ? 0 : -EAGAIN;
    const wasWritable = this.isWritable;
    const n = this.ring.shift(dst, at, length);
    if (!wasWritable && this.isWritable) this.queue.wake(WRITABLE);
    return n;
  }

  /** Bytes written: all of them up to PIPE_BUF, what fits above that; -EAGAIN, or -EPIPE when nobody can read it. */
  write(src: Uint8Array, at: number, length: number): number {
    if (length === 0) return 0;
    if (this.readers === 0) return -EPIPE;
    const { free } = this.ring;
    if (free === 0 || (length <= PIPE_BUF && free < length)) return -EAGAIN;
    const n = this.ring.push(src, at, length);
    this.queue.wake(READABLE);
    return n;
  }

  /** As `read` and `write`, of more than PIPE_BUF bytes, straight to or from guest memory; or -EFAULT. */
  readTo(mem: UserMemory, addr: number, length: number): number {
    if (this.ring.length === 0) return this.writers === 0 ? 0 : -EAGAIN;
    const wasWritable = this.isWritable;
    const n = this.ring.shiftTo(mem, addr, length);
    if (!wasWritable && this.isWritable) this.queue.wake(WRITABLE);
    return n;
  }

  writeFrom(mem: UserMemory, addr: number, length: number): number {
    if (this.readers === 0) return -EPIPE;
    if (this.ring.free === 0) return -EAGAIN;
    const n = this.ring.pushFrom(mem, addr, length);
    if (n > 0) this.queue.wake(READABLE);
    return n;
  }

  get isWritable(): boolean {
    return this.ring.free >= PIPE_BUF;
  }

  /** fcntl(2) F_SETPIPE_SZ: the new capacity, a power of two of at least a page, or -errno. */
  setSize(size: number, isPrivileged: boolean): number {
    if (!(size >= 0) || size > SIZE_LIMIT) return -EINVAL;
    let capacity = 4096;
    while (capacity < size) capacity *= 2;
    if (capacity > PIPE_MAX_SIZE && capacity > this.ring.capacity) {
      // Linux lets CAP_SYS_RESOURCE exceed the maximum; here the memory is the sentry's, so nobody may.
      return isPrivileged ? -EINVAL : -EPERM;
    }
    const wasWritable = this.isWritable;
    if (!this.ring.resize(capacity)) return -EBUSY;
    if (!wasWritable && this.isWritable) this.queue.wake(WRITABLE);
    return capacity;
  }

  #forgetIfUnused(): void {
    if (this.readers === 0 && this.writers === 0) this.ring.clear();
  }
}

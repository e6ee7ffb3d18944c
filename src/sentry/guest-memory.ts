/**
 * UserMemory over a stub: what was copied ahead is taken from the mailbox, small results go back through it, all else through
 * process_vm_readv and process_vm_writev.
 */
import { E2BIG, EFAULT, ENAMETOOLONG } from '../abi/errno.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { StubThread } from '../platform/stub-thread.ts';

const PATH_MAX = 4096;
const PAGE = 4096;
const USER_END = 2 ** 47;
/** Bulk transfers that do not fit a mailbox, one at a time: nothing is staged across an await. */
const BOUNCE_SIZE = 1 << 20;
const bounce = new Uint8Array(BOUNCE_SIZE);
const bounceText = Buffer.from(bounce.buffer);
const small = new Uint8Array(8);
const smallView = new DataView(small.buffer);

export class GuestMemory implements UserMemory {
  readonly #thread: StubThread;
  readonly #window: Uint8Array;
  readonly #text: Buffer;
  stageBuf: Uint8Array = bounce;
  stageAt = 0;

  constructor(thread: StubThread) {
    this.#thread = thread;
    this.#window = thread.process.window.u8;
    this.#text = thread.process.window.text;
  }

  readPath(addr: number): string | number {
    const length = this.#thread.precopiedLength(addr);
    if (length > 0) {
      const at = this.#thread.precopied(addr, length);
      const text = this.#text.toString('latin1', at, at + length - 1);
      // Another thread of the guest may have written into the mailbox meanwhile.
      const end = text.indexOf('\0');
      return end < 0 ? text : text.slice(0, end);
    }
    const path = this.readString(addr, PATH_MAX - 1);
    return path === -E2BIG ? -ENAMETOOLONG : path;
  }

  readString(addr: number, max: number): string | number {
    let text = '';
    let from = addr;
    while (text.length <= max) {
      // Up to the page's end, so that a string that ends before an unmapped page is read whole.
      const length = Math.min(PAGE - (from % PAGE), max + 1 - text.length);
      const got = this.#thread.process.readMemory(from, bounce, 0, length);
      if (got <= 0) return -EFAULT;
      const end = bounce.subarray(0, got).indexOf(0);
      const piece = bounceText.toString('latin1', 0, end < 0 ? got : end);
      text += piece;
      if (end >= 0) return text;
      from += got;
    }
    return -E2BIG;
  }

  readBytes(addr: number, length: number): Uint8Array | number {
    const bytes = new Uint8Array(length);
    const result = this.readInto(addr, bytes, 0, length);
    return result < 0 ? result : bytes;
  }

  readInto(addr: number, dst: Uint8Array, at: number, length: number): number {
    if (length === 0) return 0;
    const ahead = this.#thread.precopied(addr, length);
    if (ahead >= 0) {
      dst.set(this.#window.subarray(ahead, ahead + length), at);
      return 0;
    }
    return this.#thread.process.readMemory(addr, dst, at, length) === length ? 0 : -EFAULT;
  }

  write(addr: number, src: Uint8Array, at: number, length: number): number {
    if (length === 0) return 0;
    if (!(addr >= 0 && addr + length <= USER_END)) return -EFAULT;
    if (this.#thread.copyOut(addr, src, at, length)) return 0;
    return this.#thread.process.writeMemory(addr, src, at, length) === length ? 0 : -EFAULT;
  }

  writeU32(addr: number, value: number): number {
    smallView.setUint32(0, value >>> 0, true);
    return this.write(addr, small, 0, 4);
  }

  writeU64(addr: number, value: number): number {
    smallView.setUint32(0, value >>> 0, true);
    smallView.setUint32(4, Math.floor(value / 2 ** 32) >>> 0, true);
    return this.write(addr, small, 0, 8);
  }

  readU32(addr: number): number | null {
    return this.readInto(addr, small, 0, 4) < 0 ? null : smallView.getUint32(0, true);
  }

  readU64(addr: number): number | null {
    if (this.readInto(addr, small, 0, 8) < 0) return null;
    return smallView.getUint32(0, true) + smallView.getUint32(4, true) * 2 ** 32;
  }

  stage(length: number): number {
    const at = this.#thread.reserve(length);
    if (at >= 0) {
      this.stageBuf = this.#window;
      this.stageAt = at;
      return length;
    }
    this.stageBuf = bounce;
    this.stageAt = 0;
    return Math.min(length, BOUNCE_SIZE);
  }

  flush(addr: number, length: number): number {
    if (length === 0) return 0;
    if (!(addr >= 0 && addr + length <= USER_END)) return -EFAULT;
    if (this.stageBuf === this.#window) {
      this.#thread.queueCopyOut(addr, length);
      return 0;
    }
    return this.#thread.process.writeMemory(addr, bounce, 0, length) === length ? 0 : -EFAULT;
  }

  load(addr: number, length: number): number {
    const ahead = this.#thread.precopied(addr, length);
    if (ahead >= 0) {
      this.stageBuf = this.#window;
      this.stageAt = ahead;
      return length;
    }
    this.stageBuf = bounce;
    this.stageAt = 0;
    if (length === 0) return 0;
    const got = this.#thread.process.readMemory(addr, bounce, 0, Math.min(length, BOUNCE_SIZE));
    return got <= 0 ? -EFAULT : got;
  }
}

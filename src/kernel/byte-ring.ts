/**
 * A bounded queue of bytes: what pipes and stream sockets hold in transit.
 *
 * The storage appears at the first write, grows by doubling up to the capacity, and is let go by `clear`, so an idle or
 * freshly made pipe costs nothing. Invariant: 0 <= length <= capacity, and length <= the storage.
 */
import { EFAULT } from '../abi/errno.ts';
import type { UserMemory } from '../mm/user-memory.ts';

const FIRST_STORAGE = 4096;
const NOTHING = new Uint8Array(0);

export class ByteRing {
  #storage = NOTHING;
  #head = 0;
  #length = 0;
  #capacity: number;

  /** @param capacity in bytes, at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#capacity;
  }

  get free(): number {
    return this.#capacity - this.#length;
  }

  /** Makes room for more or less; never below what is in it: whether it was done. */
  resize(capacity: number): boolean {
    if (capacity < this.#length || capacity < 1) return false;
    this.#capacity = capacity;
    if (this.#storage.length > capacity) this.#move(capacity);
    return true;
  }

  /** Makes room for `n` bytes, which fit: where they are to go. */
  #tailFor(n: number): number {
    if (this.#length + n > this.#storage.length) this.#grow(this.#length + n);
    const tail = this.#head + this.#length;
    return tail >= this.#storage.length ? tail - this.#storage.length : tail;
  }

  /** Takes as many of the bytes as fit and gives how many. */
  push(src: Uint8Array, at: number, length: number): number {
    const n = Math.min(length, this.free);
    if (n <= 0) return 0;
    const tail = this.#tailFor(n);
    const first = Math.min(n, this.#storage.length - tail);
    copy(src, at, this.#storage, tail, first);
    if (first < n) copy(src, at + first, this.#storage, 0, n - first);
    this.#length += n;
    return n;
  }

  /** As `push`, straight from guest memory; -EFAULT when not all of the first piece is there. */
  pushFrom(mem: UserMemory, addr: number, length: number): number {
    const n = Math.min(length, this.free);
    if (n <= 0) return 0;
    const tail = this.#tailFor(n);
    const first = Math.min(n, this.#storage.length - tail);
    if (mem.readInto(addr, this.#storage, tail, first) < 0) return -EFAULT;
    const rest = first < n && mem.readInto(addr + first, this.#storage, 0, n - first) === 0 ? n - first : 0;
    this.#length += first + rest;
    return first + rest;
  }

  /** Takes the oldest bytes straight to guest memory: how many, or -EFAULT. */
  shiftTo(mem: UserMemory, addr: number, length: number): number {
    const n = Math.min(length, this.#length);
    const first = Math.min(n, this.#storage.length - this.#head);
    if (mem.write(addr, this.#storage, this.#head, first) < 0) return -EFAULT;
    const rest = first < n && mem.write(addr + first, this.#storage, 0, n - first) === 0 ? n - first : 0;
    this.drop(first + rest);
    return first + rest;
  }

  /** Copies the oldest bytes after the first `skip` without taking them: how many. */
  peek(dst: Uint8Array, at: number, length: number, skip = 0): number {
    const n = Math.min(length, this.#length - skip);
    if (n <= 0) return 0;
    const size = this.#storage.length;
    let from = this.#head + skip;
    if (from >= size) from -= size;
    const first = Math.min(n, size - from);
    copy(this.#storage, from, dst, at, first);
    if (first < n) copy(this.#storage, 0, dst, at + first, n - first);
    return n;
  }

  /** Takes the oldest bytes: how many. */
  shift(dst: Uint8Array, at: number, length: number): number {
    const n = this.peek(dst, at, length);
    this.drop(n);
    return n;
  }

  /** Forgets the oldest `n` bytes. */
  drop(n: number): void {
    const count = Math.min(n, this.#length);
    this.#length -= count;
    this.#head += count;
    if (this.#head >= this.#storage.length) this.#head -= this.#storage.length;
    // An empty ring starts over, so that small messages stay in one cache-warm place.
    if (this.#length === 0) this.#head = 0;
  }

  clear(): void {
    this.#storage = NOTHING;
    this.#head = 0;
    this.#length = 0;
  }

  #grow(needed: number): void {
    let size = Math.max(this.#storage.length, FIRST_STORAGE);
    while (size < needed) size *= 2;
    this.#move(Math.min(size, this.#capacity));
  }

  #move(size: number): void {
    const storage = new Uint8Array(size);
    this.peek(storage, 0, this.#length);
    this.#storage = storage;
    this.#head = 0;
  }
}

/** Short copies byte by byte: a subarray costs an allocation that a handful of bytes does not repay. */
function copy(src: Uint8Array, from: number, dst: Uint8Array, to: number, n: number): void {
  if (n <= 32) {
    for (let i = 0; i < n; i++) dst[to + i] = src[from + i];
    return;
  }
  dst.set(src.subarray(from, from + n), to);
}

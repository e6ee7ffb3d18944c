/** A bounded queue of bytes: a ring that is allocated when the first byte comes. */
export class ByteQueue {
  readonly capacity: number;
  #ring: Uint8Array | null = null;
  #head = 0;
  #length = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  get room(): number {
    return this.capacity - this.#length;
  }

  /** False when it is full. */
  push(byte: number): boolean {
    if (this.#length === this.capacity) return false;
    this.#ring ??= new Uint8Array(this.capacity);
    this.#ring[(this.#head + this.#length) % this.capacity] = byte;
    this.#length += 1;
    return true;
  }

  /** Appends what fits and gives how much that was. */
  append(src: Uint8Array, at: number, length: number): number {
    const n = Math.min(length, this.room);
    for (let i = 0; i < n; i++) this.push(src[at + i]);
    return n;
  }

  /** The oldest byte, -1 when empty. */
  shift(): number {
    if (this.#ring === null || this.#length === 0) return -1;
    const byte = this.#ring[this.#head];
    this.#head = (this.#head + 1) % this.capacity;
    this.#length -= 1;
    return byte;
  }

  /** Takes at most `length` bytes. */
  take(dst: Uint8Array, at: number, length: number): number {
    const ring = this.#ring;
    if (ring === null) return 0;
    const n = Math.min(length, this.#length);
    const first = Math.min(n, this.capacity - this.#head);
    dst.set(ring.subarray(this.#head, this.#head + first), at);
    dst.set(ring.subarray(0, n - first), at + first);
    this.#head = (this.#head + n) % this.capacity;
    this.#length -= n;
    return n;
  }

  /** Drops the newest bytes, so that at most `length` stay. */
  truncate(length: number): void {
    if (length < this.#length) this.#length = length;
  }

  clear(): void {
    this.#head = 0;
    this.#length = 0;
  }
}

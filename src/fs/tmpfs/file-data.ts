/**
 * The bytes of a regular file in memory: chunks of at most 64 KiB, absent where nothing was ever written, or, once the file has
 * been mapped or is large, a file of the host's memory. That gives its memory back when it is closed, chunks only when the sentry
 * next collects garbage; but it takes a descriptor.
 */
import { EFBIG, EINVAL, ENOMEM, ENOSPC, ENXIO, EOPNOTSUPP } from '../../abi/errno.ts';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, SEEK_DATA } from '../../abi/fcntl.ts';
import type { HostMemory } from './host-memory.ts';
import { PromisedSpace } from './promised-space.ts';
import type { Quota } from './quota.ts';

const CHUNK = 65536;
/** Smallest size of the first chunk; it doubles, so that many small files stay small. */
const SMALL = 256;
/** A file with so many bytes in chunks is moved to the host. */
const LARGE = 4 << 20;
/** Offsets stay exact integers, and one call's arithmetic with them too. */
export const MAX_FILE_SIZE = 2 ** 52;

/** Closes the host's files of those that went without an unlink, with a file system that was unmounted. */
const lost = new FinalizationRegistry<{ host: HostMemory; fd: number }>(({ host, fd }) => host.close(fd));

export class FileData {
  size = 0;
  readonly #quota: Quota;
  readonly #host: HostMemory | null;
  #chunks = new Map<number, Uint8Array>();
  #hostFd = -1;
  /** Bytes that it takes up, and what the quota was charged for: these, or what it has been promised. */
  #used = 0;
  #charged = 0;
  #promised = new PromisedSpace();
  /** The host had no file for it when it became large. */
  #staysHere = false;

  constructor(quota: Quota, host: HostMemory | null) {
    this.#quota = quota;
    this.#host = host;
  }

  get usedBytes(): number {
    return this.#charged;
  }

  read(dst: Uint8Array, at: number, length: number, offset: number): number {
    if (offset >= this.size) return 0;
    const n = Math.min(length, this.size - offset);
    if (this.#hostFd >= 0 && this.#host !== null) return this.#host.pread(this.#hostFd, dst, at, n, offset);
    let done = 0;
    while (done < n) {
      const position = offset + done;
      const index = Math.floor(position / CHUNK);
      const inChunk = position - index * CHUNK;
      const take = Math.min(n - done, CHUNK - inChunk);
      const chunk = this.#chunks.get(index);
      const have = chunk === undefined ? 0 : Math.max(0, Math.min(take, chunk.length - inChunk));
      if (chunk !== undefined && have > 0) dst.set(chunk.subarray(inChunk, inChunk + have), at + done);
      if (have < take) dst.fill(0, at + done + have, at + done + take);
      done += take;
    }
    return n;
  }

  /** Bytes written, fewer when space runs out, or -ENOSPC, -EFBIG. */
  write(src: Uint8Array, at: number, length: number, offset: number): number {
    if (length === 0) return 0;
    if (offset + length > MAX_FILE_SIZE) return -EFBIG;
    if (this.#hostFd >= 0 && this.#host !== null) {
      const isFull = this.#quota.bytes >= this.#quota.maxBytes && this.#used >= this.#charged;
      if (isFull && offset + length > this.size) return -ENOSPC;
      const n = this.#host.pwrite(this.#hostFd, src, at, length, offset);
      if (n > 0) {
        this.size = Math.max(this.size, offset + n);
        this.#recharge();
      }
      return n;
    }
    if (this.#used >= LARGE && !this.#staysHere) {
      if (this.mapping() >= 0) return this.write(src, at, length, offset);
      this.#staysHere = true;
    }
    let done = 0;
    while (done < length) {
      const position = offset + done;
      const index = Math.floor(position / CHUNK);
      const inChunk = position - index * CHUNK;
      const take = Math.min(length - done, CHUNK - inChunk);
      const chunk = this.#chunkFor(index, inChunk + take);
      if (chunk === null) break;
      chunk.set(src.subarray(at + done, at + done + take), inChunk);
      done += take;
    }
    if (done === 0) return -ENOSPC;
    this.size = Math.max(this.size, offset + done);
    return done;
  }

  truncate(size: number): number {
    if (size > MAX_FILE_SIZE) return -EFBIG;
    if (this.#hostFd >= 0 && this.#host !== null) {
      const result = this.#host.truncate(this.#hostFd, size);
      if (result < 0) return result;
      this.size = size;
      this.#promised.release(size, Infinity);
      this.#recharge();
      return 0;
    }
    this.#promised.release(size, Infinity);
    if (size < this.size) this.#zero(size, this.size);
    this.size = size;
    this.#settle();
    return 0;
  }

  /** fallocate(2): plain, keep-size, punch and zero. */
  allocate(mode: number, offset: number, length: number): number {
    const isPunch = (mode & FALLOC_FL_PUNCH_HOLE) !== 0;
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0) return -EOPNOTSUPP;
    if (isPunch && (mode & FALLOC_FL_KEEP_SIZE) === 0) return -EOPNOTSUPP;
    const end = offset + length;
    if (end > MAX_FILE_SIZE) return -EFBIG;
    const keepsSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
    if (isPunch) {
      this.#promised.release(offset, end);
    } else {
      const promised = this.#promised.with(offset, end, this.size, this.#used);
      if (!this.#quota.charge(Math.max(0, promised.bytesWith(this.#used) - this.#charged))) return -ENOSPC;
      this.#promised = promised;
      this.#charged = Math.max(this.#charged, promised.bytesWith(this.#used));
    }
    if (this.#hostFd >= 0 && this.#host !== null) return this.#allocateHost(this.#host, mode, offset, end);
    if (isPunch || (mode & FALLOC_FL_ZERO_RANGE) !== 0) this.#zero(offset, Math.min(end, this.size));
    if (!keepsSize && end > this.size) this.size = end;
    this.#settle();
    return 0;
  }

  /** As with chunks, memory is only taken when it is written to: the host would fill gigabytes while all others wait. */
  #allocateHost(host: HostMemory, mode: number, offset: number, end: number): number {
    const stop = Math.min(end, this.size);
    if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0 && stop > offset) {
      const punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
      const result = host.allocate(this.#hostFd, punch, offset, stop - offset);
      if (result < 0) return result;
    }
    if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && end > this.size) {
      const result = host.truncate(this.#hostFd, end);
      if (result < 0) return result;
      this.size = end;
    }
    this.#recharge();
    return 0;
  }

  /** lseek(2) with SEEK_DATA or SEEK_HOLE. */
  seek(offset: number, whence: number): number {
    if (offset < 0 || offset >= this.size) return -ENXIO;
    if (this.#hostFd >= 0 && this.#host !== null) return this.#host.seek(this.#hostFd, offset, whence);
    const isData = whence === SEEK_DATA;
    const last = Math.floor((this.size - 1) / CHUNK);
    const first = Math.floor(offset / CHUNK);
    if (this.#chunks.has(first) === isData) return offset;
    let best = Infinity;
    if (isData) {
      for (const index of this.#chunks.keys()) if (index > first && index < best) best = index;
      return best === Infinity ? -ENXIO : best * CHUNK;
    }
    for (let index = first + 1; index <= last; index++) if (!this.#chunks.has(index)) return index * CHUNK;
    return this.size;
  }

  /** Moves the bytes to the host if they are not there yet: its descriptor or -errno. */
  mapping(): number {
    if (this.#hostFd >= 0) return this.#hostFd;
    const host = this.#host;
    if (host === null) return -EINVAL;
    const fd = host.create();
    if (fd < 0) return fd;
    let result = host.truncate(fd, this.size);
    for (const [index, chunk] of this.#chunks) {
      const length = Math.min(chunk.length, this.size - index * CHUNK);
      if (length > 0 && result >= 0) result = host.pwrite(fd, chunk, 0, length, index * CHUNK);
    }
    if (result < 0) {
      host.close(fd);
      return result === -EINVAL ? -ENOMEM : result;
    }
    this.#chunks = new Map();
    this.#keep(host, fd);
    return fd;
  }

  /** Takes over a copy of a host file's first `size` bytes: 0 or -errno. Only for an empty file. */
  copyHostFile(fromFd: number, size: number): number {
    const host = this.#host;
    if (host === null) return -EINVAL;
    if (size > this.#quota.maxBytes - this.#quota.bytes) return -ENOSPC;
    if (size <= CHUNK) {
      const bytes = new Uint8Array(size);
      const n = size === 0 ? 0 : host.pread(fromFd, bytes, 0, size, 0);
      if (n <= 0) return n;
      const written = this.write(bytes, 0, n, 0);
      return Math.min(written, 0);
    }
    const fd = host.create();
    if (fd < 0) return fd;
    const result = host.copyFrom(fd, fromFd, size);
    if (result < 0) {
      host.close(fd);
      return result;
    }
    this.size = size;
    this.#keep(host, fd);
    return 0;
  }

  #keep(host: HostMemory, fd: number): void {
    this.#hostFd = fd;
    lost.register(this, { host, fd }, this);
    this.#recharge();
  }

  /** Nothing refers to the file any more. */
  free(): void {
    this.#chunks = new Map();
    if (this.#hostFd >= 0 && this.#host !== null) {
      lost.unregister(this);
      this.#host.close(this.#hostFd);
    }
    this.#hostFd = -1;
    this.#promised = new PromisedSpace();
    this.#used = 0;
    this.#settle();
    this.size = 0;
  }

  /** A chunk with room up to `need`, or null without space for it. */
  #chunkFor(index: number, need: number): Uint8Array | null {
    const old = this.#chunks.get(index);
    if (old !== undefined && old.length >= need) return old;
    let length = CHUNK;
    if (index === 0) {
      length = SMALL;
      while (length < need) length *= 2;
    }
    const more = length - (old === undefined ? 0 : old.length);
    // What was promised has been charged for.
    if (!this.#quota.charge(Math.max(0, this.#used + more - this.#charged))) return null;
    this.#used += more;
    this.#charged = Math.max(this.#charged, this.#used);
    const chunk = new Uint8Array(length);
    if (old !== undefined) chunk.set(old);
    this.#chunks.set(index, chunk);
    return chunk;
  }

  /** Zeroes a range, freeing whole chunks in it. */
  #zero(from: number, to: number): void {
    if (to <= from) return;
    for (const [index, chunk] of this.#chunks) {
      const start = index * CHUNK;
      if (start >= to || start + chunk.length <= from) continue;
      if (start >= from && (start + chunk.length <= to || to >= this.size)) {
        this.#chunks.delete(index);
        this.#used -= chunk.length;
      } else {
        chunk.fill(0, Math.max(0, from - start), Math.min(chunk.length, to - start));
      }
    }
  }

  /** A mapping writes without asking, so what the host's file takes is only learnt afterwards. */
  #recharge(): void {
    if (this.#host === null) return;
    const now = this.#host.usedBytes(this.#hostFd);
    if (now < 0) return;
    this.#used = now;
    this.#settle();
  }

  /** Charges for what it takes, or has been promised, by now. */
  #settle(): void {
    const now = this.#promised.bytesWith(this.#used);
    this.#quota.bytes += now - this.#charged;
    this.#charged = now;
  }
}

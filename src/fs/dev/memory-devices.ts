/** null, zero, full, random and urandom (Linux: drivers/char/mem.c and random.c; null(4), full(4), random(4)). */

import { CAP_SYS_ADMIN } from '../../abi/capability.ts';
import { EFAULT, EINVAL, ENOSPC, ENOTTY, EPERM } from '../../abi/errno.ts';
import type { Task } from '../../kernel/task.ts';
import { COPIED_AHEAD_MAX, type UserMemory } from '../../mm/user-memory.ts';
import { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';

const POLL_ALWAYS = 0x145;
const RNDGETENTCNT = 0x80045200;
const RNDADDTOENTCNT = 0x40045201;
const RNDADDENTROPY = 0x40085203;
const RNDZAPENTCNT = 0x5204;
const RNDCLEARPOOL = 0x5206;
const RNDRESEEDCRNG = 0x5207;
/** Bits the pool is said to hold, as since Linux 5.18. */
export const ENTROPY_BITS = 256;

export type FillRandom = (dst: Uint8Array, at: number, length: number) => void;

const ZEROES = new Uint8Array(65536);

abstract class MemoryDevice extends File {
  readonly #inode: Inode;

  constructor(inode: Inode, path: Path, flags: number) {
    super(path, flags);
    this.#inode = inode;
  }

  override get inode(): Inode {
    return this.#inode;
  }

  override get isSeekable(): boolean {
    return true;
  }

  override poll(): number {
    return POLL_ALWAYS;
  }

  override write(_src: Uint8Array, _at: number, length: number, _offset: number): number {
    return length;
  }

  /** null_lseek: always at the start. */
  override seek(_offset: number, _whence: number): number {
    return 0;
  }

  /** open(2) with O_TRUNC means nothing for devices. */
  override truncate(_size: number): number {
    return -EINVAL;
  }
}

export class NullFile extends MemoryDevice {
  override get directMin(): number {
    return 0;
  }

  override read(): number {
    return 0;
  }

  override readTo(): number {
    return 0;
  }

  /** write_null: nobody looks at the bytes. */
  override writeFrom(_mem: UserMemory, _addr: number, length: number): number {
    return length;
  }
}

export class ZeroFile extends MemoryDevice {
  /** mmap(2) of it is anonymous memory: the address space looks for this. */
  readonly isZeroDevice = true;

  override get directMin(): number {
    return COPIED_AHEAD_MAX;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    dst.fill(0, at, at + length);
    return length;
  }

  override readTo(mem: UserMemory, addr: number, length: number): number {
    const n = Math.min(length, ZEROES.length);
    return mem.write(addr, ZEROES, 0, n) < 0 ? -EFAULT : n;
  }

  override writeFrom(_mem: UserMemory, _addr: number, length: number): number {
    return length;
  }
}

export class FullFile extends MemoryDevice {
  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    dst.fill(0, at, at + length);
    return length;
  }

  override write(_src: Uint8Array, _at: number, length: number, _offset: number): number {
    return length === 0 ? 0 : -ENOSPC;
  }
}

export class RandomFile extends MemoryDevice {
  readonly #fill: FillRandom;

  constructor(inode: Inode, path: Path, flags: number, fill: FillRandom) {
    super(inode, path, flags);
    this.#fill = fill;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    this.#fill(dst, at, length);
    return length;
  }

  /** noop_llseek. */
  override seek(_offset: number, _whence: number): number {
    return this.position;
  }

  override ioctl(task: Task, command: number, argument: number): number {
    switch (command) {
      case RNDGETENTCNT:
        return task.mem.writeU32(argument, ENTROPY_BITS);
      case RNDADDTOENTCNT:
      case RNDADDENTROPY:
        if (!task.creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
        return task.mem.readU32(argument) === null ? -EFAULT : 0;
      case RNDZAPENTCNT:
      case RNDCLEARPOOL:
      case RNDRESEEDCRNG:
        return task.creds.hasCapability(CAP_SYS_ADMIN) ? 0 : -EPERM;
      default:
        return -ENOTTY;
    }
  }
}

/** Whether mmap(2) of `file` gives anonymous memory (/dev/zero). */
export function isZeroDevice(file: File): boolean {
  return file instanceof ZeroFile;
}

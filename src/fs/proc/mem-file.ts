/** /proc/PID/mem: the process' memory as a file (proc_pid_mem(5)); the offset is the address. */
import { EACCES, EINVAL, EIO } from '../../abi/errno.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import type { Task } from '../../kernel/task.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { DT_REG, type Node, type Place, S_IFREG } from '../pseudo/pseudo-file-system.ts';
import { PseudoInode } from '../pseudo/pseudo-inode.ts';
import { checkInspect } from './access.ts';

const USER_END = 2 ** 47;
const PAGE = 4096;

class MemInode extends PseudoInode {
  readonly #task: Task;

  constructor(place: Place, task: Task) {
    super(place, S_IFREG | 0o600);
    this.#task = task;
  }

  override open(path: Path, flags: number, creds: Credentials): File | number {
    return checkInspect(this.#task, creds) < 0 ? -EACCES : new MemFile(path, flags, this, this.#task.mm);
  }
}

class MemFile extends File {
  readonly #inode: Inode;
  /** Of the process as it was at open: an exec gives the file no access to the new program. */
  readonly #mm: AddressSpace;

  constructor(path: Path, flags: number, inode: Inode, mm: AddressSpace) {
    super(path, flags);
    this.#inode = inode;
    this.#mm = mm;
  }

  override get inode(): Inode {
    return this.#inode;
  }

  override get isSeekable(): boolean {
    return true;
  }

  override poll(): number {
    return 0x145;
  }

  override read(dst: Uint8Array, at: number, length: number, offset: number): number {
    if (length === 0 || this.#mm.users <= 0) return 0;
    const n = this.#within(offset, length);
    const bytes = n <= 0 ? -EIO : this.#mm.readBytesNow(offset, n);
    if (typeof bytes !== 'number') {
      dst.set(bytes, at);
      return bytes.length;
    }
    // Not all of it can be read: what there is up to the end of the first page.
    const first = Math.min(n, PAGE - (offset % PAGE));
    const part = n <= 0 || first === n ? -EIO : this.#mm.readBytesNow(offset, first);
    if (typeof part === 'number') return -EIO;
    dst.set(part, at);
    return part.length;
  }

  override write(src: Uint8Array, at: number, length: number, offset: number): number {
    if (length === 0 || this.#mm.users <= 0) return 0;
    const n = this.#within(offset, length);
    if (n <= 0) return -EIO;
    return this.#mm.writeNow(offset, src.subarray(at, at + n)) < 0 ? -EIO : n;
  }

  override seek(offset: number, whence: number): number {
    const target = whence === 0 ? offset : whence === 1 ? this.position + offset : -1;
    return Number.isSafeInteger(target) && target >= 0 ? target : -EINVAL;
  }

  #within(offset: number, length: number): number {
    return offset >= 0 && offset < USER_END ? Math.min(length, USER_END - offset) : -1;
  }
}

export function memFile(task: Task): Node {
  return { dtype: DT_REG, build: (place) => new MemInode(place, task) };
}

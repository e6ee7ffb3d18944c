/** /proc/PID/mem: the process' memory as a file (proc_pid_mem(5)); the offset is the address. */
import { EACCES, EAGAIN, EINVAL, EIO } from '../../abi/errno.ts';
import { WRITABLE } from '../../abi/poll.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Task } from '../../kernel/task.ts';
import { traceeAccess } from '../../kernel/tracee-access.ts';
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
    return checkInspect(this.#task, creds) < 0 ? -EACCES : new MemFile(path, flags, this, this.#task);
  }
}

/** A write that is being done. */
interface Poke {
  result: number | null;
}

class MemFile extends File {
  readonly #inode: Inode;
  /** Of the process as it was at open: an exec gives the file no access to the new program. */
  readonly #mm: AddressSpace;

  readonly #task: Task;
  #poke: Poke | null = null;

  constructor(path: Path, flags: number, inode: Inode, task: Task) {
    super(path, flags);
    this.#inode = inode;
    this.#task = task;
    this.#mm = task.mm;
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
    if (this.#poke === null && this.#mm.writeNow(offset, src.subarray(at, at + n)) === 0) return n;
    return this.#pokeTracee(offset, src.slice(at, at + n));
  }

  /** Memory that even its owner may not write to, a tracer may: the stopped tracee's thread does it, and the call waits. */
  #pokeTracee(addr: number, bytes: Uint8Array): number {
    if (this.#poke !== null) {
      const { result } = this.#poke;
      if (result === null) return -EAGAIN;
      this.#poke = null;
      return result < 0 ? -EIO : bytes.length;
    }
    const access = traceeAccess(this.#task.kernel);
    const tracee = this.#task.group.tasks.find((task) => task.mm === this.#mm && task.trace?.stop);
    if (access === undefined || tracee === undefined || tracee.trace?.tracer.group !== currentTask()?.group)
      return -EIO;
    const poke: Poke = { result: null };
    this.#poke = poke;
    void access.poke(tracee, addr, bytes).then((result) => {
      poke.result = result;
      this.queue.wake(WRITABLE);
    });
    return -EAGAIN;
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

/**
 * An end of a pipe, or a FIFO that was opened (Linux: pipefifo_fops in fs/pipe.c; pipe(7), fifo(7)).
 *
 * Opening a FIFO waits for the other end. The file exists at once and counts as a reader or writer, as on Linux;
 * `isPartnerAwaited` tells the opener to sleep on `queue` until it is false, and to `unref` the file when a signal comes first.
 */

import { CAP_SYS_RESOURCE } from '../../abi/capability.ts';
import { EBADF, EFAULT, EINVAL, ENOTTY, ENXIO } from '../../abi/errno.ts';
import { F_GETPIPE_SZ, F_SETPIPE_SZ, O_ACCMODE, O_NONBLOCK, O_RDWR, O_WRONLY } from '../../abi/fcntl.ts';
import { FIONREAD } from '../../abi/ioctl.ts';
import { POLLERR, POLLHUP, READABLE, WRITABLE } from '../../abi/poll.ts';
import type { Pipe } from '../../kernel/pipe.ts';
import type { Task } from '../../kernel/task.ts';
import { COPIED_AHEAD_MAX, type UserMemory } from '../../mm/user-memory.ts';
import type { Path } from '../../vfs/path.ts';
import { AnonymousFile } from '../event/anonymous-file.ts';

/** `#seenOpens` of a file that reports POLLHUP and needs no partner. */
const ANY = -1;

export class PipeFile extends AnonymousFile {
  readonly pipe: Pipe;
  readonly #isReader: boolean;
  readonly #isWriter: boolean;
  /** Opens of the other end when this one was opened without a partner; ANY when there was one. */
  #seenOpens = ANY;

  constructor(pipe: Pipe, path: Path, flags: number) {
    super(path, flags, pipe.queue);
    this.pipe = pipe;
    const access = flags & O_ACCMODE;
    this.#isReader = access !== O_WRONLY;
    this.#isWriter = access !== 0;
    if (this.#isReader) pipe.addReader();
    if (this.#isWriter) pipe.addWriter();
  }

  /** For openFifo: there was no partner yet. */
  noteMissingPartner(): void {
    this.#seenOpens = this.#isReader ? this.pipe.writerOpens : this.pipe.readerOpens;
  }

  /** Whether a blocking open must still sleep. */
  get isPartnerAwaited(): boolean {
    if (this.#seenOpens === ANY || (this.flags & O_NONBLOCK) !== 0) return false;
    return this.#seenOpens === (this.#isReader ? this.pipe.writerOpens : this.pipe.readerOpens);
  }

  override poll(): number {
    const { pipe } = this;
    let events = 0;
    if (this.#isReader) {
      if (pipe.ring.length > 0) events |= READABLE;
      // A FIFO opened without blocking is not hung up before its first writer (Linux: f_pipe != w_counter).
      if (pipe.writers === 0 && this.#seenOpens !== pipe.writerOpens) events |= POLLHUP;
    }
    if (this.#isWriter) {
      if (pipe.isWritable) events |= WRITABLE;
      if (pipe.readers === 0) events |= POLLERR;
    }
    return events;
  }

  override get asyncEvents(): number {
    return (this.#isReader ? READABLE : 0) | (this.#isWriter ? WRITABLE : 0);
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    return this.#isReader ? this.pipe.read(dst, at, length) : -EBADF;
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    return this.#isWriter ? this.pipe.write(src, at, length) : -EBADF;
  }

  override get directMin(): number {
    return COPIED_AHEAD_MAX;
  }

  override readTo(mem: UserMemory, addr: number, length: number): number {
    return this.#isReader ? this.pipe.readTo(mem, addr, length) : -EBADF;
  }

  override writeFrom(mem: UserMemory, addr: number, length: number): number {
    return this.#isWriter ? this.pipe.writeFrom(mem, addr, length) : -EBADF;
  }

  override fcntl(task: Task, command: number, argument: number): number {
    if (command === F_GETPIPE_SZ) return this.pipe.ring.capacity;
    if (command !== F_SETPIPE_SZ) return -EINVAL;
    return this.pipe.setSize(argument, task.creds.hasCapability(CAP_SYS_RESOURCE));
  }

  override ioctl(task: Task, command: number, argument: number): number {
    if (command !== FIONREAD) return -ENOTTY;
    return task.mem.writeU32(argument, this.pipe.ring.length) < 0 ? -EFAULT : 0;
  }

  override release(): void {
    if (this.#isReader) this.pipe.removeReader();
    if (this.#isWriter) this.pipe.removeWriter();
  }
}

/** open(2) of a FIFO whose inode keeps `pipe`: the file (see `isPartnerAwaited`), or -ENXIO (fifo(7)). */
export function openFifo(pipe: Pipe, path: Path, flags: number): PipeFile | number {
  const access = flags & O_ACCMODE;
  const isBlocking = (flags & O_NONBLOCK) === 0;
  if (access === O_WRONLY && !isBlocking && pipe.readers === 0) return -ENXIO;
  const file = new PipeFile(pipe, path, flags);
  if (access === O_RDWR) return file;
  const hasPartner = access === O_WRONLY ? pipe.readers > 0 : pipe.writers > 0;
  if (!hasPartner) file.noteMissingPartner();
  return file;
}

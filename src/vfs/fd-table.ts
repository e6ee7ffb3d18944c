/**
 * Descriptors of a process (Linux: struct files_struct, fs/file.c). The close-on-exec flag belongs to the descriptor, all else to
 * the open file.
 */
import { EBADF, EINVAL, EMFILE } from '../abi/errno.ts';
import type { File } from './file.ts';
import { releasePosixLocks } from './record-locks.ts';

export class FdTable {
  /** RLIMIT_NOFILE: descriptors are below it. */
  limit: number;
  readonly #files: (File | undefined)[] = [];
  readonly #cloexec: boolean[] = [];
  /** No descriptor below it is free. */
  #firstFree = 0;

  constructor(limit = 1024) {
    this.limit = limit;
  }

  /** One more than the highest descriptor that may be open, for /proc/PID/fd and close_range(2). */
  get size(): number {
    return this.#files.length;
  }

  /** The file, without a reference: take one (`ref`) to keep it across an await. */
  get(fd: number): File | undefined {
    return fd >= 0 ? this.#files[fd] : undefined;
  }

  isCloexec(fd: number): boolean {
    return this.#cloexec[fd] === true;
  }

  /** 0 or -EBADF. */
  setCloexec(fd: number, isCloexec: boolean): number {
    if (this.get(fd) === undefined) return -EBADF;
    this.#cloexec[fd] = isCloexec;
    return 0;
  }

  /** Open descriptors in ascending order. */
  *descriptors(): IterableIterator<number> {
    for (let fd = 0; fd < this.#files.length; fd++) if (this.#files[fd] !== undefined) yield fd;
  }

  /** The lowest free descriptor from `minFd` on gets the caller's reference. The descriptor, or -EMFILE (then the caller keeps it). */
  install(file: File, isCloexec: boolean, minFd = 0): number {
    const files = this.#files;
    let fd = Math.max(minFd, this.#firstFree);
    while (fd < files.length && files[fd] !== undefined) fd += 1;
    if (fd >= this.limit) return -EMFILE;
    if (minFd <= this.#firstFree) this.#firstFree = fd + 1;
    this.#set(fd, file, isCloexec);
    return fd;
  }

  /** Puts the caller's reference at `fd`, closing what is there (dup2): `fd` or -EBADF (then the caller keeps it). */
  installAt(fd: number, file: File, isCloexec: boolean): number {
    if (fd < 0 || fd >= this.limit) return -EBADF;
    const old = this.#files[fd];
    this.#set(fd, file, isCloexec);
    if (fd === this.#firstFree) this.#firstFree = fd + 1;
    if (old !== undefined) this.#drop(old);
    return fd;
  }

  /** dup(2), F_DUPFD: the new descriptor or -EBADF, -EINVAL, -EMFILE. */
  dup(fd: number, isCloexec: boolean, minFd = 0): number {
    const file = this.get(fd);
    if (file === undefined) return -EBADF;
    if (minFd < 0 || minFd >= this.limit) return -EINVAL;
    const result = this.install(file.ref(), isCloexec, minFd);
    if (result < 0) file.unref();
    return result;
  }

  /** dup2(2) and dup3(2) for different descriptors: `newFd` or -EBADF. */
  dupTo(fd: number, newFd: number, isCloexec: boolean): number {
    const file = this.get(fd);
    if (file === undefined || newFd < 0 || newFd >= this.limit) return -EBADF;
    return this.installAt(newFd, file.ref(), isCloexec);
  }

  /** 0 or -EBADF. */
  close(fd: number): number {
    const file = this.get(fd);
    if (file === undefined) return -EBADF;
    this.#files[fd] = undefined;
    if (fd < this.#firstFree) this.#firstFree = fd;
    if (fd === this.#files.length - 1) this.#shrink();
    this.#drop(file);
    return 0;
  }

  /** A copy for fork(2): the same open files, the same flags. */
  clone(): FdTable {
    const copy = new FdTable(this.limit);
    for (let fd = 0; fd < this.#files.length; fd++) {
      copy.#files.push(this.#files[fd]?.ref());
      copy.#cloexec.push(this.#cloexec[fd] === true);
    }
    copy.#firstFree = this.#firstFree;
    return copy;
  }

  closeOnExec(): void {
    for (let fd = this.#files.length - 1; fd >= 0; fd--) if (this.#cloexec[fd] === true) this.close(fd);
  }

  /** The last task that used it is gone: closes everything. */
  release(): void {
    // A call that was under way when its task was killed may still come with a file: nobody would close it.
    this.limit = 0;
    for (let fd = this.#files.length - 1; fd >= 0; fd--) this.close(fd);
  }

  #set(fd: number, file: File, isCloexec: boolean): void {
    // Filled up rather than left with holes: an array with holes becomes a slow dictionary.
    while (this.#files.length < fd) {
      this.#files.push(undefined);
      this.#cloexec.push(false);
    }
    this.#files[fd] = file;
    this.#cloexec[fd] = isCloexec;
  }

  #shrink(): void {
    let length = this.#files.length;
    while (length > 0 && this.#files[length - 1] === undefined) length -= 1;
    this.#files.length = length;
    this.#cloexec.length = length;
  }

  /** A process loses all its record locks on a file when it closes any descriptor of it (fcntl(2)). */
  #drop(file: File): void {
    releasePosixLocks(file, this);
    file.closedIn(this);
    file.unref();
  }
}

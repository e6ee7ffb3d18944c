/**
 * Record locks of fcntl(2), per process and per open file description, and the whole-file locks of flock(2) (Linux:
 * fs/locks.c).
 *
 * The three kinds conflict only with their own: POSIX and OFD locks with each other, flock locks with flock locks. The owner of a
 * POSIX lock is a descriptor table, of the others an open file.
 */
import { EAGAIN, ENOLCK } from '../abi/errno.ts';
import { F_UNLCK, F_WRLCK } from '../abi/fcntl.ts';
import { POLLIN } from '../abi/poll.ts';
import { WaitQueue } from '../kernel/wait-queue.ts';
import type { File } from './file.ts';
import type { FileSystem, Inode } from './inode.ts';

/** Locks per file: a guest could else make the list, which is walked, as long as it likes. */
const MAX_LOCKS = 4096;

export interface RecordLock {
  readonly owner: object;
  type: number;
  start: number;
  /** The last byte; Infinity for "to the end". */
  end: number;
  /** Process that took it, for F_GETLK; -1 for OFD locks. */
  readonly pid: number;
}

export interface WholeLock {
  readonly owner: File;
  type: number;
}

export class FileLocks {
  records: RecordLock[] = [];
  wholes: WholeLock[] = [];
  /** Woken when a lock goes or shrinks. */
  readonly queue = new WaitQueue();
  readonly #fs: FileSystem;
  readonly #ino: number;
  /** Calls that sleep until they can have a lock in here. */
  #sleepers = 0;

  constructor(inode: Inode) {
    this.#fs = inode.fs;
    this.#ino = inode.ino;
  }

  /** The first record lock that forbids this one, or null. */
  conflict(owner: object, type: number, start: number, end: number): RecordLock | null {
    for (const lock of this.records) {
      if (lock.owner === owner || lock.end < start || lock.start > end) continue;
      if (type === F_WRLCK || lock.type === F_WRLCK) return lock;
    }
    return null;
  }

  /** Sets, changes or removes the owner's lock on a range: 0, -EAGAIN for a conflict, -ENOLCK. */
  set(owner: object, type: number, start: number, end: number, pid: number): number {
    if (type !== F_UNLCK && this.conflict(owner, type, start, end) !== null) return -EAGAIN;
    const kept: RecordLock[] = [];
    let from = start;
    let to = end;
    for (const lock of this.records) {
      const isOther = lock.owner !== owner;
      const isJoinable = !isOther && type !== F_UNLCK && lock.type === type;
      // Touching neighbours of the same type become one lock (POSIX fcntl).
      const isApart = isJoinable ? lock.end + 1 < from || lock.start > to + 1 : lock.end < start || lock.start > end;
      if (isOther || isApart) {
        kept.push(lock);
      } else if (isJoinable) {
        from = Math.min(from, lock.start);
        to = Math.max(to, lock.end);
      } else {
        if (lock.start < start) kept.push({ ...lock, end: start - 1 });
        if (lock.end > end) kept.push({ ...lock, start: end + 1 });
      }
    }
    if (type !== F_UNLCK) kept.push({ owner, type, start: from, end: to, pid });
    if (kept.length > MAX_LOCKS) return -ENOLCK;
    kept.sort((a, b) => a.start - b.start);
    this.records = kept;
    this.queue.wake(POLLIN);
    this.#forgetIfEmpty();
    return 0;
  }

  /** flock(2): a conversion is not atomic, the old lock goes first. 0 or -EAGAIN. */
  setWhole(owner: File, type: number): number {
    const mine = this.wholes.find((lock) => lock.owner === owner);
    if (mine?.type === type) return 0;
    if (mine !== undefined) {
      this.wholes.splice(this.wholes.indexOf(mine), 1);
      this.queue.wake(POLLIN);
    }
    if (type === F_UNLCK) {
      this.#forgetIfEmpty();
      return 0;
    }
    for (const lock of this.wholes) if (type === F_WRLCK || lock.type === F_WRLCK) return -EAGAIN;
    this.wholes.push({ owner, type });
    return 0;
  }

  /** Everything the owner has. */
  releaseOwner(owner: object): void {
    const before = this.records.length + this.wholes.length;
    this.records = this.records.filter((lock) => lock.owner !== owner);
    this.wholes = this.wholes.filter((lock) => lock.owner !== owner);
    if (this.records.length + this.wholes.length === before) return;
    this.queue.wake(POLLIN);
    this.#forgetIfEmpty();
  }

  /** Before a sleep on `queue`: what is found by the file's name must stay the same list until `endSleep`. */
  beginSleep(): void {
    this.#sleepers += 1;
  }

  endSleep(): void {
    this.#sleepers -= 1;
    this.#forgetIfEmpty();
  }

  #forgetIfEmpty(): void {
    if (this.records.length > 0 || this.wholes.length > 0 || this.#sleepers > 0) return;
    const table = tables.get(this.#fs);
    // Another may have come in its place, when this one was found before it was forgotten.
    if (table?.get(this.#ino) !== this) return;
    table.delete(this.#ino);
    if (table.size === 0) tables.delete(this.#fs);
  }
}

/** Of the file systems in which there are locks: one that is unmounted is not kept for having had some. */
const tables = new Map<FileSystem, Map<number, FileLocks>>();

/** The locks of a file, or undefined when there never was one. */
export function findLocks(inode: Inode): FileLocks | undefined {
  return tables.get(inode.fs)?.get(inode.ino);
}

export function locksOf(inode: Inode): FileLocks {
  let table = tables.get(inode.fs);
  if (table === undefined) {
    table = new Map();
    tables.set(inode.fs, table);
  }
  let locks = table.get(inode.ino);
  if (locks === undefined) {
    locks = new FileLocks(inode);
    table.set(inode.ino, locks);
  }
  return locks;
}

/** A descriptor of `file` was closed in the process whose table is `owner`. */
export function releasePosixLocks(file: File, owner: object): void {
  if (tables.size > 0) findLocks(file.inode)?.releaseOwner(owner);
}

/** The last descriptor of an open file is gone: its OFD and flock locks with it. */
export function releaseFileLocks(file: File): void {
  if (tables.size > 0) findLocks(file.inode)?.releaseOwner(file);
}

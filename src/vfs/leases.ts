/**
 * Leases: a holder is told before others open or truncate its file, and they wait until it has given way (Linux: fs/locks.c; fcntl(2)
 * F_SETLEASE, proc(5) lease-break-time).
 */
import { EAGAIN, EINVAL } from '../abi/errno.ts';
import { F_RDLCK, F_UNLCK, F_WRLCK } from '../abi/fcntl.ts';
import { POLLIN } from '../abi/poll.ts';
import { POLL_MSG, signalOwner } from '../kernel/file-owner.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Timer } from '../kernel/timers.ts';
import { WaitQueue } from '../kernel/wait-queue.ts';
import type { File, FileWatcher } from './file.ts';
import type { Inode } from './inode.ts';

/** /proc/sys/fs/lease-break-time, in ns: then the lease goes whatever its holder does. */
const BREAK_TIME_NS = 45e9;

class Lease implements FileWatcher {
  readonly file: File;
  readonly fd: number;
  readonly #kernel: Kernel;
  type: number;
  /** What it is being broken to; null when it is not. */
  target: number | null = null;
  #timer: Timer | null = null;

  constructor(kernel: Kernel, file: File, fd: number, type: number) {
    this.#kernel = kernel;
    this.file = file;
    this.fd = fd;
    this.type = type;
    file.watchers ??= new Set();
    file.watchers.add(this);
  }

  break(target: number): void {
    if (this.target !== null && (this.target === F_UNLCK || this.target === target)) return;
    this.target = target;
    const { timers, clock } = this.#kernel;
    this.#timer ??= timers.add(clock.monotonicNs() + BREAK_TIME_NS, () => {
      this.#timer = null;
      this.set(this.target ?? F_UNLCK);
    });
    signalOwner(this.#kernel, this.file, this.fd, POLL_MSG);
  }

  /** Takes it on, down or away, and lets those who wait look again. */
  set(type: number): void {
    if (this.#timer !== null) this.#kernel.timers.cancel(this.#timer);
    this.#timer = null;
    this.target = null;
    this.type = type;
    const { inode } = this.file;
    const leases = inode.leases;
    if (type === F_UNLCK && leases !== null) {
      this.file.watchers?.delete(this);
      leases.held.splice(leases.held.indexOf(this), 1);
      if (leases.held.length === 0) inode.leases = null;
    }
    leases?.queue.wake(POLLIN);
  }

  fileReleased(): void {
    this.set(F_UNLCK);
  }
}

/** The leases of one inode: one to write, or several to read. */
export interface Leases {
  readonly held: Lease[];
  /** Woken (POLLIN) when one is given up or down. */
  readonly queue: WaitQueue;
}

function leaseOf(file: File): Lease | undefined {
  return file.inode.leases?.held.find((lease) => lease.file === file);
}

/** F_GETLEASE: while it is being broken, what it will become. */
export function leaseType(file: File): number {
  const lease = leaseOf(file);
  return lease === undefined ? F_UNLCK : (lease.target ?? lease.type);
}

/** F_SETLEASE of a type that was checked, on a regular file whose owner the caller may act as: 0 or -EAGAIN. */
export function setLease(kernel: Kernel, file: File, fd: number, type: number): number {
  const { inode } = file;
  const mine = leaseOf(file);
  if (type === F_UNLCK) {
    if (mine === undefined) return -EAGAIN;
    mine.set(F_UNLCK);
    return 0;
  }
  if (type !== F_RDLCK && type !== F_WRLCK) return -EINVAL;
  const others = inode.leases?.held.filter((lease) => lease !== mine) ?? [];
  if (type === F_RDLCK && (inode.writers > 0 || others.some((lease) => lease.type === F_WRLCK))) return -EAGAIN;
  if (type === F_WRLCK) {
    const ownWriters = file.isWriter ? 1 : 0;
    const ownReaders = file.isReader ? 1 : 0;
    if (inode.writers > ownWriters || inode.readers > ownReaders || others.length > 0) return -EAGAIN;
  }
  if (mine !== undefined) {
    // What is being broken can only go down.
    if (mine.target !== null && type !== mine.target) return -EAGAIN;
    mine.set(type);
    return 0;
  }
  inode.leases ??= { held: [], queue: new WaitQueue() };
  inode.leases.held.push(new Lease(kernel, file, fd, type));
  return 0;
}

/** Before an open or a truncation: 0, or -EAGAIN when leases are in the way, whose holders have been told (Linux: break_lease). */
export function breakLeases(inode: Inode, isWriting: boolean): number {
  const { leases } = inode;
  if (leases === null) return 0;
  let result = 0;
  for (const lease of [...leases.held]) {
    if (!isWriting && lease.type === F_RDLCK) continue;
    lease.break(isWriting ? F_UNLCK : F_RDLCK);
    result = -EAGAIN;
  }
  return result;
}

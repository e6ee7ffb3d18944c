/**
 * Calls on another process's memory: process_vm_readv(2), process_vm_writev(2)
 * (Linux: mm/process_vm_access.c).
 */
import { EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import { mayAccess } from '../kernel/ptrace-access.ts';
import type { Task } from '../kernel/task.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { full, type SyscallDef } from './define.ts';

const IOV_MAX = 1024;
const IOV_SIZE = 16;
/** A call moves at most this much and then gives a short count, so that it cannot hold up all others. */
const TRANSFER_MAX = 16 * 2 ** 20;

const bounce = new Uint8Array(64 * 1024);

/** A position in a guest's iovec array, which has been fetched once. */
class IovCursor {
  readonly #view: DataView;
  readonly #count: number;
  #index = -1;
  addr = 0;
  left = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#count = bytes.byteLength / IOV_SIZE;
  }

  /** Moves on to a segment with bytes left; false at the end. */
  settle(): boolean {
    while (this.left === 0) {
      this.#index += 1;
      if (this.#index >= this.#count) return false;
      this.addr = this.#u64(this.#index * IOV_SIZE);
      this.left = this.#u64(this.#index * IOV_SIZE + 8);
    }
    return true;
  }

  advance(n: number): void {
    this.addr += n;
    this.left -= n;
  }

  /** Whether every length is a ssize_t; the sum is bounded by what is moved. */
  get isValid(): boolean {
    for (let i = 0; i < this.#count; i++) {
      if (this.#view.getUint32(i * IOV_SIZE + 12, true) >= 0x8000_0000) return false;
    }
    return true;
  }

  #u64(at: number): number {
    return this.#view.getUint32(at + 4, true) * 2 ** 32 + this.#view.getUint32(at, true);
  }
}

function readIov(task: Task, addr: number, count: number): IovCursor | number {
  if (count > IOV_MAX) return -EINVAL;
  const bytes = count === 0 ? new Uint8Array(0) : task.mem.readBytes(addr, count * IOV_SIZE);
  if (typeof bytes === 'number') return bytes;
  const cursor = new IovCursor(bytes);
  return cursor.isValid ? cursor : -EINVAL;
}

function copy(from: AddressSpace, fromAddr: number, to: AddressSpace, toAddr: number, length: number): number {
  if (!from.isUserRange(fromAddr, length) || !to.isUserRange(toAddr, length)) return -EFAULT;
  const got = from.host.readMemory(fromAddr, bounce, 0, length);
  return got <= 0 ? -EFAULT : to.host.writeMemory(toAddr, bounce, 0, got);
}

function transfer(
  task: Task,
  pid: number,
  localIov: number,
  localCount: number,
  remoteIov: number,
  remoteCount: number,
  isWrite: boolean,
): number {
  const local = readIov(task, localIov, localCount);
  if (typeof local === 'number') return local;
  const remote = readIov(task, remoteIov, remoteCount);
  if (typeof remote === 'number') return remote;
  if (!local.settle() || !remote.settle()) return 0;
  const target = task.kernel.pids.task(pid);
  if (target === undefined || target.isExited) return -ESRCH;
  if (!mayAccess(task, target)) return -EPERM;
  let done = 0;
  while (done < TRANSFER_MAX && local.settle() && remote.settle()) {
    const length = Math.min(local.left, remote.left, bounce.length);
    const n = isWrite
      ? copy(task.mm, local.addr, target.mm, remote.addr, length)
      : copy(target.mm, remote.addr, task.mm, local.addr, length);
    if (n < 0) return done > 0 ? done : n;
    done += n;
    if (n < length) return done;
    local.advance(n);
    remote.advance(n);
  }
  return done;
}

export function sysProcessVmReadv(
  task: Task,
  pid: number,
  localIov: number,
  localCount: number,
  remoteIov: number,
  remoteCount: number,
  flags: number,
): number {
  return flags !== 0 ? -EINVAL : transfer(task, pid, localIov, localCount, remoteIov, remoteCount, false);
}

export function sysProcessVmWritev(
  task: Task,
  pid: number,
  localIov: number,
  localCount: number,
  remoteIov: number,
  remoteCount: number,
  flags: number,
): number {
  return flags !== 0 ? -EINVAL : transfer(task, pid, localIov, localCount, remoteIov, remoteCount, true);
}

export const processMemorySyscalls: readonly SyscallDef[] = [
  full(310, 'process_vm_readv', ['pid', 'iov', 'ulong', 'iov', 'ulong', 'ulong'], sysProcessVmReadv),
  full(311, 'process_vm_writev', ['pid', 'iov', 'ulong', 'iov', 'ulong', 'ulong'], sysProcessVmWritev),
];

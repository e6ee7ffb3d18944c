/**
 * mlock(2) and its relatives: accounting against RLIMIT_MEMLOCK only (Linux: mm/mlock.c). The host is not asked to lock:
 * its own limit belongs to the whole sandbox.
 */
import { EINVAL, ENOMEM, EPERM } from '../abi/errno.ts';
import { MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, PAGE_SIZE, pageDown, pageUp, TASK_SIZE } from '../abi/memory.ts';
import { RLIMIT_MEMLOCK } from '../abi/resource.ts';
import type { AddressSpace } from './address-space.ts';
import { VM_LOCKED, VM_LOCKONFAULT } from './vma.ts';

const LOCK_FLAGS = VM_LOCKED | VM_LOCKONFAULT;

/** Whether so many bytes more may be locked. */
export function isLockable(mm: AddressSpace, bytes: number, isPrivileged: boolean): boolean {
  return isPrivileged || mm.lockedPages * PAGE_SIZE + bytes <= mm.limits.soft(RLIMIT_MEMLOCK);
}

/** @param flags VM_LOCKED, perhaps with VM_LOCKONFAULT */
export function lock(mm: AddressSpace, addr: number, length: number, flags: number, isPrivileged: boolean): number {
  if (!isPrivileged && mm.limits.soft(RLIMIT_MEMLOCK) === 0) return -EPERM;
  const start = pageDown(addr);
  const size = pageUp(length + (addr - start));
  if (start + size > TASK_SIZE) return -ENOMEM;
  if (!isLockable(mm, size - lockedBytes(mm, start, start + size), isPrivileged)) return -ENOMEM;
  return setLock(mm, start, start + size, flags);
}

export function unlock(mm: AddressSpace, addr: number, length: number): number {
  const start = pageDown(addr);
  const end = start + pageUp(length + (addr - start));
  return end > TASK_SIZE ? -ENOMEM : setLock(mm, start, end, 0);
}

export function lockAll(mm: AddressSpace, how: number, isPrivileged: boolean): number {
  if (how === 0 || how === MCL_ONFAULT || (how & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) !== 0) return -EINVAL;
  const limit = mm.limits.soft(RLIMIT_MEMLOCK);
  if (!isPrivileged && limit === 0) return -EPERM;
  if ((how & MCL_CURRENT) !== 0 && !isPrivileged && mm.totalPages * PAGE_SIZE > limit) return -ENOMEM;
  const flags = VM_LOCKED | ((how & MCL_ONFAULT) !== 0 ? VM_LOCKONFAULT : 0);
  mm.futureLock = (how & MCL_FUTURE) !== 0 ? flags : 0;
  if ((how & MCL_CURRENT) !== 0) setAll(mm, flags);
  return 0;
}

export function unlockAll(mm: AddressSpace): number {
  mm.futureLock = 0;
  setAll(mm, 0);
  return 0;
}

function setAll(mm: AddressSpace, flags: number): void {
  for (const vma of mm.vmas) {
    if (vma.kind === 'user') mm.change(vma, vma.prot, (vma.flags & ~LOCK_FLAGS) | flags);
  }
  mm.mergeAround(0, TASK_SIZE);
}

function lockedBytes(mm: AddressSpace, start: number, end: number): number {
  let bytes = 0;
  for (let vma = mm.vmas.find(start); vma !== undefined && vma.start < end; vma = mm.vmas.find(vma.end)) {
    if ((vma.flags & VM_LOCKED) !== 0) bytes += Math.min(vma.end, end) - Math.max(vma.start, start);
  }
  return bytes;
}

function setLock(mm: AddressSpace, start: number, end: number, flags: number): number {
  let result = 0;
  let at = start;
  while (at < end) {
    const vma = mm.vmas.at(at);
    if (vma === undefined || !vma.isVisible) {
      result = -ENOMEM;
      break;
    }
    const to = Math.min(vma.end, end);
    if (vma.kind === 'user' && (vma.flags & LOCK_FLAGS) !== flags) {
      if (mm.isolate(at, to) !== 0) {
        result = -ENOMEM;
        break;
      }
      const target = mm.vmas.at(at);
      if (target !== undefined) mm.change(target, target.prot, (target.flags & ~LOCK_FLAGS) | flags);
    }
    at = to;
  }
  mm.mergeAround(start, at);
  return result;
}

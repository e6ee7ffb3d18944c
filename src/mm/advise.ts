/**
 * madvise(2) (Linux: mm/madvise.c). Advice from a list is passed to the host; what changes how a mapping behaves is noted
 * in its flags as well, because fork and /proc need it.
 */
import { EACCES, EINVAL, ENOMEM, EPERM } from '../abi/errno.ts';
import {
  isPageAligned,
  MADV_COLD,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_KEEPONFORK,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
  PROT_WRITE,
  pageUp,
} from '../abi/memory.ts';
import type { AddressSpace } from './address-space.ts';
import {
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_HUGEPAGE,
  VM_LOCKED,
  VM_NOHUGEPAGE,
  VM_RAND_READ,
  VM_SEALED,
  VM_SEQ_READ,
  VM_WIPEONFORK,
  type Vma,
} from './vma.ts';

interface Change {
  readonly set: number;
  readonly clear: number;
}

const DISCARDS: readonly number[] = [MADV_FREE, MADV_DONTNEED, MADV_REMOVE, MADV_DONTFORK, MADV_WIPEONFORK];

const NO_CHANGE: Change = { set: 0, clear: 0 };

const CHANGES: ReadonlyMap<number, Change> = new Map([
  [MADV_NORMAL, { set: 0, clear: VM_SEQ_READ | VM_RAND_READ }],
  [MADV_RANDOM, { set: VM_RAND_READ, clear: VM_SEQ_READ }],
  [MADV_SEQUENTIAL, { set: VM_SEQ_READ, clear: VM_RAND_READ }],
  [MADV_DONTFORK, { set: VM_DONTCOPY, clear: 0 }],
  [MADV_DOFORK, { set: 0, clear: VM_DONTCOPY }],
  [MADV_WIPEONFORK, { set: VM_WIPEONFORK, clear: 0 }],
  [MADV_KEEPONFORK, { set: 0, clear: VM_WIPEONFORK }],
  [MADV_DONTDUMP, { set: VM_DONTDUMP, clear: 0 }],
  [MADV_DODUMP, { set: 0, clear: VM_DONTDUMP }],
  [MADV_HUGEPAGE, { set: VM_HUGEPAGE, clear: VM_NOHUGEPAGE }],
  [MADV_NOHUGEPAGE, { set: VM_NOHUGEPAGE, clear: VM_HUGEPAGE }],
  [MADV_WILLNEED, NO_CHANGE],
  [MADV_DONTNEED, NO_CHANGE],
  [MADV_FREE, NO_CHANGE],
  [MADV_REMOVE, NO_CHANGE],
  [MADV_COLD, NO_CHANGE],
  [MADV_PAGEOUT, NO_CHANGE],
  [MADV_POPULATE_READ, NO_CHANGE],
  [MADV_POPULATE_WRITE, NO_CHANGE],
]);

/** Gives advice: 0 or -errno. Holes give ENOMEM after all else has been advised. */
export function advise(mm: AddressSpace, start: number, length: number, advice: number): number {
  const change = CHANGES.get(advice);
  if (change === undefined || !isPageAligned(start)) return -EINVAL;
  const end = start + pageUp(length);
  if (!(end >= start) || end >= 2 ** 64) return -EINVAL;
  const result = adviseRange(mm, start, end, advice, change);
  if (change !== NO_CHANGE) mm.mergeAround(start, end);
  return result;
}

function adviseRange(mm: AddressSpace, start: number, end: number, advice: number, change: Change): number {
  let hole = 0;
  let at = start;
  while (at < end) {
    const vma = mm.vmas.find(at);
    if (vma === undefined || vma.start >= end) return -ENOMEM;
    if (vma.start > at || !vma.isVisible) hole = -ENOMEM;
    const from = Math.max(vma.start, at);
    const to = Math.min(vma.end, end);
    at = to;
    if (!vma.isVisible) continue;
    const error = adviceError(vma, advice);
    if (error !== 0) return error;
    if (vma.kind === 'special') continue;
    mm.host.madvise(from, to - from, advice);
    if (change === NO_CHANGE || ((vma.flags | change.set) & ~change.clear) === vma.flags) continue;
    if (mm.isolate(from, to) !== 0) return -ENOMEM;
    const target = mm.vmas.at(from);
    if (target !== undefined) mm.change(target, target.prot, (target.flags | change.set) & ~change.clear);
  }
  return hole;
}

function adviceError(vma: Vma, advice: number): number {
  const isPlain = vma.file === null && vma.shared === null;
  const isLocked = (vma.flags & VM_LOCKED) !== 0;
  // What cannot be written can hold nothing that throwing it away would change, but for a seal (can_madvise_modify).
  const isSealed = (vma.flags & VM_SEALED) !== 0 && isPlain && (vma.prot & PROT_WRITE) === 0;
  if (isSealed && DISCARDS.includes(advice)) return -EPERM;
  switch (advice) {
    case MADV_DONTNEED:
      return vma.kind === 'special' ? -EPERM : isLocked ? -EINVAL : 0;
    case MADV_COLD:
    case MADV_PAGEOUT:
      return isLocked ? -EINVAL : 0;
    case MADV_FREE:
    case MADV_WIPEONFORK:
      return isPlain && vma.kind === 'user' ? 0 : -EINVAL;
    case MADV_REMOVE:
      if (isLocked || isPlain) return -EINVAL;
      return vma.isShared && (vma.prot & PROT_WRITE) !== 0 ? 0 : -EACCES;
    default:
      return 0;
  }
}

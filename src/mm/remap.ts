/**
 * Growing, shrinking and moving mappings (Linux: mm/mremap.c, mremap(2)).
 *
 * A move is the one operation whose outcome must be known before the call can go on: were it refused, the guest would go
 * on using the old place. So it waits for the host.
 */
import { EAGAIN, EFAULT, EINVAL, ENOMEM, EPERM } from '../abi/errno.ts';
import {
  isPageAligned,
  MMAP_MIN_ADDR,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PAGE_SIZE,
  PROT_WRITE,
  pageUp,
  TASK_SIZE,
} from '../abi/memory.ts';
import { RLIMIT_MEMLOCK } from '../abi/resource.ts';
import type { AddressSpace } from './address-space.ts';
import { VM_HAD_TEXT, VM_LOCKED, VM_LOCKONFAULT, type Vma } from './vma.ts';

/** mremap(2): the new address or -errno. */
export function remap(
  mm: AddressSpace,
  addr: number,
  oldSize: number,
  newSize: number,
  flags: number,
  newAddr: number,
): number | Promise<number> {
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return -EINVAL;
  const isPlaced = (flags & MREMAP_FIXED) !== 0;
  const isKept = (flags & MREMAP_DONTUNMAP) !== 0;
  const mayMove = (flags & MREMAP_MAYMOVE) !== 0;
  if ((isPlaced || isKept) && !mayMove) return -EINVAL;
  if (isKept && oldSize !== newSize) return -EINVAL;
  if (!isPageAligned(addr)) return -EINVAL;
  const oldLength = pageUp(oldSize);
  const newLength = pageUp(newSize);
  if (newLength === 0 || newLength > TASK_SIZE) return -EINVAL;
  if (isPlaced) {
    if (!isPageAligned(newAddr) || newAddr > TASK_SIZE - newLength) return -EINVAL;
    if (addr + oldLength > newAddr && newAddr + newLength > addr) return -EINVAL;
  }
  const vma = mm.vmas.at(addr);
  if (vma === undefined || !vma.isVisible) return -EFAULT;
  if (mm.hasImmutable(addr, addr + Math.max(oldLength, PAGE_SIZE))) return -EPERM;
  if (isPlaced && (newAddr < MMAP_MIN_ADDR || mm.hasImmutable(newAddr, newAddr + newLength))) return -EPERM;
  if (!isPlaced && !isKept && oldLength >= newLength) {
    const error = oldLength > newLength ? mm.unmap(addr + newLength, oldLength - newLength) : 0;
    return error !== 0 ? error : addr;
  }
  const moved = Math.min(oldLength, newLength);
  if (oldLength === 0 && !vma.isShared) return -EINVAL;
  if (moved > vma.end - addr) return -EFAULT;
  const error = resizeError(mm, vma, newLength - moved, isKept || oldLength === 0 ? moved : 0);
  if (error !== 0) return error;
  if (
    !isPlaced &&
    !isKept &&
    oldLength > 0 &&
    vma.end === addr + oldLength &&
    canGrow(mm, vma, newLength - oldLength)
  ) {
    return growInPlace(mm, vma, addr, oldLength, newLength);
  }
  if (!mayMove) return -ENOMEM;
  if (isPlaced) {
    const cleared = mm.vmas.overlaps(newAddr, newAddr + newLength) ? mm.unmap(newAddr, newLength) : 0;
    if (cleared !== 0) return cleared;
    mm.forget(newAddr, newAddr + newLength);
    if (oldLength > newLength) {
      const cut = mm.unmap(addr + newLength, oldLength - newLength);
      if (cut !== 0) return cut;
    }
    return move(mm, addr, moved, newLength, newAddr, flags);
  }
  const target = mm.findFree(isKept ? newAddr - (newAddr % PAGE_SIZE) : 0, newLength);
  return target < 0 ? target : move(mm, addr, moved, newLength, target, flags);
}

function resizeError(mm: AddressSpace, vma: Vma, growth: number, copied: number): number {
  const added = growth + copied;
  if ((vma.flags & VM_LOCKED) !== 0 && growth > 0) {
    if (mm.lockedPages * PAGE_SIZE + growth > mm.limits.soft(RLIMIT_MEMLOCK)) return -EAGAIN;
  }
  return mm.expandError(added, (vma.prot & PROT_WRITE) !== 0 && !vma.isShared ? added : 0);
}

function canGrow(mm: AddressSpace, vma: Vma, growth: number): boolean {
  return vma.end + growth <= TASK_SIZE && !mm.vmas.overlaps(vma.end, vma.end + growth);
}

function growInPlace(mm: AddressSpace, vma: Vma, addr: number, oldLength: number, newLength: number): number {
  mm.host.mremap(addr, oldLength, newLength, 0, 0);
  mm.adopt(vma.slice(vma.end, addr + newLength));
  return addr;
}

async function move(
  mm: AddressSpace,
  addr: number,
  oldLength: number,
  newLength: number,
  target: number,
  flags: number,
): Promise<number> {
  const isDuplicate = oldLength === 0;
  const isKept = (flags & MREMAP_DONTUNMAP) !== 0;
  if (!isDuplicate && mm.isolate(addr, addr + oldLength) !== 0) return -ENOMEM;
  const vma = mm.vmas.at(addr);
  if (vma === undefined) return -EFAULT;
  if ((vma.flags & VM_HAD_TEXT) !== 0) mm.onTextChange?.(addr, addr + oldLength);
  const old = vma.slice(addr, addr + oldLength);
  const twin = vma.slice(addr, addr + newLength);
  twin.start = target;
  twin.end = target + newLength;
  // The references keep the file open on the host until the outcome is known.
  vma.file?.ref();
  const hostFlags = MREMAP_MAYMOVE | MREMAP_FIXED | (isKept ? MREMAP_DONTUNMAP : 0);
  mm.host.mremap(addr, oldLength, newLength, hostFlags, target);
  // Both places change now, so that what other threads do meanwhile finds the list as the host will be.
  if (isKept) mm.change(vma, vma.prot, vma.flags & ~(VM_LOCKED | VM_LOCKONFAULT));
  else if (!isDuplicate) mm.forget(addr, addr + oldLength);
  mm.adopt(twin);
  const failure = await mm.host.flush();
  if (failure < 0) {
    mm.forget(target, target + newLength);
    if (!isKept && !isDuplicate && !mm.vmas.overlaps(addr, addr + oldLength)) mm.adopt(old);
  }
  old.file?.unref();
  return failure < 0 ? failure : target;
}

/** mseal(2): mappings that nobody can change any more (Linux: mm/mseal.c). */
import { EINVAL, ENOMEM } from '../abi/errno.ts';
import { isPageAligned, PAGE_SIZE, pageUp } from '../abi/memory.ts';
import type { AddressSpace } from './address-space.ts';
import { VM_SEALED } from './vma.ts';

/** Seals all of the range, which must have no hole: 0 or -errno. */
export function seal(mm: AddressSpace, start: number, length: number, flags: number): number {
  if (flags !== 0 || !isPageAligned(start)) return -EINVAL;
  const end = start + pageUp(length);
  if (!(end >= start) || end >= 2 ** 64 || (length !== 0 && pageUp(length) < PAGE_SIZE)) return -EINVAL;
  if (end === start) return 0;
  for (let at = start; at < end; ) {
    const vma = mm.vmas.at(at);
    if (vma === undefined || !vma.isVisible) return -ENOMEM;
    at = vma.end;
  }
  if (mm.isolate(start, end) !== 0) return -ENOMEM;
  for (const vma of mm.vmas.overlapping(start, end)) {
    if (vma.kind === 'user') mm.change(vma, vma.prot, vma.flags | VM_SEALED);
  }
  mm.mergeAround(start, end);
  return 0;
}

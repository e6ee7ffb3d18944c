/** Changing the protection of mappings (Linux: mm/mprotect.c). */
import { EACCES, EINVAL, ENOMEM, EPERM } from '../abi/errno.ts';
import {
  isPageAligned,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_READ,
  PROT_SEM,
  PROT_WRITE,
  pageUp,
} from '../abi/memory.ts';
import { type AddressSpace, hostProt } from './address-space.ts';
import { VM_GROWSDOWN, VM_MAY_ALL, VM_SHARED } from './vma.ts';

const PROT_ACCESS = PROT_READ | PROT_WRITE | PROT_EXEC;

/** mprotect(2): 0 or -errno; on an error what lies before the offending mapping is changed, as on Linux. */
export function protect(mm: AddressSpace, start: number, length: number, prot: number): number {
  const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP) || !isPageAligned(start)) return -EINVAL;
  if (length === 0) return 0;
  const end = start + pageUp(length);
  // An end beyond user space is only found when the mappings run out, after those before it have changed.
  if (!(end > start) || end >= 2 ** 64) return -ENOMEM;
  const access = prot & ~(PROT_GROWSDOWN | PROT_GROWSUP);
  if ((access & ~(PROT_ACCESS | PROT_SEM)) !== 0) return -EINVAL;
  const first = mm.vmas.find(start);
  if (first === undefined) return -ENOMEM;
  let from = start;
  if (grows === PROT_GROWSDOWN) {
    if (first.start >= end) return -ENOMEM;
    if ((first.flags & VM_GROWSDOWN) === 0) return -EINVAL;
    from = first.start;
  } else {
    if (first.start > start) return -ENOMEM;
    if (grows === PROT_GROWSUP) return -EINVAL;
  }
  return protectRange(mm, from, end, access & PROT_ACCESS);
}

function protectRange(mm: AddressSpace, start: number, end: number, prot: number): number {
  let result = 0;
  let isChanged = false;
  let at = start;
  while (at < end) {
    const vma = mm.vmas.at(at);
    if (vma === undefined || !vma.isVisible) {
      result = -ENOMEM;
      break;
    }
    if (vma.isImmutable) {
      result = -EPERM;
      break;
    }
    const to = Math.min(vma.end, end);
    if (vma.prot !== prot) {
      // The VM_MAY* bits are the PROT_* bits four places higher.
      if (((prot << 4) & VM_MAY_ALL & ~vma.flags) !== 0) {
        result = -EACCES;
        break;
      }
      if (mm.writeExecRefusal !== 0 && (prot & PROT_EXEC) !== 0 && (vma.prot & PROT_EXEC) === 0) {
        result = -EACCES;
        break;
      }
      const isNewData = (prot & PROT_WRITE) !== 0 && (vma.prot & PROT_WRITE) === 0 && (vma.flags & VM_SHARED) === 0;
      if ((isNewData && mm.expandError(0, to - at) !== 0) || mm.isolate(at, to) !== 0) {
        result = -ENOMEM;
        break;
      }
      const target = mm.vmas.at(at);
      if (target !== undefined) mm.change(target, prot, target.flags);
      isChanged = true;
    }
    at = to;
  }
  if (isChanged) {
    mm.host.mprotect(start, at - start, hostProt(prot));
    mm.mergeAround(start, at);
  }
  return result;
}

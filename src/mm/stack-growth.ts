/**
 * Mappings that grow down to an address below them when it is used: the stack, MAP_GROWSDOWN (Linux: expand_downwards,
 * acct_stack_growth in mm/vma.c).
 *
 * The host process has no such mappings: what grows is mapped by the sentry when the guest faults there, or when a call finds the stack
 * pointer there. Beyond the page asked for some more are mapped, as far as the limits of that moment let them, so that a deep recursion
 * does not fault for every page.
 */
import { MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, pageDown, STACK_GUARD_GAP } from '../abi/memory.ts';
import { RLIMIT_MEMLOCK, RLIMIT_STACK } from '../abi/resource.ts';
import { type AddressSpace, hostProt } from './address-space.ts';
import { VM_GROWSDOWN, VM_LOCKED, type Vma } from './vma.ts';

/** Mapped in advance: as much as Linux gives a new program beyond its arguments (setup_arg_pages). */
const AHEAD = 128 * 1024;

/** What of a growing mapping may begin at `start`, by RLIMIT_STACK, RLIMIT_AS, RLIMIT_MEMLOCK and the gap to what is below. */
function mayBeginAt(mm: AddressSpace, vma: Vma, start: number): boolean {
  if (vma.end - start > mm.limits.soft(RLIMIT_STACK)) return false;
  const growth = vma.start - start;
  if (mm.expandError(growth, 0) !== 0) return false;
  if ((vma.flags & VM_LOCKED) !== 0 && mm.lockedPages * 4096 + growth > mm.limits.soft(RLIMIT_MEMLOCK)) return false;
  const below = mm.vmas.before(vma.start);
  if (below === undefined) return true;
  // Nothing is to be protected from running into what nobody can access, or into another stack.
  const needsGap = below.prot !== 0 && (below.flags & VM_GROWSDOWN) === 0;
  return start - below.end >= (needsGap ? STACK_GUARD_GAP : 0);
}

/** Whether an access to `addr`, where nothing is mapped, makes the mapping above it grow; if so that is queued on the host. */
export function growDown(mm: AddressSpace, addr: number): boolean {
  const vma = mm.vmas.find(addr);
  if (vma === undefined || vma.start <= addr || vma.kind !== 'user' || (vma.flags & VM_GROWSDOWN) === 0) return false;
  let start = pageDown(addr);
  if (start < 0x1_0000 || !mayBeginAt(mm, vma, start)) return false;
  if (mayBeginAt(mm, vma, start - AHEAD)) start -= AHEAD;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  mm.host.mmap(start, vma.start - start, hostProt(vma.prot), flags, -1, 0);
  if (vma.start === mm.stackStart) mm.stackStart = start;
  const grown = vma.slice(start, vma.start);
  mm.adopt(grown);
  return true;
}

/** Whether `addr` is in a mapping that may just have grown. */
export function hasGrown(mm: AddressSpace, addr: number): boolean {
  const vma = mm.vmas.at(addr);
  return vma !== undefined && (vma.flags & VM_GROWSDOWN) !== 0 && vma.prot !== 0;
}

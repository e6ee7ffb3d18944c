/** mmap(2) and the other calls on the caller's own address space (Linux: mm/mmap.c, mm/madvise.c, mm/msync.c, mm/mincore.c). */
import { CAP_IPC_LOCK } from '../abi/capability.ts';
import {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOMEM,
  ENOSPC,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
} from '../abi/errno.ts';
import { O_ACCMODE, O_PATH, O_RDONLY, O_WRONLY } from '../abi/fcntl.ts';
import {
  HUGE_PAGE_SIZE,
  isPageAligned,
  MAP_32BIT,
  MAP_ABOVE4G,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MAP_TYPE,
  MAP_UNINITIALIZED,
  MLOCK_ONFAULT,
  MMAP_MIN_ADDR,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  pageDown,
  pageUp,
  TASK_SIZE,
} from '../abi/memory.ts';
import { RLIMIT_MEMLOCK } from '../abi/resource.ts';
import type { Task } from '../kernel/task.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { advise } from '../mm/advise.ts';
import { isLockable, lock, lockAll, unlock, unlockAll } from '../mm/lock.ts';
import { protect } from '../mm/protect.ts';
import { remap } from '../mm/remap.ts';
import { seal } from '../mm/seal.ts';
import {
  SharedMemory,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAY_ALL,
  VM_MAYEXEC,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_SHARED,
  Vma,
} from '../mm/vma.ts';
import type { File } from '../vfs/file.ts';
import { full, partial, type SyscallDef } from './define.ts';

/** personality(2). */
const READ_IMPLIES_EXEC = 0x40_0000;
/** Where MAP_HUGETLB has the page size. */
const HUGE_SIZE_BITS = 0x3f * 2 ** 26;

/** What MAP_SHARED_VALIDATE knows; others get EOPNOTSUPP (LEGACY_MAP_MASK). */
const VALIDATED_FLAGS =
  MAP_TYPE |
  MAP_FIXED |
  MAP_ANONYMOUS |
  MAP_32BIT |
  MAP_ABOVE4G |
  MAP_GROWSDOWN |
  MAP_DENYWRITE |
  MAP_EXECUTABLE |
  MAP_LOCKED |
  MAP_NORESERVE |
  MAP_POPULATE |
  MAP_NONBLOCK |
  MAP_STACK |
  MAP_HUGETLB |
  MAP_UNINITIALIZED |
  HUGE_SIZE_BITS;

/** Offsets end where loff_t does. */
const MAX_FILE_OFFSET = 2 ** 63;

/** mincore(2) answers for at most so many pages (64 GiB) a call, so that one call cannot hold up the others. */
const MINCORE_PAGES_MAX = 2 ** 24;

export function sysMmap(
  task: Task,
  addr: number,
  length: number,
  prot: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  if (!isPageAligned(offset)) return -EINVAL;
  let file: File | null = null;
  if ((flags & MAP_ANONYMOUS) === 0) {
    file = task.files.get(fd) ?? null;
    if (file === null || (file.flags & O_PATH) !== 0) return -EBADF;
    if ((flags & MAP_HUGETLB) !== 0) return -EINVAL;
  } else if ((flags & MAP_HUGETLB) !== 0) {
    // No huge pages are reserved (vm.nr_hugepages is 0).
    return -ENOMEM;
  }
  return mapPages(task, addr, length, prot, flags, file, offset);
}

/** What mmap(2) does when it knows the file: the address or -errno. The mapping takes a reference of its own. */
export function mapPages(
  task: Task,
  addr: number,
  length: number,
  prot: number,
  flags: number,
  file: File | null,
  offset: number,
): number {
  if (length === 0) return -EINVAL;
  const size = pageUp(length);
  if (size > TASK_SIZE) return -ENOMEM;
  if (file !== null && offset + size >= MAX_FILE_OFFSET) return -EOVERFLOW;
  let access = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
  if ((access & PROT_READ) !== 0 && (task.personality & READ_IMPLIES_EXEC) !== 0) access |= PROT_EXEC;

  const { mm } = task;
  const start = chooseStart(mm, addr, size, flags, file);
  if (start < 0) return start;
  const isWriteExec = (access & (PROT_WRITE | PROT_EXEC)) === (PROT_WRITE | PROT_EXEC);
  if (isWriteExec && mm.writeExecRefusal !== 0) return -EACCES;
  const isPrivileged = task.creds.hasCapability(CAP_IPC_LOCK);
  const futureLock = (flags & MAP_LOCKED) !== 0 ? mm.futureLock | VM_LOCKED : mm.futureLock;
  if ((flags & MAP_LOCKED) !== 0 && !isPrivileged && mm.limits.soft(RLIMIT_MEMLOCK) === 0) return -EPERM;
  if (futureLock !== 0 && !isLockable(mm, size, isPrivileged)) return -EAGAIN;

  const vmFlags = (flags & MAP_NORESERVE) !== 0 ? futureLock | VM_NORESERVE : futureLock;
  const vma = new Vma(start, start + size, access, vmFlags | VM_MAY_ALL);
  const isPopulated = (flags & (MAP_POPULATE | MAP_LOCKED)) !== 0 && (flags & MAP_NONBLOCK) === 0;
  const extra = isPopulated ? MAP_POPULATE : 0;
  const error = file === null ? mapAnonymous(mm, vma, flags, extra) : mapFile(mm, vma, flags, extra, file, offset);
  return error < 0 ? error : start;
}

/** Linux: get_unmapped_area, MAP_FIXED_NOREPLACE in do_mmap. */
function chooseStart(mm: AddressSpace, addr: number, size: number, flags: number, file: File | null): number {
  const isExclusive = (flags & MAP_FIXED_NOREPLACE) !== 0;
  if (isExclusive || (flags & MAP_FIXED) !== 0) {
    if (addr > TASK_SIZE - size) return -ENOMEM;
    if (!isPageAligned(addr)) return -EINVAL;
    if (addr < MMAP_MIN_ADDR) return -EPERM;
    if (isExclusive && hasVisible(mm, addr, addr + size)) return -EEXIST;
    return addr;
  }
  if ((flags & MAP_32BIT) !== 0) {
    const hint = pageDown(addr);
    return hint !== 0 && hint + size <= 2 ** 31 ? mm.findFree(hint, size) : mm.findFree32(size);
  }
  const hint = addr === 0 ? 0 : Math.max(pageUp(addr), MMAP_MIN_ADDR);
  if (hint === 0 && file === null && size % HUGE_PAGE_SIZE === 0) {
    // Transparent huge pages need the alignment (Linux since 6.7: thp_get_unmapped_area).
    const aligned = mm.findFree(0, size, HUGE_PAGE_SIZE);
    if (aligned > 0) return aligned;
  }
  return mm.findFree(hint, size);
}

/** Whether anything but the patcher's pages is there: the guest does not know of those, and they may be mapped over. */
function hasVisible(mm: AddressSpace, start: number, end: number): boolean {
  for (let vma = mm.vmas.find(start); vma !== undefined && vma.start < end; vma = mm.vmas.find(vma.end)) {
    if (vma.kind !== 'trampoline') return true;
  }
  return false;
}

function mapAnonymous(mm: AddressSpace, vma: Vma, flags: number, extra: number): number {
  switch (flags & MAP_TYPE) {
    case MAP_SHARED:
      if ((flags & MAP_GROWSDOWN) !== 0) return -EINVAL;
      vma.flags |= VM_SHARED;
      vma.shared = new SharedMemory();
      break;
    case MAP_PRIVATE:
      if ((flags & MAP_GROWSDOWN) !== 0) vma.flags |= VM_GROWSDOWN;
      break;
    default:
      return -EINVAL;
  }
  return mm.install(vma, -1, extra);
}

function mapFile(mm: AddressSpace, vma: Vma, flags: number, extra: number, file: File, offset: number): number {
  const mode = file.flags & O_ACCMODE;
  const type = flags & MAP_TYPE;
  const isShared = type === MAP_SHARED || type === MAP_SHARED_VALIDATE;
  if (!isShared && type !== MAP_PRIVATE) return -EINVAL;
  if (isShared) {
    if (type === MAP_SHARED_VALIDATE && (flags & ~VALIDATED_FLAGS) !== 0) return -EOPNOTSUPP;
    if ((vma.prot & PROT_WRITE) !== 0 && mode === O_RDONLY) return -EACCES;
    vma.flags |= VM_SHARED;
    if (mode === O_RDONLY) vma.flags &= ~VM_MAYWRITE;
  }
  if (mode === O_WRONLY) return -EACCES;
  if (file.path.mount.isNoExec) {
    if ((vma.prot & PROT_EXEC) !== 0) return -EPERM;
    vma.flags &= ~VM_MAYEXEC;
  }
  let mapping = file.mapping(isShared, isShared && mode !== O_RDONLY);
  if (mapping === -EPERM && isShared && (vma.prot & PROT_WRITE) === 0) {
    // What is sealed against writing may still be mapped to read, for good (F_SEAL_WRITE in fcntl(2)).
    mapping = file.mapping(true, false);
    vma.flags &= ~VM_MAYWRITE;
  }
  if (typeof mapping === 'number') return mapping === 0 ? -ENODEV : mapping;
  if ((flags & MAP_GROWSDOWN) !== 0) return -EINVAL;
  vma.file = file;
  vma.fileOffset = offset;
  return mm.install(vma, mapping.hostFd, extra);
}

export function sysMunmap(task: Task, addr: number, length: number): number {
  return task.mm.unmap(addr, length);
}

export function sysMprotect(task: Task, addr: number, length: number, prot: number): number {
  const isExec = (prot & PROT_READ) !== 0 && (task.personality & READ_IMPLIES_EXEC) !== 0;
  return protect(task.mm, addr, length, isExec ? prot | PROT_EXEC : prot);
}

export function sysBrk(task: Task, addr: number): number {
  return task.mm.setBrk(addr);
}

export function sysMremap(
  task: Task,
  oldAddr: number,
  oldSize: number,
  newSize: number,
  flags: number,
  newAddr: number,
): number | Promise<number> {
  return remap(task.mm, oldAddr, oldSize, newSize, flags, newAddr);
}

export function sysMadvise(task: Task, addr: number, length: number, advice: number): number {
  return advise(task.mm, addr, length, advice);
}

export function sysMsync(task: Task, addr: number, length: number, flags: number): number {
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0 || !isPageAligned(addr)) return -EINVAL;
  if ((flags & MS_ASYNC) !== 0 && (flags & MS_SYNC) !== 0) return -EINVAL;
  const end = addr + pageUp(length);
  if (end > TASK_SIZE) return -ENOMEM;
  let at = addr;
  let result = 0;
  while (at < end) {
    const vma = task.mm.vmas.find(at);
    if (vma === undefined || vma.start >= end) return -ENOMEM;
    if (vma.start > at || !vma.isVisible) result = -ENOMEM;
    if ((flags & MS_INVALIDATE) !== 0 && (vma.flags & VM_LOCKED) !== 0) return -EBUSY;
    if ((flags & MS_SYNC) !== 0 && vma.file !== null && vma.isShared) {
      const error = vma.file.fsync();
      if (error < 0 && error !== -EINVAL) return error;
    }
    at = vma.end;
  }
  return result;
}

export function sysMincore(task: Task, addr: number, length: number, vec: number): number {
  if (!isPageAligned(addr)) return -EINVAL;
  const end = addr + pageUp(length);
  if (end > TASK_SIZE) return -ENOMEM;
  const pages = (end - addr) / PAGE_SIZE;
  if (vec + pages > TASK_SIZE) return -EFAULT;
  if (pages > MINCORE_PAGES_MAX) return -ENOMEM;
  for (let at = addr; at < end; ) {
    const vma = task.mm.vmas.at(at);
    if (vma === undefined || !vma.isVisible) return -ENOMEM;
    at = vma.end;
  }
  if (pages === 0) return 0;
  // Only the host knows. It writes the answer itself, so that must go to memory that is the guest's.
  if (!task.mm.isUserRange(vec, pages)) return -EFAULT;
  task.mm.host.mincore(addr, end - addr, vec);
  return 0;
}

export function sysMlock(task: Task, addr: number, length: number): number {
  return lock(task.mm, addr, length, VM_LOCKED, task.creds.hasCapability(CAP_IPC_LOCK));
}

export function sysMlock2(task: Task, addr: number, length: number, flags: number): number {
  if ((flags & ~MLOCK_ONFAULT) !== 0) return -EINVAL;
  const lockFlags = flags === MLOCK_ONFAULT ? VM_LOCKED | VM_LOCKONFAULT : VM_LOCKED;
  return lock(task.mm, addr, length, lockFlags, task.creds.hasCapability(CAP_IPC_LOCK));
}

export function sysMunlock(task: Task, addr: number, length: number): number {
  return unlock(task.mm, addr, length);
}

export function sysMlockall(task: Task, flags: number): number {
  return lockAll(task.mm, flags, task.creds.hasCapability(CAP_IPC_LOCK));
}

export function sysMunlockall(task: Task): number {
  return unlockAll(task.mm);
}

/** Emulated by a mapping of other pages of the file, as Linux does since 4.0 (mm/mmap.c). */
export function sysRemapFilePages(
  task: Task,
  addr: number,
  size: number,
  prot: number,
  pageOffset: number,
  flags: number,
): number {
  if (prot !== 0) return -EINVAL;
  const start = pageDown(addr);
  const end = start + pageDown(size);
  if (end <= start || end > TASK_SIZE || pageOffset > MAX_FILE_OFFSET / PAGE_SIZE) return -EINVAL;
  const first = task.mm.vmas.at(start);
  if (first === undefined || !first.isShared || first.file === null || first.kind !== 'user') return -EINVAL;
  for (let at = first.end; at < end; ) {
    const next = task.mm.vmas.at(at);
    if (next === undefined || next.file !== first.file || next.flags !== first.flags) return -EINVAL;
    at = next.end;
  }
  const mapFlags = MAP_SHARED | MAP_FIXED | MAP_POPULATE | (flags & MAP_NONBLOCK);
  // The reference keeps the file while its old mapping goes.
  const file = first.file.ref();
  const result = mapPages(task, start, end - start, first.prot, mapFlags, file, pageOffset * PAGE_SIZE);
  file.unref();
  return Math.min(result, 0);
}

/** As on a CPU without protection keys (pkeys(7)). */
export function sysPkeyMprotect(task: Task, addr: number, length: number, prot: number, key: number): number {
  return key === -1 ? sysMprotect(task, addr, length, prot) : -EINVAL;
}

function sysMseal(task: Task, addr: number, length: number, flags: number): number {
  return seal(task.mm, addr, length, flags);
}

export function sysPkeyAlloc(_task: Task, flags: number, rights: number): number {
  return flags !== 0 || (rights & ~3) !== 0 || rights > 3 ? -EINVAL : -ENOSPC;
}

export function sysPkeyFree(): number {
  return -EINVAL;
}

export const memorySyscalls: readonly SyscallDef[] = [
  partial(
    9,
    'mmap',
    ['ptr', 'size', 'prot', 'mapflags', 'fd', 'ulong'],
    sysMmap,
    'no huge page files, no MAP_DROPPABLE',
  ),
  full(10, 'mprotect', ['ptr', 'size', 'prot'], sysMprotect),
  full(11, 'munmap', ['ptr', 'size'], sysMunmap),
  full(12, 'brk', ['ptr'], sysBrk),
  full(25, 'mremap', ['ptr', 'size', 'size', 'flags', 'ptr'], sysMremap),
  full(26, 'msync', ['ptr', 'size', 'flags'], sysMsync),
  full(27, 'mincore', ['ptr', 'size', 'ptr'], sysMincore),
  partial(28, 'madvise', ['ptr', 'size', 'int'], sysMadvise, 'no KSM, no guard pages, no MADV_COLLAPSE'),
  partial(149, 'mlock', ['ptr', 'size'], sysMlock, 'accounted only; the host may still swap'),
  full(150, 'munlock', ['ptr', 'size'], sysMunlock),
  partial(151, 'mlockall', ['flags'], sysMlockall, 'accounted only; the host may still swap'),
  full(152, 'munlockall', [], sysMunlockall),
  partial(
    216,
    'remap_file_pages',
    ['ptr', 'size', 'prot', 'size', 'flags'],
    sysRemapFilePages,
    'EINVAL for shared memory without a file',
  ),
  partial(325, 'mlock2', ['ptr', 'size', 'flags'], sysMlock2, 'accounted only; the host may still swap'),
  full(329, 'pkey_mprotect', ['ptr', 'size', 'prot', 'int'], sysPkeyMprotect),
  full(330, 'pkey_alloc', ['flags', 'ulong'], sysPkeyAlloc),
  full(331, 'pkey_free', ['int'], sysPkeyFree),
  full(462, 'mseal', ['ptr', 'size', 'ulong'], sysMseal),
];

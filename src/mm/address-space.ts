/**
 * The address space of a process (Linux: struct mm_struct).
 *
 * The guest's address space is that of a host process. This class decides every mapping: it keeps the list, picks
 * addresses, enforces limits, and queues the host's part on `AddressSpaceHost`. The list is changed at once,
 * optimistically; `onHostFailure` repairs it should the host refuse.
 *
 * Invariants: the list has every mapping the host process has, the stub's own as `reserved`; reserved and special ranges
 * are in no host operation; each mapping of a file holds one reference to it.
 */
import { EFAULT, EINVAL, ENOMEM, EPERM } from '../abi/errno.ts';
import {
  isPageAligned,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAX_MAP_COUNT,
  MMAP_MIN_ADDR,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  pageUp,
  STACK_GUARD_GAP,
  TASK_SIZE,
} from '../abi/memory.ts';
import { PR_MDWE_NO_INHERIT } from '../abi/prctl.ts';
import { RLIMIT_AS, RLIMIT_DATA } from '../abi/resource.ts';
import type { Path } from '../vfs/path.ts';
import type { AddressSpaceHost, HostOperation, MemoryLimits } from './address-space-host.ts';
import {
  VM_DONTCOPY,
  VM_GROWSDOWN,
  VM_HAD_TEXT,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAY_ALL,
  VM_NORESERVE,
  VM_SHARED,
  VM_WIPEONFORK,
  Vma,
} from './vma.ts';
import { VmaList } from './vma-list.ts';

/** Where a word of shared memory is, the same for every process that maps it; compare both parts. */
export interface SharedKey {
  readonly object: object;
  readonly offset: number;
}

/**
 * The protection the host is told. Without protection keys x86-64 cannot make a page executable or writable and not
 * readable (Intel SDM vol. 3, 4.6), and process_vm_readv insists on PROT_READ.
 */
export function hostProt(prot: number): number {
  const access = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
  return (access & (PROT_WRITE | PROT_EXEC)) === 0 ? access : access | PROT_READ;
}

/** Whether it counts for RLIMIT_DATA (Linux: is_data_mapping). */
function isData(vma: Vma): boolean {
  return (vma.prot & PROT_WRITE) !== 0 && (vma.flags & (VM_SHARED | VM_GROWSDOWN)) === 0;
}

export class AddressSpace {
  readonly host: AddressSpaceHost;
  readonly vmas = new VmaList();
  limits: MemoryLimits;
  /** vm.max_map_count of the sandbox; counts the stub's mappings too, because the host does. */
  maxMapCount = MAX_MAP_COUNT;

  startBrk = 0;
  brk = 0;
  /** Top of the area in which mmap(2) picks addresses, downwards. */
  mmapBase = TASK_SIZE;
  stackStart = 0;
  stackEnd = 0;
  startCode = 0;
  endCode = 0;
  startData = 0;
  endData = 0;
  /** rsp at the program's start; field 28 of /proc/pid/stat. */
  startStack = 0;
  argStart = 0;
  argEnd = 0;
  envStart = 0;
  envEnd = 0;
  /** The auxiliary vector as the program got it, for /proc/pid/auxv. */
  auxv: Uint8Array = new Uint8Array(0);
  #exe: Path | null = null;
  /** Flags new mappings get after mlockall(MCL_FUTURE): 0, VM_LOCKED, or VM_LOCKED | VM_LOCKONFAULT. */
  futureLock = 0;

  /** PR_SET_MDWE: PR_MDWE_* bits; nothing may become executable that was not mapped so, or be writable as well. */
  writeExecRefusal = 0;
  /** What membarrier(2) was asked to be ready for, as MEMBARRIER_CMD_REGISTER_* bits. */
  barrierRegistrations = 0;

  /** Called before a range that holds or once held text is unmapped, moved, mapped over or made writable. */
  onTextChange: ((start: number, end: number) => void) | null = null;

  /** Called once its last user is done with it: what the kernel keeps for this memory ends with it. */
  readonly onRelease: (() => void)[] = [];

  /** Pages the guest has mapped (VmSize), those that count for RLIMIT_DATA, and the locked ones. */
  totalPages = 0;
  dataPages = 0;
  lockedPages = 0;

  /** Processes that use it: more than one between vfork and exec, or after clone(CLONE_VM). */
  users = 1;

  constructor(host: AddressSpaceHost, limits: MemoryLimits) {
    this.host = host;
    this.limits = limits;
  }

  /** What /proc/pid/exe refers to. As long as it is run nobody may write to it (Linux: deny_write_access). */
  get exe(): Path | null {
    return this.#exe;
  }
  set exe(path: Path | null) {
    if (path !== null) path.dentry.inode.executions += 1;
    if (this.#exe !== null) this.#exe.dentry.inode.executions -= 1;
    this.#exe = path;
  }

  /** Another process shares it. */
  ref(): this {
    this.users += 1;
    return this;
  }

  /** A process is done with it; the last one lets go of the files. The host process is the platform's to end. */
  unref(): void {
    this.users -= 1;
    if (this.users > 0) return;
    this.exe = null;
    for (const end of this.onRelease) end();
    for (const vma of this.vmas.overlapping(0, TASK_SIZE)) this.#detach(vma);
  }

  /** Records pages of the stub, the vDSO or the patcher, which the host has mapped already. */
  reserve(
    start: number,
    end: number,
    kind: 'special' | 'reserved' | 'trampoline',
    name = '',
    prot = PROT_NONE,
  ): number {
    if (this.vmas.overlaps(start, end)) return -EINVAL;
    const vma = new Vma(start, end, prot, prot === PROT_NONE ? 0 : VM_MAY_ALL & ~0x20);
    vma.kind = kind;
    vma.name = name;
    this.#attach(vma);
    return 0;
  }

  /** Whether [start, end) has a byte of a range that nothing may change. */
  hasImmutable(start: number, end: number): boolean {
    for (let vma = this.vmas.find(start); vma !== undefined && vma.start < end; vma = this.vmas.find(vma.end)) {
      if (vma.isImmutable) return true;
    }
    return false;
  }

  /**
   * A free place for `length` bytes below the mmap base, at `hint` when that is free: an address or -ENOMEM
   * (Linux: arch_get_unmapped_area_topdown).
   */
  findFree(hint: number, length: number, align = PAGE_SIZE): number {
    if (length > TASK_SIZE - MMAP_MIN_ADDR) return -ENOMEM;
    if (hint >= MMAP_MIN_ADDR && hint <= TASK_SIZE - length) {
      const next = this.vmas.find(hint);
      const gap = next !== undefined && (next.flags & VM_GROWSDOWN) !== 0 ? STACK_GUARD_GAP : 0;
      if (next === undefined || next.start - gap >= hint + length) return hint;
    }
    let addr = this.vmas.gapTopDown(length, MMAP_MIN_ADDR, this.mmapBase, align);
    if (addr < 0) addr = this.vmas.gapBottomUp(length, pageUp(TASK_SIZE / 3), TASK_SIZE, align);
    return addr < 0 ? -ENOMEM : addr;
  }

  /** A free place in the first 2 GiB for MAP_32BIT (x86: find_start_end), or -ENOMEM. */
  findFree32(length: number): number {
    const addr = this.vmas.gapBottomUp(length, 0x4000_0000, 0x8000_0000);
    return addr < 0 ? -ENOMEM : addr;
  }

  /**
   * Maps `vma` where its bounds say, over whatever is there: 0 or -errno. Takes a file reference of its own.
   *
   * @param hostFd the file on the host, -1 for anonymous memory
   * @param extraFlags MAP_POPULATE or 0, for the host
   */
  install(vma: Vma, hostFd: number, extraFlags: number): number {
    const { start, end } = vma;
    if (start < MMAP_MIN_ADDR) return -EPERM;
    if (!(end > start) || end > TASK_SIZE) return -ENOMEM;
    if (this.hasImmutable(start, end)) return -EPERM;
    const isSplit = this.#splits(start, end) === 2;
    if (this.vmas.length + (isSplit ? 2 : 0) >= this.maxMapCount) return -ENOMEM;
    const room = this.expandError(end - start - this.#mappedBytes(start, end), isData(vma) ? end - start : 0);
    if (room !== 0) return room;
    this.forget(start, end);
    let flags = (vma.isShared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED | extraFlags;
    if (hostFd < 0) flags |= MAP_ANONYMOUS;
    if ((vma.flags & VM_NORESERVE) !== 0) flags |= MAP_NORESERVE;
    this.host.mmap(start, end - start, hostProt(vma.prot), flags, hostFd, hostFd < 0 ? 0 : vma.fileOffset);
    this.adopt(vma);
    return 0;
  }

  /** munmap(2): 0 or -errno. */
  unmap(start: number, length: number): number {
    const end = start + pageUp(length);
    if (!isPageAligned(start) || length <= 0 || end > TASK_SIZE) return -EINVAL;
    if (this.hasImmutable(start, end)) return -EPERM;
    if (this.#splits(start, end) === 2 && this.vmas.length >= this.maxMapCount) return -ENOMEM;
    this.#textChange(start, end);
    this.#split(start);
    this.#split(end);
    let from = -1;
    let to = -1;
    for (const vma of this.vmas.overlapping(start, end)) {
      if (vma.kind === 'trampoline') {
        if (from >= 0) this.host.munmap(from, to - from);
        from = -1;
        continue;
      }
      if (from < 0) from = vma.start;
      to = vma.end;
      this.#detach(vma);
    }
    if (from >= 0) this.host.munmap(from, to - from);
    return 0;
  }

  /** brk(2): the new end of the heap, or the old one when it cannot be moved there. */
  setBrk(addr: number): number {
    if (!(addr >= this.startBrk) || addr > TASK_SIZE) return this.brk;
    const oldEnd = pageUp(this.brk);
    const newEnd = pageUp(addr);
    if (newEnd < oldEnd) {
      if (this.unmap(newEnd, oldEnd - newEnd) !== 0) return this.brk;
    } else if (newEnd > oldEnd) {
      if (addr - this.startBrk + (this.endData - this.startData) > this.limits.soft(RLIMIT_DATA)) return this.brk;
      const next = this.vmas.find(oldEnd);
      if (
        next !== undefined &&
        next.start < newEnd + ((next.flags & VM_GROWSDOWN) !== 0 ? STACK_GUARD_GAP : PAGE_SIZE)
      ) {
        return this.brk;
      }
      const heap = new Vma(oldEnd, newEnd, PROT_READ | PROT_WRITE, VM_MAY_ALL | this.futureLock);
      heap.name = '[heap]';
      if (this.install(heap, -1, 0) !== 0) return this.brk;
    }
    this.brk = addr;
    return addr;
  }

  /** -ENOMEM when RLIMIT_AS or RLIMIT_DATA leave no room for so many bytes more, else 0 (Linux: may_expand_vm). */
  expandError(bytes: number, dataBytes: number): number {
    if (bytes > 0 && this.totalPages * PAGE_SIZE + bytes > this.limits.soft(RLIMIT_AS)) return -ENOMEM;
    if (dataBytes > 0 && this.dataPages * PAGE_SIZE + dataBytes > this.limits.soft(RLIMIT_DATA)) return -ENOMEM;
    return 0;
  }

  /** Puts a mapping into the list, where nothing may be, without telling the host. Takes a file reference of its own. */
  adopt(vma: Vma): void {
    this.#attach(vma);
    this.mergeAround(vma.start, vma.end);
  }

  /** Drops what is in [start, end) without telling the host, which has mapped over it, moved it or lost it. */
  forget(start: number, end: number): void {
    if (!this.vmas.overlaps(start, end)) return;
    this.#textChange(start, end);
    this.#split(start);
    this.#split(end);
    for (const vma of this.vmas.overlapping(start, end)) {
      if (!vma.isImmutable) this.#detach(vma);
    }
  }

  /**
   * Cuts at both ends so that [start, end) begins and ends with mappings of its own: 0, or -ENOMEM at max_map_count.
   * `mergeAround` undoes what was not needed.
   */
  isolate(start: number, end: number): number {
    if (this.vmas.length + this.#splits(start, end) > this.maxMapCount) return -ENOMEM;
    this.#split(start);
    this.#split(end);
    return 0;
  }

  /** Gives a mapping in the list other protection and flags and accounts for them. */
  change(vma: Vma, prot: number, flags: number): void {
    if ((prot & PROT_WRITE) !== 0 && (vma.prot & PROT_WRITE) === 0) this.#textChange(vma.start, vma.end);
    this.#account(vma, -1);
    vma.prot = prot;
    vma.flags = (prot & PROT_EXEC) !== 0 ? flags | VM_HAD_TEXT : flags;
    this.#account(vma, 1);
  }

  /** Joins neighbours that continue one another, from the mapping before `start` to the one after `end`. */
  mergeAround(start: number, end: number): void {
    let vma = this.vmas.before(start) ?? this.vmas.find(start);
    while (vma !== undefined && vma.start <= end) {
      const next = this.vmas.find(vma.end);
      if (next === undefined) return;
      if (!vma.canMergeWith(next)) {
        vma = next;
        continue;
      }
      const to = next.end;
      const flags = next.flags;
      this.vmas.remove(next);
      next.file?.unref();
      vma.flags |= flags & VM_HAD_TEXT;
      this.vmas.resize(vma, vma.start, to);
    }
  }

  /**
   * The platform reports that the host refused an operation; its errno becomes the result of the call. What could not be
   * mapped leaves the list. Other operations leave it as it is: the memory is still there.
   */
  onHostFailure(operation: HostOperation, addr: number, length: number): void {
    if (operation === 'mmap') this.forget(addr, addr + pageUp(length));
  }

  /** The copy fork(2) makes; the host process has been or will be cloned, so the host is told nothing. */
  clone(host: AddressSpaceHost): AddressSpace {
    const copy = new AddressSpace(host, this.limits);
    copy.maxMapCount = this.maxMapCount;
    copy.startBrk = this.startBrk;
    copy.brk = this.brk;
    copy.mmapBase = this.mmapBase;
    copy.stackStart = this.stackStart;
    copy.stackEnd = this.stackEnd;
    copy.startCode = this.startCode;
    copy.endCode = this.endCode;
    copy.startData = this.startData;
    copy.endData = this.endData;
    copy.startStack = this.startStack;
    copy.argStart = this.argStart;
    copy.argEnd = this.argEnd;
    copy.envStart = this.envStart;
    copy.envEnd = this.envEnd;
    copy.auxv = this.auxv;
    copy.exe = this.exe;
    copy.barrierRegistrations = this.barrierRegistrations;
    if ((this.writeExecRefusal & PR_MDWE_NO_INHERIT) === 0) copy.writeExecRefusal = this.writeExecRefusal;
    for (const vma of this.vmas) {
      if ((vma.flags & VM_DONTCOPY) !== 0) continue;
      const twin = vma.slice(vma.start, vma.end);
      // Locks are not inherited (mlock(2)). WIPEONFORK stays set, the host empties the pages (madvise(2)).
      twin.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
      copy.#attach(twin);
    }
    return copy;
  }

  /** Whether fork gives the child zeroes here: what the host does by itself, for those who copy memory otherwise. */
  isWipedOnFork(addr: number): boolean {
    const vma = this.vmas.at(addr);
    return vma !== undefined && (vma.flags & VM_WIPEONFORK) !== 0;
  }

  /** The identity of a futex word in shared memory; null when it is private to this address space (futex(2)). */
  futexKey(addr: number): SharedKey | null {
    const vma = this.vmas.at(addr);
    if (vma === undefined || !vma.isShared) return null;
    const object = vma.file === null ? vma.shared : vma.file.inode;
    return object === null ? null : { object, offset: vma.fileOffset + (addr - vma.start) };
  }

  announceFutex(addr: number, delta: 1 | -1): void {
    this.host.announceFutex(addr, delta);
  }

  /** A guest u32 as it is this moment; null when the address faults. */
  readU32Now(addr: number): number | null {
    if (!this.isUserRange(addr, 4)) return null;
    if (this.host.readMemory(addr, this.#word, 0, 4) !== 4) return null;
    return this.#wordView.getUint32(0, true);
  }

  /** Guest bytes as they are this moment, or -EFAULT. The caller bounds `length`. */
  readBytesNow(addr: number, length: number): Uint8Array | number {
    if (!this.isUserRange(addr, length)) return -EFAULT;
    const bytes = new Uint8Array(length);
    if (length > 0 && this.host.readMemory(addr, bytes, 0, length) !== length) return -EFAULT;
    return bytes;
  }

  /** Reads guest memory at once into `dst` from `at`: 0 or -EFAULT. */
  readNow(addr: number, dst: Uint8Array, at: number, length: number): number {
    if (!this.isUserRange(addr, length)) return -EFAULT;
    return length === 0 || this.host.readMemory(addr, dst, at, length) === length ? 0 : -EFAULT;
  }

  /** Writes guest memory at once: 0 or -EFAULT. */
  writeNow(addr: number, bytes: Uint8Array): number {
    if (!this.isUserRange(addr, bytes.length)) return -EFAULT;
    if (bytes.length === 0) return 0;
    return this.host.writeMemory(addr, bytes, 0, bytes.length) === bytes.length ? 0 : -EFAULT;
  }

  readonly #word = new Uint8Array(4);
  readonly #wordView = new DataView(this.#word.buffer);

  /** Whether [addr, addr + length) is in user space and clear of the stub's pages, so that the kernel may access it. */
  isUserRange(addr: number, length: number): boolean {
    if (!(addr >= 0 && length >= 0 && addr + length <= TASK_SIZE)) return false;
    let vma = this.vmas.find(addr);
    while (vma !== undefined && vma.start < addr + length) {
      if (vma.kind === 'reserved') return false;
      vma = this.vmas.find(vma.end);
    }
    return true;
  }

  #attach(vma: Vma): void {
    if ((vma.prot & PROT_EXEC) !== 0) vma.flags |= VM_HAD_TEXT;
    vma.file?.ref();
    this.vmas.insert(vma);
    this.#account(vma, 1);
  }

  #detach(vma: Vma): void {
    this.vmas.remove(vma);
    this.#account(vma, -1);
    vma.file?.unref();
  }

  #account(vma: Vma, sign: 1 | -1): void {
    if (vma.kind !== 'user') return;
    const pages = ((vma.end - vma.start) / PAGE_SIZE) * sign;
    this.totalPages += pages;
    if (isData(vma)) this.dataPages += pages;
    if ((vma.flags & VM_LOCKED) !== 0) this.lockedPages += pages;
  }

  /** Cuts the guest's mapping around `addr` in two there. */
  #split(addr: number): void {
    const vma = this.vmas.at(addr);
    if (vma === undefined || vma.start === addr || vma.isImmutable) return;
    const upper = vma.slice(addr, vma.end);
    this.vmas.resize(vma, vma.start, addr);
    upper.file?.ref();
    this.vmas.insert(upper);
  }

  /** How many mappings more there are once both ends of [start, end) are cut. */
  #splits(start: number, end: number): number {
    const first = this.vmas.at(start);
    const last = this.vmas.at(end);
    return (first !== undefined && first.start < start ? 1 : 0) + (last !== undefined && last.start < end ? 1 : 0);
  }

  #mappedBytes(start: number, end: number): number {
    let bytes = 0;
    for (let vma = this.vmas.find(start); vma !== undefined && vma.start < end; vma = this.vmas.find(vma.end)) {
      if (vma.kind === 'user') bytes += Math.min(vma.end, end) - Math.max(vma.start, start);
    }
    return bytes;
  }

  #textChange(start: number, end: number): void {
    if (this.onTextChange === null) return;
    for (const vma of this.vmas.overlapping(start, end)) {
      if ((vma.flags & VM_HAD_TEXT) === 0 && vma.kind !== 'trampoline') continue;
      this.onTextChange(Math.max(vma.start, start), Math.min(vma.end, end));
    }
  }
}

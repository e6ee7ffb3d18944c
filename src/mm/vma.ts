/**
 * One mapping of an address space (Linux: struct vm_area_struct).
 *
 * Bounds are changed only by the list it is in, because the list's order and gap index depend on them.
 */
import type { File } from '../vfs/file.ts';

/** Flag bits, with the values they have in Linux (include/linux/mm.h). Protection is in `prot`. */
export const VM_SHARED = 0x8;
export const VM_MAYREAD = 0x10;
export const VM_MAYWRITE = 0x20;
export const VM_MAYEXEC = 0x40;
export const VM_GROWSDOWN = 0x100;
export const VM_LOCKED = 0x2000;
export const VM_SEQ_READ = 0x8000;
export const VM_RAND_READ = 0x1_0000;
export const VM_DONTCOPY = 0x2_0000;
export const VM_LOCKONFAULT = 0x8_0000;
export const VM_NORESERVE = 0x20_0000;
/** mseal(2): its own bit is beyond the 32 that fit here. */
export const VM_SEALED = 0x80_0000;
export const VM_WIPEONFORK = 0x200_0000;
export const VM_DONTDUMP = 0x400_0000;
export const VM_HUGEPAGE = 0x2000_0000;
export const VM_NOHUGEPAGE = 0x4000_0000;
/** It is or once was executable, so the text patcher may have changed it. Ours alone; takes no part in merging. */
export const VM_HAD_TEXT = 0x100_0000;

export const VM_MAY_ALL = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

/**
 * - `user`: the guest's own.
 * - `special`: shown to the guest ([vdso], [vvar]) and immutable, like a sealed mapping.
 * - `reserved`: the stub's own pages: never shown, never touched.
 * - `trampoline`: the text patcher's: never shown, left alone by munmap, may be mapped over.
 */
export type VmaKind = 'user' | 'special' | 'reserved' | 'trampoline';

let lastSharedId = 0;

/** What the mappings of one MAP_SHARED|MAP_ANONYMOUS region have in common, across forks (Linux: its shmem inode). */
export class SharedMemory {
  /** Stands for the inode number in /proc/pid/maps. */
  readonly id: number;

  constructor() {
    lastSharedId += 1;
    this.id = lastSharedId;
  }
}

export class Vma {
  start: number;
  end: number;
  prot: number;
  flags: number;
  /** The mapped file, of which this holds a reference once it is in an address space. */
  file: File | null;
  /** Set on shared anonymous memory only. */
  shared: SharedMemory | null = null;
  /** Byte offset of `start` in the file or the shared memory; 0 on private anonymous memory. */
  fileOffset: number;
  /** "[heap]", "[stack]", "[vdso]", "[anon:...]", or empty. */
  name = '';
  kind: VmaKind = 'user';

  constructor(start: number, end: number, prot: number, flags: number, file: File | null = null, fileOffset = 0) {
    this.start = start;
    this.end = end;
    this.prot = prot;
    this.flags = flags;
    this.file = file;
    this.fileOffset = fileOffset;
  }

  get length(): number {
    return this.end - this.start;
  }

  get isShared(): boolean {
    return (this.flags & VM_SHARED) !== 0;
  }

  /** Whether `address` in it is backed by something with offsets, so that a split must move the offset. */
  get hasOffset(): boolean {
    return this.file !== null || this.shared !== null;
  }

  /** Whether the guest can see it in /proc/pid/maps. */
  get isVisible(): boolean {
    return this.kind === 'user' || this.kind === 'special';
  }

  /** Whether nothing may change it. */
  get isImmutable(): boolean {
    return this.kind === 'reserved' || this.kind === 'special' || (this.flags & VM_SEALED) !== 0;
  }

  /** A copy with other bounds, its offset moved along; takes no file reference. */
  slice(start: number, end: number): Vma {
    const offset = this.hasOffset ? this.fileOffset + (start - this.start) : 0;
    const copy = new Vma(start, end, this.prot, this.flags, this.file, offset);
    copy.shared = this.shared;
    copy.name = this.name;
    copy.kind = this.kind;
    return copy;
  }

  /** Whether `next`, which begins where this ends, continues it, so that both can be one (Linux: can_vma_merge_after). */
  canMergeWith(next: Vma): boolean {
    return (
      this.end === next.start &&
      this.kind === 'user' &&
      next.kind === 'user' &&
      this.prot === next.prot &&
      (this.flags | VM_HAD_TEXT) === (next.flags | VM_HAD_TEXT) &&
      this.file === next.file &&
      this.shared === next.shared &&
      this.name === next.name &&
      (!this.hasOffset || this.fileOffset + (this.end - this.start) === next.fileOffset)
    );
  }
}

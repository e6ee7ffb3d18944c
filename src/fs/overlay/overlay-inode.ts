/** What the kinds of overlay inodes share: the place in the tree they are copied up to, and attributes of the lower inode. */
import { ENOSPC } from '../../abi/errno.ts';
import { O_RDONLY } from '../../abi/fcntl.ts';
import { S_IFMT } from '../../abi/stat.ts';
import { Stat } from '../../vfs/inode.ts';
import type { HostInode, HostRegular } from '../host/host-inode.ts';
import type { MemoryFileSystem } from '../tmpfs/memory-fs.ts';
import type { TmpInode } from '../tmpfs/tmp-inode.ts';
import { TmpRegular } from '../tmpfs/tmp-regular.ts';
import { TmpSpecial, TmpSymlink } from '../tmpfs/tmp-special.ts';
import type { OverlayDirectory } from './overlay-directory.ts';

const scratch = new Stat();

/** Takes over what the lower inode tells; the type stays. */
export function copyAttributes(to: TmpInode, from: Stat): void {
  to.uid = from.uid;
  to.gid = from.gid;
  to.atimeSec = from.atimeSec;
  to.atimeNsec = from.atimeNsec;
  to.mtimeSec = from.mtimeSec;
  to.mtimeNsec = from.mtimeNsec;
  to.ctimeSec = from.ctimeSec;
  to.ctimeNsec = from.ctimeNsec;
  to.btimeSec = from.btimeSec;
  to.btimeNsec = from.btimeNsec;
}

/** Where a lower inode is found, until it has been copied up. */
export class LowerPlace {
  readonly directory: OverlayDirectory;
  readonly name: string;

  constructor(directory: OverlayDirectory, name: string) {
    this.directory = directory;
    this.name = name;
  }

  /** Enters the inode in the upper layer, with the directories above: 0 or -errno. */
  copyUp(inode: TmpInode): number {
    const failed = this.directory.prepareChange();
    if (failed < 0) return failed;
    if (!inode.fs.quota.chargeInode()) return -ENOSPC;
    inode.isCharged = true;
    this.directory.insert(this.name, inode);
    return 0;
  }
}

export class OverlayRegular extends TmpRegular {
  /** null once it is in the upper layer. */
  #place: LowerPlace | null;
  /** null once the bytes are in the upper layer. */
  #lower: HostRegular | null;
  #lowerUsers = 0;

  constructor(fs: MemoryFileSystem, place: LowerPlace, lower: HostRegular, stat: Stat) {
    super(fs, stat.mode, stat.uid, stat.gid, lower.ino);
    this.#place = place;
    this.#lower = lower;
    this.isCharged = false;
    this.nlink = stat.nlink;
    copyAttributes(this, stat);
  }

  override get size(): number {
    if (this.#lower === null) return super.size;
    return this.#lower.stat(scratch) < 0 ? 0 : scratch.size;
  }

  override get usedBytes(): number {
    if (this.#lower === null) return super.usedBytes;
    return this.#lower.stat(scratch) < 0 ? 0 : scratch.blocks * 512;
  }

  override stat(out: Stat): number {
    const lower = this.#lower;
    if (lower === null) return super.stat(out);
    const failed = lower.stat(out);
    if (failed < 0) return failed;
    out.dev = this.fs.dev;
    if (this.#place !== null) return 0;
    // Attributes are the upper's already, the bytes still the lower's.
    const { size, blocks } = out;
    super.stat(out);
    out.size = size;
    out.blocks = blocks;
    return 0;
  }

  override prepareChange(): number {
    if (this.#place === null) return 0;
    if (this.#lower !== null && this.#lower.stat(scratch) >= 0) {
      copyAttributes(this, scratch);
      this.bits = scratch.mode;
    }
    const failed = this.#place.copyUp(this);
    if (failed < 0) return failed;
    // A hard link below is broken by copying up, as overlayfs does without its index.
    this.nlink = 1;
    this.#place = null;
    return 0;
  }

  override prepareWrite(): number {
    const failed = this.prepareChange();
    return failed < 0 ? failed : this.#copyBytes(Infinity);
  }

  protected override prepareTruncate(size: number): number {
    return this.#copyBytes(size);
  }

  /** Brings up at most `limit` bytes: a truncation needs no more. */
  #copyBytes(limit: number): number {
    const lower = this.#lower;
    if (lower === null) return 0;
    let result = lower.acquire(O_RDONLY);
    if (result < 0) return result;
    result = lower.stat(scratch);
    if (result >= 0) result = this.data.copyHostFile(lower.readFd, Math.min(limit, scratch.size));
    lower.release();
    if (result < 0) return result;
    for (; this.#lowerUsers > 0; this.#lowerUsers--) lower.release();
    this.#lower = null;
    return 0;
  }

  /** An open file reads the lower bytes until they are copied up, then the copy. */
  #acquireLower(): number {
    const lower = this.#lower;
    if (lower === null) return 0;
    if (this.#lowerUsers > 0) return 0;
    const failed = lower.acquire(O_RDONLY);
    if (failed < 0) return failed;
    this.#lowerUsers = 1;
    return 0;
  }

  override readAt(dst: Uint8Array, at: number, length: number, offset: number): number {
    const lower = this.#lower;
    if (lower === null) return super.readAt(dst, at, length, offset);
    const failed = this.#acquireLower();
    return failed < 0 ? failed : lower.fs.files.pread(lower.readFd, dst, at, length, offset);
  }

  override touchAccessed(): void {
    if (this.#lower === null) super.touchAccessed();
  }

  override seekData(offset: number, whence: number): number {
    const lower = this.#lower;
    if (lower === null) return super.seekData(offset, whence);
    const failed = this.#acquireLower();
    return failed < 0 ? failed : lower.fs.files.seek(lower.readFd, offset, whence);
  }

  override hostFd(isShared: boolean, isWritable: boolean): number {
    const lower = this.#lower;
    if (lower === null) return super.hostFd(isShared, isWritable);
    const failed = this.#acquireLower();
    return failed < 0 ? failed : lower.readFd;
  }

  override checkReadable(): number {
    return this.#acquireLower();
  }

  override dropIfUnused(): void {
    if (this.openCount === 0 && this.#lower !== null && this.#lowerUsers > 0) {
      this.#lower.release();
      this.#lowerUsers = 0;
    }
    super.dropIfUnused();
  }
}

export class OverlaySymlink extends TmpSymlink {
  #place: LowerPlace | null;

  constructor(fs: MemoryFileSystem, place: LowerPlace, target: string, lower: HostInode, stat: Stat) {
    super(fs, target, stat.uid, stat.gid, lower.ino);
    this.#place = place;
    this.isCharged = false;
    this.nlink = stat.nlink;
    copyAttributes(this, stat);
  }

  override prepareChange(): number {
    const failed = this.#place === null ? 0 : this.#place.copyUp(this);
    if (failed < 0) return failed;
    if (this.#place !== null) this.nlink = 1;
    this.#place = null;
    return 0;
  }
}

export class OverlaySpecial extends TmpSpecial {
  #place: LowerPlace | null;

  constructor(fs: MemoryFileSystem, place: LowerPlace, lower: HostInode, stat: Stat) {
    super(fs, (stat.mode & S_IFMT) | (stat.mode & 0o7777), stat.rdev, stat.uid, stat.gid, lower.ino);
    this.#place = place;
    this.isCharged = false;
    this.nlink = stat.nlink;
    copyAttributes(this, stat);
  }

  override prepareChange(): number {
    const failed = this.#place === null ? 0 : this.#place.copyUp(this);
    if (failed < 0) return failed;
    if (this.#place !== null) this.nlink = 1;
    this.#place = null;
    return 0;
  }
}

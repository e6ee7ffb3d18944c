/** What all inodes in memory have: attributes, times, extended attributes (Linux: struct shmem_inode_info). */
import { E2BIG, EEXIST, ENODATA, ENOSPC, EOPNOTSUPP } from '../../abi/errno.ts';
import { XATTR_CREATE, XATTR_REPLACE } from '../../abi/fcntl.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../../abi/stat.ts';
import { Inode, type SetAttributes, type Stat } from '../../vfs/inode.ts';
import { currentTime, type MemoryFileSystem } from './memory-fs.ts';

/** Bytes of names and values on one inode; Linux has about that much on most disks. */
const XATTR_SPACE = 65536;

export abstract class TmpInode extends Inode {
  readonly fs: MemoryFileSystem;
  readonly ino: number;
  protected bits: number;
  uid: number;
  gid: number;
  nlink = 1;
  /** Open files; the bytes of an unlinked inode go with the last. */
  openCount = 0;
  /** It counts in the quota; what is only below an overlay does not. */
  isCharged = true;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
  btimeSec: number;
  btimeNsec: number;
  #xattrs: Map<string, Uint8Array> | null = null;
  #xattrBytes = 0;

  constructor(fs: MemoryFileSystem, mode: number, uid: number, gid: number, ino: number = fs.nextIno()) {
    super();
    this.fs = fs;
    this.ino = ino;
    this.bits = mode;
    this.uid = uid;
    this.gid = gid;
    const { sec, nsec } = currentTime(fs);
    this.atimeSec = this.mtimeSec = this.ctimeSec = this.btimeSec = sec;
    this.atimeNsec = this.mtimeNsec = this.ctimeNsec = this.btimeNsec = nsec;
  }

  override get mode(): number {
    return this.bits;
  }

  get size(): number {
    return 0;
  }

  get usedBytes(): number {
    return 0;
  }

  get rdev(): number {
    return 0;
  }

  override stat(out: Stat): number {
    out.dev = this.fs.dev;
    out.ino = this.ino;
    out.mode = this.bits;
    out.nlink = this.nlink;
    out.uid = this.uid;
    out.gid = this.gid;
    out.rdev = this.rdev;
    out.size = this.size;
    out.blksize = 4096;
    out.blocks = Math.ceil(this.usedBytes / 4096) * 8;
    out.atimeSec = this.atimeSec;
    out.atimeNsec = this.atimeNsec;
    out.mtimeSec = this.mtimeSec;
    out.mtimeNsec = this.mtimeNsec;
    out.ctimeSec = this.ctimeSec;
    out.ctimeNsec = this.ctimeNsec;
    out.btimeSec = this.btimeSec;
    out.btimeNsec = this.btimeNsec;
    return 0;
  }

  /** The overlay copies up here; 0 or -errno. Called before anything of the inode changes. */
  prepareChange(): number {
    return 0;
  }

  touchChanged(): void {
    const { sec, nsec } = currentTime(this.fs);
    this.ctimeSec = sec;
    this.ctimeNsec = nsec;
  }

  touchModified(): void {
    const { sec, nsec } = currentTime(this.fs);
    this.mtimeSec = this.ctimeSec = sec;
    this.mtimeNsec = this.ctimeNsec = nsec;
  }

  override setattr(attributes: SetAttributes): number {
    const failed = this.prepareChange();
    if (failed < 0) return failed;
    if (attributes.size !== undefined) {
      const result = this.setSize(attributes.size);
      if (result < 0) return result;
    }
    if (attributes.mode !== undefined) this.bits = (this.bits & S_IFMT) | (attributes.mode & 0o7777);
    if (attributes.uid !== undefined) this.uid = attributes.uid;
    if (attributes.gid !== undefined) this.gid = attributes.gid;
    this.touchChanged();
    if (attributes.atime !== undefined) {
      this.atimeSec = attributes.atime.sec;
      this.atimeNsec = attributes.atime.nsec;
    }
    if (attributes.mtime !== undefined) {
      this.mtimeSec = attributes.mtime.sec;
      this.mtimeNsec = attributes.mtime.nsec;
    }
    return 0;
  }

  protected setSize(_size: number): number {
    return 0;
  }

  #supportsXattr(name: string): boolean {
    if (name.startsWith('trusted.') || name.startsWith('security.')) return true;
    const type = this.bits & S_IFMT;
    return name.startsWith('user.') && (type === S_IFREG || type === S_IFDIR);
  }

  override getxattr(name: string): Uint8Array | number {
    if (!this.#supportsXattr(name)) return -EOPNOTSUPP;
    return this.#xattrs?.get(name) ?? -ENODATA;
  }

  override setxattr(name: string, value: Uint8Array, flags: number): number {
    if (!this.#supportsXattr(name)) return -EOPNOTSUPP;
    const old = this.#xattrs?.get(name);
    if (old !== undefined && (flags & XATTR_CREATE) !== 0) return -EEXIST;
    if (old === undefined && (flags & XATTR_REPLACE) !== 0) return -ENODATA;
    if (value.length > XATTR_SPACE) return -E2BIG;
    const more = value.length - (old === undefined ? -name.length : old.length);
    if (this.#xattrBytes + more > XATTR_SPACE) return -ENOSPC;
    const failed = this.prepareChange();
    if (failed < 0) return failed;
    if (!this.fs.quota.charge(more)) return -ENOSPC;
    this.#xattrBytes += more;
    if (this.#xattrs === null) this.#xattrs = new Map();
    this.#xattrs.set(name, value);
    this.touchChanged();
    return 0;
  }

  override listxattr(): string[] | number {
    return this.#xattrs === null ? [] : [...this.#xattrs.keys()];
  }

  override removexattr(name: string): number {
    if (!this.#supportsXattr(name)) return -EOPNOTSUPP;
    const old = this.#xattrs?.get(name);
    if (old === undefined) return -ENODATA;
    const failed = this.prepareChange();
    if (failed < 0) return failed;
    this.#xattrs?.delete(name);
    this.#xattrBytes -= old.length + name.length;
    this.fs.quota.charge(-(old.length + name.length));
    this.touchChanged();
    return 0;
  }

  /** A name or an open file is gone. */
  dropIfUnused(): void {
    if (this.nlink > 0 || this.openCount > 0) return;
    this.fs.quota.charge(-this.#xattrBytes);
    this.#xattrBytes = 0;
    this.#xattrs = null;
    if (this.isCharged) this.fs.quota.inodes -= 1;
    this.isCharged = false;
    this.free();
  }

  protected free(): void {}
}

/**
 * Directories in memory (Linux: simple_dir_operations, shmem_dir_inode_operations).
 *
 * An entry's offset for getdents(2) is a number it keeps for life, so a reader never meets an entry twice or misses one,
 * whatever comes and goes meanwhile.
 */
import { EEXIST, EINVAL, EISDIR, EMLINK, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY, EPERM, EXDEV } from '../../abi/errno.ts';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, SEEK_CUR, SEEK_SET } from '../../abi/fcntl.ts';
import { POLL_ALWAYS } from '../../abi/poll.ts';
import { DT_DIR, dtypeOfMode, S_IFDIR, S_IFMT, S_IFREG, S_ISGID } from '../../abi/stat.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { File } from '../../vfs/file.ts';
import type { DirEmit, Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { DirEntries } from './dir-entries.ts';
import type { MemoryFileSystem } from './memory-fs.ts';
import { INODE_COST } from './quota.ts';
import { TmpInode } from './tmp-inode.ts';
import { TmpRegular } from './tmp-regular.ts';
import { TmpSpecial, TmpSymlink } from './tmp-special.ts';

const LINK_MAX = 2 ** 31;

export class TmpDirectory extends TmpInode {
  /** null for the root and when removed. */
  parent: TmpDirectory | null;
  readonly entries = new DirEntries();

  constructor(fs: MemoryFileSystem, parent: TmpDirectory | null, mode: number, uid: number, gid: number, ino?: number) {
    super(fs, S_IFDIR | (mode & 0o7777), uid, gid, ino);
    this.parent = parent;
    this.nlink = 2;
  }

  override get size(): number {
    return (this.entries.size + 2) * 20;
  }

  override open(path: Path, flags: number, _creds: Credentials): File | number {
    return new TmpDirectoryFile(path, flags, this);
  }

  override lookup(name: string): Inode | number {
    return this.entries.get(name) ?? -ENOENT;
  }

  /** The inode of a name that this directory may change, or -errno. */
  protected own(name: string): TmpInode | number {
    return this.entries.get(name) ?? -ENOENT;
  }

  protected hasName(name: string): boolean {
    return this.entries.has(name);
  }

  get isEmpty(): boolean {
    return this.entries.size === 0;
  }

  /** Puts an inode under a name; its link count is the caller's business. */
  insert(name: string, inode: TmpInode): void {
    this.entries.insert(name, inode);
  }

  /** Takes a name away. */
  remove(name: string): void {
    this.entries.remove(name);
  }

  protected prepareAdd(name: string): number {
    if (this.hasName(name)) return -EEXIST;
    if (this.nlink === 0) return -ENOENT;
    const failed = this.prepareChange();
    if (failed < 0) return failed;
    if (this.fs.quota.bytes + INODE_COST > this.fs.quota.maxBytes || !this.fs.quota.chargeInode()) return -ENOSPC;
    return 0;
  }

  #add(name: string, inode: TmpInode): TmpInode {
    this.insert(name, inode);
    this.touchModified();
    return inode;
  }

  override mknod(name: string, mode: number, rdev: number, uid: number, gid: number): Inode | number {
    const failed = this.prepareAdd(name);
    if (failed < 0) return failed;
    if ((mode & S_IFMT) === S_IFREG) return this.#add(name, this.makeRegular(mode, uid, gid));
    return this.#add(name, new TmpSpecial(this.fs, mode, rdev, uid, gid));
  }

  protected makeRegular(mode: number, uid: number, gid: number): TmpRegular {
    return new TmpRegular(this.fs, mode, uid, gid);
  }

  protected makeDirectory(mode: number, uid: number, gid: number): TmpDirectory {
    return new TmpDirectory(this.fs, this, mode, uid, gid);
  }

  override mkdir(name: string, mode: number, uid: number, gid: number): Inode | number {
    const failed = this.prepareAdd(name);
    if (failed < 0) return failed;
    this.nlink += 1;
    return this.#add(name, this.makeDirectory((mode & 0o7777) | (this.bits & S_ISGID), uid, gid));
  }

  override symlink(name: string, target: string, uid: number, gid: number): Inode | number {
    const failed = this.prepareAdd(name);
    if (failed < 0) return failed;
    return this.#add(name, new TmpSymlink(this.fs, target, uid, gid));
  }

  override tmpfile(mode: number, uid: number, gid: number): Inode | number {
    if (!this.fs.quota.chargeInode()) return -ENOSPC;
    const inode = this.makeRegular(mode, uid, gid);
    inode.nlink = 0;
    return inode;
  }

  override link(name: string, target: Inode): number {
    if (!(target instanceof TmpInode) || target.fs !== this.fs) return -EXDEV;
    if (target instanceof TmpDirectory) return -EPERM;
    if (this.hasName(name)) return -EEXIST;
    if (this.nlink === 0) return -ENOENT;
    if (target.nlink >= LINK_MAX) return -EMLINK;
    const failed = this.prepareChange() || target.prepareChange();
    if (failed < 0) return failed;
    target.nlink += 1;
    target.touchChanged();
    this.#add(name, target);
    return 0;
  }

  override unlink(name: string): number {
    const inode = this.own(name);
    if (typeof inode === 'number') return inode;
    if (inode instanceof TmpDirectory) return -EISDIR;
    const failed = this.prepareChange();
    if (failed < 0) return failed;
    this.remove(name);
    this.touchModified();
    this.#unlinked(inode);
    return 0;
  }

  override rmdir(name: string): number {
    const inode = this.own(name);
    if (typeof inode === 'number') return inode;
    if (!(inode instanceof TmpDirectory)) return -ENOTDIR;
    if (!inode.isEmpty) return -ENOTEMPTY;
    const failed = this.prepareChange();
    if (failed < 0) return failed;
    this.remove(name);
    this.nlink -= 1;
    this.touchModified();
    inode.#die();
    return 0;
  }

  #unlinked(inode: TmpInode): void {
    inode.nlink -= 1;
    inode.touchChanged();
    inode.dropIfUnused();
  }

  #die(): void {
    this.nlink = 0;
    this.parent = null;
    this.touchChanged();
    this.dropIfUnused();
  }

  override rename(name: string, newDir: Inode, newName: string, flags: number): number {
    if (!(newDir instanceof TmpDirectory) || newDir.fs !== this.fs) return -EXDEV;
    if ((flags & RENAME_WHITEOUT) !== 0) return -EINVAL;
    const inode = this.own(name);
    if (typeof inode === 'number') return inode;
    const over = newDir.hasName(newName) ? newDir.own(newName) : null;
    if (typeof over === 'number') return over;
    if (over !== null && (flags & RENAME_NOREPLACE) !== 0) return -EEXIST;
    if (newDir.nlink === 0) return -ENOENT;
    if ((flags & RENAME_EXCHANGE) !== 0) {
      if (over === null) return -ENOENT;
    } else if (over !== null) {
      if (over === inode) return 0;
      if (over instanceof TmpDirectory) {
        if (!(inode instanceof TmpDirectory)) return -EISDIR;
        if (!over.isEmpty) return -ENOTEMPTY;
      } else if (inode instanceof TmpDirectory) return -ENOTDIR;
    }
    const failed = this.prepareChange() || newDir.prepareChange() || inode.prepareChange();
    if (failed < 0) return failed;
    if ((flags & RENAME_EXCHANGE) !== 0 && over !== null) {
      const refused = over.prepareChange();
      if (refused < 0) return refused;
      this.#place(name, over, newDir);
    } else {
      this.remove(name);
      if (over instanceof TmpDirectory) {
        newDir.nlink -= 1;
        over.#die();
      } else if (over !== null) this.#unlinked(over);
    }
    newDir.#place(newName, inode, this);
    this.touchModified();
    newDir.touchModified();
    inode.touchChanged();
    return 0;
  }

  /** Puts what was in `from` here, and the link counts of both directories right. */
  #place(name: string, inode: TmpInode, from: TmpDirectory): void {
    this.insert(name, inode);
    if (!(inode instanceof TmpDirectory) || from === this) return;
    from.nlink -= 1;
    this.nlink += 1;
    inode.parent = this;
  }

  /** Entries from an offset on; "." is 1, ".." 2. */
  list(offset: number, emit: DirEmit): number {
    const { ino } = this;
    if (offset < 1 && !emit('.', ino, DT_DIR, 1)) return 0;
    if (offset < 2 && !emit('..', this.parent?.ino ?? ino, DT_DIR, 2)) return 0;
    for (const [name, entry] of this.entries) {
      if (entry.offset < offset || entry.offset < 3) continue;
      if (!emit(name, entry.inode.ino, dtypeOfMode(entry.inode.mode), entry.offset + 1)) return 0;
    }
    return 0;
  }
}

export class TmpDirectoryFile extends File {
  readonly #directory: TmpDirectory;

  constructor(path: Path, flags: number, directory: TmpDirectory) {
    super(path, flags);
    this.#directory = directory;
    directory.openCount += 1;
  }

  override get inode(): Inode {
    return this.#directory;
  }
  override get isSeekable(): boolean {
    return true;
  }
  override poll(): number {
    return POLL_ALWAYS;
  }
  override read(): number {
    return -EISDIR;
  }
  override readdir(offset: number, emit: DirEmit): number {
    return this.#directory.nlink === 0 ? -ENOENT : this.#directory.list(offset, emit);
  }
  override seek(offset: number, whence: number): number {
    const target = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.position + offset : -1;
    return target >= 0 && Number.isSafeInteger(target) ? target : -EINVAL;
  }
  override fsync(): number {
    return 0;
  }
  override release(): void {
    this.#directory.openCount -= 1;
    this.#directory.dropIfUnused();
  }
}

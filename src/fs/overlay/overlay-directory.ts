/** Directories of the overlay: what is in memory, and what is below it and neither hidden nor replaced. */
import { EIO, ENOENT, ENOSPC } from '../../abi/errno.ts';
import { DT_DIR, dtypeOfMode } from '../../abi/stat.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import type { File } from '../../vfs/file.ts';
import { type DirEmit, type Inode, Stat } from '../../vfs/inode.ts';
import { NameMap } from '../../vfs/name-map.ts';
import type { Path } from '../../vfs/path.ts';
import { HostDirectory, type HostEntry, readHostDirectory } from '../host/host-directory.ts';
import { HostInode, HostRegular, HostSymlink } from '../host/host-inode.ts';
import type { MemoryFileSystem } from '../tmpfs/memory-fs.ts';
import { TmpDirectory, TmpDirectoryFile } from '../tmpfs/tmp-directory.ts';
import type { TmpInode } from '../tmpfs/tmp-inode.ts';
import { copyAttributes, LowerPlace, OverlayRegular, OverlaySpecial, OverlaySymlink } from './overlay-inode.ts';

const scratch = new Stat();
/** What a whiteout costs of the quota, for a guest that removes everything. */
const WHITEOUT_COST = 256;

export class OverlayDirectory extends TmpDirectory {
  #lower: HostDirectory | null;
  /** Where it is copied up to; null once it is in the upper layer, or for the root. */
  #place: LowerPlace | null;
  /** Names of the lower directory that are hidden. */
  readonly #whiteouts = new Set<string>();
  /** Inodes of lower names that the name cache holds: the same name must give the same inode. */
  readonly #handedOut = new NameMap<TmpInode>();

  constructor(
    fs: MemoryFileSystem,
    place: LowerPlace | null,
    lower: HostDirectory | null,
    stat: Stat,
    mode: number,
    uid: number,
    gid: number,
  ) {
    super(fs, place?.directory ?? null, mode, uid, gid, lower?.ino);
    this.#lower = lower;
    this.#place = place;
    if (lower === null) return;
    this.isCharged = place === null;
    this.nlink = Math.max(2, stat.nlink);
    copyAttributes(this, stat);
  }

  /** A block, as on the disk file systems that images are made for. */
  override get size(): number {
    return 4096;
  }

  override prepareChange(): number {
    const place = this.#place;
    if (place === null) return 0;
    const failed = place.copyUp(this);
    if (failed >= 0) this.#place = null;
    return failed;
  }

  override lookup(name: string): Inode | number {
    return this.own(name);
  }

  protected override own(name: string): TmpInode | number {
    const upper = this.entries.get(name);
    if (upper !== undefined) return upper;
    const lower = this.#lower;
    if (lower === null || this.#whiteouts.has(name)) return -ENOENT;
    const known = this.#handedOut.get(name);
    if (known !== undefined) return known;
    const found = lower.lookup(name);
    if (typeof found === 'number') return found;
    const inode = this.#wrap(name, found);
    if (typeof inode !== 'number') this.#handedOut.set(name, inode);
    return inode;
  }

  override forgetChild(name: string): void {
    this.#handedOut.delete(name);
  }

  #wrap(name: string, found: Inode): TmpInode | number {
    if (!(found instanceof HostInode)) return -EIO;
    const failed = found.stat(scratch);
    if (failed < 0) return failed;
    const { fs } = this;
    const place = new LowerPlace(this, name);
    if (found instanceof HostDirectory) {
      return new OverlayDirectory(fs, place, found, scratch, scratch.mode, scratch.uid, scratch.gid);
    }
    if (found instanceof HostRegular) return new OverlayRegular(fs, place, found, scratch);
    if (!(found instanceof HostSymlink)) return new OverlaySpecial(fs, place, found, scratch);
    const target = found.readlink();
    return typeof target === 'number' ? target : new OverlaySymlink(fs, place, target, found, scratch);
  }

  protected override hasName(name: string): boolean {
    if (this.entries.has(name)) return true;
    if (this.#lower === null || this.#whiteouts.has(name)) return false;
    return typeof this.#lower.lookup(name) !== 'number';
  }

  override remove(name: string): void {
    super.remove(name);
    this.#handedOut.delete(name);
    this.#hide(name);
  }

  override insert(name: string, inode: TmpInode): void {
    super.insert(name, inode);
    this.#handedOut.delete(name);
    // What comes back under the name later must not be the lower's.
    this.#hide(name);
  }

  #hide(name: string): void {
    if (this.#lower === null || this.#whiteouts.has(name)) return;
    if (typeof this.#lower.lookup(name) === 'number') return;
    this.#whiteouts.add(name);
    this.fs.quota.bytes += WHITEOUT_COST;
  }

  protected override prepareAdd(name: string): number {
    if (this.fs.quota.bytes >= this.fs.quota.maxBytes) return -ENOSPC;
    return super.prepareAdd(name);
  }

  protected override makeDirectory(mode: number, uid: number, gid: number): TmpDirectory {
    const directory = new OverlayDirectory(this.fs, null, null, scratch, mode, uid, gid);
    directory.parent = this;
    return directory;
  }

  override get isEmpty(): boolean {
    if (this.entries.size > 0) return false;
    const lower = this.#visibleLower();
    return typeof lower === 'number' ? false : lower.length === 0;
  }

  /** Entries of the lower directory that are not hidden, without "." and "..". */
  #visibleLower(): HostEntry[] | number {
    const lower = this.#lower;
    if (lower === null) return [];
    const fd = lower.openListing();
    if (fd < 0) return fd;
    const all = readHostDirectory(lower.fs, fd);
    lower.fs.files.close(fd);
    if (typeof all === 'number') return all;
    return all.filter(({ name }) => name !== '.' && name !== '..' && !this.#whiteouts.has(name));
  }

  /** The merged listing, taken when an open directory is read from its start. */
  snapshot(): HostEntry[] | number {
    const lower = this.#visibleLower();
    if (typeof lower === 'number') return lower;
    const merged: HostEntry[] = [
      { name: '.', ino: this.ino, dtype: DT_DIR },
      { name: '..', ino: this.parent?.ino ?? this.ino, dtype: DT_DIR },
    ];
    for (const [name, { inode }] of this.entries) {
      merged.push({ name, ino: inode.ino, dtype: dtypeOfMode(inode.mode) });
    }
    for (const entry of lower) if (!this.entries.has(entry.name)) merged.push(entry);
    return merged;
  }

  override open(path: Path, flags: number, _creds: Credentials): File | number {
    return new OverlayDirectoryFile(path, flags, this);
  }
}

/** An open directory; entries that come or go while it is read cannot make others appear twice or be skipped. */
class OverlayDirectoryFile extends TmpDirectoryFile {
  readonly #merged: OverlayDirectory;
  #entries: HostEntry[] | null = null;

  constructor(path: Path, flags: number, directory: OverlayDirectory) {
    super(path, flags, directory);
    this.#merged = directory;
  }

  override readdir(offset: number, emit: DirEmit): number {
    if (this.#merged.nlink === 0) return -ENOENT;
    if (offset === 0 || this.#entries === null) {
      const found = this.#merged.snapshot();
      if (typeof found === 'number') return found;
      this.#entries = found;
    }
    for (let i = offset; i < this.#entries.length; i++) {
      const { name, ino, dtype } = this.#entries[i];
      if (!emit(name, ino, dtype, i + 1)) return 0;
    }
    return 0;
  }
}

/** Directories of the host. */
import { EINVAL, EIO, EISDIR, ENOENT, ENXIO, EROFS, EXDEV } from '../../abi/errno.ts';
import { AT_REMOVEDIR, O_CREAT, O_DIRECTORY, O_EXCL, O_RDWR, SEEK_CUR, SEEK_SET } from '../../abi/fcntl.ts';
import { POLL_ALWAYS } from '../../abi/poll.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../abi/stat.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { File } from '../../vfs/file.ts';
import { type DirEmit, type Inode, Stat } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import type { HostFs } from './host-fs.ts';
import { HostInode, HostRegular, HostSpecial, HostSymlink } from './host-inode.ts';

const scratch = new Stat();
const entries = Buffer.alloc(32768);
/** A directory is watched from this many lookups on: most are visited once. */
const WATCHED_AFTER = 16;

export class HostDirectory extends HostInode {
  #fd = -1;

  /** The watch that keeps `#current` true; -1 for none. */
  #watch = -1;
  /** Names whose last lookup is still true, while watched. */
  readonly #current = new Set<string>();
  /** Lookups while not watched. */
  #lookups = 0;

  override isCurrent(name: string): boolean {
    const { watches } = this.fs;
    if (this.#watch < 0 || watches === null) return false;
    watches.refresh();
    return this.#current.has(name);
  }

  /** Something has happened to a name. */
  onChanged(name: string): void {
    this.#current.delete(name);
  }

  forgetNames(): void {
    this.#current.clear();
  }

  onUnwatched(): void {
    this.#watch = -1;
    this.#lookups = 0;
    this.#current.clear();
  }

  override forgetChild(name: string): void {
    this.#current.delete(name);
    // The last name that anybody knows of: the watch is better spent on others.
    if (this.#watch >= 0 && this.#current.size === 0) this.fs.watches?.remove(this.#watch);
  }

  /** An O_PATH descriptor, kept until others need its place; -errno when it is gone. */
  pathFd(): number {
    if (this.#fd >= 0) {
      this.fs.noteUse(this);
      return this.#fd;
    }
    const { parent, fs } = this;
    if (parent === null) return fs.rootFd;
    const dirFd = parent.pathFd();
    if (dirFd < 0) return dirFd;
    const fd = fs.files.openDirectory(dirFd, this.name);
    if (fd < 0) return fd;
    this.#fd = fd;
    fs.noteOpen(this);
    return fd;
  }

  closeFd(): void {
    if (this.#fd >= 0) this.fs.files.close(this.#fd);
    this.#fd = -1;
  }

  override lookup(name: string): Inode | number {
    const result = this.#statName(name);
    return result < 0 ? result : makeInode(this.fs, this, name, scratch);
  }

  override lookupAgain(name: string, known: Inode): Inode | number {
    const result = this.#statName(name);
    if (result < 0) return result;
    const isSame = known instanceof HostInode && known.parent === this && known.name === name && known.isStill(scratch);
    return isSame ? known : makeInode(this.fs, this, name, scratch);
  }

  /** What the host says of a name now: 0 or -errno, the rest in `scratch`. */
  #statName(name: string): number {
    const { fs } = this;
    const result = fs.retried(() => {
      const dirFd = this.pathFd();
      if (dirFd < 0) return dirFd;
      // Before the question: what changes from then on has its event in the queue.
      if (this.#watch < 0) this.#considerWatching(dirFd);
      return fs.files.statName(dirFd, name, scratch);
    });
    if (this.#watch >= 0 && (result === 0 || result === -ENOENT)) this.#current.add(name);
    return result;
  }

  /** A directory that is asked for names again and again is worth a watch, where its file system can be trusted to tell. */
  #considerWatching(dirFd: number): void {
    const { watches } = this.fs;
    this.#lookups += 1;
    if (watches === null || this.#lookups !== WATCHED_AFTER || !this.fs.isLocal(dirFd)) return;
    this.#watch = Math.max(watches.add(this, dirFd), -1);
  }

  override open(path: Path, flags: number, _creds: Credentials): File | number {
    const fd = this.openListing();
    return fd < 0 ? fd : new HostDirectoryFile(path, flags, this, fd);
  }

  /** A descriptor to list it with; the caller closes it. */
  openListing(): number {
    return this.fs.retried(() => {
      const dirFd = this.pathFd();
      return dirFd < 0 ? dirFd : this.fs.files.open(dirFd, '.', O_DIRECTORY, 0);
    });
  }

  /** Does something to a name here and looks the result up. */
  #made(name: string, uid: number, gid: number, make: (dirFd: number) => number): Inode | number {
    if (!this.fs.isWritable) return -EROFS;
    const dirFd = this.pathFd();
    if (dirFd < 0) return dirFd;
    const result = make(dirFd);
    if (result < 0) return result;
    // Fails where the host user may not give files away; then they stay the host user's.
    this.fs.files.chown(dirFd, name, uid, gid);
    return this.lookup(name);
  }

  override mknod(name: string, mode: number, _rdev: number, uid: number, gid: number): Inode | number {
    if ((mode & S_IFMT) !== S_IFREG) return -ENXIO;
    const { files } = this.fs;
    return this.#made(name, uid, gid, (dirFd) => {
      const fd = files.open(dirFd, name, O_CREAT | O_EXCL | O_RDWR, mode & 0o7777);
      if (fd < 0) return fd;
      files.close(fd);
      return 0;
    });
  }

  override mkdir(name: string, mode: number, uid: number, gid: number): Inode | number {
    return this.#made(name, uid, gid, (dirFd) => this.fs.files.mkdir(dirFd, name, mode & 0o7777));
  }

  override symlink(name: string, target: string, uid: number, gid: number): Inode | number {
    return this.#made(name, uid, gid, (dirFd) => this.fs.files.symlink(dirFd, name, target));
  }

  override link(name: string, target: Inode): number {
    if (!(target instanceof HostInode) || target.fs !== this.fs || target.parent === null) return -EXDEV;
    const from = target.parent.pathFd();
    if (from < 0) return from;
    return this.#here((dirFd) => this.fs.files.link(from, target.name, dirFd, name));
  }

  #here(operation: (dirFd: number) => number): number {
    if (!this.fs.isWritable) return -EROFS;
    const dirFd = this.pathFd();
    return dirFd < 0 ? dirFd : operation(dirFd);
  }

  override unlink(name: string): number {
    return this.#here((dirFd) => this.fs.files.unlink(dirFd, name, 0));
  }

  override rmdir(name: string): number {
    return this.#here((dirFd) => this.fs.files.unlink(dirFd, name, AT_REMOVEDIR));
  }

  override rename(name: string, newDir: Inode, newName: string, flags: number): number {
    if (!(newDir instanceof HostDirectory) || newDir.fs !== this.fs) return -EXDEV;
    const to = newDir.pathFd();
    if (to < 0) return to;
    return this.#here((dirFd) => this.fs.files.rename(dirFd, name, to, newName, flags));
  }
}

function makeInode(fs: HostFs, parent: HostDirectory, name: string, stat: Stat): HostInode {
  const type = stat.mode & S_IFMT;
  if (type === S_IFDIR) return new HostDirectory(fs, parent, name, stat);
  if (type === S_IFREG) return new HostRegular(fs, parent, name, stat);
  if (type === S_IFLNK) return new HostSymlink(fs, parent, name, stat);
  return new HostSpecial(fs, parent, name, stat);
}

export interface HostEntry {
  readonly name: string;
  readonly ino: number;
  readonly dtype: number;
}

/** All entries of a host directory, "." and ".." too, or -errno. The host's own offsets do not fit a JS number. */
export function readHostDirectory(fs: HostFs, fd: number): HostEntry[] | number {
  const failed = fs.files.seek(fd, 0, SEEK_SET) || fs.files.statFd(fd, scratch);
  if (failed < 0) return failed;
  const hostDev = scratch.dev;
  const found: HostEntry[] = [];
  for (;;) {
    const length = fs.files.getdents(fd, entries);
    if (length < 0) return length;
    if (length === 0) return found;
    for (let at = 0; at < length; ) {
      const recordLength = entries.readUInt16LE(at + 16);
      if (recordLength < 20) return -EIO;
      const hostIno = entries.readUInt32LE(at) + entries.readUInt32LE(at + 4) * 2 ** 32;
      const name = entries.toString('latin1', at + 19, entries.indexOf(0, at + 19));
      found.push({ name, ino: fs.inoOf(hostDev, hostIno), dtype: entries[at + 18] ?? 0 });
      at += recordLength;
    }
  }
}

class HostDirectoryFile extends File {
  readonly #directory: HostDirectory;
  readonly #fd: number;
  #entries: HostEntry[] | null = null;

  constructor(path: Path, flags: number, directory: HostDirectory, fd: number) {
    super(path, flags);
    this.#directory = directory;
    this.#fd = fd;
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
    // Taken when reading starts, so entries that come or go meanwhile cannot make others appear twice or be skipped.
    if (offset === 0 || this.#entries === null) {
      const found = readHostDirectory(this.#directory.fs, this.#fd);
      if (typeof found === 'number') return found;
      this.#entries = found;
    }
    for (let i = offset; i < this.#entries.length; i++) {
      const { name, ino, dtype } = this.#entries[i];
      if (!emit(name, ino, dtype, i + 1)) return 0;
    }
    return 0;
  }
  override seek(offset: number, whence: number): number {
    const target = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.position + offset : -1;
    return target >= 0 && Number.isSafeInteger(target) ? target : -EINVAL;
  }
  override fsync(): number {
    return 0;
  }
  override release(): void {
    this.#directory.fs.files.close(this.#fd);
  }
}

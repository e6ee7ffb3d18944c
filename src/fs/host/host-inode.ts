/**
 * Inodes of the host file system. An inode knows its directory and its name there, which is how it is reached; no descriptor
 * is kept for it except while it is open.
 */
import { EACCES, EIO, ELOOP, ENXIO, EOPNOTSUPP, EROFS } from '../../abi/errno.ts';
import { O_ACCMODE, O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR } from '../../abi/fcntl.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../abi/stat.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { UNMAPPED } from '../../kernel/id-maps.ts';
import type { File } from '../../vfs/file.ts';
import { Inode, type SetAttributes, type Stat } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import type { HostDirectory } from './host-directory.ts';
import { HostFile } from './host-file.ts';
import type { HostFs } from './host-fs.ts';

/** What whoever is nobody inside is shown as (/proc/sys/fs/overflowuid). */
const OVERFLOW_ID = 65534;

/** Gives owners without a mapping their name; whether there are any. */
function nameForeigners(stat: Stat): boolean {
  const isForeign = stat.uid === UNMAPPED || stat.gid === UNMAPPED;
  if (stat.uid === UNMAPPED) stat.uid = OVERFLOW_ID;
  if (stat.gid === UNMAPPED) stat.gid = OVERFLOW_ID;
  return isForeign;
}

export abstract class HostInode extends Inode {
  readonly fs: HostFs;
  readonly ino: number;
  /** null for the root, which is reached by the file system's descriptor. */
  parent: HostDirectory | null;
  name: string;
  #mode: number;
  #hasForeignOwner: boolean;

  constructor(fs: HostFs, parent: HostDirectory | null, name: string, stat: Stat) {
    super();
    this.fs = fs;
    this.parent = parent;
    this.name = name;
    this.ino = fs.inoOf(stat.dev, stat.ino);
    this.#mode = stat.mode;
    this.#hasForeignOwner = nameForeigners(stat);
  }

  override get mode(): number {
    return this.#mode;
  }

  override get hasForeignOwner(): boolean {
    return this.#hasForeignOwner;
  }

  /** What the host says now. */
  override stat(out: Stat): number {
    const result = this.rawStat(out);
    if (result < 0) return result;
    this.#mode = out.mode;
    this.#hasForeignOwner = nameForeigners(out);
    out.dev = this.fs.dev;
    out.ino = this.ino;
    return 0;
  }

  /** Whether what the host tells of its name is still it; its mode and whose it is are brought up to date then. */
  isStill(stat: Stat): boolean {
    if (this.fs.inoOf(stat.dev, stat.ino) !== this.ino || (stat.mode & S_IFMT) !== (this.#mode & S_IFMT)) return false;
    this.#mode = stat.mode;
    this.#hasForeignOwner = nameForeigners(stat);
    return true;
  }

  override movedTo(directory: Inode, name: string): void {
    if (!(directory instanceof HostInode) || !directory.isDirectory()) return;
    this.parent = directory;
    this.name = name;
  }

  isDirectory(): this is HostDirectory {
    return (this.#mode & S_IFMT) === S_IFDIR;
  }

  protected rawStat(out: Stat): number {
    const { parent } = this;
    if (parent === null) return this.fs.files.statFd(this.fs.rootFd, out);
    const dirFd = parent.pathFd();
    return dirFd < 0 ? dirFd : this.fs.files.statName(dirFd, this.name, out);
  }

  /** Calls `operation` with the directory's descriptor and the name. */
  protected at(operation: (dirFd: number, name: string) => number): number {
    if (!this.fs.isWritable) return -EROFS;
    const { parent } = this;
    if (parent === null) return operation(this.fs.rootFd, '.');
    const dirFd = parent.pathFd();
    return dirFd < 0 ? dirFd : operation(dirFd, this.name);
  }

  override setattr(attributes: SetAttributes): number {
    const { files } = this.fs;
    const { mode, uid, gid, size, atime, mtime } = attributes;
    if (size !== undefined) {
      const result = this.setSize(size);
      if (result < 0) return result;
    }
    if (uid !== undefined || gid !== undefined) {
      const result = this.at((dirFd, name) => files.chown(dirFd, name, uid ?? -1, gid ?? -1));
      if (result < 0) return result;
    }
    if (mode !== undefined) {
      if ((this.#mode & S_IFMT) === S_IFLNK) return -EOPNOTSUPP;
      const result = this.at((dirFd, name) => files.chmod(dirFd, name, mode & 0o7777));
      if (result < 0) return result;
      this.#mode = (this.#mode & S_IFMT) | (mode & 0o7777);
    }
    if (atime === undefined && mtime === undefined) return 0;
    return this.at((dirFd, name) => files.setTimes(dirFd, name, atime ?? null, mtime ?? null));
  }

  protected setSize(_size: number): number {
    return 0;
  }
}

export class HostRegular extends HostInode {
  /** Open files share descriptors: one to read and, once needed, one to write as well. */
  #readFd = -1;
  #writeFd = -1;
  #users = 0;

  /** A descriptor opened as `flags` wants, counted: 0 or -errno. `release` undoes it. */
  acquire(flags: number): number {
    const isWriter = (flags & O_ACCMODE) !== O_RDONLY;
    if (isWriter && !this.fs.isWritable) return -EROFS;
    if (isWriter ? this.#writeFd < 0 : this.#readFd < 0 && this.#writeFd < 0) {
      const fd = this.#openFd(isWriter ? O_RDWR : O_RDONLY);
      if (fd < 0) return fd;
      if (isWriter) this.#writeFd = fd;
      else this.#readFd = fd;
    }
    this.#users += 1;
    return 0;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    if (this.#readFd >= 0) this.fs.files.close(this.#readFd);
    if (this.#writeFd >= 0) this.fs.files.close(this.#writeFd);
    this.#readFd = -1;
    this.#writeFd = -1;
  }

  /** For reading and mapping, while acquired. */
  get readFd(): number {
    return this.#readFd >= 0 ? this.#readFd : this.#writeFd;
  }

  get writeFd(): number {
    return this.#writeFd;
  }

  #openFd(flags: number): number {
    const { parent, fs } = this;
    // A mounted file is its own root; it is opened by its empty name through the directory the runtime gave.
    if (parent === null) return -EACCES;
    return fs.retried(() => {
      const dirFd = parent.pathFd();
      return dirFd < 0 ? dirFd : fs.files.open(dirFd, this.name, flags, 0);
    });
  }

  protected override rawStat(out: Stat): number {
    const fd = this.readFd;
    return fd >= 0 ? this.fs.files.statFd(fd, out) : super.rawStat(out);
  }

  override open(path: Path, flags: number, _creds: Credentials): File | number {
    if ((this.mode & S_IFMT) !== S_IFREG) return -ENXIO;
    const failed = this.acquire(flags);
    return failed < 0 ? failed : new HostFile(path, flags & ~(O_CREAT | O_DIRECTORY), this);
  }

  protected override setSize(size: number): number {
    const failed = this.acquire(O_RDWR);
    if (failed < 0) return failed;
    const result = this.fs.files.truncate(this.#writeFd, size);
    this.release();
    return result;
  }

  append(src: Uint8Array, at: number, length: number, scratch: Stat): number {
    const failed = this.fs.files.statFd(this.#writeFd, scratch);
    return failed < 0 ? failed : this.fs.files.pwrite(this.#writeFd, src, at, length, scratch.size);
  }
}

export class HostSymlink extends HostInode {
  override readlink(): string | number {
    const dirFd = this.parent?.pathFd() ?? -EIO;
    return dirFd < 0 ? dirFd : this.fs.files.readlink(dirFd, this.name);
  }

  override open(): number {
    return -ELOOP;
  }
}

/** Devices, FIFOs and sockets of the host are seen, but nothing behind them is reached. */
export class HostSpecial extends HostInode {
  override open(): number {
    return -ENXIO;
  }
}

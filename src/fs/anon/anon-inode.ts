/**
 * Inodes of what has no place in any directory: pipes, sockets, eventfds, epolls, timers, signalfds (Linux: anon_inodefs,
 * pipefs, sockfs).
 */
import { ENXIO } from '../../abi/errno.ts';
import { ANON_INODE_FS_MAGIC, NSFS_MAGIC, PIPEFS_MAGIC, S_IFMT, S_IFSOCK, SOCKFS_MAGIC } from '../../abi/stat.ts';
import { Dentry } from '../../vfs/dentry.ts';
import { allocateDev } from '../../vfs/device-number.ts';
import type { File } from '../../vfs/file.ts';
import { type FileSystem, Inode, type SetAttributes, type Stat, type StatFs } from '../../vfs/inode.ts';
import { createMount, type Mount } from '../../vfs/mount.ts';
import type { Path } from '../../vfs/path.ts';

class AnonFileSystem implements FileSystem {
  readonly typeName: string;
  readonly #magic: number;
  readonly dev = allocateDev();
  readonly root: Inode = new AnonInode(this, 1, 0o600);

  constructor(typeName: string, magic: number) {
    this.typeName = typeName;
    this.#magic = magic;
  }

  statfs(): StatFs {
    return {
      type: this.#magic,
      blockSize: 4096,
      blocks: 0,
      blocksFree: 0,
      files: 0,
      filesFree: 0,
      nameMax: 255,
    };
  }
}

export class AnonInode extends Inode {
  readonly fs: FileSystem;
  readonly ino: number;
  #mode: number;
  uid = 0;
  gid = 0;

  constructor(fs: FileSystem, ino: number, mode: number) {
    super();
    this.fs = fs;
    this.ino = ino;
    this.#mode = mode;
  }

  override get mode(): number {
    return this.#mode;
  }

  override stat(out: Stat): number {
    out.dev = this.fs.dev;
    out.ino = this.ino;
    out.mode = this.#mode;
    out.nlink = 1;
    out.uid = this.uid;
    out.gid = this.gid;
    out.rdev = 0;
    out.size = 0;
    out.blksize = 4096;
    out.blocks = 0;
    out.atimeSec = out.mtimeSec = out.ctimeSec = out.btimeSec = 0;
    out.atimeNsec = out.mtimeNsec = out.ctimeNsec = out.btimeNsec = 0;
    return 0;
  }

  /** By a link in /proc/PID/fd: only pipes can, and those have an inode of their own (fs/pipe/pipe-inode.ts). */
  override open(_path: Path, _flags: number): File | number {
    return -ENXIO;
  }

  override setattr(attributes: SetAttributes): number {
    if (attributes.mode !== undefined) this.#mode = (this.#mode & S_IFMT) | (attributes.mode & 0o7777);
    if (attributes.uid !== undefined) this.uid = attributes.uid;
    if (attributes.gid !== undefined) this.gid = attributes.gid;
    return 0;
  }
}

export const anonFileSystem: FileSystem = new AnonFileSystem('anon_inodefs', ANON_INODE_FS_MAGIC);
export const pipeFileSystem: FileSystem = new AnonFileSystem('pipefs', PIPEFS_MAGIC);
export const namespaceFileSystem: FileSystem = new AnonFileSystem('nsfs', NSFS_MAGIC);
const socketFileSystem: FileSystem = new AnonFileSystem('sockfs', SOCKFS_MAGIC);

const mount: Mount = createMount(anonFileSystem);
let nextIno = 2;

/** An inode number for an anonymous inode of another class. */
export function allocateAnonIno(): number {
  return nextIno++;
}

/** A path for an inode that is in no directory, `name` as the links in /proc/PID/fd show it. */
export function anonPathOf(inode: Inode, name: string): Path {
  return { mount, dentry: new Dentry(name, null, inode) };
}

/**
 * A path to a fresh anonymous inode (`Kernel.anonPath`). "socket" shows as "socket:[5]"; any other name, "[eventfd]", as
 * "anon_inode:[eventfd]".
 */
export function anonInodePath(name: string): Path {
  const ino = allocateAnonIno();
  if (name !== 'socket') return anonPathOf(new AnonInode(anonFileSystem, ino, 0o600), `anon_inode:${name}`);
  return anonPathOf(new AnonInode(socketFileSystem, ino, S_IFSOCK | 0o777), `socket:[${ino}]`);
}

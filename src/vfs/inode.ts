/**
 * The file system contract: what every file system gives the VFS (Linux: struct inode, inode_operations).
 *
 * Conventions of all of src/vfs and src/fs:
 * - Names and paths are binary strings (one char per byte).
 * - An operation that can fail gives a negative errno where its result is a number, and `T | number` otherwise.
 * - Nothing here blocks: an operation that would gives -EAGAIN and the caller sleeps on the file's queue.
 * - Permission checks against credentials are the VFS's business, done before an inode operation is called.
 */
import { EINVAL, ENOENT, ENOTDIR, EOPNOTSUPP, EPERM, EROFS } from '../abi/errno.ts';
import type { Credentials } from '../kernel/credentials.ts';
import type { File } from './file.ts';
import type { HandleTable } from './file-handle.ts';
import type { Leases } from './leases.ts';
import type { Mark } from './notify.ts';
import type { Path } from './path.ts';

/** What stat(2) tells; times as seconds and nanoseconds so that nothing is rounded. One is reused per caller. */
export class Stat {
  dev = 0;
  ino = 0;
  /** Type and permission bits, S_IF* | 07777. */
  mode = 0;
  nlink = 1;
  uid = 0;
  gid = 0;
  /** Device number of a device node, in the kernel's new_encode_dev form as stat(2) shows it. */
  rdev = 0;
  size = 0;
  blksize = 4096;
  /** 512-byte units. */
  blocks = 0;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
  /** Creation time; zero when the file system does not know. */
  btimeSec = 0;
  btimeNsec = 0;
}

/** Attributes to change (Linux: struct iattr). Absent fields stay as they are. */
export interface SetAttributes {
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  atime?: { sec: number; nsec: number };
  mtime?: { sec: number; nsec: number };
}

/** Numbers of statfs(2). */
export interface StatFs {
  type: number;
  blockSize: number;
  blocks: number;
  blocksFree: number;
  files: number;
  filesFree: number;
  nameMax: number;
}

export interface FileSystem {
  /** As in /proc/mounts: "tmpfs", "proc", "overlay". */
  readonly typeName: string;
  readonly root: Inode;
  /** st_dev of its inodes. */
  readonly dev: number;
  /** Options of its own in /proc/mounts, with a leading comma: ",size=1024k". */
  readonly options?: string;
  /** Finds inodes by handles; absent when it cannot. */
  readonly handles?: HandleTable;
  statfs(): StatFs | number;
}

/** Called for each entry; false when the buffer is full and the entry must be repeated next time. */
export type DirEmit = (name: string, ino: number, dtype: number, nextOffset: number) => boolean;

export abstract class Inode {
  /** Who wants to know what happens to it; null for nobody. */
  marks: Set<Mark> | null = null;
  /** Open files that may write to it: exec(2) refuses it then (ETXTBSY). */
  writers = 0;
  /** Open files that only read it. */
  readers = 0;
  /** It never had a name and may get one (O_TMPFILE without O_EXCL). */
  isLinkable = false;
  /** null for none. */
  leases: Leases | null = null;
  /** Address spaces that run it: nobody may open it for writing then (ETXTBSY). */
  executions = 0;
  abstract readonly fs: FileSystem;
  abstract readonly ino: number;
  /** S_IF* | permission bits, current. */
  abstract get mode(): number;

  /** Whether its owner or group is nobody inside: capabilities give no power over it (Linux: privileged_wrt_inode_uidgid). */
  get hasForeignOwner(): boolean {
    return false;
  }

  /** Fills `out`; 0 or -errno. */
  abstract stat(out: Stat): number;

  /** Opens it: the File has refs = 1. `path` is where it was found; `flags` are O_*. */
  abstract open(path: Path, flags: number, creds: Credentials): File | number;

  /** Directories: the inode of `name` (never "." or ".."), or -ENOENT. */
  lookup(_name: string): Inode | number {
    return -ENOTDIR;
  }
  /** Looks up a name again that was `known` the last time: gives that inode again when it still is the one, so that what it holds stays. */
  lookupAgain(name: string, _known: Inode): Inode | number {
    return this.lookup(name);
  }
  /** Whether what `lookup` last said of the name is still true, so that the name cache may answer. */
  isCurrent(_name: string): boolean {
    return true;
  }
  /** A regular file, FIFO, socket or device node; `mode` has the type. */
  mknod(_name: string, _mode: number, _rdev: number, _uid: number, _gid: number): Inode | number {
    return -EROFS;
  }
  mkdir(_name: string, _mode: number, _uid: number, _gid: number): Inode | number {
    return -EROFS;
  }
  symlink(_name: string, _target: string, _uid: number, _gid: number): Inode | number {
    return -EROFS;
  }
  /** A regular file without a name (O_TMPFILE); `link` may give it one. */
  tmpfile(_mode: number, _uid: number, _gid: number): Inode | number {
    return -EOPNOTSUPP;
  }
  link(_name: string, _target: Inode): number {
    return -EROFS;
  }
  unlink(_name: string): number {
    return -EROFS;
  }
  rmdir(_name: string): number {
    return -EROFS;
  }
  /** Moves `name` of this directory to `newName` in `newDir` of the same file system; `flags` are RENAME_*. */
  rename(_name: string, _newDir: Inode, _newName: string, _flags: number): number {
    return -EROFS;
  }
  /** The name cache has dropped a name of this directory: nobody refers to the inode that `lookup` gave for it any more. */
  forgetChild(_name: string): void {}
  /** After a rename that the VFS made: where it is now. */
  movedTo(_directory: Inode, _name: string): void {}
  /** Target of a symbolic link. */
  readlink(): string | number {
    return -EINVAL;
  }
  /** A magic link (/proc/self/fd/N, /proc/self/exe) jumps to a path without walking its text. */
  followMagic(_creds: Credentials): Path | number | null {
    return null;
  }
  setattr(_attributes: SetAttributes): number {
    return -EPERM;
  }
  getxattr(_name: string): Uint8Array | number {
    return -EOPNOTSUPP;
  }
  setxattr(_name: string, _value: Uint8Array, _flags: number): number {
    return -EOPNOTSUPP;
  }
  listxattr(): string[] | number {
    return -EOPNOTSUPP;
  }
  removexattr(_name: string): number {
    return -EOPNOTSUPP;
  }
}

class NegativeInode extends Inode {
  override readonly ino = 0;

  override get fs(): FileSystem {
    return noFileSystem;
  }
  override get mode(): number {
    return 0;
  }
  override stat(): number {
    return -ENOENT;
  }
  override open(): number {
    return -ENOENT;
  }
}

/** Stands in a dentry for "this name does not exist". */
export const NO_INODE: Inode = new NegativeInode();

const noFileSystem: FileSystem = { typeName: 'none', root: NO_INODE, dev: 0, statfs: () => -ENOENT };

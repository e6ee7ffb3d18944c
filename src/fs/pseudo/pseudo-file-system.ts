/**
 * What proc, sysfs and other file systems made of code share (Linux: fs/libfs.c, kernfs): a tree that is described by
 * nodes and turned into inodes as it is looked up.
 *
 * Inode numbers derive from the parent's number and the name, so that a node looked up twice is the same file for
 * programs that compare st_ino, without a table that grows with every process that ever lived.
 */
import type { FileSystem, Inode, StatFs } from '../../vfs/inode.ts';

export const S_IFMT = 0o170000;
export const S_IFIFO = 0o010000;
export const S_IFCHR = 0o020000;
export const S_IFDIR = 0o040000;
export const S_IFBLK = 0o060000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFSOCK = 0o140000;

export const DT_CHR = 2;
export const DT_DIR = 4;
export const DT_REG = 8;
export const DT_LNK = 10;

/** Who the files of a subtree belong to; looked up at each stat, since a process can change its ids. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
  /** They describe something that is no more; who has them open finds nothing. */
  readonly isGone: boolean;
}

export const ROOT_OWNER: Owner = { uid: 0, gid: 0, isGone: false };

/** Where an inode is made. */
export interface Place {
  readonly fs: PseudoFileSystem;
  readonly ino: number;
  readonly parentIno: number;
  readonly owner: Owner;
}

/** A description of an inode: built when a path walk gets there. */
export interface Node {
  /** DT_*, for getdents(2) without building it. */
  readonly dtype: number;
  build(place: Place): Inode;
}

/** FNV-1a over the parent's number and the name, in 2^32 .. 2^33, where no small fixed number can be. */
export function derivedIno(parentIno: number, name: string): number {
  let hash = 0x811c9dc5 ^ (parentIno | 0);
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return (Math.imul(hash, 0x2c1b3c6d) >>> 0) + 0x1_0000_0000;
}

export interface PseudoOptions {
  typeName: string;
  /** statfs(2) f_type, linux/magic.h. */
  magic: number;
  dev: number;
  /** All times of its inodes: seconds since 1970 at boot. */
  bootTimeSec: number;
  root: Node;
}

export class PseudoFileSystem implements FileSystem {
  readonly typeName: string;
  readonly dev: number;
  readonly bootTimeSec: number;
  readonly root: Inode;
  readonly #magic: number;

  constructor(options: PseudoOptions) {
    this.typeName = options.typeName;
    this.dev = options.dev;
    this.bootTimeSec = options.bootTimeSec;
    this.#magic = options.magic;
    this.root = options.root.build({ fs: this, ino: 1, parentIno: 1, owner: ROOT_OWNER });
  }

  statfs(): StatFs {
    return { type: this.#magic, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
  }
}

/** What all inodes of a pseudo file system have in common, and symbolic links, plain and magic. */
import { ELOOP, EPERM } from '../../abi/errno.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import type { File } from '../../vfs/file.ts';
import { Inode, type SetAttributes, type Stat } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { DT_LNK, type Node, type Owner, type Place, type PseudoFileSystem, S_IFLNK } from './pseudo-file-system.ts';

export abstract class PseudoInode extends Inode {
  readonly fs: PseudoFileSystem;
  readonly ino: number;
  readonly parentIno: number;
  readonly owner: Owner;
  readonly #mode: number;

  constructor(place: Place, mode: number) {
    super();
    this.fs = place.fs;
    this.ino = place.ino;
    this.parentIno = place.parentIno;
    this.owner = place.owner;
    this.#mode = mode;
  }

  override get mode(): number {
    return this.#mode;
  }

  override stat(out: Stat): number {
    out.dev = this.fs.dev;
    out.ino = this.ino;
    out.mode = this.mode;
    out.nlink = this.linkCount;
    out.uid = this.owner.uid;
    out.gid = this.owner.gid;
    out.rdev = 0;
    out.size = this.size;
    out.blksize = 4096;
    out.blocks = 0;
    out.atimeSec = out.mtimeSec = out.ctimeSec = this.fs.bootTimeSec;
    out.atimeNsec = out.mtimeNsec = out.ctimeNsec = 0;
    out.btimeSec = out.btimeNsec = 0;
    return 0;
  }

  get linkCount(): number {
    return 1;
  }

  get size(): number {
    return 0;
  }

  /** proc_setattr and kernfs refuse a new mode; a truncation or new times (open with O_TRUNC, touch) change nothing. */
  override setattr(attributes: SetAttributes): number {
    const isOwnershipChange =
      attributes.mode !== undefined || attributes.uid !== undefined || attributes.gid !== undefined;
    return isOwnershipChange ? -EPERM : 0;
  }
}

export class PseudoLink extends PseudoInode {
  readonly #target: () => string | number;
  readonly #follow: ((creds: Credentials) => Path | number | null) | null;

  constructor(
    place: Place,
    target: () => string | number,
    follow: ((creds: Credentials) => Path | number | null) | null,
    permissions: number,
  ) {
    super(place, S_IFLNK | permissions);
    this.#target = target;
    this.#follow = follow;
  }

  override isCurrent(): boolean {
    return this.#follow === null;
  }

  override get size(): number {
    return this.#follow === null ? 0 : 64;
  }

  override readlink(): string | number {
    return this.#target();
  }

  override followMagic(creds: Credentials): Path | number | null {
    return this.#follow === null ? null : this.#follow(creds);
  }

  override open(_path: Path, _flags: number, _creds: Credentials): File | number {
    return -ELOOP;
  }
}

/** A symbolic link whose text is made when it is read. */
export function link(target: () => string | number): Node {
  return { dtype: DT_LNK, build: (place) => new PseudoLink(place, target, null, 0o777) };
}

/** A link that jumps to a path; its text is for readlink(2) alone. */
export function magicLink(
  target: () => string | number,
  follow: (creds: Credentials) => Path | number | null,
  permissions = 0o777,
): Node {
  return { dtype: DT_LNK, build: (place) => new PseudoLink(place, target, follow, permissions) };
}

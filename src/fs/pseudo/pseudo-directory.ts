/** Directories of pseudo file systems: fixed ones, and ones whose entries come and go with processes and descriptors. */
import { EINVAL, EISDIR, ENOENT, EPERM, ESRCH } from '../../abi/errno.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { File } from '../../vfs/file.ts';
import type { DirEmit, Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { DT_DIR, derivedIno, type Node, type Owner, type Place, S_IFDIR } from './pseudo-file-system.ts';
import { PseudoInode } from './pseudo-inode.ts';

const POLL_ALWAYS = 0x145;

export interface DirectoryEntries {
  /** The node of `name`, or null when there is none. */
  find(name: string): Node | null;
  /** Names as they are now, in the order of getdents(2). */
  names(): readonly string[];
  /** DT_* of a name that `names` gave. */
  dtypeOf(name: string): number;
  /** 0, or why `creds` may not list or search it (-EACCES), beyond what the mode says. */
  check?(creds: Credentials): number;
}

export abstract class PseudoDirectory extends PseudoInode {
  constructor(place: Place, permissions: number) {
    super(place, S_IFDIR | permissions);
  }

  abstract names(): readonly string[];
  abstract dtypeOf(name: string): number;

  check(_creds: Credentials): number {
    return 0;
  }

  /** Nothing can be made here: a name that is not there stays so (Linux: proc_lookup gives no negative entries). */
  override mknod(): number {
    return -ENOENT;
  }
  override mkdir(): number {
    return -ENOENT;
  }
  override symlink(): number {
    return -ENOENT;
  }
  override link(): number {
    return -ENOENT;
  }
  override unlink(): number {
    return -EPERM;
  }
  override rmdir(): number {
    return -EPERM;
  }
  override rename(): number {
    return -EPERM;
  }

  override open(path: Path, flags: number, creds: Credentials): File | number {
    if ((flags & 3) !== 0) return -EISDIR;
    const refused = this.check(creds);
    return refused < 0 ? refused : new PseudoDirectoryFile(path, flags, this);
  }

  protected placeOf(name: string, owner: Owner): Place {
    return { fs: this.fs, ino: derivedIno(this.ino, name), parentIno: this.ino, owner };
  }
}

/** Entries that stay as they are. */
interface FixedEntries {
  names(): readonly string[];
  node(name: string): Node | undefined;
}

class FixedDirectory extends PseudoDirectory {
  readonly #entries: FixedEntries;
  readonly #built = new Map<string, Inode>();

  constructor(place: Place, permissions: number, entries: FixedEntries) {
    super(place, permissions);
    this.#entries = entries;
  }

  /** Asked again, it says that there is nothing; somebody may still have an entry open that the name cache keeps. */
  override isCurrent(): boolean {
    return !this.owner.isGone;
  }

  override get linkCount(): number {
    let count = 2;
    for (const name of this.names()) if (this.dtypeOf(name) === DT_DIR) count += 1;
    return count;
  }

  override lookup(name: string): Inode | number {
    if (this.owner.isGone) return -ESRCH;
    const known = this.#built.get(name);
    if (known !== undefined) return known;
    const node = this.#entries.node(name);
    if (node === undefined) return -ENOENT;
    const inode = node.build(this.placeOf(name, this.owner));
    this.#built.set(name, inode);
    return inode;
  }

  override names(): readonly string[] {
    return this.#entries.names();
  }

  override dtypeOf(name: string): number {
    return this.#entries.node(name)?.dtype ?? 0;
  }
}

class ChangingDirectory extends PseudoDirectory {
  readonly #entries: DirectoryEntries;

  constructor(place: Place, permissions: number, entries: DirectoryEntries) {
    super(place, permissions);
    this.#entries = entries;
  }

  /** What is found below may be gone at the next walk. */
  override isCurrent(): boolean {
    return false;
  }

  override get linkCount(): number {
    return 2;
  }

  override lookup(name: string): Inode | number {
    const node = this.owner.isGone ? null : this.#entries.find(name);
    return node === null ? -ENOENT : node.build(this.placeOf(name, this.owner));
  }

  override names(): readonly string[] {
    return this.#entries.names();
  }

  override dtypeOf(name: string): number {
    return this.#entries.dtypeOf(name);
  }

  override check(creds: Credentials): number {
    return this.#entries.check?.(creds) ?? 0;
  }
}

/**
 * An open directory. The names are taken when reading starts, so entries that come or go meanwhile cannot make others
 * appear twice or be skipped.
 */
class PseudoDirectoryFile extends File {
  readonly #directory: PseudoDirectory;
  #names: readonly string[] | null = null;

  constructor(path: Path, flags: number, directory: PseudoDirectory) {
    super(path, flags);
    this.#directory = directory;
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

  override fsync(): number {
    return 0;
  }

  override seek(offset: number, whence: number): number {
    const target = whence === 0 ? offset : whence === 1 ? this.position + offset : -1;
    return Number.isSafeInteger(target) && target >= 0 ? target : -EINVAL;
  }

  override readdir(offset: number, emit: DirEmit): number {
    const directory = this.#directory;
    if (directory.owner.isGone) return -ENOENT;
    if (offset === 0 || this.#names === null) this.#names = directory.names();
    if (offset < 1 && !emit('.', directory.ino, DT_DIR, 1)) return 0;
    if (offset < 2 && !emit('..', directory.parentIno, DT_DIR, 2)) return 0;
    for (let i = Math.max(0, offset - 2); i < this.#names.length; i++) {
      const name = this.#names[i];
      if (!emit(name, derivedIno(directory.ino, name), directory.dtypeOf(name), i + 3)) return 0;
    }
    return 0;
  }
}

/** A directory with fixed entries. */
export function dir(entries: Readonly<Record<string, Node>>, permissions = 0o555): Node {
  const nodes = new Map(Object.entries(entries));
  const fixed: FixedEntries = { names: () => [...nodes.keys()], node: (name) => nodes.get(name) };
  return { dtype: DT_DIR, build: (place) => new FixedDirectory(place, permissions, fixed) };
}

/** The same, of entries that are made when they are asked for. */
export function lazyDir(makers: Readonly<Record<string, () => Node>>, permissions = 0o555): Node {
  const nodes = new Map<string, Node>();
  const fixed: FixedEntries = {
    names: () => Object.keys(makers),
    node(name) {
      const made = nodes.get(name);
      if (made !== undefined || !Object.hasOwn(makers, name)) return made;
      const node = makers[name]();
      nodes.set(name, node);
      return node;
    },
  };
  return { dtype: DT_DIR, build: (place) => new FixedDirectory(place, permissions, fixed) };
}

/** A directory whose entries are asked for each time. */
export function changingDir(entries: DirectoryEntries, permissions = 0o555): Node {
  return { dtype: DT_DIR, build: (place) => new ChangingDirectory(place, permissions, entries) };
}

/** The same node, with everything below it owned by `owner`. */
export function ownedBy(owner: Owner, node: Node): Node {
  return { dtype: node.dtype, build: (place) => node.build({ ...place, owner }) };
}

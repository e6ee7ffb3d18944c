/**
 * Path walk (Linux: fs/namei.c, path_resolution(7)).
 *
 * One `Walk` is reused for all calls: the kernel is single-threaded and a walk never waits. Take what it found before the next
 * one starts.
 */
import { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EXDEV } from '../abi/errno.ts';
import {
  NAME_MAX,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../abi/fcntl.ts';
import { MS_NOSYMFOLLOW } from '../abi/mount.ts';
import { S_IFDIR, S_IFLNK, S_IFMT } from '../abi/stat.ts';
import type { Credentials } from '../kernel/credentials.ts';
import { addDentry, type Dentry, detachedDentry, dropName, removeDentry } from './dentry.ts';
import { type Inode, NO_INODE } from './inode.ts';
import type { Mount } from './mount.ts';
import type { Path } from './path.ts';
import { checkPermission, MAY_EXEC } from './permission.ts';

/** Follow a symbolic link that is the last component. */
export const WALK_FOLLOW = 1;
/** The result must be a directory. */
export const WALK_DIRECTORY = 2;
/** Stop at the directory of the last component, which is left in `lastName`. */
export const WALK_PARENT = 4;

export const LAST_NORMAL = 0;
/** "." or nothing: the path names the directory itself. */
export const LAST_DOT = 1;
export const LAST_DOTDOT = 2;
export const LAST_ROOT = 3;
export type LastKind = typeof LAST_NORMAL | typeof LAST_DOT | typeof LAST_DOTDOT | typeof LAST_ROOT;

const MAX_SYMLINKS = 40;
/** Texts of links pile up in front of the rest of the path; a guest's chain of long ones ends here. */
const MAX_TEXT = 65536;

function isSameInode(a: Inode, b: Inode): boolean {
  return a === b || (a.fs === b.fs && a.ino === b.ino && (a.mode & S_IFMT) === (b.mode & S_IFMT));
}

/** The dentry of `name` in a directory (a real name), or -errno. Permission has been checked. */
export function lookupChild(dir: Dentry, name: string): Dentry | number {
  const cached = dir.children?.get(name);
  const parent = dir.inode;
  if (cached !== undefined) {
    if (parent.isCurrent(name) || cached.mountCount > 0) {
      cached.isRecent = true;
      return cached.inode === NO_INODE ? -ENOENT : cached;
    }
    const now = parent.lookupAgain(name, cached.inode);
    if (typeof now !== 'number' && isSameInode(now, cached.inode)) {
      // The dentry stays while somebody may refer to it, but what the file system says now is the truth.
      if (cached.pins === 0) cached.inode = now;
      return cached;
    }
    if (typeof now === 'number' && now !== -ENOENT) return now;
    removeDentry(cached);
    return typeof now === 'number' ? now : addDentry(dir, name, now);
  }
  if (dir.isDeleted) return -ENOENT;
  const inode = parent.lookup(name);
  if (typeof inode !== 'number') return addDentry(dir, name, inode);
  if (inode === -ENOENT && parent.isCurrent(name)) addDentry(dir, name, NO_INODE);
  return inode;
}

/** A name has come into being: whatever said that it does not exist is forgotten. */
export function instantiate(dir: Dentry, name: string, inode: Inode): Dentry {
  dropName(dir, name);
  return dir.isDeleted ? detachedDentry(dir, name, inode) : addDentry(dir, name, inode);
}

export class Walk {
  mount!: Mount;
  dentry!: Dentry;
  /** With WALK_PARENT: the last component, what it is, and whether slashes followed it. */
  lastName = '';
  lastKind: LastKind = LAST_NORMAL;
  hasTrailingSlash = false;
  #root!: Path;
  #scope: Path | null = null;
  #creds!: Credentials;
  #resolve = 0;
  #links = 0;

  /**
   * Walks `path` from `start`, with `root` as "/". 0 or -errno; what was found is in `mount` and `dentry`.
   *
   * @param flags WALK_*
   * @param resolve RESOLVE_* of openat2(2)
   */
  run(path: string, start: Path, root: Path, creds: Credentials, flags: number, resolve = 0): number {
    const isScoped = (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0;
    this.#root = (resolve & RESOLVE_IN_ROOT) !== 0 ? start : root;
    this.#scope = isScoped ? start : null;
    this.#creds = creds;
    this.#resolve = resolve;
    this.#links = 0;
    this.mount = start.mount;
    this.dentry = start.dentry;
    return this.#walk(path, flags);
  }

  /** Goes on from the directory a WALK_PARENT ended in, with the text of the link found there. */
  continueAt(text: string, flags: number): number {
    if (++this.#links > MAX_SYMLINKS) return -ELOOP;
    return this.#walk(text, flags);
  }

  /** Makes `dentry`, a child of the current directory, the current place, and what is mounted there. 0 or -errno. */
  enter(dentry: Dentry): number {
    let at = dentry;
    while (at.mountCount > 0) {
      const over = this.mount.children.get(at);
      if (over === undefined) break;
      if ((this.#resolve & RESOLVE_NO_XDEV) !== 0) return -EXDEV;
      this.mount = over;
      at = over.root;
    }
    this.dentry = at;
    return 0;
  }

  /** The text of a link at the current directory's `dentry` to continue with, or a magic jump that was made (null), or -errno. */
  follow(dentry: Dentry): string | null | number {
    const inode = dentry.inode;
    if ((this.#resolve & RESOLVE_NO_SYMLINKS) !== 0 || (this.mount.flags & MS_NOSYMFOLLOW) !== 0) return -ELOOP;
    const magic = inode.followMagic(this.#creds);
    if (typeof magic === 'number') return magic;
    if (magic !== null) {
      if ((this.#resolve & RESOLVE_NO_MAGICLINKS) !== 0) return -ELOOP;
      if (this.#scope !== null) return -EXDEV;
      if ((this.#resolve & RESOLVE_NO_XDEV) !== 0 && magic.mount !== this.mount) return -EXDEV;
      if (++this.#links > MAX_SYMLINKS) return -ELOOP;
      this.mount = magic.mount;
      this.dentry = magic.dentry;
      return null;
    }
    const text = inode.readlink();
    return text === '' ? -ENOENT : text;
  }

  #walk(first: string, flags: number): number {
    let path = first;
    let at = 0;
    this.hasTrailingSlash = false;
    if (path.charCodeAt(0) === 47) {
      const result = this.#toRoot();
      if (result < 0) return result;
    }
    for (;;) {
      while (path.charCodeAt(at) === 47) at += 1;
      if (at >= path.length) {
        this.lastKind = path.charCodeAt(0) === 47 ? LAST_ROOT : LAST_DOT;
        return (flags & (WALK_DIRECTORY | WALK_PARENT)) === 0 || this.#isDirectory() ? 0 : -ENOTDIR;
      }
      if (!this.#isDirectory()) return -ENOTDIR;
      const refused = checkPermission(this.dentry.inode, this.#creds, MAY_EXEC);
      if (refused < 0) return refused;
      let end = path.indexOf('/', at);
      if (end < 0) end = path.length;
      if (end - at > NAME_MAX) return -ENAMETOOLONG;
      const name = path.slice(at, end);
      at = end;
      while (path.charCodeAt(at) === 47) at += 1;
      const isLast = at >= path.length;
      const hasSlash = at > end;
      const kind = name === '.' ? LAST_DOT : name === '..' ? LAST_DOTDOT : LAST_NORMAL;
      if (isLast && (flags & WALK_PARENT) !== 0) {
        this.lastName = name;
        this.lastKind = kind;
        this.hasTrailingSlash = hasSlash;
        return 0;
      }
      if (kind === LAST_DOT) continue;
      if (kind === LAST_DOTDOT) {
        const result = this.#toParent();
        if (result < 0) return result;
        continue;
      }
      const child = lookupChild(this.dentry, name);
      if (typeof child === 'number') return child;
      const isFollowed = !isLast || hasSlash || (flags & WALK_FOLLOW) !== 0;
      if (isFollowed && (child.inode.mode & S_IFMT) === S_IFLNK) {
        const target = this.follow(child);
        if (typeof target === 'number') return target;
        if (target !== null) {
          if (++this.#links > MAX_SYMLINKS) return -ELOOP;
          const rest = path.slice(end);
          if (target.length + rest.length > MAX_TEXT) return -ENAMETOOLONG;
          path = target + rest;
          at = 0;
          if (path.charCodeAt(0) === 47) {
            const result = this.#toRoot();
            if (result < 0) return result;
          }
          continue;
        }
      } else {
        const result = this.enter(child);
        if (result < 0) return result;
      }
      if (isLast) {
        this.hasTrailingSlash = hasSlash;
        const mustBeDirectory = hasSlash || (flags & WALK_DIRECTORY) !== 0;
        return mustBeDirectory && !this.#isDirectory() ? -ENOTDIR : 0;
      }
    }
  }

  #isDirectory(): boolean {
    return (this.dentry.inode.mode & S_IFMT) === S_IFDIR;
  }

  #toRoot(): number {
    if ((this.#resolve & RESOLVE_BENEATH) !== 0) return -EXDEV;
    if ((this.#resolve & RESOLVE_NO_XDEV) !== 0 && this.mount !== this.#root.mount) return -EXDEV;
    this.mount = this.#root.mount;
    this.dentry = this.#root.dentry;
    return 0;
  }

  #toParent(): number {
    let { mount, dentry } = this;
    const scope = this.#scope;
    if (scope !== null && (this.#resolve & RESOLVE_BENEATH) !== 0) {
      if (mount === scope.mount && dentry === scope.dentry) return -EXDEV;
    }
    if (mount === this.#root.mount && dentry === this.#root.dentry) return 0;
    while (dentry === mount.root) {
      if (mount.parent === null || mount.mountpoint === null) return 0;
      if ((this.#resolve & RESOLVE_NO_XDEV) !== 0) return -EXDEV;
      dentry = mount.mountpoint;
      mount = mount.parent;
      if (mount === this.#root.mount && dentry === this.#root.dentry) break;
    }
    if (mount !== this.#root.mount || dentry !== this.#root.dentry) dentry = dentry.parent ?? dentry;
    this.mount = mount;
    return this.enter(dentry);
  }
}

export const walk = new Walk();

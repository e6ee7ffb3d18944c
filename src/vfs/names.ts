/**
 * Making, removing and moving names (Linux: filename_create, do_unlinkat, do_renameat2 in fs/namei.c). Paths are binary
 * strings, results 0 or -errno unless said otherwise.
 */
import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER } from '../abi/capability.ts';
import { EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EROFS, EXDEV } from '../abi/errno.ts';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT } from '../abi/fcntl.ts';
import { IN_ATTRIB, IN_CREATE, IN_DELETE, IN_MOVE_SELF, IN_MOVED_FROM, IN_MOVED_TO } from '../abi/inotify.ts';
import { S_IFDIR, S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_IXGRP } from '../abi/stat.ts';
import type { Task } from '../kernel/task.ts';
import { type Dentry, dropName, isBelow, moveDentry, removeDentry } from './dentry.ts';
import { type Inode, Stat } from './inode.ts';
import type { Mount } from './mount.ts';
import { newCookie, notifyName, notifySelf, notifyUnlinked } from './notify.ts';
import { newGid } from './open.ts';
import type { Path } from './path.ts';
import { checkDelete, checkPermission, MAY_EXEC, MAY_READ, MAY_WRITE } from './permission.ts';
import { resolveParent } from './resolve.ts';
import { instantiate, LAST_DOT, LAST_DOTDOT, LAST_NORMAL, type LastKind, lookupChild, walk } from './walk.ts';

const scratch = new Stat();

/** A name in a directory that exists, as `resolveParent` found it. */
interface Place {
  readonly dir: Path;
  readonly name: string;
  readonly kind: LastKind;
  readonly hasTrailingSlash: boolean;
}

function findPlace(task: Task, dirfd: number, path: string): Place | number {
  const failed = resolveParent(task, dirfd, path);
  if (failed < 0) return failed;
  const { mount, dentry, lastName, lastKind, hasTrailingSlash } = walk;
  return { dir: { mount, dentry }, name: lastName, kind: lastKind, hasTrailingSlash };
}

function isDirectory(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFDIR;
}

/** Makes an inode in a directory: it, or -errno. */
type Make = (dir: Inode, name: string, gid: number, mount: Mount) => Inode | number;

/** @returns the inode that was made, or -errno */
function create(
  task: Task,
  dirfd: number,
  path: string,
  isForDirectory: 'directory' | 'other',
  make: Make,
): Inode | number {
  const place = findPlace(task, dirfd, path);
  if (typeof place === 'number') return place;
  const { dir, name } = place;
  if (place.kind !== LAST_NORMAL) return -EEXIST;
  const there = lookupChild(dir.dentry, name);
  if (typeof there !== 'number') return -EEXIST;
  if (there !== -ENOENT) return there;
  if (place.hasTrailingSlash && isForDirectory === 'other') return -ENOENT;
  if (dir.mount.isReadOnly) return -EROFS;
  const parent = dir.dentry.inode;
  const refused = checkPermission(parent, task.creds, MAY_WRITE | MAY_EXEC);
  if (refused < 0) return refused;
  if (dir.dentry.isDeleted) return -ENOENT;
  const inode = make(parent, name, newGid(parent, task.creds), dir.mount);
  if (typeof inode === 'number') return inode;
  instantiate(dir.dentry, name, inode);
  notifyName(parent, name, inode, IN_CREATE);
  return inode;
}

function statusOf(made: Inode | number): number {
  return typeof made === 'number' ? made : 0;
}

/** mkdir(2); the umask is applied here. */
export function makeDirectory(task: Task, dirfd: number, path: string, mode: number): number {
  const bits = mode & 0o1777 & ~task.fs.umask;
  return statusOf(
    create(task, dirfd, path, 'directory', (dir, name, gid) => dir.mkdir(name, bits, task.creds.fsuid, gid)),
  );
}

/** mknod(2): `mode` with a type; the umask is applied here. The inode or -errno. */
export function makeNode(task: Task, dirfd: number, path: string, mode: number, rdev: number): Inode | number {
  const bits = (mode & S_IFMT) | (mode & 0o7777 & ~task.fs.umask);
  return create(task, dirfd, path, 'other', (dir, name, gid) => dir.mknod(name, bits, rdev, task.creds.fsuid, gid));
}

/** symlink(2) */
export function makeSymlink(task: Task, target: string, dirfd: number, path: string): number {
  return statusOf(
    create(task, dirfd, path, 'other', (dir, name, gid) => dir.symlink(name, target, task.creds.fsuid, gid)),
  );
}

/** Whether /proc/sys/fs/protected_hardlinks, which is 1, lets the task link to what is another's (Linux: may_linkat). */
function mayLinkTo(task: Task, inode: Inode): boolean {
  const { creds } = task;
  if (inode.stat(scratch) < 0) return false;
  if (scratch.uid === creds.fsuid || creds.hasCapability(CAP_FOWNER)) return true;
  const { mode } = inode;
  if ((mode & S_IFMT) !== S_IFREG || (mode & S_ISUID) !== 0) return false;
  if ((mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP)) return false;
  return checkPermission(inode, creds, MAY_READ | MAY_WRITE) === 0;
}

/** link(2): another name for what is at `target`. */
export function makeLink(task: Task, target: Path, dirfd: number, path: string): number {
  const { inode } = target.dentry;
  const made = create(task, dirfd, path, 'other', (dir, name, _gid, mount) => {
    if (mount !== target.mount) return -EXDEV;
    if (!mayLinkTo(task, inode)) return -EPERM;
    if (isDirectory(inode)) return -EPERM;
    if (!inode.isLinkable && (inode.stat(scratch) < 0 || scratch.nlink === 0)) return -ENOENT;
    const failed = dir.link(name, inode);
    if (failed >= 0) inode.isLinkable = false;
    if (failed < 0) return failed;
    notifySelf(inode, IN_ATTRIB);
    return inode;
  });
  return statusOf(made);
}

/** unlink(2) */
export function removeFile(task: Task, dirfd: number, path: string): number {
  const place = findPlace(task, dirfd, path);
  if (typeof place === 'number') return place;
  const { dir, name } = place;
  if (place.kind !== LAST_NORMAL) return -EISDIR;
  if (dir.mount.isReadOnly) return -EROFS;
  const victim = lookupChild(dir.dentry, name);
  if (typeof victim === 'number') return victim;
  if (place.hasTrailingSlash) return isDirectory(victim.inode) ? -EISDIR : -ENOTDIR;
  const refused = checkDelete(dir.dentry.inode, victim.inode, task.creds);
  if (refused < 0) return refused;
  if (isDirectory(victim.inode)) return -EISDIR;
  if (victim.mountCount > 0) return -EBUSY;
  const failed = dir.dentry.inode.unlink(name);
  if (failed >= 0) removed(victim, dir.dentry.inode, name);
  return failed;
}

function removed(victim: Dentry, directory: Inode, name: string): void {
  removeDentry(victim);
  notifyUnlinked(victim);
  notifyName(directory, name, victim.inode, IN_DELETE);
}

/** rmdir(2) */
export function removeDirectory(task: Task, dirfd: number, path: string): number {
  const place = findPlace(task, dirfd, path);
  if (typeof place === 'number') return place;
  const { dir, name, kind } = place;
  if (kind !== LAST_NORMAL) return kind === LAST_DOTDOT ? -ENOTEMPTY : kind === LAST_DOT ? -EINVAL : -EBUSY;
  if (dir.mount.isReadOnly) return -EROFS;
  const victim = lookupChild(dir.dentry, name);
  if (typeof victim === 'number') return victim;
  const refused = checkDelete(dir.dentry.inode, victim.inode, task.creds);
  if (refused < 0) return refused;
  if (!isDirectory(victim.inode)) return -ENOTDIR;
  if (victim.mountCount > 0) return -EBUSY;
  const failed = dir.dentry.inode.rmdir(name);
  if (failed >= 0) removed(victim, dir.dentry.inode, name);
  return failed;
}

/** renameat2(2) */
export function rename(
  task: Task,
  oldDirfd: number,
  oldPath: string,
  newDirfd: number,
  newPath: string,
  flags: number,
): number {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
  const isExchange = (flags & RENAME_EXCHANGE) !== 0;
  if (isExchange && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
  const from = findPlace(task, oldDirfd, oldPath);
  if (typeof from === 'number') return from;
  const to = findPlace(task, newDirfd, newPath);
  if (typeof to === 'number') return to;
  if (from.dir.mount !== to.dir.mount) return -EXDEV;
  if (from.kind !== LAST_NORMAL) return -EBUSY;
  if (to.kind !== LAST_NORMAL) return (flags & RENAME_NOREPLACE) !== 0 ? -EEXIST : -EBUSY;
  if (from.dir.mount.isReadOnly) return -EROFS;
  const source = lookupChild(from.dir.dentry, from.name);
  if (typeof source === 'number') return source;
  const found = lookupChild(to.dir.dentry, to.name);
  if (typeof found === 'number' && found !== -ENOENT) return found;
  const target = typeof found === 'number' ? null : found;
  const refused =
    checkShape(from, to, source, target, flags) || checkRename(task, from, to, source, target, isExchange);
  if (refused < 0) return refused;
  if (target !== null && target.inode === source.inode) return 0;
  return move(from, to, source, target, flags);
}

/** What the names alone forbid. */
function checkShape(from: Place, to: Place, source: Dentry, target: Dentry | null, flags: number): number {
  const isExchange = (flags & RENAME_EXCHANGE) !== 0;
  if (target !== null && (flags & RENAME_NOREPLACE) !== 0) return -EEXIST;
  if (isExchange) {
    if (target === null) return -ENOENT;
    if (!isDirectory(target.inode) && to.hasTrailingSlash) return -ENOTDIR;
  }
  if (!isDirectory(source.inode)) {
    if (from.hasTrailingSlash || (!isExchange && to.hasTrailingSlash)) return -ENOTDIR;
  }
  // A directory cannot go below itself, nor replace one it is below.
  if (isBelow(to.dir.dentry, source)) return -EINVAL;
  if (target !== null && isBelow(from.dir.dentry, target)) return isExchange ? -EINVAL : -ENOTEMPTY;
  return 0;
}

function checkRename(
  task: Task,
  from: Place,
  to: Place,
  source: Dentry,
  target: Dentry | null,
  isExchange: boolean,
): number {
  const { creds } = task;
  if (target !== null && target.inode === source.inode) return 0;
  const oldDir = from.dir.dentry.inode;
  const newDir = to.dir.dentry.inode;
  let refused = checkDelete(oldDir, source.inode, creds);
  if (refused < 0) return refused;
  if (target === null) {
    refused = checkPermission(newDir, creds, MAY_WRITE | MAY_EXEC);
    if (refused < 0) return refused;
    if (to.dir.dentry.isDeleted) return -ENOENT;
  } else {
    refused = checkDelete(newDir, target.inode, creds);
    if (refused < 0) return refused;
    const isOver = isDirectory(target.inode);
    if (!isExchange && isOver !== isDirectory(source.inode)) return isOver ? -EISDIR : -ENOTDIR;
  }
  // Another parent means another "..", which is a write to the directory that moves.
  if (from.dir.dentry !== to.dir.dentry) {
    refused = isDirectory(source.inode) ? checkPermission(source.inode, creds, MAY_WRITE) : 0;
    if (refused === 0 && isExchange && target !== null && isDirectory(target.inode)) {
      refused = checkPermission(target.inode, creds, MAY_WRITE);
    }
    if (refused < 0) return refused;
  }
  return source.mountCount > 0 || (target !== null && target.mountCount > 0) ? -EBUSY : 0;
}

function move(from: Place, to: Place, source: Dentry, target: Dentry | null, flags: number): number {
  const oldDir = from.dir.dentry;
  const newDir = to.dir.dentry;
  const failed = oldDir.inode.rename(from.name, newDir.inode, to.name, flags);
  if (failed < 0) return failed;
  const isExchange = (flags & RENAME_EXCHANGE) !== 0;
  if (target !== null && !isExchange) {
    removeDentry(target);
    notifyUnlinked(target);
  }
  // What says that the new name does not exist.
  if (target === null) dropName(newDir, to.name);
  moveDentry(source, newDir, to.name);
  source.inode.movedTo(newDir.inode, to.name);
  if (target !== null && isExchange) {
    moveDentry(target, oldDir, from.name);
    target.inode.movedTo(oldDir.inode, from.name);
    tellMoved(target, to, from);
  }
  tellMoved(source, from, to);
  return 0;
}

function tellMoved({ inode }: Dentry, from: Place, to: Place): void {
  const cookie = newCookie();
  notifyName(from.dir.dentry.inode, from.name, inode, IN_MOVED_FROM, cookie);
  notifyName(to.dir.dentry.inode, to.name, inode, IN_MOVED_TO, cookie);
  notifySelf(inode, IN_MOVE_SELF);
}

/** Whether the task may link to an open file that it names by descriptor alone (open(2), linkat(2)). */
export function mayLinkByDescriptor(task: Task): boolean {
  return task.creds.hasCapability(CAP_DAC_READ_SEARCH) || task.creds.hasCapability(CAP_DAC_OVERRIDE);
}

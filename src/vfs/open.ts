/** open(2): from a path and flags to an open file (Linux: do_filp_open, path_openat in fs/namei.c). */
import { EACCES, EBADF, EEXIST, EISDIR, ELOOP, ENOENT, EPERM, EROFS, ETXTBSY } from '../abi/errno.ts';
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_PATH,
  O_TMPFILE_BIT,
  O_TRUNC,
  O_WRONLY,
  RESOLVE_IN_ROOT,
} from '../abi/fcntl.ts';
import { IN_CREATE, IN_OPEN } from '../abi/inotify.ts';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISGID } from '../abi/stat.ts';
import type { Credentials } from '../kernel/credentials.ts';
import type { Task } from '../kernel/task.ts';
import { Dentry } from './dentry.ts';
import type { File } from './file.ts';
import { type Inode, Stat } from './inode.ts';
import { breakLeases, type Leases } from './leases.ts';
import { notifyFile, notifyName, setAttributes } from './notify.ts';
import type { Path } from './path.ts';
import { PathFile } from './path-file.ts';
import { checkOwner, checkPermission, checkWritableMount, MAY_EXEC, MAY_READ, MAY_WRITE } from './permission.ts';
import { startOf } from './resolve.ts';
import { instantiate, LAST_NORMAL, lookupChild, WALK_DIRECTORY, WALK_FOLLOW, WALK_PARENT, walk } from './walk.ts';

const scratch = new Stat();

/** What the last open that gave -EAGAIN for a lease was about; taken by whoever is to wait for it. */
let leasedInode: Inode | null = null;

/** The leases that made the call just before this one give -EAGAIN; null when it was something else. */
export function takeLeasesInTheWay(): Leases | null {
  const leases = leasedInode?.leases ?? null;
  leasedInode = null;
  return leases;
}

/** The group a new inode in `dir` gets, and whether it inherits the set-group-ID bit (inode(7)). */
export function newGid(dir: Inode, creds: Credentials): number {
  if ((dir.mode & S_ISGID) === 0 || dir.stat(scratch) < 0) return creds.fsgid;
  return scratch.gid;
}

/** Opens by (dirfd, path): a File with one reference or -errno. `mode` is without type and the umask already applied. */
export function openAt(
  task: Task,
  dirfd: number,
  path: string,
  flags: number,
  mode: number,
  resolve = 0,
): File | number {
  if (path.length === 0) return -ENOENT;
  // With RESOLVE_IN_ROOT even an absolute path starts at the directory (openat2(2)).
  const from = startOf(task, dirfd, (resolve & RESOLVE_IN_ROOT) !== 0 ? '.' : path);
  if (typeof from === 'number') return from;
  if ((flags & O_TMPFILE_BIT) !== 0) return openUnnamed(task, from, path, flags, mode, resolve);
  if ((flags & O_CREAT) !== 0 && (flags & O_PATH) === 0) return openOrCreate(task, from, path, flags, mode, resolve);
  const follow = (flags & O_NOFOLLOW) !== 0 ? 0 : WALK_FOLLOW;
  const directory = (flags & O_DIRECTORY) !== 0 ? WALK_DIRECTORY : 0;
  const failed = walk.run(path, from, task.fs.root, task.creds, follow | directory, resolve);
  if (failed < 0) return failed;
  return openPath({ mount: walk.mount, dentry: walk.dentry }, flags, task.creds);
}

/** Opens what is at `path`, with permission checks (Linux: do_open, may_open). */
export function openPath(path: Path, flags: number, creds: Credentials): File | number {
  const inode = path.dentry.inode;
  const type = inode.mode & S_IFMT;
  if ((flags & O_PATH) !== 0) return new PathFile(path, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW));
  if (type === S_IFLNK) return -ELOOP;
  const access = flags & O_ACCMODE;
  const isWrite = access !== 0 || (flags & O_TRUNC) !== 0;
  if (type === S_IFDIR && (isWrite || (flags & O_CREAT) !== 0)) return -EISDIR;
  if ((type === S_IFCHR || type === S_IFBLK) && path.mount.isNoDev) return -EACCES;
  let mask = 0;
  if (access !== O_WRONLY) mask |= MAY_READ;
  if (isWrite) mask |= MAY_WRITE;
  if (isWrite) {
    const readOnly = checkWritableMount(path.mount, inode);
    if (readOnly < 0) return readOnly;
  }
  const refused = checkPermission(inode, creds, mask);
  if (refused < 0) return refused;
  if ((flags & O_NOATIME) !== 0 && checkOwner(inode, creds) < 0) return -EPERM;
  const leased = breakLeases(inode, isWrite);
  if (leased < 0) {
    leasedInode = inode;
    return leased;
  }
  if (isWrite && inode.executions > 0) return -ETXTBSY;
  return openInode(path, inode, flags, creds);
}

/** Truncates and opens, in this order: a file system that copies at the first writable open need not copy then. */
function openInode(path: Path, inode: Inode, flags: number, creds: Credentials): File | number {
  if ((flags & O_TRUNC) !== 0 && (inode.mode & S_IFMT) === S_IFREG) {
    const result = setAttributes(path.dentry, { size: 0 });
    if (result < 0) return result;
  }
  return opened(inode.open(path, flags & ~(O_CREAT | O_EXCL | O_TRUNC), creds));
}

/** Tells that it is open, and counts it, for ETXTBSY and leases. */
function opened(file: File | number): File | number {
  if (typeof file === 'number') return file;
  notifyFile(file, IN_OPEN);
  const { inode } = file;
  if ((inode.mode & S_IFMT) !== S_IFREG) return file;
  if ((file.flags & O_ACCMODE) === 0) {
    file.isReader = true;
    inode.readers += 1;
  } else {
    file.isWriter = true;
    inode.writers += 1;
  }
  return file;
}

function openOrCreate(
  task: Task,
  start: Path,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): File | number {
  const { creds } = task;
  if ((flags & O_DIRECTORY) !== 0) return -EISDIR;
  let failed = walk.run(path, start, task.fs.root, creds, WALK_PARENT, resolve);
  for (;;) {
    if (failed < 0) return failed;
    if (walk.lastKind !== LAST_NORMAL || walk.hasTrailingSlash) return -EISDIR;
    const dir = walk.dentry;
    const searched = checkPermission(dir.inode, creds, MAY_EXEC);
    if (searched < 0) return searched;
    const child = lookupChild(dir, walk.lastName);
    if (child === -ENOENT) return create({ mount: walk.mount, dentry: dir }, walk.lastName, flags, mode, creds);
    if (typeof child === 'number') return child;
    if ((flags & O_EXCL) !== 0) return -EEXIST;
    if ((child.inode.mode & S_IFMT) !== S_IFLNK) {
      const crossed = walk.enter(child);
      if (crossed < 0) return crossed;
      return openPath({ mount: walk.mount, dentry: walk.dentry }, flags, creds);
    }
    if ((flags & O_NOFOLLOW) !== 0) return -ELOOP;
    const target = walk.follow(child);
    if (typeof target === 'number') return target;
    if (target === null) return openPath({ mount: walk.mount, dentry: walk.dentry }, flags, creds);
    failed = walk.continueAt(target, WALK_PARENT);
  }
}

function create(dir: Path, name: string, flags: number, mode: number, creds: Credentials): File | number {
  const parent = dir.dentry.inode;
  if (dir.mount.isReadOnly) return -EROFS;
  const refused = checkPermission(parent, creds, MAY_WRITE | MAY_EXEC);
  if (refused < 0) return refused;
  if (dir.dentry.isDeleted) return -ENOENT;
  const inode = parent.mknod(name, S_IFREG | (mode & 0o7777), 0, creds.fsuid, newGid(parent, creds));
  if (typeof inode === 'number') return inode;
  const dentry = instantiate(dir.dentry, name, inode);
  notifyName(parent, name, inode, IN_CREATE);
  return opened(inode.open({ mount: dir.mount, dentry }, flags & ~(O_CREAT | O_EXCL | O_TRUNC), creds));
}

function openUnnamed(
  task: Task,
  start: Path,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): File | number {
  const { creds } = task;
  const failed = walk.run(path, start, task.fs.root, creds, WALK_FOLLOW | WALK_DIRECTORY, resolve);
  if (failed < 0) return failed;
  const { mount, dentry: dir } = walk;
  if (mount.isReadOnly) return -EROFS;
  const refused = checkPermission(dir.inode, creds, MAY_WRITE | MAY_EXEC);
  if (refused < 0) return refused;
  if (dir.isDeleted) return -ENOENT;
  const inode = dir.inode.tmpfile(mode & 0o7777, creds.fsuid, newGid(dir.inode, creds));
  if (typeof inode === 'number') return inode;
  // Linux shows such a file as /dir/#INO (deleted).
  const dentry = new Dentry(`#${inode.ino}`, dir, inode);
  dentry.isDeleted = true;
  inode.isLinkable = (flags & O_EXCL) === 0;
  return inode.open({ mount, dentry }, flags & ~(O_CREAT | O_EXCL | O_TMPFILE_BIT | O_DIRECTORY), creds);
}

/** For exec(2): a regular file on a mount that allows it, with execute permission; opened for reading. A File or -errno. */
export function openExec(task: Task, dirfd: number, path: string, atFlags: number): File | number {
  let place: Path;
  if (path.length === 0 && (atFlags & AT_EMPTY_PATH) !== 0) {
    const file = task.files.get(dirfd);
    if (file === undefined) return -EBADF;
    place = file.path;
  } else {
    const start = startOf(task, dirfd, path);
    if (typeof start === 'number') return start;
    if (path.length === 0) return -ENOENT;
    const failed = walk.run(
      path,
      start,
      task.fs.root,
      task.creds,
      (atFlags & AT_SYMLINK_NOFOLLOW) !== 0 ? 0 : WALK_FOLLOW,
    );
    if (failed < 0) return failed;
    place = { mount: walk.mount, dentry: walk.dentry };
  }
  const { mode } = place.dentry.inode;
  const type = mode & S_IFMT;
  if (type === S_IFLNK) return -ELOOP;
  if (type !== S_IFREG || place.mount.isNoExec) return -EACCES;
  const refused = checkPermission(place.dentry.inode, task.creds, MAY_EXEC);
  if (refused < 0) return refused;
  if (place.dentry.inode.writers > 0) return -ETXTBSY;
  const leased = breakLeases(place.dentry.inode, false);
  if (leased < 0) return leased;
  return opened(place.dentry.inode.open(place, 0, task.creds));
}

/** stat(2), statx(2), access(2), readlink(2): what a name or a descriptor refers to. */
import { EACCES, EBADF, EFAULT, EINVAL, ENOENT } from '../abi/errno.ts';
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
  R_OK,
  W_OK,
  X_OK,
} from '../abi/fcntl.ts';
import { majorOf, minorOf, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../abi/stat.ts';
import type { Task } from '../kernel/task.ts';
import { type Inode, Stat } from '../vfs/inode.ts';
import type { Mount } from '../vfs/mount.ts';
import { checkPermission, checkWritableMount, MAY_EXEC, MAY_READ, MAY_WRITE } from '../vfs/permission.ts';
import { resolve } from '../vfs/resolve.ts';
import { walk } from '../vfs/walk.ts';
import { full, type SyscallDef } from './define.ts';

/** Bytes of struct stat and struct statx on x86-64. */
const STAT_SIZE = 144;
const STATX_SIZE = 256;
/** STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID. */
const STATX_BASIC = 0x7ff;
const STATX_BTIME = 0x800;
const STATX_MNT_ID = 0x1000;
const STATX_RESERVED = 0x80000000;
const STATX_ATTR_MOUNT_ROOT = 0x2000;

const stat = new Stat();
const bytes = new Uint8Array(STATX_SIZE);
const view = new DataView(bytes.buffer);

function put64(at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function writeStat(task: Task, inode: Inode, addr: number): number {
  const failed = inode.stat(stat);
  if (failed < 0) return failed;
  bytes.fill(0, 0, STAT_SIZE);
  put64(0, stat.dev);
  put64(8, stat.ino);
  put64(16, stat.nlink);
  view.setUint32(24, stat.mode, true);
  view.setUint32(28, stat.uid, true);
  view.setUint32(32, stat.gid, true);
  put64(40, stat.rdev);
  put64(48, stat.size);
  put64(56, stat.blksize);
  put64(64, stat.blocks);
  put64(72, stat.atimeSec);
  put64(80, stat.atimeNsec);
  put64(88, stat.mtimeSec);
  put64(96, stat.mtimeNsec);
  put64(104, stat.ctimeSec);
  put64(112, stat.ctimeNsec);
  return task.mem.write(addr, bytes, 0, STAT_SIZE);
}

/** By name. AT_EMPTY_PATH makes an empty path mean the descriptor itself. */
function sysNewfstatat(task: Task, dirfd: number, pathAddr: number, addr: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) !== 0) return -EINVAL;
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  if (path.length === 0 && (flags & AT_EMPTY_PATH) !== 0 && dirfd !== AT_FDCWD) return sysFstat(task, dirfd, addr);
  const failed = resolve(task, dirfd, path, flags);
  return failed < 0 ? failed : writeStat(task, walk.dentry.inode, addr);
}

function sysFstat(task: Task, fd: number, addr: number): number {
  const file = task.files.get(fd);
  return file === undefined ? -EBADF : writeStat(task, file.inode, addr);
}

function putTime(at: number, sec: number, nsec: number): void {
  put64(at, sec);
  view.setUint32(at + 8, nsec, true);
}

/** Linux fills in the basic fields whatever the mask asks for. */
function writeStatx(task: Task, inode: Inode, mount: Mount | null, isMountRoot: boolean, addr: number): number {
  const failed = inode.stat(stat);
  if (failed < 0) return failed;
  const hasBirth = stat.btimeSec !== 0;
  bytes.fill(0);
  view.setUint32(0, (STATX_BASIC | (hasBirth ? STATX_BTIME : 0) | (mount === null ? 0 : STATX_MNT_ID)) >>> 0, true);
  view.setUint32(4, stat.blksize, true);
  put64(8, isMountRoot ? STATX_ATTR_MOUNT_ROOT : 0);
  view.setUint32(16, stat.nlink, true);
  view.setUint32(20, stat.uid, true);
  view.setUint32(24, stat.gid, true);
  view.setUint16(28, stat.mode, true);
  put64(32, stat.ino);
  put64(40, stat.size);
  put64(48, stat.blocks);
  put64(56, STATX_ATTR_MOUNT_ROOT);
  putTime(64, stat.atimeSec, stat.atimeNsec);
  putTime(80, stat.btimeSec, stat.btimeNsec);
  putTime(96, stat.ctimeSec, stat.ctimeNsec);
  putTime(112, stat.mtimeSec, stat.mtimeNsec);
  view.setUint32(128, majorOf(stat.rdev), true);
  view.setUint32(132, minorOf(stat.rdev), true);
  view.setUint32(136, majorOf(stat.dev), true);
  view.setUint32(140, minorOf(stat.dev), true);
  if (mount !== null) put64(144, mount.id);
  return task.mem.write(addr, bytes, 0, STATX_SIZE);
}

function sysStatx(task: Task, dirfd: number, pathAddr: number, flags: number, mask: number, addr: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) !== 0) return -EINVAL;
  if ((mask & STATX_RESERVED) !== 0 || (flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE) return -EINVAL;
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  if (path.length === 0 && (flags & AT_EMPTY_PATH) !== 0 && dirfd !== AT_FDCWD) {
    const file = task.files.get(dirfd);
    if (file === undefined) return -EBADF;
    const { mount, dentry } = file.path;
    return writeStatx(task, file.inode, mount, dentry === mount.root, addr);
  }
  const failed = resolve(task, dirfd, path, flags);
  if (failed < 0) return failed;
  return writeStatx(task, walk.dentry.inode, walk.mount, walk.dentry === walk.mount.root, addr);
}

function sysFaccessat2(task: Task, dirfd: number, pathAddr: number, mode: number, flags: number): number {
  if ((mode & ~(R_OK | W_OK | X_OK)) !== 0) return -EINVAL;
  if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  const creds = (flags & AT_EACCESS) !== 0 ? task.creds : task.creds.forAccess();
  const failed = resolve(task, dirfd, path, flags, creds);
  if (failed < 0) return failed;
  const { inode } = walk.dentry;
  const type = inode.mode & S_IFMT;
  if ((mode & X_OK) !== 0 && type === S_IFREG && walk.mount.isNoExec) return -EACCES;
  let mask = 0;
  if ((mode & R_OK) !== 0) mask |= MAY_READ;
  if ((mode & W_OK) !== 0) mask |= MAY_WRITE;
  if ((mode & X_OK) !== 0) mask |= MAY_EXEC;
  const refused = mask === 0 ? 0 : checkPermission(inode, creds, mask);
  if (refused < 0) return refused;
  return (mode & W_OK) !== 0 && (type === S_IFREG || type === S_IFDIR) ? checkWritableMount(walk.mount, inode) : 0;
}

function sysReadlinkat(task: Task, dirfd: number, pathAddr: number, addr: number, size: number): number {
  if (size <= 0) return -EINVAL;
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  // An empty path means the link that the descriptor itself is (readlinkat(2)).
  const failed = resolve(task, dirfd, path, AT_SYMLINK_NOFOLLOW | (dirfd === AT_FDCWD ? 0 : AT_EMPTY_PATH));
  if (failed < 0) return failed;
  const { inode } = walk.dentry;
  if ((inode.mode & S_IFMT) !== S_IFLNK) return path.length === 0 ? -ENOENT : -EINVAL;
  const target = inode.readlink();
  if (typeof target === 'number') return target;
  const text = Buffer.from(target, 'latin1');
  const length = Math.min(text.length, size);
  return task.mem.write(addr, text, 0, length) < 0 ? -EFAULT : length;
}

export const statSyscalls: readonly SyscallDef[] = [
  full(4, 'stat', ['path', 'statbuf'], (task, path, addr) => sysNewfstatat(task, AT_FDCWD, path, addr, 0)),
  full(5, 'fstat', ['fd', 'statbuf'], sysFstat),
  full(6, 'lstat', ['path', 'statbuf'], (task, path, addr) =>
    sysNewfstatat(task, AT_FDCWD, path, addr, AT_SYMLINK_NOFOLLOW),
  ),
  full(21, 'access', ['path', 'accessmode'], (task, path, mode) => sysFaccessat2(task, AT_FDCWD, path, mode, 0)),
  full(89, 'readlink', ['path', 'outbuf', 'int'], (task, path, addr, size) =>
    sysReadlinkat(task, AT_FDCWD, path, addr, size),
  ),
  full(262, 'newfstatat', ['dirfd', 'path', 'statbuf', 'atflags'], sysNewfstatat),
  full(267, 'readlinkat', ['dirfd', 'path', 'outbuf', 'int'], sysReadlinkat),
  full(269, 'faccessat', ['dirfd', 'path', 'accessmode'], (task, dirfd, path, mode) =>
    sysFaccessat2(task, dirfd, path, mode, 0),
  ),
  full(332, 'statx', ['dirfd', 'path', 'atflags', 'flags', 'ptr'], sysStatx),
  full(439, 'faccessat2', ['dirfd', 'path', 'accessmode', 'atflags'], sysFaccessat2),
];

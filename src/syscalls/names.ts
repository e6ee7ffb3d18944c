/** Calls that make, remove and move names: mkdir(2), unlink(2), rename(2), link(2), symlink(2), mknod(2). */
import { CAP_MKNOD } from '../abi/capability.ts';
import { EINVAL, ENOENT, EPERM } from '../abi/errno.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW } from '../abi/fcntl.ts';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from '../abi/stat.ts';
import type { Task } from '../kernel/task.ts';
import * as names from '../vfs/names.ts';
import { foundPath, resolve } from '../vfs/resolve.ts';
import { full, type SyscallDef } from './define.ts';

function sysMkdirat(task: Task, dirfd: number, pathAddr: number, mode: number): number {
  const path = task.mem.readPath(pathAddr);
  return typeof path === 'number' ? path : names.makeDirectory(task, dirfd, path, mode);
}

function sysMknodat(task: Task, dirfd: number, pathAddr: number, mode: number, rdev: number): number {
  const type = mode & S_IFMT;
  if (type === S_IFDIR) return -EPERM;
  const isDevice = type === S_IFCHR || type === S_IFBLK;
  if (!isDevice && type !== 0 && type !== S_IFREG && type !== S_IFIFO && type !== S_IFSOCK) return -EINVAL;
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  // Character device 0:0 is a whiteout, which opens nothing, so everyone may make it.
  const isWhiteout = type === S_IFCHR && rdev === 0;
  if (isDevice && !isWhiteout && !task.creds.hasCapability(CAP_MKNOD)) return -EPERM;
  const full = type === 0 ? mode | S_IFREG : mode;
  const made = names.makeNode(task, dirfd, path, full, isDevice ? rdev : 0);
  return typeof made === 'number' ? made : 0;
}

function sysUnlinkat(task: Task, dirfd: number, pathAddr: number, flags: number): number {
  if ((flags & ~AT_REMOVEDIR) !== 0) return -EINVAL;
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  return (flags & AT_REMOVEDIR) !== 0 ? names.removeDirectory(task, dirfd, path) : names.removeFile(task, dirfd, path);
}

function sysRenameat2(
  task: Task,
  oldDirfd: number,
  oldAddr: number,
  newDirfd: number,
  newAddr: number,
  flags: number,
): number {
  const oldPath = task.mem.readPath(oldAddr);
  if (typeof oldPath === 'number') return oldPath;
  const newPath = task.mem.readPath(newAddr);
  if (typeof newPath === 'number') return newPath;
  return names.rename(task, oldDirfd, oldPath, newDirfd, newPath, flags);
}

function sysLinkat(
  task: Task,
  oldDirfd: number,
  oldAddr: number,
  newDirfd: number,
  newAddr: number,
  flags: number,
): number {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  if ((flags & AT_EMPTY_PATH) !== 0 && !names.mayLinkByDescriptor(task)) return -ENOENT;
  const oldPath = task.mem.readPath(oldAddr);
  if (typeof oldPath === 'number') return oldPath;
  const newPath = task.mem.readPath(newAddr);
  if (typeof newPath === 'number') return newPath;
  const follow = (flags & AT_SYMLINK_FOLLOW) !== 0 ? 0 : AT_SYMLINK_NOFOLLOW;
  const failed = resolve(task, oldDirfd, oldPath, follow | (flags & AT_EMPTY_PATH));
  return failed < 0 ? failed : names.makeLink(task, foundPath(), newDirfd, newPath);
}

function sysSymlinkat(task: Task, targetAddr: number, dirfd: number, pathAddr: number): number {
  const target = task.mem.readPath(targetAddr);
  if (typeof target === 'number') return target;
  if (target === '') return -ENOENT;
  const path = task.mem.readPath(pathAddr);
  return typeof path === 'number' ? path : names.makeSymlink(task, target, dirfd, path);
}

export const nameSyscalls: readonly SyscallDef[] = [
  full(82, 'rename', ['path', 'path'], (task, from, to) => sysRenameat2(task, AT_FDCWD, from, AT_FDCWD, to, 0)),
  full(83, 'mkdir', ['path', 'mode'], (task, path, mode) => sysMkdirat(task, AT_FDCWD, path, mode)),
  full(84, 'rmdir', ['path'], (task, path) => sysUnlinkat(task, AT_FDCWD, path, AT_REMOVEDIR)),
  full(86, 'link', ['path', 'path'], (task, from, to) => sysLinkat(task, AT_FDCWD, from, AT_FDCWD, to, 0)),
  full(87, 'unlink', ['path'], (task, path) => sysUnlinkat(task, AT_FDCWD, path, 0)),
  full(88, 'symlink', ['path', 'path'], (task, target, path) => sysSymlinkat(task, target, AT_FDCWD, path)),
  full(133, 'mknod', ['path', 'mode', 'uint'], (task, path, mode, rdev) =>
    sysMknodat(task, AT_FDCWD, path, mode, rdev),
  ),
  full(258, 'mkdirat', ['dirfd', 'path', 'mode'], sysMkdirat),
  full(259, 'mknodat', ['dirfd', 'path', 'mode', 'uint'], sysMknodat),
  full(263, 'unlinkat', ['dirfd', 'path', 'atflags'], sysUnlinkat),
  full(264, 'renameat', ['dirfd', 'path', 'dirfd', 'path'], (task, oldDirfd, from, newDirfd, to) =>
    sysRenameat2(task, oldDirfd, from, newDirfd, to, 0),
  ),
  full(265, 'linkat', ['dirfd', 'path', 'dirfd', 'path', 'atflags'], sysLinkat),
  full(266, 'symlinkat', ['path', 'dirfd', 'path'], sysSymlinkat),
  full(316, 'renameat2', ['dirfd', 'path', 'dirfd', 'path', 'flags'], sysRenameat2),
];

/** Directories as places to read and to be in: getdents(2), getcwd(2), chdir(2), chroot(2), umask(2). */

import { CAP_SYS_CHROOT } from '../abi/capability.ts';
import { EACCES, EBADF, EFAULT, EINVAL, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, ERANGE } from '../abi/errno.ts';
import { AT_FDCWD, O_PATH, PATH_MAX } from '../abi/fcntl.ts';
import { IN_ACCESS } from '../abi/inotify.ts';
import { S_IFDIR, S_IFMT } from '../abi/stat.ts';
import type { Task } from '../kernel/task.ts';
import { notifyFile } from '../vfs/notify.ts';
import { absolutePath, isReachable, type Path } from '../vfs/path.ts';
import { checkPermission, MAY_EXEC } from '../vfs/permission.ts';
import { foundPath, resolve } from '../vfs/resolve.ts';
import { full, type SyscallDef } from './define.ts';

/** What one call gives at most: a buffer beyond that is not filled (a directory this large takes several calls anyway). */
const MAX_BYTES = 1 << 16;
const MIN_ENTRY = 24;

/** Fills `out` with struct linux_dirent64 or, for the old call, struct linux_dirent. */
class EntryWriter {
  readonly out = new Uint8Array(MAX_BYTES);
  readonly #view = new DataView(this.out.buffer);
  #isOld = false;
  #limit = 0;
  used = 0;
  lastOffset = 0;
  isFull = false;

  begin(isOld: boolean, limit: number): void {
    this.#isOld = isOld;
    this.#limit = Math.min(limit, MAX_BYTES);
    this.used = 0;
    this.isFull = false;
  }

  readonly emit = (name: string, ino: number, dtype: number, nextOffset: number): boolean => {
    // d_ino, d_off, d_reclen, (d_type,) d_name with NUL; the old one has its type in the last byte (getdents(2)).
    const length = (this.#isOld ? 18 + name.length + 2 : 19 + name.length + 1 + 7) & ~7;
    const reclen = this.#isOld ? (18 + name.length + 2 + 7) & ~7 : length;
    if (this.used + reclen > this.#limit) {
      this.isFull = true;
      return false;
    }
    const { used, out } = this;
    const view = this.#view;
    out.fill(0, used, used + reclen);
    view.setUint32(used, ino >>> 0, true);
    view.setUint32(used + 4, Math.floor(ino / 2 ** 32), true);
    view.setUint32(used + 8, nextOffset >>> 0, true);
    view.setUint32(used + 12, Math.floor(nextOffset / 2 ** 32), true);
    view.setUint16(used + 16, reclen, true);
    const nameAt = used + (this.#isOld ? 18 : 19);
    for (let i = 0; i < name.length; i++) out[nameAt + i] = name.charCodeAt(i);
    out[this.#isOld ? used + reclen - 1 : used + 18] = dtype;
    this.used = used + reclen;
    this.lastOffset = nextOffset;
    return true;
  };
}

const writer = new EntryWriter();

function readEntries(task: Task, fd: number, addr: number, size: number, isOld: boolean): number {
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  if ((file.inode.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
  if (file.path.dentry.isDeleted) return -ENOENT;
  if (size < MIN_ENTRY) return -EINVAL;
  writer.begin(isOld, size);
  const failed = file.readdir(file.position, writer.emit);
  if (failed >= 0) notifyFile(file, IN_ACCESS);
  if (failed < 0) return failed;
  if (writer.used === 0) return writer.isFull ? -EINVAL : 0;
  if (task.mem.write(addr, writer.out, 0, writer.used) < 0) return -EFAULT;
  file.position = writer.lastOffset;
  return writer.used;
}

function sysGetcwd(task: Task, addr: number, size: number): number {
  const { cwd, root } = task.fs;
  if (cwd.dentry.isDeleted) return -ENOENT;
  const text = absolutePath(cwd, root);
  const path = Buffer.from(`${isReachable(cwd, root) ? text : `(unreachable)${text}`}\0`, 'latin1');
  if (path.length > PATH_MAX) return -ENAMETOOLONG;
  if (path.length > size) return -ERANGE;
  return task.mem.write(addr, path, 0, path.length) < 0 ? -EFAULT : path.length;
}

/** A directory that the caller may search: 0 or -errno. */
function checkEnter(task: Task, { dentry }: Path): number {
  if ((dentry.inode.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
  return checkPermission(dentry.inode, task.creds, MAY_EXEC) < 0 ? -EACCES : 0;
}

/** The directory at a path that the caller may search, or -errno. */
function findDirectory(task: Task, pathAddr: number): Path | number {
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  const failed = resolve(task, AT_FDCWD, path, 0);
  if (failed < 0) return failed;
  const found = foundPath();
  const refused = checkEnter(task, found);
  return refused < 0 ? refused : found;
}

function sysChdir(task: Task, pathAddr: number): number {
  const found = findDirectory(task, pathAddr);
  if (typeof found === 'number') return found;
  task.fs.cwd = found;
  return 0;
}

function sysFchdir(task: Task, fd: number): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  const refused = checkEnter(task, file.path);
  if (refused < 0) return refused;
  task.fs.cwd = file.path;
  return 0;
}

function sysChroot(task: Task, pathAddr: number): number {
  const found = findDirectory(task, pathAddr);
  if (typeof found === 'number') return found;
  if (!task.creds.hasCapability(CAP_SYS_CHROOT)) return -EPERM;
  task.fs.root = found;
  return 0;
}

function sysUmask(task: Task, mask: number): number {
  const old = task.fs.umask;
  task.fs.umask = mask & 0o777;
  return old;
}

export const directorySyscalls: readonly SyscallDef[] = [
  full(78, 'getdents', ['fd', 'outbuf', 'uint'], (task, fd, addr, size) => readEntries(task, fd, addr, size, true)),
  full(79, 'getcwd', ['outbuf', 'size'], sysGetcwd),
  full(80, 'chdir', ['path'], sysChdir),
  full(81, 'fchdir', ['fd'], sysFchdir),
  full(95, 'umask', ['mode'], sysUmask),
  full(161, 'chroot', ['path'], sysChroot),
  full(217, 'getdents64', ['fd', 'outbuf', 'uint'], (task, fd, addr, size) => readEntries(task, fd, addr, size, false)),
];

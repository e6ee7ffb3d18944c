/** mount(2), umount2(2) and pivot_root(2). */
import { CAP_SYS_ADMIN } from '../abi/capability.ts';
import { EAGAIN, EBUSY, EFAULT, EINVAL, ENOENT, ENOTDIR, EPERM } from '../abi/errno.ts';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../abi/fcntl.ts';
import * as M from '../abi/mount.ts';
import { S_IFDIR, S_IFMT } from '../abi/stat.ts';
import type { Task } from '../kernel/task.ts';
import { makeFileSystem } from '../vfs/file-system-types.ts';
import {
  attachMount,
  cloneMount,
  cloneSubmounts,
  createMount,
  detachMount,
  endTree,
  listMounts,
  type Mount,
  moveMount,
  pivotMounts,
  propagatedMounts,
  topMount,
  uppermost,
} from '../vfs/mount.ts';
import { isReachable, isSamePath, type Path } from '../vfs/path.ts';
import { setPropagation } from '../vfs/propagation.ts';
import { foundPath, resolve } from '../vfs/resolve.ts';
import { full, type SyscallDef } from './define.ts';

/** What old programs put into the upper half of the flags. */
const MAGIC = 0xc0ed0000;
const MAGIC_MASK = 0xffff0000;
const PROPAGATION = M.MS_SHARED | M.MS_PRIVATE | M.MS_SLAVE | M.MS_UNBINDABLE;
const ATIME = M.MS_NOATIME | M.MS_NODIRATIME | M.MS_RELATIME;
const PAGE = 4096;

function pathAt(task: Task, addr: number, atFlags: number): Path | number {
  const name = task.mem.readPath(addr);
  if (typeof name === 'number') return name;
  const failed = resolve(task, AT_FDCWD, name, atFlags);
  return failed < 0 ? failed : foundPath();
}

function isDirectory({ dentry }: Path): boolean {
  return (dentry.inode.mode & S_IFMT) === S_IFDIR;
}

/** A string of at most a page, "" for a null pointer (copy_mount_string). */
function textAt(task: Task, addr: number): string | number {
  if (addr === 0) return '';
  const text = task.mem.readString(addr, PAGE);
  return typeof text === 'number' && text !== -EFAULT ? -EINVAL : text;
}

/** The flags a mount keeps; without a word about access times they are kept relative. */
function keptFlags(flags: number): number {
  const kept = flags & M.MS_PER_MOUNT;
  return (flags & (M.MS_NOATIME | M.MS_STRICTATIME)) === 0 ? kept | M.MS_RELATIME : kept & ~M.MS_RELATIME;
}

function sysMount(
  task: Task,
  sourceAddr: number,
  targetAddr: number,
  typeAddr: number,
  rawFlags: number,
  dataAddr: number,
): number {
  const type = textAt(task, typeAddr);
  if (typeof type === 'number') return type;
  const source = textAt(task, sourceAddr);
  if (typeof source === 'number') return source;
  const target = pathAt(task, targetAddr, 0);
  if (typeof target === 'number') return target;
  if (!task.creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
  const word = rawFlags % 2 ** 32;
  const flags = (word & MAGIC_MASK) >>> 0 === MAGIC ? word & ~MAGIC_MASK : word;
  if ((flags & M.MS_REMOUNT) !== 0) return remount(target, flags);
  if ((flags & M.MS_BIND) !== 0) return bind(task, sourceAddr, target, flags);
  if ((flags & PROPAGATION) !== 0) return changePropagation(target, flags);
  if ((flags & M.MS_MOVE) !== 0) return move(task, sourceAddr, target);
  if (typeAddr === 0) return -EINVAL;
  const data = textAt(task, dataAddr);
  if (typeof data === 'number') return data;
  const fs = makeFileSystem(task.kernel, type, data);
  if (typeof fs === 'number') return fs;
  return attachNew(0, createMount(fs, keptFlags(flags), source === '' ? 'none' : source), target);
}

/** Hangs a mount that has been made for this, unless that has failed: 0, or -errno, and then nothing of it is left. */
function attachNew(made: number, mount: Mount, target: Path): number {
  const result = made < 0 ? made : attachMount(mount, target);
  if (result < 0) endTree(mount);
  return result;
}

function remount({ mount, dentry }: Path, flags: number): number {
  if (dentry !== mount.root) return -EINVAL;
  const kept = keptFlags(flags);
  // Who says nothing of access times leaves them (do_remount).
  const atime = (flags & (ATIME | M.MS_STRICTATIME)) === 0 ? mount.flags & ATIME : kept & ATIME;
  mount.flags = (kept & ~ATIME) | atime;
  return 0;
}

function bind(task: Task, sourceAddr: number, target: Path, flags: number): number {
  const from = pathAt(task, sourceAddr, 0);
  if (typeof from === 'number') return from;
  if (from.mount.isUnbindable) return -EINVAL;
  const clone = cloneMount(from);
  const failed = (flags & M.MS_REC) === 0 ? 0 : cloneSubmounts(from, clone);
  return attachNew(failed, clone, target);
}

function changePropagation({ mount, dentry }: Path, flags: number): number {
  const type = flags & PROPAGATION;
  if ((type & (type - 1)) !== 0 || (flags & ~(PROPAGATION | M.MS_REC | M.MS_SILENT)) !== 0) return -EINVAL;
  if (dentry !== mount.root) return -EINVAL;
  for (const each of (flags & M.MS_REC) === 0 ? [mount] : listMounts(mount)) setPropagation(each, type);
  return 0;
}

function move(task: Task, sourceAddr: number, target: Path): number {
  const from = pathAt(task, sourceAddr, 0);
  if (typeof from === 'number') return from;
  return from.dentry === from.mount.root ? moveMount(from.mount, target) : -EINVAL;
}

/** Whether somebody works in it: open files, mounts below, roots and working directories. */
function isBusy(task: Task, mount: Mount): boolean {
  if (mount.openFiles > 0 || mount.children.size > 0) return true;
  for (const each of task.kernel.pids.tasks()) {
    if (each.fs.cwd.mount === mount || each.fs.root.mount === mount) return true;
  }
  return false;
}

function sysUmount2(task: Task, targetAddr: number, flags: number): number {
  const { MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW } = M;
  if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) return -EINVAL;
  const found = pathAt(task, targetAddr, (flags & UMOUNT_NOFOLLOW) !== 0 ? AT_SYMLINK_NOFOLLOW : 0);
  if (typeof found === 'number') return found;
  if (!task.creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
  // Also where the path ends in "." or at the root, which else are below what is mounted there (LOOKUP_MOUNTPOINT).
  const { mount, dentry } = uppermost(found);
  if (dentry !== mount.root || mount.parent === null) return -EINVAL;
  if ((flags & MNT_EXPIRE) !== 0) {
    if ((flags & (MNT_FORCE | MNT_DETACH)) !== 0) return -EINVAL;
    if (isBusy(task, mount)) return -EBUSY;
    if (!mount.isExpiring) {
      mount.isExpiring = true;
      return -EAGAIN;
    }
  }
  const all = [mount, ...propagatedMounts(mount)];
  if ((flags & MNT_DETACH) === 0 && all.some((each) => isBusy(task, each))) return -EBUSY;
  return detachMount(mount);
}

/** Everybody whose root or working directory was the old root's gets the new one (chroot_fs_refs). */
function moveRoots(task: Task, from: Path, to: Path): void {
  for (const { fs } of task.kernel.pids.tasks()) {
    if (isSamePath(fs.root, from)) fs.root = to;
    if (isSamePath(fs.cwd, from)) fs.cwd = to;
  }
}

function sysPivotRoot(task: Task, newAddr: number, oldAddr: number): number {
  if (!task.creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
  const next = pathAt(task, newAddr, 0);
  if (typeof next === 'number') return next;
  if (!isDirectory(next)) return -ENOTDIR;
  const putOld = pathAt(task, oldAddr, 0);
  if (typeof putOld === 'number') return putOld;
  if (!isDirectory(putOld)) return -ENOTDIR;
  const { root } = task.fs;
  const { mnt } = task.namespaces;
  // What others share can be neither moved nor moved to.
  const isShared = [putOld.mount, next.mount.parent ?? next.mount, root.mount.parent ?? root.mount].some(
    (each) => each.peers !== null,
  );
  if (isShared) return -EINVAL;
  if (topMount(root.mount) !== mnt.root || topMount(next.mount) !== mnt.root) return -EINVAL;
  if (next.dentry.isDeleted) return -ENOENT;
  // A loop, or nothing to change.
  if (next.mount === root.mount || putOld.mount === root.mount) return -EBUSY;
  if (root.dentry !== root.mount.root || next.dentry !== next.mount.root) return -EINVAL;
  if (!isReachable(putOld, next) || !isReachable(next, root)) return -EINVAL;
  const isTop = root.mount === mnt.root;
  pivotMounts(root.mount, next.mount, putOld);
  if (isTop) mnt.root = next.mount;
  moveRoots(task, root, next);
  return 0;
}

export const mountSyscalls: readonly SyscallDef[] = [
  full(155, 'pivot_root', ['path', 'path'], sysPivotRoot),
  full(165, 'mount', ['str', 'path', 'str', 'ulong', 'ptr'], sysMount),
  full(166, 'umount2', ['path', 'flags'], sysUmount2),
];

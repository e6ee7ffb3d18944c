/** Calls that change what an inode says of itself: chmod(2), chown(2), utimensat(2), truncate(2). */

import { EBADF, EFAULT, EFBIG, EINVAL } from '../abi/errno.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_ACCMODE, O_APPEND, O_RDONLY, SEEK_END } from '../abi/fcntl.ts';
import { IN_MODIFY } from '../abi/inotify.ts';
import { RLIMIT_FSIZE } from '../abi/resource.ts';
import { SIGXFSZ } from '../abi/signal.ts';
import { S_IFMT, S_IFREG } from '../abi/stat.ts';
import { areMapped } from '../kernel/id-maps.ts';
import type { Timespec } from '../kernel/kernel.ts';
import { raiseSignal } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import {
  changeMode,
  changeOwner,
  changeTimes,
  ID_UNCHANGED,
  type NewTime,
  setIdsAfterWrite,
  truncatePath,
} from '../vfs/attributes.ts';
import type { File } from '../vfs/file.ts';
import { notifyFile } from '../vfs/notify.ts';
import type { Path } from '../vfs/path.ts';
import { foundPath, resolve } from '../vfs/resolve.ts';
import { full, type SyscallDef } from './define.ts';
import { openFile } from './descriptors.ts';

const CLOCK_REALTIME = 0;
const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;
const NS_PER_S = 1_000_000_000;
const US_PER_S = 1_000_000;

const now: Timespec = { sec: 0, nsec: 0 };

/** What (dirfd, path, AT_* flags) names, or -errno. */
function find(task: Task, dirfd: number, pathAddr: number, flags: number): Path | number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  const failed = resolve(task, dirfd, path, flags);
  return failed < 0 ? failed : foundPath();
}

function ofDescriptor(task: Task, fd: number): Path | number {
  return openFile(task.files, fd)?.path ?? -EBADF;
}

function sysFchmodat2(task: Task, dirfd: number, pathAddr: number, mode: number, flags: number): number {
  const path = find(task, dirfd, pathAddr, flags);
  return typeof path === 'number' ? path : changeMode(path, mode, task.creds);
}

function sysFchmod(task: Task, fd: number, mode: number): number {
  const path = ofDescriptor(task, fd);
  return typeof path === 'number' ? path : changeMode(path, mode, task.creds);
}

/** Somebody without a mapping cannot own anything. */
function giveTo(task: Task, path: Path, uid: number, gid: number): number {
  const isThere = areMapped(task.kernel.idMaps, uid === ID_UNCHANGED ? [] : [uid], gid === ID_UNCHANGED ? [] : [gid]);
  return isThere ? changeOwner(path, uid, gid, task.creds) : -EINVAL;
}

function sysFchownat(task: Task, dirfd: number, pathAddr: number, uid: number, gid: number, flags: number): number {
  const path = find(task, dirfd, pathAddr, flags);
  return typeof path === 'number' ? path : giveTo(task, path, uid, gid);
}

function sysFchown(task: Task, fd: number, uid: number, gid: number): number {
  const path = ofDescriptor(task, fd);
  return typeof path === 'number' ? path : giveTo(task, path, uid, gid);
}

interface Times {
  readonly atime: NewTime;
  readonly mtime: NewTime;
  readonly isNow: boolean;
}

function present(task: Task): { sec: number; nsec: number } {
  task.kernel.clock.read(CLOCK_REALTIME, now);
  return { sec: now.sec, nsec: now.nsec };
}

/** Two pairs of 64-bit numbers at `addr`, or -EFAULT. */
function readPairs(task: Task, addr: number): readonly number[] | number {
  const bytes = task.mem.readBytes(addr, 32);
  if (typeof bytes === 'number') return -EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return [0, 8, 16, 24].map((at) => Number(view.getBigInt64(at, true)));
}

/** Two struct timespec with UTIME_NOW and UTIME_OMIT; null when both are left as they are. */
function readTimespecs(task: Task, addr: number): Times | null | number {
  if (addr === 0) return bothNow(task);
  const pairs = readPairs(task, addr);
  if (typeof pairs === 'number') return pairs;
  const [asec, ansec, msec, mnsec] = pairs;
  for (const nsec of [ansec, mnsec]) {
    if (nsec !== UTIME_NOW && nsec !== UTIME_OMIT && !(nsec >= 0 && nsec < NS_PER_S)) return -EINVAL;
  }
  if (ansec === UTIME_OMIT && mnsec === UTIME_OMIT) return null;
  const time = (sec: number, nsec: number): NewTime =>
    nsec === UTIME_OMIT ? null : nsec === UTIME_NOW ? present(task) : { sec, nsec };
  const isNow = ansec === UTIME_NOW && mnsec === UTIME_NOW;
  return { atime: time(asec, ansec), mtime: time(msec, mnsec), isNow };
}

function bothNow(task: Task): Times {
  const time = present(task);
  return { atime: time, mtime: time, isNow: true };
}

function readTimevals(task: Task, addr: number): Times | number {
  if (addr === 0) return bothNow(task);
  const pairs = readPairs(task, addr);
  if (typeof pairs === 'number') return pairs;
  const [asec, ausec, msec, musec] = pairs;
  for (const usec of [ausec, musec]) if (!(usec >= 0 && usec < US_PER_S)) return -EINVAL;
  return {
    atime: { sec: asec, nsec: ausec * 1000 },
    mtime: { sec: msec, nsec: musec * 1000 },
    isNow: false,
  };
}

function setTimes(task: Task, path: Path | number, times: Times): number {
  return typeof path === 'number' ? path : changeTimes(path, times.atime, times.mtime, times.isNow, task.creds);
}

function sysUtimensat(task: Task, dirfd: number, pathAddr: number, timesAddr: number, flags: number): number {
  const times = readTimespecs(task, timesAddr);
  if (typeof times === 'number') return times;
  // With nothing to set not even the path is looked at (utimensat(2)).
  if (times === null) return 0;
  if (pathAddr !== 0 || dirfd === AT_FDCWD) return setTimes(task, find(task, dirfd, pathAddr, flags), times);
  return flags !== 0 ? -EINVAL : setTimes(task, ofDescriptor(task, dirfd), times);
}

function sysFutimesat(task: Task, dirfd: number, pathAddr: number, timesAddr: number): number {
  const times = readTimevals(task, timesAddr);
  if (typeof times === 'number') return times;
  const path = pathAddr === 0 && dirfd !== AT_FDCWD ? ofDescriptor(task, dirfd) : find(task, dirfd, pathAddr, 0);
  return setTimes(task, path, times);
}

function sysUtime(task: Task, pathAddr: number, timesAddr: number): number {
  let times = bothNow(task);
  if (timesAddr !== 0) {
    const bytes = task.mem.readBytes(timesAddr, 16);
    if (typeof bytes === 'number') return -EFAULT;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const [atime, mtime] = [0, 8].map((at) => ({ sec: Number(view.getBigInt64(at, true)), nsec: 0 }));
    times = { atime, mtime, isNow: false };
  }
  return setTimes(task, find(task, AT_FDCWD, pathAddr, 0), times);
}

/** RLIMIT_FSIZE bounds what a file may grow to: 0, or -EFBIG with SIGXFSZ. */
export function checkFileSize(task: Task, size: number): number {
  if (size <= task.group.limits.soft(RLIMIT_FSIZE)) return 0;
  raiseSignal(task, SIGXFSZ);
  return -EFBIG;
}

/**
 * How much of a write of `length` bytes at `offset` RLIMIT_FSIZE lets through, or -EFBIG with SIGXFSZ when that is nothing
 * (Linux: generic_write_check_limits). An append begins at the end, wherever the offset is.
 */
export function roomInFile(task: Task, file: File, offset: number, length: number): number {
  const limit = task.group.limits.soft(RLIMIT_FSIZE);
  if (limit === Infinity || length === 0 || (file.inode.mode & S_IFMT) !== S_IFREG) return length;
  const start = (file.flags & O_APPEND) !== 0 ? Math.max(file.seek(0, SEEK_END), 0) : offset;
  if (start < limit) return Math.min(length, limit - start);
  raiseSignal(task, SIGXFSZ);
  return -EFBIG;
}

function sysTruncate(task: Task, pathAddr: number, size: number): number {
  if (size < 0) return -EINVAL;
  const path = find(task, AT_FDCWD, pathAddr, 0);
  if (typeof path === 'number') return path;
  const isGrown = (path.dentry.inode.mode & S_IFMT) === S_IFREG;
  const refused = isGrown ? checkFileSize(task, size) : 0;
  return refused < 0 ? refused : truncatePath(path, size, task.creds);
}

function sysFtruncate(task: Task, fd: number, size: number): number {
  if (size < 0) return -EINVAL;
  const file = openFile(task.files, fd);
  if (file === undefined) return -EBADF;
  if ((file.inode.mode & S_IFMT) !== S_IFREG || (file.flags & O_ACCMODE) === O_RDONLY) return -EINVAL;
  const refused = checkFileSize(task, size);
  if (refused < 0) return refused;
  const failed = file.truncate(size);
  if (failed >= 0) notifyFile(file, IN_MODIFY);
  const privileges = setIdsAfterWrite(file.inode, task.creds);
  return failed < 0 || privileges.mode === undefined ? failed : file.inode.setattr(privileges);
}

export const attributeSyscalls: readonly SyscallDef[] = [
  full(76, 'truncate', ['path', 'off'], sysTruncate),
  full(77, 'ftruncate', ['fd', 'off'], sysFtruncate),
  full(90, 'chmod', ['path', 'mode'], (task, path, mode) => sysFchmodat2(task, AT_FDCWD, path, mode, 0)),
  full(91, 'fchmod', ['fd', 'mode'], sysFchmod),
  full(92, 'chown', ['path', 'uid', 'gid'], (task, path, uid, gid) => sysFchownat(task, AT_FDCWD, path, uid, gid, 0)),
  full(93, 'fchown', ['fd', 'uid', 'gid'], sysFchown),
  full(94, 'lchown', ['path', 'uid', 'gid'], (task, path, uid, gid) =>
    sysFchownat(task, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW),
  ),
  full(132, 'utime', ['path', 'ptr'], sysUtime),
  full(235, 'utimes', ['path', 'ptr'], (task, path, times) => sysFutimesat(task, AT_FDCWD, path, times)),
  full(260, 'fchownat', ['dirfd', 'path', 'uid', 'gid', 'atflags'], sysFchownat),
  full(261, 'futimesat', ['dirfd', 'path', 'ptr'], sysFutimesat),
  full(268, 'fchmodat', ['dirfd', 'path', 'mode'], (task, dirfd, path, mode) =>
    sysFchmodat2(task, dirfd, path, mode, 0),
  ),
  full(280, 'utimensat', ['dirfd', 'path', 'ptr', 'atflags'], sysUtimensat),
  full(452, 'fchmodat2', ['dirfd', 'path', 'mode', 'atflags'], sysFchmodat2),
];

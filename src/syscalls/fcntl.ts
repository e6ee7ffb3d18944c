/** fcntl(2). */
import { CAP_LEASE } from '../abi/capability.ts';
import { EACCES, EAGAIN, EBADF, EDEADLK, EINVAL, ENOTDIR, EOVERFLOW } from '../abi/errno.ts';
import * as F from '../abi/fcntl.ts';
import { POLLIN } from '../abi/poll.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../abi/stat.ts';
import { setAsync } from '../fs/event/async-watch.ts';
import { watchDirectory } from '../fs/event/directory-watch.ts';
import { PipeFile } from '../fs/pipe/pipe-file.ts';
import { blockOn } from '../kernel/block.ts';
import { F_OWNER_PID, ownerOf } from '../kernel/file-owner.ts';
import type { Task } from '../kernel/task.ts';
import type { File } from '../vfs/file.ts';
import { Stat } from '../vfs/inode.ts';
import { leaseType, setLease } from '../vfs/leases.ts';
import { type FileLocks, findLocks, locksOf } from '../vfs/record-locks.ts';
import { full, type SyscallDef } from './define.ts';
import { getOwnerEx, ownerPid, setOwnerEx, setOwnerPid, setOwnerSignal } from './file-owner.ts';

/** Status flags that F_SETFL may change. */
const SETTABLE = F.O_APPEND | F.O_NONBLOCK | F.O_DIRECT | F.O_NOATIME;
/** struct flock on x86-64: l_type, l_whence, l_start, l_len, l_pid. */
const FLOCK_SIZE = 32;
const MAX_OFFSET = 2 ** 63;

const scratch = new Stat();

function sysFcntl(task: Task, fd: number, command: number, argument: number): number | Promise<number> {
  const { files } = task;
  const file = files.get(fd);
  if (file === undefined) return -EBADF;
  switch (command) {
    case F.F_DUPFD:
    case F.F_DUPFD_CLOEXEC:
      return files.dup(fd, command === F.F_DUPFD_CLOEXEC, argument > 0x7fffffff ? -1 : argument);
    case F.F_GETFD:
      return files.isCloexec(fd) ? F.FD_CLOEXEC : 0;
    case F.F_SETFD:
      return files.setCloexec(fd, (argument & F.FD_CLOEXEC) !== 0);
    case F.F_GETFL:
      return file.flags & ~F.O_CLOEXEC;
    case F.F_DUPFD_QUERY:
      return files.get(argument | 0) === file ? 1 : 0;
    default:
      return (file.flags & F.O_PATH) !== 0 ? -EBADF : fileCommand(task, fd, file, command, argument);
  }
}

/** Commands that O_PATH descriptors do not have. */
function fileCommand(task: Task, fd: number, file: File, command: number, argument: number): number | Promise<number> {
  switch (command) {
    case F.F_SETFL:
      file.flags = (file.flags & ~SETTABLE) | (argument & SETTABLE);
      if (((file.flags ^ argument) & F.O_ASYNC) !== 0) setAsync(task.kernel, file, fd, (argument & F.O_ASYNC) !== 0);
      return 0;
    case F.F_GETLK:
    case F.F_OFD_GETLK:
      return getLock(task, file, argument, command === F.F_OFD_GETLK);
    case F.F_SETLK:
    case F.F_SETLKW:
      return setLock(task, file, argument, false, command === F.F_SETLKW);
    case F.F_OFD_SETLK:
    case F.F_OFD_SETLKW:
      return setLock(task, file, argument, true, command === F.F_OFD_SETLKW);
    case F.F_SETOWN:
      return setOwnerPid(task, file, argument | 0);
    case F.F_GETOWN:
      return ownerPid(task, file);
    case F.F_SETOWN_EX:
      return setOwnerEx(task, file, argument);
    case F.F_GETOWN_EX:
      return getOwnerEx(task, file, argument);
    case F.F_SETSIG:
      return setOwnerSignal(file, argument);
    case F.F_GETSIG:
      return file.signal;
    case F.F_NOTIFY:
      if ((file.inode.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
      watchDirectory(task, fd, file, argument);
      return 0;
    case F.F_GETPIPE_SZ:
    case F.F_SETPIPE_SZ:
      return file instanceof PipeFile ? file.fcntl(task, command, argument) : -EBADF;
    case F.F_SETLEASE:
      return changeLease(task, file, fd, argument);
    case F.F_GETLEASE:
      return leaseType(file);
    default:
      return file.fcntl(task, command, argument);
  }
}

/** The owner of the file is told with SIGIO when no F_SETOWN has said otherwise. */
function changeLease(task: Task, file: File, fd: number, type: number): number {
  if ((file.inode.mode & S_IFMT) !== S_IFREG || (type > F.F_UNLCK && type <= 0xffff_ffff)) return -EINVAL;
  if (file.inode.stat(scratch) < 0) return -EINVAL;
  if (scratch.uid !== task.creds.fsuid && !task.creds.hasCapability(CAP_LEASE)) return -EACCES;
  const result = setLease(task.kernel, file, fd, type);
  if (result === 0 && type !== F.F_UNLCK) file.owner ??= ownerOf(task, F_OWNER_PID, task.pid);
  return result;
}

interface LockRange {
  type: number;
  start: number;
  end: number;
  pid: number;
}

const flock = new Uint8Array(FLOCK_SIZE);
const flockView = new DataView(flock.buffer);

/** An off_t, exact within 2^53. */
function offsetAt(at: number): number {
  return flockView.getUint32(at, true) + flockView.getInt32(at + 4, true) * 2 ** 32;
}

/** Reads a struct flock, which is left in `flock`, and makes its range absolute; -errno when it is none. */
function readLock(task: Task, file: File, addr: number): LockRange | number {
  const failed = task.mem.readInto(addr, flock, 0, FLOCK_SIZE);
  if (failed < 0) return failed;
  const view = flockView;
  const type = view.getInt16(0, true);
  const whence = view.getInt16(2, true);
  const start = offsetAt(8);
  const length = offsetAt(16);
  if (type !== F.F_RDLCK && type !== F.F_WRLCK && type !== F.F_UNLCK) return -EINVAL;
  let base = 0;
  if (whence === F.SEEK_CUR) base = file.position;
  else if (whence === F.SEEK_END) {
    if (file.inode.stat(scratch) < 0) return -EINVAL;
    base = scratch.size;
  } else if (whence !== F.SEEK_SET) return -EINVAL;
  let from = base + start;
  let to = length === 0 ? Infinity : from + length - 1;
  // A negative length is the bytes before the start (fcntl(2)).
  if (length < 0) {
    to = from - 1;
    from += length;
  }
  if (from < 0) return -EINVAL;
  if (length > 0 && from + length > MAX_OFFSET) return -EOVERFLOW;
  return { type, start: from, end: to >= MAX_OFFSET - 1 ? Infinity : to, pid: view.getInt32(24, true) };
}

function getLock(task: Task, file: File, addr: number, isOfd: boolean): number {
  const lock = readLock(task, file, addr);
  if (typeof lock === 'number') return lock;
  if (isOfd && lock.pid !== 0) return -EINVAL;
  if (lock.type === F.F_UNLCK && !isOfd) return -EINVAL;
  const locks = findLocks(file.inode);
  const found = locks?.conflict(isOfd ? file : task.files, lock.type, lock.start, lock.end) ?? null;
  const view = flockView;
  view.setInt16(0, found === null ? F.F_UNLCK : found.type, true);
  if (found !== null) {
    view.setInt16(2, F.SEEK_SET, true);
    view.setBigInt64(8, BigInt(found.start), true);
    view.setBigInt64(16, found.end === Infinity ? 0n : BigInt(found.end - found.start + 1), true);
    view.setInt32(24, found.pid, true);
  }
  return task.mem.write(addr, flock, 0, FLOCK_SIZE);
}

function setLock(task: Task, file: File, addr: number, isOfd: boolean, isWaiting: boolean): number | Promise<number> {
  const lock = readLock(task, file, addr);
  if (typeof lock === 'number') return lock;
  if (isOfd && lock.pid !== 0) return -EINVAL;
  const access = file.flags & F.O_ACCMODE;
  if (lock.type === F.F_RDLCK && access === F.O_WRONLY) return -EBADF;
  if (lock.type === F.F_WRLCK && access === F.O_RDONLY) return -EBADF;
  const owner = isOfd ? file : task.files;
  const locks = locksOf(file.inode);
  const attempt = (): number => locks.set(owner, lock.type, lock.start, lock.end, isOfd ? -1 : task.group.pid);
  if (!isWaiting) return attempt();
  if (!isOfd && wouldDeadlock(owner, locks, lock)) return -EDEADLK;
  const result = attempt();
  if (result !== -EAGAIN) return result;
  file.ref();
  locks.beginSleep();
  waiting.set(owner, { locks, lock });
  return blockOn(task, locks.queue, POLLIN, attempt).finally(() => {
    waiting.delete(owner);
    locks.endSleep();
    file.unref();
  });
}

/** Owners that sleep in F_SETLKW, and what for. */
const waiting = new Map<object, { locks: FileLocks; lock: LockRange }>();

/** Whether waiting for this lock would close a circle of owners that wait for one another (Linux: posix_locks_deadlock). */
function wouldDeadlock(owner: object, locks: FileLocks, lock: LockRange): boolean {
  let blocker = locks.conflict(owner, lock.type, lock.start, lock.end)?.owner;
  for (let steps = 0; blocker !== undefined && steps < 10; steps++) {
    if (blocker === owner) return true;
    const next = waiting.get(blocker);
    if (next === undefined) return false;
    blocker = next.locks.conflict(blocker, next.lock.type, next.lock.start, next.lock.end)?.owner;
  }
  return false;
}

export const fcntlSyscalls: readonly SyscallDef[] = [full(72, 'fcntl', ['fd', 'cmd', 'ulong'], sysFcntl)];

/** Descriptors themselves: close(2), dup(2), lseek(2), ioctl(2). */

import { EBADF, EFAULT, EINVAL, ENOTTY, EOPNOTSUPP } from '../abi/errno.ts';
import { O_CLOEXEC, O_NONBLOCK, O_PATH, SEEK_HOLE, SEEK_SET } from '../abi/fcntl.ts';
import {
  FIOASYNC,
  FIOCLEX,
  FIOGETOWN,
  FIONBIO,
  FIONCLEX,
  FIONREAD,
  FIOQSIZE,
  FIOSETOWN,
  FS_IOC_FIEMAP,
  SIOCGPGRP,
  SIOCSPGRP,
} from '../abi/ioctl.ts';
import { S_IFMT, S_IFREG, S_IFSOCK } from '../abi/stat.ts';
import { setAsync } from '../fs/event/async-watch.ts';
import type { Task } from '../kernel/task.ts';
import type { FdTable } from '../vfs/fd-table.ts';
import type { File } from '../vfs/file.ts';
import { Stat } from '../vfs/inode.ts';
import { full, type SyscallDef } from './define.ts';
import { ownerPid, setOwnerPid } from './file-owner.ts';

const CLOSE_RANGE_UNSHARE = 2;
const CLOSE_RANGE_CLOEXEC = 4;

const scratch = new Stat();

function sysClose(task: Task, fd: number): number {
  return task.files.close(fd);
}

function sysCloseRange(task: Task, first: number, last: number, flags: number): number {
  if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) !== 0 || first > last) return -EINVAL;
  const isUnshared = (flags & CLOSE_RANGE_UNSHARE) !== 0;
  if (isUnshared && !task.kernel.pids.shares.release(task.files)) task.files = task.files.clone();
  const { files } = task;
  for (let fd = Math.min(last, files.size - 1); fd >= first; fd--) {
    if ((flags & CLOSE_RANGE_CLOEXEC) !== 0) files.setCloexec(fd, true);
    else files.close(fd);
  }
  return 0;
}

function sysDup(task: Task, fd: number): number {
  return task.files.dup(fd, false);
}

function sysDup2(task: Task, fd: number, newFd: number): number {
  if (fd !== newFd) return task.files.dupTo(fd, newFd, false);
  return task.files.get(fd) === undefined ? -EBADF : fd;
}

function sysDup3(task: Task, fd: number, newFd: number, flags: number): number {
  if ((flags & ~O_CLOEXEC) !== 0 || fd === newFd) return -EINVAL;
  return task.files.dupTo(fd, newFd, (flags & O_CLOEXEC) !== 0);
}

/** The open file that `fd` refers to, for calls that O_PATH descriptors do not have; undefined for none. */
export function openFile(files: FdTable, fd: number): File | undefined {
  const file = files.get(fd);
  return file === undefined || (file.flags & O_PATH) !== 0 ? undefined : file;
}

function sysLseek(task: Task, fd: number, offset: number, whence: number): number {
  const file = openFile(task.files, fd);
  if (file === undefined) return -EBADF;
  if (whence < SEEK_SET || whence > SEEK_HOLE) return -EINVAL;
  const position = file.seek(offset, whence);
  if (position >= 0 && file.isSeekable) file.position = position;
  return position;
}

/** ioctl(2): what every file has is answered here, the rest by the file. */
function sysIoctl(task: Task, fd: number, command: number, argument: number): number | Promise<number> {
  const file = openFile(task.files, fd);
  if (file === undefined) return -EBADF;
  switch (command) {
    case FIOCLEX:
      return task.files.setCloexec(fd, true);
    case FIONCLEX:
      return task.files.setCloexec(fd, false);
    case FIONBIO:
      return setNonBlocking(task, file, argument);
    case FIOASYNC: {
      const isOn = task.mem.readU32(argument);
      if (isOn === null) return -EFAULT;
      setAsync(task.kernel, file, fd, isOn !== 0);
      return 0;
    }
    case FIOSETOWN:
    case SIOCSPGRP:
    case FIOGETOWN:
    case SIOCGPGRP:
      return socketOwner(task, file, command, argument);
    case FIONREAD:
      return bytesAhead(task, file, command, argument);
    case FS_IOC_FIEMAP:
      // Files in memory have no extents (Linux: ioctl_fiemap, for tmpfs).
      return -EOPNOTSUPP;
    case FIOQSIZE:
      return fileSize(task, file, argument);
    default:
      return file.ioctl(task, command, argument);
  }
}

function setNonBlocking(task: Task, file: File, argument: number): number {
  const isOn = task.mem.readU32(argument);
  if (isOn === null) return -EFAULT;
  file.flags = isOn === 0 ? file.flags & ~O_NONBLOCK : file.flags | O_NONBLOCK;
  return 0;
}

/** What F_SETOWN and F_GETOWN do, in the way that only sockets have as well (socket(7)). */
function socketOwner(task: Task, file: File, command: number, argument: number): number | Promise<number> {
  if ((file.inode.mode & S_IFMT) !== S_IFSOCK) return file.ioctl(task, command, argument);
  if (command === FIOGETOWN || command === SIOCGPGRP) return task.mem.writeU32(argument, ownerPid(task, file));
  const who = task.mem.readU32(argument);
  return who === null ? -EFAULT : setOwnerPid(task, file, who | 0);
}

/** For regular files what is left of them; the others know by themselves. */
function bytesAhead(task: Task, file: File, command: number, argument: number): number | Promise<number> {
  if ((file.inode.mode & S_IFMT) !== S_IFREG) return file.ioctl(task, command, argument);
  const failed = file.inode.stat(scratch);
  if (failed < 0) return failed;
  return task.mem.writeU32(argument, Math.max(0, scratch.size - file.position) >>> 0);
}

function fileSize(task: Task, file: File, argument: number): number {
  if ((file.inode.mode & S_IFMT) !== S_IFREG) return -ENOTTY;
  const failed = file.inode.stat(scratch);
  return failed < 0 ? failed : task.mem.writeU64(argument, scratch.size);
}

export const descriptorSyscalls: readonly SyscallDef[] = [
  full(3, 'close', ['fd'], sysClose),
  full(8, 'lseek', ['fd', 'off', 'whence'], sysLseek),
  full(16, 'ioctl', ['fd', 'cmd', 'ptr'], sysIoctl),
  full(32, 'dup', ['fd'], sysDup),
  full(33, 'dup2', ['fd', 'fd'], sysDup2),
  full(292, 'dup3', ['fd', 'fd', 'fdflags'], sysDup3),
  full(436, 'close_range', ['uint', 'uint', 'flags'], sysCloseRange),
];

/** Calls about where a file's bytes are kept: fsync(2), fallocate(2), fadvise(2), flock(2), memfd_create(2). */

import { EAGAIN, EBADF, EFAULT, EFBIG, EINVAL, EISDIR, ENODEV, EOPNOTSUPP, ESPIPE } from '../abi/errno.ts';
import * as F from '../abi/fcntl.ts';
import { IN_MODIFY } from '../abi/inotify.ts';
import { POLLIN } from '../abi/poll.ts';
import { S_IFDIR, S_IFIFO, S_IFMT, S_IFREG } from '../abi/stat.ts';
import { createMemfd } from '../fs/tmpfs/memfd.ts';
import { blockOn } from '../kernel/block.ts';
import type { Task } from '../kernel/task.ts';
import { notifyFile } from '../vfs/notify.ts';
import { locksOf } from '../vfs/record-locks.ts';
import { checkFileSize } from './attributes.ts';
import { full, type SyscallDef } from './define.ts';
import { openFile } from './descriptors.ts';
import { installNew } from './install-file.ts';

const FALLOC_KNOWN =
  F.FALLOC_FL_KEEP_SIZE |
  F.FALLOC_FL_PUNCH_HOLE |
  F.FALLOC_FL_COLLAPSE_RANGE |
  F.FALLOC_FL_ZERO_RANGE |
  F.FALLOC_FL_INSERT_RANGE;
const MAX_OFFSET = 2 ** 63;
const POSIX_FADV_NOREUSE = 5;
const SYNC_FILE_RANGE_FLAGS = 7;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_NOEXEC_SEAL = 8;
const MFD_EXEC = 16;
const MEMFD_NAME_MAX = 249;

function sysFsync(task: Task, fd: number): number {
  const file = openFile(task.files, fd);
  return file === undefined ? -EBADF : file.fsync();
}

/** Nothing written reaches a disk but by volumes, whose files are synced one by one. */
function sysSync(): number {
  return 0;
}

function sysSyncfs(task: Task, fd: number): number {
  return openFile(task.files, fd) === undefined ? -EBADF : 0;
}

function sysSyncFileRange(task: Task, fd: number, offset: number, length: number, flags: number): number {
  const file = openFile(task.files, fd);
  if (file === undefined) return -EBADF;
  if (offset < 0 || length < 0 || (flags & ~SYNC_FILE_RANGE_FLAGS) !== 0) return -EINVAL;
  const type = file.inode.mode & S_IFMT;
  return type === S_IFREG || type === S_IFDIR ? 0 : -ESPIPE;
}

function sysFadvise(task: Task, fd: number, _offset: number, length: number, advice: number): number {
  const file = openFile(task.files, fd);
  if (file === undefined) return -EBADF;
  if ((file.inode.mode & S_IFMT) === S_IFIFO) return -ESPIPE;
  return length < 0 || advice < 0 || advice > POSIX_FADV_NOREUSE ? -EINVAL : 0;
}

function sysReadahead(task: Task, fd: number): number {
  const file = openFile(task.files, fd);
  if (file === undefined || (file.flags & F.O_ACCMODE) === F.O_WRONLY) return -EBADF;
  return (file.inode.mode & S_IFMT) === S_IFREG ? 0 : -EINVAL;
}

/** Checks in the order of Linux' vfs_fallocate. */
function sysFallocate(task: Task, fd: number, mode: number, offset: number, length: number): number {
  const file = openFile(task.files, fd);
  if (file === undefined) return -EBADF;
  if (offset < 0 || length <= 0) return -EINVAL;
  if ((mode & ~FALLOC_KNOWN) !== 0) return -EOPNOTSUPP;
  const isPunch = (mode & F.FALLOC_FL_PUNCH_HOLE) !== 0;
  if (isPunch && (mode & F.FALLOC_FL_KEEP_SIZE) === 0) return -EOPNOTSUPP;
  if ((file.flags & F.O_ACCMODE) === F.O_RDONLY) return -EBADF;
  const type = file.inode.mode & S_IFMT;
  if (type === S_IFIFO) return -ESPIPE;
  if (type === S_IFDIR) return -EISDIR;
  if (type !== S_IFREG) return -ENODEV;
  if (offset + length >= MAX_OFFSET) return -EFBIG;
  const isGrowing = (mode & F.FALLOC_FL_KEEP_SIZE) === 0 && !isPunch;
  const refused = isGrowing ? checkFileSize(task, offset + length) : 0;
  if (refused < 0) return refused;
  const failed = file.allocate(mode, offset, length);
  if (failed >= 0) notifyFile(file, IN_MODIFY);
  return failed;
}

function sysFlock(task: Task, fd: number, operation: number): number | Promise<number> {
  const file = openFile(task.files, fd);
  const kind = operation & ~F.LOCK_NB;
  const type = kind === F.LOCK_SH ? F.F_RDLCK : kind === F.LOCK_EX ? F.F_WRLCK : F.F_UNLCK;
  if (kind !== F.LOCK_SH && kind !== F.LOCK_EX && kind !== F.LOCK_UN) return -EINVAL;
  if (file === undefined) return -EBADF;
  const locks = locksOf(file.inode);
  const attempt = (): number => locks.setWhole(file, type);
  const result = attempt();
  if (result !== -EAGAIN || (operation & F.LOCK_NB) !== 0) return result;
  file.ref();
  locks.beginSleep();
  return blockOn(task, locks.queue, POLLIN, attempt).finally(() => {
    locks.endSleep();
    file.unref();
  });
}

function sysMemfdCreate(task: Task, nameAddr: number, flags: number): number {
  if ((flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC)) !== 0) return -EINVAL;
  if ((flags & (MFD_EXEC | MFD_NOEXEC_SEAL)) === (MFD_EXEC | MFD_NOEXEC_SEAL)) return -EINVAL;
  const name = task.mem.readString(nameAddr, MEMFD_NAME_MAX);
  if (typeof name === 'number') return name === -EFAULT ? name : -EINVAL;
  const isNoExec = (flags & MFD_NOEXEC_SEAL) !== 0;
  const file = createMemfd(task, name, {
    isSealable: isNoExec || (flags & MFD_ALLOW_SEALING) !== 0,
    isExecutable: !isNoExec,
  });
  return installNew(task, file, (flags & MFD_CLOEXEC) !== 0);
}

export const fileSyncSyscalls: readonly SyscallDef[] = [
  full(73, 'flock', ['fd', 'int'], sysFlock),
  full(74, 'fsync', ['fd'], sysFsync),
  full(75, 'fdatasync', ['fd'], sysFsync),
  full(162, 'sync', [], sysSync),
  full(187, 'readahead', ['fd', 'off', 'size'], sysReadahead),
  full(221, 'fadvise64', ['fd', 'off', 'off', 'int'], sysFadvise),
  full(277, 'sync_file_range', ['fd', 'off', 'off', 'flags'], sysSyncFileRange),
  full(285, 'fallocate', ['fd', 'int', 'off', 'off'], sysFallocate),
  full(306, 'syncfs', ['fd'], sysSyncfs),
  full(319, 'memfd_create', ['str', 'flags'], sysMemfdCreate),
];

/** open(2) and its kin: from a name to a descriptor. */
import { E2BIG, EAGAIN, EFAULT, EINVAL, ERESTARTSYS } from '../abi/errno.ts';
import {
  AT_FDCWD,
  O_ACCMODE,
  O_APPEND,
  O_ASYNC,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_SYNC,
  O_TMPFILE_BIT,
  O_TRUNC,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../abi/fcntl.ts';
import { POLLIN, POLLOUT } from '../abi/poll.ts';
import { PipeFile } from '../fs/pipe/pipe-file.ts';
import { blockOn, comeBack, sleepOn, WAKE_SIGNAL } from '../kernel/block.ts';
import type { Task } from '../kernel/task.ts';
import { openAt, takeLeasesInTheWay } from '../vfs/open.ts';
import { full, type SyscallDef } from './define.ts';
import { installNew } from './install-file.ts';

const OPEN_FLAGS =
  O_ACCMODE |
  O_CREAT |
  O_EXCL |
  O_NOCTTY |
  O_TRUNC |
  O_APPEND |
  O_NONBLOCK |
  O_DSYNC |
  O_SYNC |
  O_ASYNC |
  O_DIRECT |
  O_LARGEFILE |
  O_DIRECTORY |
  O_NOFOLLOW |
  O_NOATIME |
  O_CLOEXEC |
  O_PATH |
  O_TMPFILE_BIT;
const PATH_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
const RESOLVE_FLAGS =
  RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;
const MODE_BITS = 0o7777;
/** Bytes of the first struct open_how, and the most a struct of the future may have (openat2(2)). */
const OPEN_HOW_SIZE = 24;
const PAGE_SIZE = 4096;

/** Opening a FIFO waits for the other end (fifo(7)). */
async function awaitPartner(task: Task, file: PipeFile, isCloexec: boolean): Promise<number> {
  const status = await blockOn(task, file.queue, POLLIN | POLLOUT, () => (file.isPartnerAwaited ? -EAGAIN : 0));
  if (status === 0 && comeBack(task)) return installNew(task, file, isCloexec);
  file.unref();
  return status === 0 ? -ERESTARTSYS : status;
}

/** Opens and installs. `flags` may have bits that mean nothing; openat2(2) has refused those before. */
function open(
  task: Task,
  dirfd: number,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): number | Promise<number> {
  const isTemporary = (flags & O_TMPFILE_BIT) !== 0;
  // O_TMPFILE has O_DIRECTORY in it, so that kernels without it refuse the call (open(2)).
  if (isTemporary && ((flags & O_DIRECTORY) === 0 || (flags & O_ACCMODE) === 0 || (flags & O_CREAT) !== 0))
    return -EINVAL;
  if ((flags & (O_CREAT | O_DIRECTORY)) === (O_CREAT | O_DIRECTORY) && (flags & O_PATH) === 0) return -EINVAL;
  const known = (flags & O_PATH) !== 0 ? flags & PATH_FLAGS : (flags & OPEN_FLAGS) | O_LARGEFILE;
  const file = openAt(task, dirfd, path, known & ~O_CLOEXEC, mode & MODE_BITS & ~task.fs.umask, resolve);
  const isCloexec = (flags & O_CLOEXEC) !== 0;
  if (file === -EAGAIN && (flags & O_NONBLOCK) === 0) {
    const leases = takeLeasesInTheWay();
    if (leases !== null) {
      const again = (): number | Promise<number> => open(task, dirfd, path, flags, mode, resolve);
      return sleepOn(task, [leases.queue], POLLIN, Infinity).then((reason) =>
        !comeBack(task) || reason === WAKE_SIGNAL ? -ERESTARTSYS : again(),
      );
    }
  }
  if (typeof file === 'number') return file;
  if (file instanceof PipeFile && file.isPartnerAwaited) return awaitPartner(task, file, isCloexec);
  return installNew(task, file, isCloexec);
}

function sysOpenat(task: Task, dirfd: number, pathAddr: number, flags: number, mode: number): number | Promise<number> {
  const path = task.mem.readPath(pathAddr);
  return typeof path === 'number' ? path : open(task, dirfd, path, flags, mode, 0);
}

function sysOpenat2(
  task: Task,
  dirfd: number,
  pathAddr: number,
  howAddr: number,
  size: number,
): number | Promise<number> {
  if (size < OPEN_HOW_SIZE) return -EINVAL;
  if (size > PAGE_SIZE) return -E2BIG;
  const how = task.mem.readBytes(howAddr, size);
  if (typeof how === 'number') return -EFAULT;
  for (let i = OPEN_HOW_SIZE; i < size; i++) if (how[i] !== 0) return -E2BIG;
  const view = new DataView(how.buffer, how.byteOffset, how.length);
  const [flags, mode, resolve] = [0, 8, 16].map((at) => view.getUint32(at, true));
  for (const at of [4, 12, 20]) if (view.getUint32(at, true) !== 0) return -EINVAL;
  if ((flags & ~OPEN_FLAGS) !== 0 || (resolve & ~RESOLVE_FLAGS) !== 0) return -EINVAL;
  if ((flags & O_PATH) !== 0 && (flags & ~PATH_FLAGS) !== 0) return -EINVAL;
  const scope = resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT);
  if (scope === (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) return -EINVAL;
  const isMade = (flags & (O_CREAT | O_TMPFILE_BIT)) !== 0;
  if (isMade ? (mode & ~MODE_BITS) !== 0 : mode !== 0) return -EINVAL;
  if ((resolve & RESOLVE_CACHED) !== 0 && (flags & (O_TRUNC | O_CREAT | O_TMPFILE_BIT)) !== 0) return -EAGAIN;
  const path = task.mem.readPath(pathAddr);
  return typeof path === 'number' ? path : open(task, dirfd, path, flags, mode, resolve);
}

export const openFileSyscalls: readonly SyscallDef[] = [
  full(2, 'open', ['path', 'openflags', 'mode'], (task, path, flags, mode) =>
    sysOpenat(task, AT_FDCWD, path, flags, mode),
  ),
  full(85, 'creat', ['path', 'mode'], (task, path, mode) =>
    sysOpenat(task, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode),
  ),
  full(257, 'openat', ['dirfd', 'path', 'openflags', 'mode'], sysOpenat),
  full(437, 'openat2', ['dirfd', 'path', 'ptr', 'size'], sysOpenat2),
];

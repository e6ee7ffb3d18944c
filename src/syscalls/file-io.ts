/** read(2), write(2) and their kin: one file, data from or to the guest. */

import { EAGAIN, EBADF, EFAULT, EINVAL, EOPNOTSUPP, EPIPE, ESPIPE } from '../abi/errno.ts';
import { O_ACCMODE, O_APPEND, O_NONBLOCK, O_PATH, O_RDONLY, O_WRONLY } from '../abi/fcntl.ts';
import { IN_ACCESS, IN_MODIFY } from '../abi/inotify.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from '../abi/poll.ts';
import { SIGPIPE } from '../abi/signal.ts';
import { blockUpTo, comeBack, endOfTurn, isTurnOver, yieldTurn } from '../kernel/block.ts';
import { raiseSignal } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import type { File } from '../vfs/file.ts';
import { notifyFile } from '../vfs/notify.ts';
import { roomInFile } from './attributes.ts';
import { full, type SyscallDef } from './define.ts';

/** What one call transfers at most (Linux: MAX_RW_COUNT). */
export const MAX_COUNT = 0x7ffff000;
const IOV_MAX = 1024;
const USER_END = 2 ** 47;
/** Above it a read is made piece by piece: no message is longer. */
const SCATTER_MAX = 1 << 20;
const RWF_NOWAIT = 8;
const RWF_APPEND = 16;
/** RWF_HIPRI, DSYNC, SYNC, NOWAIT, APPEND. */
export const RWF_KNOWN = 0x1f;
/** What one call transfers before others have their turn. */
const TURN_BYTES = 1 << 20;
/** An offset that stands for "at the file's position, which moves". */
export const AT_POSITION = -1;

/** An open file that may be read: O_PATH descriptors and write-only ones are not. */
function readable(task: Task, fd: number): File | number {
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0 || (file.flags & O_ACCMODE) === O_WRONLY) return -EBADF;
  return file;
}

function writable(task: Task, fd: number): File | number {
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0 || (file.flags & O_ACCMODE) === O_RDONLY) return -EBADF;
  return file;
}

/** One attempt: bytes, 0 at the end, or -errno. Several pieces are read while they come in full. */
function readOnce(task: Task, file: File, addr: number, length: number, offset: number): number {
  if (length > file.directMin) {
    const n = readStraight(task, file, addr, length);
    if (n !== -EFAULT) return n;
  }
  let done = 0;
  const isMoving = offset === AT_POSITION && file.isSeekable;
  while (done < length) {
    const room = Math.min(task.mem.stage(length - done), length - done);
    const from = isMoving ? file.position : offset === AT_POSITION ? 0 : offset + done;
    const n = file.read(task.mem.stageBuf, task.mem.stageAt, room, from);
    if (n <= 0) return done > 0 ? done : n;
    if (task.mem.flush(addr + done, n) < 0) return done > 0 ? done : -EFAULT;
    if (isMoving) file.position += n;
    done += n;
    if (n < room) break;
  }
  if (done > 0) notifyFile(file, IN_ACCESS);
  return done;
}

/** Without a buffer in between: bytes, or -errno when there are none; after -EFAULT the way through a buffer finds out what there is. */
function readStraight(task: Task, file: File, addr: number, length: number): number {
  let done = 0;
  while (done < length) {
    const n = file.readTo(task.mem, addr + done, length - done);
    if (n <= 0 && done === 0) return n;
    if (n <= 0) break;
    done += n;
  }
  notifyFile(file, IN_ACCESS);
  return done;
}

/** SIGPIPE goes with EPIPE. */
function raised(task: Task, result: number): number {
  if (result === -EPIPE) raiseSignal(task, SIGPIPE);
  return result;
}

function writeOnce(task: Task, file: File, addr: number, length: number, offset: number): number {
  let done = 0;
  const isMoving = offset === AT_POSITION && file.isSeekable;
  const allowed = roomInFile(task, file, isMoving ? file.position : offset, length);
  if (allowed < 0) return allowed;
  if (allowed > file.directMin) {
    const n = file.writeFrom(task.mem, addr, allowed);
    if (n > 0) notifyFile(file, IN_MODIFY);
    if (n !== -EFAULT) return n;
  }
  while (done < allowed) {
    const got = task.mem.load(addr + done, allowed - done);
    if (got < 0) return done > 0 ? done : -EFAULT;
    const count = Math.min(got, allowed - done);
    const to = isMoving ? file.position : offset === AT_POSITION ? 0 : offset + done;
    const n = file.write(task.mem.stageBuf, task.mem.stageAt, count, to);
    if (n < 0) return done > 0 ? done : n;
    if (isMoving) file.position = (file.flags & O_APPEND) !== 0 ? appendEnd(file) : file.position + n;
    done += n;
    if (n < count) break;
  }
  if (done > 0) notifyFile(file, IN_MODIFY);
  return done;
}

/** After an append the offset is at the end of the file (write(2)). */
function appendEnd(file: File): number {
  const end = file.seek(0, 2);
  return end < 0 ? file.position : end;
}

function doRead(task: Task, file: File, addr: number, count: number, offset: number): number | Promise<number> {
  if (!(addr >= 0) || addr + count > USER_END) return -EFAULT;
  const length = Math.min(count, MAX_COUNT);
  if (length === 0) {
    // Even an empty read finds out that it is a directory (EISDIR) or the like.
    task.mem.stage(0);
    const n = file.isSeekable ? file.read(task.mem.stageBuf, task.mem.stageAt, 0, 0) : 0;
    return n < 0 && n !== -EAGAIN ? n : 0;
  }
  const n = readOnce(task, file, addr, Math.min(length, TURN_BYTES), offset);
  if (n === TURN_BYTES && n < length) return held(file, inTurns(task, file, addr, length, offset, n, readOnce));
  if (n !== -EAGAIN || (file.flags & O_NONBLOCK) !== 0) return n;
  return held(
    file,
    blockUpTo(
      task,
      file.queue,
      POLLIN | POLLHUP | POLLERR,
      () => readOnce(task, file, addr, Math.min(length, TURN_BYTES), offset),
      file.readTimeoutNs,
    ),
  );
}

/** The rest of a transfer behind the first turn: others have theirs in between, and a killed caller is not served on. */
async function inTurns(
  task: Task,
  file: File,
  addr: number,
  length: number,
  offset: number,
  first: number,
  once: typeof readOnce,
): Promise<number> {
  let done = first;
  while (done < length) {
    if (!(await yieldTurn(task))) return done;
    const piece = Math.min(length - done, TURN_BYTES);
    const n = once(task, file, addr + done, piece, offset === AT_POSITION ? AT_POSITION : offset + done);
    if (n > 0) done += n;
    if (n < piece) break;
  }
  return done;
}

/** Keeps a reference while a call waits: another thread may close the descriptor. */
function held(file: File, result: Promise<number>): Promise<number> {
  file.ref();
  return result.finally(() => file.unref());
}

export function doWrite(task: Task, file: File, addr: number, count: number, offset: number): number | Promise<number> {
  if (!(addr >= 0) || addr + count > USER_END) return -EFAULT;
  const length = Math.min(count, MAX_COUNT);
  if (length === 0) return 0;
  const n = writeOnce(task, file, addr, Math.min(length, TURN_BYTES), offset);
  const isBlocking = (file.flags & O_NONBLOCK) === 0;
  if (n === TURN_BYTES && n < length && (file.isSeekable || !isBlocking)) {
    return held(file, inTurns(task, file, addr, length, offset, n, writeOnce));
  }
  if (n === -EAGAIN && isBlocking) return held(file, writeRest(task, file, addr, length, 0));
  if (n < 0) return raised(task, n);
  // What can be full takes a part and the writer waits for the rest to fit.
  if (n < length && isBlocking && !file.isSeekable) return held(file, writeRest(task, file, addr, length, n));
  return n;
}

async function writeRest(task: Task, file: File, addr: number, length: number, first: number): Promise<number> {
  let done = first;
  let turn = endOfTurn(task);
  while (done < length) {
    const attempt = (): number => writeOnce(task, file, addr + done, Math.min(length - done, TURN_BYTES), AT_POSITION);
    let n = attempt();
    if (n === -EAGAIN) {
      n = await blockUpTo(task, file.queue, POLLOUT | POLLERR | POLLHUP, attempt, file.writeTimeoutNs);
      if (!comeBack(task)) break;
    }
    if (n < 0) {
      const error = raised(task, n);
      return done > 0 ? done : error;
    }
    if (n === 0) break;
    done += n;
    if (task.isExited) return done;
    if (n < TURN_BYTES && !isTurnOver(task, turn)) continue;
    if (!(await yieldTurn(task))) return done;
    turn = endOfTurn(task);
  }
  return done;
}

function sysRead(task: Task, fd: number, addr: number, count: number): number | Promise<number> {
  const file = readable(task, fd);
  return typeof file === 'number' ? file : doRead(task, file, addr, count, AT_POSITION);
}

function sysWrite(task: Task, fd: number, addr: number, count: number): number | Promise<number> {
  const file = writable(task, fd);
  return typeof file === 'number' ? file : doWrite(task, file, addr, count, AT_POSITION);
}

function sysPread(task: Task, fd: number, addr: number, count: number, offset: number): number | Promise<number> {
  if (offset < 0) return -EINVAL;
  const file = readable(task, fd);
  if (typeof file === 'number') return file;
  return file.isSeekable ? doRead(task, file, addr, count, offset) : -ESPIPE;
}

function sysPwrite(task: Task, fd: number, addr: number, count: number, offset: number): number | Promise<number> {
  if (offset < 0) return -EINVAL;
  const file = writable(task, fd);
  if (typeof file === 'number') return file;
  return file.isSeekable ? doWrite(task, file, addr, count, offset) : -ESPIPE;
}

/** The pieces of an iovec: [address, length, ...], or -errno. Read once, checked, then used. */
export function readIov(task: Task, addr: number, count: number): Float64Array | number {
  if (count < 0 || count > IOV_MAX) return -EINVAL;
  const bytes = task.mem.readBytes(addr, count * 16);
  if (typeof bytes === 'number') return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces = new Float64Array(count * 2);
  let total = 0;
  for (let i = 0; i < count * 2; i++) {
    pieces[i] = view.getUint32(i * 8, true) + view.getUint32(i * 8 + 4, true) * 2 ** 32;
    if (i % 2 === 0) continue;
    if (pieces[i] >= 2 ** 63) return -EINVAL;
    if (pieces[i - 1] + pieces[i] > USER_END) return -EFAULT;
    pieces[i] = Math.min(pieces[i], MAX_COUNT - total);
    total += pieces[i];
  }
  return pieces;
}

type Transfer = (task: Task, file: File, addr: number, length: number, offset: number) => number | Promise<number>;

/** Piece after piece until one is not transferred in full. */
async function vectorRest(
  task: Task,
  file: File,
  iov: Float64Array,
  from: number,
  first: number | Promise<number>,
  before: number,
  offset: number,
  transfer: Transfer,
): Promise<number> {
  const n = await first;
  if (!comeBack(task)) return before;
  if (n < 0) return before > 0 ? before : n;
  if (n < iov[from + 1]) return before + n;
  const rest = await vector(task, file, iov, from + 2, before + n, offset, transfer);
  return rest;
}

export function vector(
  task: Task,
  file: File,
  iov: Float64Array,
  from: number,
  before: number,
  offset: number,
  transfer: Transfer,
): number | Promise<number> {
  let done = before;
  for (let i = from; i < iov.length; i += 2) {
    if (iov[i + 1] === 0) continue;
    if (done - before >= TURN_BYTES) {
      const rest = yieldTurn(task).then((goesOn) => {
        return goesOn ? vector(task, file, iov, i, done, offset, transfer) : done;
      });
      return held(file, rest);
    }
    // A later piece never waits: what has been transferred is told.
    if (done > 0 && transfer === doRead && !file.isSeekable && (file.poll() & POLLIN) === 0) return done;
    const n = transfer(task, file, iov[i], iov[i + 1], offset === AT_POSITION ? AT_POSITION : offset + done);
    if (typeof n !== 'number') return held(file, vectorRest(task, file, iov, i, n, done, offset, transfer));
    if (n < 0) return done > 0 ? done : n;
    done += n;
    if (n < iov[i + 1]) break;
  }
  return done;
}

/** A write of several small pieces is one write: to a pipe it must not be mixed with others. */
function gathered(task: Task, file: File, iov: Float64Array): number | Promise<number> | null {
  let total = 0;
  for (let i = 1; i < iov.length; i += 2) total += iov[i];
  if (file.isSeekable || total === 0 || total > 65536 || iov.length <= 2) return null;
  const all = new Uint8Array(total);
  let at = 0;
  for (let i = 0; i < iov.length; i += 2) {
    if (iov[i + 1] === 0) continue;
    if (task.mem.readInto(iov[i], all, at, iov[i + 1]) < 0) return -EFAULT;
    at += iov[i + 1];
  }
  let done = 0;
  const attempt = (): number => {
    const n = file.write(all, done, total - done, 0);
    if (n < 0) return n;
    done += n;
    return done === total ? total : -EAGAIN;
  };
  const result = attempt();
  if (result !== -EAGAIN) return raised(task, result);
  if ((file.flags & O_NONBLOCK) !== 0) return done > 0 ? done : -EAGAIN;
  return held(
    file,
    blockUpTo(task, file.queue, POLLOUT | POLLERR | POLLHUP, attempt, file.writeTimeoutNs).then((n) =>
      n < 0 && n !== -EPIPE && done > 0 ? done : raised(task, n),
    ),
  );
}

/** A read into several pieces is one read: the end of a message must not go into the next call, nor the next message into this one. */
function scattered(task: Task, file: File, iov: Float64Array): number | Promise<number> | null {
  let total = 0;
  for (let i = 1; i < iov.length; i += 2) total += iov[i];
  if (file.isSeekable || total === 0 || total > SCATTER_MAX || iov.length <= 2) return null;
  const all = new Uint8Array(total);
  const attempt = (): number => {
    const n = file.read(all, 0, total, 0);
    let at = 0;
    for (let i = 0; i < iov.length && at < n; i += 2) {
      const length = Math.min(iov[i + 1], n - at);
      if (task.mem.write(iov[i], all, at, length) < 0) return at > 0 ? at : -EFAULT;
      at += length;
    }
    return n;
  };
  const n = attempt();
  if (n !== -EAGAIN || (file.flags & O_NONBLOCK) !== 0) return n;
  return held(file, blockUpTo(task, file.queue, POLLIN | POLLHUP | POLLERR, attempt, file.readTimeoutNs));
}

export function sysReadv(task: Task, fd: number, addr: number, count: number): number | Promise<number> {
  const file = readable(task, fd);
  if (typeof file === 'number') return file;
  const iov = readIov(task, addr, count);
  if (typeof iov === 'number') return iov;
  return scattered(task, file, iov) ?? vector(task, file, iov, 0, 0, AT_POSITION, doRead);
}

export function sysWritev(task: Task, fd: number, addr: number, count: number): number | Promise<number> {
  const file = writable(task, fd);
  if (typeof file === 'number') return file;
  const iov = readIov(task, addr, count);
  if (typeof iov === 'number') return iov;
  return gathered(task, file, iov) ?? vector(task, file, iov, 0, 0, AT_POSITION, doWrite);
}

function sysPreadv(task: Task, fd: number, addr: number, count: number, lo: number): number | Promise<number> {
  if (lo < 0) return -EINVAL;
  const file = readable(task, fd);
  if (typeof file === 'number') return file;
  if (!file.isSeekable) return -ESPIPE;
  const iov = readIov(task, addr, count);
  return typeof iov === 'number' ? iov : vector(task, file, iov, 0, 0, lo, doRead);
}

function sysPwritev(task: Task, fd: number, addr: number, count: number, lo: number): number | Promise<number> {
  if (lo < 0) return -EINVAL;
  const file = writable(task, fd);
  if (typeof file === 'number') return file;
  if (!file.isSeekable) return -ESPIPE;
  const iov = readIov(task, addr, count);
  return typeof iov === 'number' ? iov : vector(task, file, iov, 0, 0, lo, doWrite);
}

/** Makes the call with other status flags of the file; what waits has read them before. */
export function withFlags(file: File, more: number, call: () => number | Promise<number>): number | Promise<number> {
  const { flags } = file;
  file.flags |= more;
  try {
    return call();
  } finally {
    file.flags = flags;
  }
}

/** RWF_NOWAIT and RWF_APPEND are for one call what O_NONBLOCK and O_APPEND are for all (preadv2(2)). */
export function statusFlags(flags: number): number {
  return ((flags & RWF_NOWAIT) !== 0 ? O_NONBLOCK : 0) | ((flags & RWF_APPEND) !== 0 ? O_APPEND : 0);
}

function sysPreadv2(
  task: Task,
  fd: number,
  addr: number,
  count: number,
  lo: number,
  _hi: number,
  flags: number,
): number | Promise<number> {
  if ((flags & ~RWF_KNOWN) !== 0) return -EOPNOTSUPP;
  const file = readable(task, fd);
  if (typeof file === 'number') return file;
  return withFlags(file, statusFlags(flags & ~RWF_APPEND), () =>
    lo === -1 ? sysReadv(task, fd, addr, count) : sysPreadv(task, fd, addr, count, lo),
  );
}

function sysPwritev2(
  task: Task,
  fd: number,
  addr: number,
  count: number,
  lo: number,
  _hi: number,
  flags: number,
): number | Promise<number> {
  if ((flags & ~RWF_KNOWN) !== 0) return -EOPNOTSUPP;
  const file = writable(task, fd);
  if (typeof file === 'number') return file;
  return withFlags(file, statusFlags(flags), () =>
    lo === -1 ? sysWritev(task, fd, addr, count) : sysPwritev(task, fd, addr, count, lo),
  );
}

export const fileIoSyscalls: readonly SyscallDef[] = [
  full(0, 'read', ['fd', 'outbuf', 'size'], sysRead),
  full(1, 'write', ['fd', 'buf', 'size'], sysWrite),
  full(17, 'pread64', ['fd', 'outbuf', 'size', 'off'], sysPread),
  full(18, 'pwrite64', ['fd', 'buf', 'size', 'off'], sysPwrite),
  full(19, 'readv', ['fd', 'iov', 'int'], sysReadv),
  full(20, 'writev', ['fd', 'iov', 'int'], sysWritev),
  full(295, 'preadv', ['fd', 'iov', 'int', 'off', 'long'], sysPreadv),
  full(296, 'pwritev', ['fd', 'iov', 'int', 'off', 'long'], sysPwritev),
  full(327, 'preadv2', ['fd', 'iov', 'int', 'off', 'long', 'flags'], sysPreadv2),
  full(328, 'pwritev2', ['fd', 'iov', 'int', 'off', 'long', 'flags'], sysPwritev2),
];

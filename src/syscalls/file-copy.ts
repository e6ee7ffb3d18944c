/** Calls that move data from file to file without the guest's memory: sendfile(2), copy_file_range(2), splice(2), tee(2). */

import { EAGAIN, EBADF, EFAULT, EINVAL, EISDIR, EPIPE, ESPIPE, EXDEV } from '../abi/errno.ts';
import { O_ACCMODE, O_APPEND, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../abi/fcntl.ts';
import { IN_ACCESS, IN_MODIFY } from '../abi/inotify.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from '../abi/poll.ts';
import { SIGPIPE } from '../abi/signal.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../abi/stat.ts';
import { PipeFile } from '../fs/pipe/pipe-file.ts';
import { comeBack, endOfTurn, isTurnOver, sleepOn, WAKE_SIGNAL, yieldTurn } from '../kernel/block.ts';
import { raiseSignal } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import type { File } from '../vfs/file.ts';
import { Stat } from '../vfs/inode.ts';
import { notifyFile } from '../vfs/notify.ts';
import { roomInFile } from './attributes.ts';
import { full, partial, type SyscallDef } from './define.ts';
import { openFile } from './descriptors.ts';
import { sysReadv, sysWritev, withFlags } from './file-io.ts';

const MAX_COUNT = 0x7ffff000;
const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const SPLICE_F_MORE = 4;
const SPLICE_F_GIFT = 8;
const SPLICE_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;
const ERESTARTSYS = 512;

const buffer = new Uint8Array(1 << 16);
const scratch = new Stat();

/** A side of a transfer: the file and the offset to use, or null for the file's own position. */
interface End {
  readonly file: File;
  offset: number | null;
}

/** The file to read from and the one to write to, or -EBADF. */
function bothFiles(task: Task, inFd: number, outFd: number): { input: File; output: File } | number {
  const input = openFile(task.files, inFd);
  if (input === undefined || (input.flags & O_ACCMODE) === O_WRONLY) return -EBADF;
  const output = openFile(task.files, outFd);
  if (output === undefined || (output.flags & O_ACCMODE) === O_RDONLY) return -EBADF;
  return { input, output };
}

function positionOf({ file, offset }: End): number {
  return offset ?? file.position;
}

function advance(end: End, n: number): void {
  if (end.offset !== null) end.offset += n;
  else if (end.file.isSeekable) end.file.position += n;
}

/** How much the receiving side surely takes: what is read from a stream must not be lost. */
function roomIn(to: File): number {
  return to instanceof PipeFile ? to.pipe.ring.free : buffer.length;
}

/** Moves one piece: bytes, 0 at the end, -EAGAIN from either side (`wait` says which), or -errno. */
function movePiece(task: Task, from: End, to: End, length: number, wait: { onInput: boolean }): number {
  const isPipe = from.file instanceof PipeFile;
  const room = Math.min(length, buffer.length, roomIn(to.file));
  wait.onInput = true;
  if (room === 0) {
    // A pipe without readers says so when it is written to.
    wait.onInput = false;
    return to.file.write(buffer, 0, 1, 0) === -EPIPE ? -EPIPE : -EAGAIN;
  }
  const got =
    from.file instanceof PipeFile && from.file.pipe.ring.length > 0
      ? from.file.pipe.ring.peek(buffer, 0, room)
      : from.file.read(buffer, 0, room, positionOf(from));
  if (got <= 0) return got;
  wait.onInput = false;
  const allowed = roomInFile(task, to.file, positionOf(to), got);
  if (allowed < 0) return allowed;
  const put = to.file.write(buffer, 0, allowed, positionOf(to));
  if (put < 0) return put;
  if (isPipe) from.file.read(buffer, 0, put, 0);
  else advance(from, put);
  advance(to, put);
  if (!isPipe) notifyFile(from.file, IN_ACCESS);
  notifyFile(to.file, IN_MODIFY);
  return put;
}

interface Transfer {
  readonly task: Task;
  readonly from: End;
  readonly to: End;
  readonly length: number;
  readonly isNonBlocking: boolean;
  /** sendfile(2) goes on until all is there, splice(2) returns with what it has. */
  readonly isComplete: boolean;
}

/** Bytes moved, or -errno. */
function transfer(job: Transfer): number | Promise<number> {
  const wait = { onInput: false };
  const first = moveSome(job, 0, wait);
  const isStuck = first.status === -EAGAIN && !job.isNonBlocking && (first.done === 0 || job.isComplete);
  if (!isStuck && first.status !== TURN_OVER) return finish(job, first);
  job.from.file.ref();
  job.to.file.ref();
  return waitAndMove(job, first, wait).finally(() => {
    job.from.file.unref();
    job.to.file.unref();
  });
}

interface Progress {
  readonly done: number;
  /** 0 when it is over, TURN_OVER, or why it stopped. */
  readonly status: number;
}

/** Not all of it has been moved, and others are to have their turn. */
const TURN_OVER = 1;

function moveSome(job: Transfer, before: number, wait: { onInput: boolean }): Progress {
  let done = before;
  const turn = endOfTurn(job.task);
  while (done < job.length) {
    const n = movePiece(job.task, job.from, job.to, job.length - done, wait);
    if (n <= 0) return { done, status: n };
    done += n;
    if (done < job.length && isTurnOver(job.task, turn)) return { done, status: TURN_OVER };
  }
  return { done, status: 0 };
}

function finish({ task }: Transfer, { done, status }: Progress): number {
  if (status === -EPIPE) raiseSignal(task, SIGPIPE);
  return done > 0 ? done : status;
}

async function waitAndMove(job: Transfer, first: Progress, wait: { onInput: boolean }): Promise<number> {
  let progress = first;
  for (;;) {
    if (progress.status === TURN_OVER) {
      if (!(await yieldTurn(job.task))) break;
      progress = moveSome(job, progress.done, wait);
      continue;
    }
    if (progress.status !== -EAGAIN || job.isNonBlocking || (progress.done > 0 && !job.isComplete)) break;
    const { file } = wait.onInput ? job.from : job.to;
    // Non-blocking files are asked once, whatever the flags of the call say.
    if ((file.flags & O_NONBLOCK) !== 0) break;
    const events = wait.onInput ? POLLIN | POLLHUP | POLLERR : POLLOUT | POLLERR | POLLHUP;
    const reason = await sleepOn(job.task, [file.queue], events, Infinity);
    if (!comeBack(job.task)) break;
    progress = moveSome(job, progress.done, wait);
    if (progress.status === -EAGAIN && reason === WAKE_SIGNAL) {
      return progress.done > 0 ? progress.done : -ERESTARTSYS;
    }
  }
  return finish(job, progress);
}

/** A 64-bit offset at `addr`; null when the pointer is 0, -errno for a bad one. */
function readOffset(task: Task, addr: number): { value: number | null } | number {
  if (addr === 0) return { value: null };
  const bytes = task.mem.readBytes(addr, 8);
  if (typeof bytes === 'number') return -EFAULT;
  const value = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true));
  return value < 0 ? -EINVAL : { value };
}

/** Stores the offsets that were given by pointer, after the transfer. */
function storeOffsets(
  task: Task,
  result: number | Promise<number>,
  ends: readonly (readonly [number, End])[],
): number | Promise<number> {
  const store = (n: number): number => {
    for (const [addr, { offset }] of ends) {
      if (addr !== 0 && offset !== null && n >= 0 && task.mem.writeU64(addr, offset) < 0) return -EFAULT;
    }
    return n;
  };
  return typeof result === 'number' ? store(result) : result.then(store);
}

function sysSendfile(
  task: Task,
  outFd: number,
  inFd: number,
  offsetAddr: number,
  count: number,
): number | Promise<number> {
  const offset = readOffset(task, offsetAddr);
  if (typeof offset === 'number') return offset;
  const files = bothFiles(task, inFd, outFd);
  if (typeof files === 'number') return files;
  const { input, output } = files;
  if ((input.inode.mode & S_IFMT) === S_IFDIR) return -EINVAL;
  if (!input.isSeekable) return offset.value !== null ? -ESPIPE : -EINVAL;
  if ((output.flags & O_APPEND) !== 0) return -EINVAL;
  const from: End = { file: input, offset: offset.value };
  const result = transfer({
    task,
    from,
    to: { file: output, offset: null },
    length: Math.min(count, MAX_COUNT),
    isNonBlocking: (output.flags & O_NONBLOCK) !== 0,
    isComplete: true,
  });
  return storeOffsets(task, result, [[offsetAddr, from]]);
}

function sysCopyFileRange(
  task: Task,
  inFd: number,
  inAddr: number,
  outFd: number,
  outAddr: number,
  length: number,
  flags: number,
): number | Promise<number> {
  const files = bothFiles(task, inFd, outFd);
  if (typeof files === 'number') return files;
  const { input, output } = files;
  const inOffset = readOffset(task, inAddr);
  if (typeof inOffset === 'number') return inOffset;
  const outOffset = readOffset(task, outAddr);
  if (typeof outOffset === 'number') return outOffset;
  if (flags !== 0) return -EINVAL;
  const types = [input.inode.mode & S_IFMT, output.inode.mode & S_IFMT];
  if (types.includes(S_IFDIR)) return -EISDIR;
  if (types.some((type) => type !== S_IFREG)) return -EINVAL;
  if ((output.flags & O_APPEND) !== 0) return -EBADF;
  if (input.inode.fs !== output.inode.fs) return -EXDEV;
  const from: End = { file: input, offset: inOffset.value };
  const to: End = { file: output, offset: outOffset.value };
  // No more than there is, before anything is said of an overlap (generic_copy_file_checks).
  const size = input.inode.stat(scratch) < 0 ? 0 : scratch.size;
  const count = Math.max(0, Math.min(length, MAX_COUNT, size - positionOf(from)));
  const isOverlap = Math.abs(positionOf(from) - positionOf(to)) < count;
  if (input.inode === output.inode && isOverlap) return -EINVAL;
  const result = transfer({ task, from, to, length: count, isNonBlocking: true, isComplete: true });
  return storeOffsets(task, result, [
    [inAddr, from],
    [outAddr, to],
  ]);
}

/** An end of splice(2): a pipe has no offset, anything else may have one by pointer. */
function spliceEnd(task: Task, file: File, addr: number): End | number {
  if (addr === 0) return { file, offset: null };
  if (file instanceof PipeFile) return -ESPIPE;
  if (!file.isSeekable) return -EINVAL;
  const offset = readOffset(task, addr);
  return typeof offset === 'number' ? offset : { file, offset: offset.value };
}

function sysSplice(
  task: Task,
  inFd: number,
  inAddr: number,
  outFd: number,
  outAddr: number,
  length: number,
  flags: number,
): number | Promise<number> {
  if (length === 0) return 0;
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  const files = bothFiles(task, inFd, outFd);
  if (typeof files === 'number') return files;
  const { input, output } = files;
  const from = spliceEnd(task, input, inAddr);
  if (typeof from === 'number') return from;
  const to = spliceEnd(task, output, outAddr);
  if (typeof to === 'number') return to;
  const isFromPipe = input instanceof PipeFile;
  if (!isFromPipe && !(output instanceof PipeFile)) return -EINVAL;
  if (isFromPipe && output instanceof PipeFile && input.pipe === output.pipe) return -EINVAL;
  if (isFromPipe && (output.flags & O_APPEND) !== 0) return -EINVAL;
  const isNonBlocking = (flags & SPLICE_F_NONBLOCK) !== 0;
  const count = Math.min(length, MAX_COUNT);
  const result = transfer({ task, from, to, length: count, isNonBlocking, isComplete: false });
  return storeOffsets(task, result, [
    [inAddr, from],
    [outAddr, to],
  ]);
}

/** Copies what is in one pipe to another without taking it out. */
function sysTee(task: Task, inFd: number, outFd: number, length: number, flags: number): number | Promise<number> {
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  if (length === 0) return 0;
  const files = bothFiles(task, inFd, outFd);
  if (typeof files === 'number') return files;
  const { input, output } = files;
  if (!(input instanceof PipeFile) || !(output instanceof PipeFile) || input.pipe === output.pipe) return -EINVAL;
  const attempt = (): number => {
    const room = Math.min(length, buffer.length, output.pipe.ring.free);
    if (input.pipe.ring.length === 0) return input.pipe.writers === 0 ? 0 : -EAGAIN;
    if (room === 0) return -EAGAIN;
    const n = input.pipe.ring.peek(buffer, 0, room);
    return output.write(buffer, 0, n, 0);
  };
  const n = attempt();
  const isNonBlocking = ((input.flags | output.flags) & O_NONBLOCK) !== 0 || (flags & SPLICE_F_NONBLOCK) !== 0;
  if (n !== -EAGAIN || isNonBlocking) return n;
  return teeLater(task, input, output, attempt);
}

async function teeLater(task: Task, input: PipeFile, output: PipeFile, attempt: () => number): Promise<number> {
  input.ref();
  output.ref();
  try {
    for (;;) {
      const reason = await sleepOn(task, [input.queue, output.queue], POLLIN | POLLOUT | POLLHUP | POLLERR, Infinity);
      if (!comeBack(task)) return -ERESTARTSYS;
      const n = attempt();
      if (n !== -EAGAIN) return n;
      if (reason === WAKE_SIGNAL) return -ERESTARTSYS;
    }
  } finally {
    input.unref();
    output.unref();
  }
}

/** Pages are copied, not lent: the guest cannot tell unless it writes to them meanwhile. */
function sysVmsplice(task: Task, fd: number, iov: number, count: number, flags: number): number | Promise<number> {
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  const file = openFile(task.files, fd);
  if (!(file instanceof PipeFile)) return -EBADF;
  const transferPieces = (file.flags & O_ACCMODE) === O_RDONLY ? sysReadv : sysWritev;
  return withFlags(file, (flags & SPLICE_F_NONBLOCK) !== 0 ? O_NONBLOCK : 0, () =>
    transferPieces(task, fd, iov, count),
  );
}

export const fileCopySyscalls: readonly SyscallDef[] = [
  full(40, 'sendfile', ['fd', 'fd', 'ptr', 'size'], sysSendfile),
  full(275, 'splice', ['fd', 'ptr', 'fd', 'ptr', 'size', 'flags'], sysSplice),
  full(276, 'tee', ['fd', 'fd', 'size', 'flags'], sysTee),
  partial(278, 'vmsplice', ['fd', 'iov', 'ulong', 'flags'], sysVmsplice, 'copies'),
  full(326, 'copy_file_range', ['fd', 'ptr', 'fd', 'ptr', 'size', 'flags'], sysCopyFileRange),
];

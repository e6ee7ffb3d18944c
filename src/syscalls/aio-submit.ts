/** io_submit(2) (Linux: io_submit_one in fs/aio.c). */
import * as A from '../abi/aio.ts';
import { EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EOPNOTSUPP, ERESTARTSYS } from '../abi/errno.ts';
import { O_ACCMODE, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../abi/fcntl.ts';
import { IN_ACCESS } from '../abi/inotify.ts';
import { TASK_SIZE } from '../abi/memory.ts';
import { POLLERR, POLLHUP, POLLIN } from '../abi/poll.ts';
import { S_IFDIR, S_IFMT } from '../abi/stat.ts';
import { EventfdFile } from '../fs/event/eventfd-file.ts';
import { type AioContext, type AioRequest, findAioContext } from '../kernel/aio.ts';
import { blockOn, endOfTurn, isTurnOver, yieldTurn } from '../kernel/block.ts';
import { setCurrentTask } from '../kernel/current.ts';
import type { Task } from '../kernel/task.ts';
import type { File } from '../vfs/file.ts';
import { notifyFile } from '../vfs/notify.ts';
import { openFile } from './descriptors.ts';
import { AT_POSITION, doWrite, MAX_COUNT, RWF_KNOWN, readIov, statusFlags, vector, withFlags } from './file-io.ts';

const WORD = 2 ** 32;
const bounce = new Uint8Array(65536);

interface Iocb extends AioRequest {
  readonly opcode: number;
  readonly file: File;
  readonly flags: number;
  readonly buf: number;
  readonly bytes: number;
  readonly offset: number;
}

/** Reads and checks one iocb, and writes its key: it or -errno (Linux: io_submit_one, __io_submit_one). */
function readIocb(task: Task, context: AioContext, iocb: number): Iocb | number {
  const copy = task.mem.readBytes(iocb, A.IOCB_SIZE);
  if (typeof copy === 'number') return -EFAULT;
  const view = new DataView(copy.buffer, copy.byteOffset, copy.length);
  const long = (at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * WORD;
  const bytes = long(32);
  if (long(48) !== 0 || bytes >= 2 ** 63) return -EINVAL;
  if (context.isFull) return -EAGAIN;
  const file = openFile(task.files, view.getInt32(20, true));
  if (file === undefined) return -EBADF;
  let signal: (() => void) | null = null;
  if ((view.getUint32(56, true) & A.IOCB_FLAG_RESFD) !== 0) {
    const eventfd = openFile(task.files, view.getInt32(60, true));
    if (eventfd === undefined) return -EBADF;
    if (!(eventfd instanceof EventfdFile)) return -EINVAL;
    signal = eventfd.counterSignal();
  }
  // KIOCB_KEY, which io_cancel wants to find there.
  if (task.mem.writeU32(iocb + 8, 0) < 0) return -EFAULT;
  return {
    iocb,
    file,
    signal,
    bytes,
    dataLo: view.getUint32(0, true),
    dataHi: view.getUint32(4, true),
    flags: view.getUint32(12, true),
    opcode: view.getUint16(16, true),
    buf: long(24),
    offset: view.getInt32(44, true) * WORD + view.getUint32(40, true),
  };
}

/** There is more to read, after the others have had their turn. */
const TURN_OVER = -1_000_000;

/**
 * A read into the pieces of `iov`, written to the guest at once: a fault is the request's result, while what `task.mem` defers would
 * become that of io_submit.
 */
class PieceReader {
  readonly #task: Task;
  readonly #file: File;
  readonly #iov: Float64Array;
  readonly #offset: number;
  /** The piece that is next, and how much of it has been read. */
  #piece = 0;
  #at = 0;
  done = 0;

  constructor(task: Task, file: File, iov: Float64Array, offset: number) {
    this.#task = task;
    this.#file = file;
    this.#iov = iov;
    this.#offset = offset;
  }

  /** Reads what comes within a turn: the bytes read in all, -errno when there are none, or TURN_OVER. */
  read(): number {
    const task = this.#task;
    const iov = this.#iov;
    const turn = endOfTurn(task);
    for (; this.#piece < iov.length; this.#piece += 2, this.#at = 0) {
      while (this.#at < iov[this.#piece + 1]) {
        const room = Math.min(iov[this.#piece + 1] - this.#at, bounce.length);
        const n = this.#file.read(bounce, 0, room, this.#offset === AT_POSITION ? 0 : this.#offset + this.done);
        if (n <= 0) return this.#end(n);
        if (task.mm.writeNow(iov[this.#piece] + this.#at, bounce.subarray(0, n)) < 0) return this.#end(-EFAULT);
        this.#at += n;
        this.done += n;
        if (n < room) return this.#end(0);
        if (isTurnOver(task, turn)) return TURN_OVER;
      }
    }
    return this.#end(0);
  }

  #end(error: number): number {
    if (this.done === 0) return error;
    notifyFile(this.#file, IN_ACCESS);
    return this.done;
  }
}

function read(task: Task, file: File, iov: Float64Array, offset: number): number | Promise<number> {
  const reader = new PieceReader(task, file, iov, offset);
  const result = reader.read();
  const waits = result === -EAGAIN && (file.flags & O_NONBLOCK) === 0;
  if (!waits && result !== TURN_OVER) return result;
  file.ref();
  return readRest(task, file, reader, result).finally(() => file.unref());
}

async function readRest(task: Task, file: File, reader: PieceReader, first: number): Promise<number> {
  let result = first;
  if (result === -EAGAIN) {
    result = await blockOn(task, file.queue, POLLIN | POLLHUP | POLLERR, () => reader.read());
  }
  while (result === TURN_OVER) {
    if (!(await yieldTurn(task))) return reader.done;
    result = reader.read();
  }
  return result;
}

/** A read or a write: what becomes the event's result, or -errno for the submission in `refused`. */
function transfer(task: Task, job: Iocb): { result: number | Promise<number> } | { refused: number } {
  const { file, opcode, buf, bytes } = job;
  const isRead = opcode === A.IOCB_CMD_PREAD || opcode === A.IOCB_CMD_PREADV;
  if ((job.flags & ~RWF_KNOWN) !== 0) return { refused: -EOPNOTSUPP };
  if ((file.flags & O_ACCMODE) === (isRead ? O_WRONLY : O_RDONLY)) return { refused: -EBADF };
  if ((file.inode.mode & S_IFMT) === S_IFDIR) return { refused: -EINVAL };
  const isVector = opcode === A.IOCB_CMD_PREADV || opcode === A.IOCB_CMD_PWRITEV;
  if (!isVector && buf + bytes > TASK_SIZE) return { refused: -EFAULT };
  const iov = isVector ? readIov(task, buf, bytes) : Float64Array.of(buf, Math.min(bytes, MAX_COUNT));
  if (typeof iov === 'number') return { refused: iov };
  const offset = file.isSeekable ? job.offset : AT_POSITION;
  if (file.isSeekable && offset < 0) return { refused: -EINVAL };
  const move = (): number | Promise<number> =>
    isRead ? read(task, file, iov, offset) : vector(task, file, iov, 0, 0, offset, doWrite);
  return { result: withFlags(file, statusFlags(job.flags), move) };
}

/** 0 or -errno; a promise while a file without an offset makes the submission itself wait, as on Linux. */
function submit(task: Task, context: AioContext, iocb: number): number | Promise<number> {
  const job = readIocb(task, context, iocb);
  if (typeof job === 'number') return job;
  const { file, opcode } = job;
  switch (opcode) {
    case A.IOCB_CMD_PREAD:
    case A.IOCB_CMD_PWRITE:
    case A.IOCB_CMD_PREADV:
    case A.IOCB_CMD_PWRITEV: {
      const begun = transfer(task, job);
      if ('refused' in begun) return begun.refused;
      if (typeof begun.result !== 'number') return completeLater(context, job, begun.result);
      context.complete(job, begun.result);
      return 0;
    }
    case A.IOCB_CMD_FSYNC:
    case A.IOCB_CMD_FDSYNC: {
      if (job.buf !== 0 || job.offset !== 0 || job.bytes !== 0 || job.flags !== 0) return -EINVAL;
      const result = file.fsync();
      if (result === -EINVAL) return result;
      context.complete(job, result);
      return 0;
    }
    case A.IOCB_CMD_POLL:
      if (job.buf > 0xffff || job.offset !== 0 || job.bytes !== 0 || job.flags !== 0) return -EINVAL;
      context.poll(job, file, job.buf);
      return 0;
    default:
      return -EINVAL;
  }
}

async function completeLater(context: AioContext, job: Iocb, pending: Promise<number>): Promise<number> {
  context.beginWait();
  const result = await pending;
  context.endWait();
  // It cannot be restarted: others may have been submitted by the same call (Linux: aio_complete_rw).
  if (!context.isDestroyed) context.complete(job, result === -ERESTARTSYS ? -EINTR : result);
  return 0;
}

export function sysIoSubmit(task: Task, id: number, count: number, addr: number): number | Promise<number> {
  if (count < 0) return -EINVAL;
  const context = findAioContext(task.mm, id);
  if (context === undefined) return -EINVAL;
  return submitFrom(task, context, 0, Math.min(count, context.slots), addr);
}

function submitFrom(
  task: Task,
  context: AioContext,
  first: number,
  count: number,
  addr: number,
): number | Promise<number> {
  const turn = endOfTurn(task);
  for (let i = first; i < count; i++) {
    if (i > first && isTurnOver(task, turn)) {
      return yieldTurn(task).then((goesOn) => {
        return goesOn && !context.isDestroyed ? submitFrom(task, context, i, count, addr) : i;
      });
    }
    const iocb = task.mem.readU64(addr + i * 8);
    const result = iocb === null ? -EFAULT : submit(task, context, iocb);
    if (typeof result !== 'number') {
      return result.then(() => {
        setCurrentTask(task);
        if (context.isDestroyed || task.hasSignalToDeliver()) return i + 1;
        return submitFrom(task, context, i + 1, count, addr);
      });
    }
    if (result < 0) return i > 0 ? i : result;
  }
  return count;
}

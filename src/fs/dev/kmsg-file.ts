/**
 * /dev/kmsg and /proc/kmsg: the kernel's log, one record per read (Documentation/ABI/testing/dev-kmsg); what is written
 * becomes a record.
 */
import { EAGAIN, EINVAL, EPIPE, ESPIPE } from '../../abi/errno.ts';
import type { KernelLog } from '../../kernel/kernel-log.ts';
import { WaitQueue } from '../../kernel/wait-queue.ts';
import { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';

const POLLIN = 0x41;
const POLLOUT = 0x104;
/** LOG_LINE_MAX: what a write may bring at most. */
const MAX_MESSAGE = 1024;
const FACILITY_USER = 1 << 3;

/** Readers of the log of one kernel wait here. */
const queues = new WeakMap<KernelLog, WaitQueue>();

function queueOf(log: KernelLog): WaitQueue {
  let queue = queues.get(log);
  if (queue === undefined) {
    queue = new WaitQueue();
    queues.set(log, queue);
  }
  return queue;
}

export class KmsgFile extends File {
  readonly #inode: Inode;
  readonly #log: KernelLog;
  readonly #sinceBootNs: () => number;
  #next: number;

  constructor(inode: Inode, path: Path, flags: number, log: KernelLog, sinceBootNs: () => number) {
    super(path, flags, queueOf(log));
    this.#inode = inode;
    this.#log = log;
    this.#sinceBootNs = sinceBootNs;
    this.#next = log.records[0]?.sequence ?? 0;
  }

  override get inode(): Inode {
    return this.#inode;
  }

  override poll(): number {
    const { records } = this.#log;
    const last = records[records.length - 1];
    return last !== undefined && last.sequence >= this.#next ? POLLIN | POLLOUT : POLLOUT;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    const { records } = this.#log;
    const first = records[0];
    if (first === undefined) return -EAGAIN;
    if (this.#next < first.sequence) {
      // Records were lost to the ring's limit; the reader is told once.
      this.#next = first.sequence;
      return -EPIPE;
    }
    const record = records[this.#next - first.sequence];
    if (record === undefined) return -EAGAIN;
    const micros = Math.floor(record.atNs / 1e3);
    const bytes = Buffer.from(`${record.level},${record.sequence},${micros},-;${record.text}\n`, 'latin1');
    if (bytes.length > length) return -EINVAL;
    dst.set(bytes, at);
    this.#next += 1;
    return bytes.length;
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    if (length > MAX_MESSAGE) return -EINVAL;
    let text = Buffer.from(src.subarray(at, at + length)).toString('latin1');
    let level = 4 | FACILITY_USER;
    const prefix = /^<([0-9]{1,3})>/.exec(text);
    if (prefix !== null) {
      level = Number(prefix[1]);
      if (level >> 3 === 0) level |= FACILITY_USER;
      text = text.slice(prefix[0].length);
    }
    this.#log.log(text.endsWith('\n') ? text.slice(0, -1) : text, this.#sinceBootNs(), level);
    this.queue.wake(POLLIN);
    return length;
  }

  /** SEEK_SET 0: the oldest record; SEEK_END 0: after the newest; SEEK_DATA 0: after the last clear. */
  override seek(offset: number, whence: number): number {
    if (offset !== 0) return -ESPIPE;
    const { records } = this.#log;
    if (whence === 0 || whence === 3) this.#next = records[0]?.sequence ?? 0;
    else if (whence === 2) this.#next = (records[records.length - 1]?.sequence ?? -1) + 1;
    else return -EINVAL;
    return 0;
  }
}

/** signalfd(2) files (Linux: fs/signalfd.c). Signals are those of whoever reads, not of whoever opened it. */
import { EAGAIN, EINVAL } from '../../abi/errno.ts';
import { POLLIN } from '../../abi/poll.ts';
import {
  LAYOUT_CHLD,
  LAYOUT_FAULT,
  LAYOUT_POLL,
  LAYOUT_RT,
  LAYOUT_SYS,
  LAYOUT_TIMER,
  type SigInfo,
  siginfoLayout,
} from '../../abi/siginfo.ts';
import { currentTask } from '../../kernel/current.ts';
import { takeSignalOf } from '../../kernel/signal.ts';
import type { Task } from '../../kernel/task.ts';
import type { Path } from '../../vfs/path.ts';
import { AnonymousFile } from './anonymous-file.ts';

/** struct signalfd_siginfo. */
const RECORD_SIZE = 128;

export class SignalfdFile extends AnonymousFile {
  /** Signals 1 to 32 and 33 to 64. */
  lo: number;
  hi: number;

  constructor(task: Task, lo: number, hi: number, path: Path, flags: number) {
    super(path, flags, task.group.signalQueue);
    this.lo = lo;
    this.hi = hi;
  }

  override poll(): number {
    const task = currentTask();
    const { lo, hi } = this;
    if (task === null) return 0;
    const isPending = task.signals.pending.next(~lo, ~hi) !== 0 || task.group.pending.next(~lo, ~hi) !== 0;
    return isPending ? POLLIN : 0;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    if (length < RECORD_SIZE) return -EINVAL;
    const task = currentTask();
    if (task === null) return -EAGAIN;
    let done = 0;
    while (done + RECORD_SIZE <= length) {
      const info = takeSignalOf(task, this.lo, this.hi);
      if (info === null) break;
      encode(info, dst, at + done);
      done += RECORD_SIZE;
    }
    return done === 0 ? -EAGAIN : done;
  }
}

function encode(info: SigInfo, dst: Uint8Array, at: number): void {
  dst.fill(0, at, at + RECORD_SIZE);
  const view = new DataView(dst.buffer, dst.byteOffset + at, RECORD_SIZE);
  view.setUint32(0, info.signo, true);
  view.setInt32(4, info.errno, true);
  view.setInt32(8, info.code, true);
  const layout = siginfoLayout(info.signo, info.code);
  if (layout === LAYOUT_TIMER) {
    view.setUint32(24, info.timerId, true);
    view.setUint32(32, info.overrun, true);
  } else if (layout === LAYOUT_POLL) {
    view.setInt32(20, info.fd, true);
    view.setUint32(28, info.band, true);
  } else if (layout === LAYOUT_FAULT || layout === LAYOUT_SYS) {
    view.setBigUint64(72, BigInt(info.addr), true);
    if (layout === LAYOUT_SYS) {
      view.setInt32(84, info.syscall, true);
      view.setUint32(96, info.arch, true);
    }
  } else {
    view.setUint32(12, info.pid, true);
    view.setUint32(16, info.uid, true);
  }
  if (layout === LAYOUT_CHLD) {
    view.setInt32(40, info.status, true);
    view.setBigUint64(56, BigInt(info.utime), true);
    view.setBigUint64(64, BigInt(info.stime), true);
  }
  if (layout === LAYOUT_RT || layout === LAYOUT_TIMER) {
    view.setInt32(44, info.valueLo | 0, true);
    view.setUint32(48, info.valueLo, true);
    view.setUint32(52, info.valueHi, true);
  }
}

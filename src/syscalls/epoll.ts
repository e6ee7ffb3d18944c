/** epoll_create(2), epoll_ctl(2), epoll_wait(2) and their relatives. */
import { EBADF, EFAULT, EINTR, EINVAL, EPERM } from '../abi/errno.ts';
import { O_CLOEXEC, O_RDWR } from '../abi/fcntl.ts';
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLEXCLUSIVE,
  EPOLLEXCLUSIVE_OK_BITS,
  READABLE,
} from '../abi/poll.ts';
import { EpollFile, WatchBudget } from '../fs/event/epoll-file.ts';
import { sleepOn, WAKE_SIGNAL, WAKE_TIMEOUT } from '../kernel/block.ts';
import { setCurrentTask } from '../kernel/current.ts';
import type { Kernel, Timespec } from '../kernel/kernel.ts';
import { restoreSavedMask, setTemporaryMask } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { readTimespec, spanNs } from '../kernel/time-span.ts';
import { full, type SyscallDef } from './define.ts';
import { installNew } from './install-file.ts';
import { readSignalMask, type SignalMask } from './signal-mask.ts';

/** struct epoll_event is packed on x86-64. */
const EVENT_SIZE = 12;
const MAX_EVENTS = Math.floor(0x7fff_ffff / EVENT_SIZE);
/** What the buffer for one call's events starts with; it grows with the longest list of ready items. */
const FIRST_BATCH = 256;
/** An item costs the sentry some hundred bytes; Linux allows 4 % of low memory. */
const MAX_WATCHES = 262144;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;

const budgets = new WeakMap<Kernel, WatchBudget>();
const event = new Uint8Array(EVENT_SIZE);
const eventView = new DataView(event.buffer);
const mask: SignalMask = { lo: 0, hi: 0 };
const span: Timespec = { sec: 0, nsec: 0 };

let batch = new Uint8Array(FIRST_BATCH * EVENT_SIZE);
let batchView = new DataView(batch.buffer);
let batched = 0;

/** Bounded by MAX_WATCHES, as every event comes from an item. */
function reserveBatch(count: number): void {
  if (count * EVENT_SIZE <= batch.length) return;
  batch = new Uint8Array(2 * count * EVENT_SIZE);
  batchView = new DataView(batch.buffer);
}

function emit(events: number, dataLo: number, dataHi: number): void {
  const at = batched * EVENT_SIZE;
  batchView.setInt32(at, events, true);
  batchView.setUint32(at + 4, dataLo, true);
  batchView.setUint32(at + 8, dataHi, true);
  batched += 1;
}

function sysEpollCreate1(task: Task, flags: number): number {
  if ((flags & ~EPOLL_CLOEXEC) !== 0) return -EINVAL;
  let budget = budgets.get(task.kernel);
  if (budget === undefined) {
    budget = new WatchBudget(MAX_WATCHES);
    budgets.set(task.kernel, budget);
  }
  const file = new EpollFile(task.kernel.anonPath('[eventpoll]'), O_RDWR, budget);
  return installNew(task, file, (flags & O_CLOEXEC) !== 0);
}

function sysEpollCreate(task: Task, size: number): number {
  return size <= 0 ? -EINVAL : sysEpollCreate1(task, 0);
}

function sysEpollCtl(task: Task, epfd: number, op: number, fd: number, addr: number): number {
  if (op !== EPOLL_CTL_DEL && task.mem.readInto(addr, event, 0, EVENT_SIZE) < 0) return -EFAULT;
  const epoll = task.files.get(epfd);
  const file = task.files.get(fd);
  if (epoll === undefined || file === undefined) return -EBADF;
  // Regular files and directories are always ready, so Linux gives them no poll operation.
  const type = file.inode.mode & S_IFMT;
  if (!(file instanceof EpollFile) && (type === S_IFREG || type === S_IFDIR)) return -EPERM;
  if (epoll === file || !(epoll instanceof EpollFile)) return -EINVAL;
  const events = eventView.getInt32(0, true);
  const lo = eventView.getUint32(4, true);
  const hi = eventView.getUint32(8, true);
  if (op !== EPOLL_CTL_DEL && (events & EPOLLEXCLUSIVE) !== 0) {
    if (op === EPOLL_CTL_MOD || file instanceof EpollFile) return -EINVAL;
    if ((events & ~EPOLLEXCLUSIVE_OK_BITS) !== 0) return -EINVAL;
  }
  switch (op) {
    case EPOLL_CTL_ADD:
      return epoll.add(file, fd, events, lo, hi);
    case EPOLL_CTL_MOD:
      return epoll.modify(file, fd, events, lo, hi);
    case EPOLL_CTL_DEL:
      return epoll.delete(file, fd);
    default:
      return -EINVAL;
  }
}

function collect(task: Task, epoll: EpollFile, addr: number, max: number): number {
  batched = 0;
  reserveBatch(Math.min(max, epoll.readyCount));
  const count = epoll.collect(max, emit);
  if (count === 0) return 0;
  return task.mem.write(addr, batch, 0, count * EVENT_SIZE) < 0 ? -EFAULT : count;
}

function wait(task: Task, epfd: number, addr: number, max: number, deadlineNs: number): number | Promise<number> {
  if (max <= 0 || max > MAX_EVENTS) return -EINVAL;
  const epoll = task.files.get(epfd);
  if (epoll === undefined) return -EBADF;
  if (!(epoll instanceof EpollFile)) return -EINVAL;
  const count = collect(task, epoll, addr, max);
  if (count !== 0 || deadlineNs <= task.kernel.clock.monotonicNs()) return count;
  return sleep(task, epoll.ref(), addr, max, deadlineNs);
}

async function sleep(task: Task, epoll: EpollFile, addr: number, max: number, deadlineNs: number): Promise<number> {
  const queues = [epoll.queue];
  try {
    for (;;) {
      const reason = await sleepOn(task, queues, READABLE, deadlineNs);
      setCurrentTask(task);
      const count = collect(task, epoll, addr, max);
      if (count !== 0) return count;
      if (reason === WAKE_SIGNAL) return -EINTR;
      if (reason === WAKE_TIMEOUT) return 0;
    }
  } finally {
    epoll.unref();
  }
}

function sysEpollWait(
  task: Task,
  epfd: number,
  addr: number,
  max: number,
  timeoutMs: number,
): number | Promise<number> {
  const deadlineNs = timeoutMs < 0 ? Infinity : task.kernel.clock.monotonicNs() + timeoutMs * 1e6;
  return wait(task, epfd, addr, max, deadlineNs);
}

function waitMasked(
  task: Task,
  epfd: number,
  addr: number,
  max: number,
  deadlineNs: number,
  sigmask: number,
  sigsetSize: number,
): number | Promise<number> {
  if (sigmask === 0) return wait(task, epfd, addr, max, deadlineNs);
  const error = readSignalMask(task.mem, sigmask, sigsetSize, mask);
  if (error < 0) return error;
  setTemporaryMask(task, mask.lo, mask.hi);
  const result = wait(task, epfd, addr, max, deadlineNs);
  if (typeof result === 'number') return unmask(task, result);
  return result.then((value) => unmask(task, value));
}

/** The mask stays for the delivery of the signal that interrupted. */
function unmask(task: Task, result: number): number {
  if (result !== -EINTR) restoreSavedMask(task);
  return result;
}

function sysEpollPwait(
  task: Task,
  epfd: number,
  addr: number,
  max: number,
  timeoutMs: number,
  sigmask: number,
  sigsetSize: number,
): number | Promise<number> {
  const deadlineNs = timeoutMs < 0 ? Infinity : task.kernel.clock.monotonicNs() + timeoutMs * 1e6;
  return waitMasked(task, epfd, addr, max, deadlineNs, sigmask, sigsetSize);
}

function sysEpollPwait2(
  task: Task,
  epfd: number,
  addr: number,
  max: number,
  timeout: number,
  sigmask: number,
  sigsetSize: number,
): number | Promise<number> {
  let deadlineNs = Infinity;
  if (timeout !== 0) {
    const error = readTimespec(task.mem, timeout, span);
    if (error < 0) return error;
    deadlineNs = task.kernel.clock.monotonicNs() + spanNs(span);
  }
  return waitMasked(task, epfd, addr, max, deadlineNs, sigmask, sigsetSize);
}

export const epollSyscalls: readonly SyscallDef[] = [
  full(213, 'epoll_create', ['int'], sysEpollCreate),
  full(232, 'epoll_wait', ['fd', 'outbuf', 'int', 'int'], sysEpollWait),
  full(233, 'epoll_ctl', ['fd', 'int', 'fd', 'epollevent'], sysEpollCtl),
  full(281, 'epoll_pwait', ['fd', 'outbuf', 'int', 'int', 'sigset', 'size'], sysEpollPwait),
  full(291, 'epoll_create1', ['flags'], sysEpollCreate1),
  full(441, 'epoll_pwait2', ['fd', 'outbuf', 'int', 'timespec', 'sigset', 'size'], sysEpollPwait2),
];

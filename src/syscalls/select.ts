/** select(2) and pselect6(2). */
import { EBADF, EFAULT, EINVAL, ERESTARTNOHAND } from '../abi/errno.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDBAND,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from '../abi/poll.ts';
import type { Timespec } from '../kernel/kernel.ts';
import { restoreSavedMask, setTemporaryMask } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { readTimespec, readTimeval, spanNs, writeSpan, writeSpanTimeval } from '../kernel/time-span.ts';
import { full, type SyscallDef } from './define.ts';
import { INTERRUPTED, pollFiles, type WatchedFile } from './poll-files.ts';
import { readSignalMask, type SignalMask } from './signal-mask.ts';

/** What makes a descriptor ready for reading, writing, and exceptional conditions (Linux: POLLIN_SET...). */
const READY = [
  POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR,
  POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR,
  POLLPRI,
] as const;

const span: Timespec = { sec: 0, nsec: 0 };
const mask: SignalMask = { lo: 0, hi: 0 };

/** The three sets: as asked for, and what is ready of them. */
interface FdSets {
  readonly nfds: number;
  readonly addrs: readonly number[];
  readonly asked: readonly Uint8Array[];
  readonly ready: readonly Uint8Array[];
}

/** fd_set is an array of 8-byte words, of which Linux touches as many as nfds needs. */
function readSets(task: Task, nfds: number, addrs: readonly number[]): FdSets | number {
  const size = Math.ceil(nfds / 64) * 8;
  const asked: Uint8Array[] = [];
  for (const addr of addrs) {
    const bytes = addr === 0 || size === 0 ? new Uint8Array(size) : task.mem.readBytes(addr, size);
    if (typeof bytes === 'number') return bytes;
    asked.push(bytes);
  }
  return { nfds, addrs, asked, ready: asked.map(() => new Uint8Array(size)) };
}

/** Fills in the ready sets: how many bits are set, or -EBADF. */
function scan(task: Task, sets: FdSets): number {
  let count = 0;
  for (const set of sets.ready) set.fill(0);
  for (let fd = 0; fd < sets.nfds; fd++) {
    const at = fd >> 3;
    const bit = 1 << (fd & 7);
    if (((sets.asked[0][at] | sets.asked[1][at] | sets.asked[2][at]) & bit) === 0) continue;
    const file = task.files.get(fd);
    if (file === undefined) return -EBADF;
    const events = file.poll();
    for (let i = 0; i < 3; i++) {
      if ((sets.asked[i][at] & bit) === 0 || (events & READY[i]) === 0) continue;
      sets.ready[i][at] |= bit;
      count += 1;
    }
  }
  return count;
}

function writeBack(task: Task, sets: FdSets, result: number): number {
  if (result < 0) return result;
  for (let i = 0; i < 3; i++) {
    const bytes = sets.ready[i];
    if (sets.addrs[i] === 0 || bytes.length === 0) continue;
    if (task.mem.write(sets.addrs[i], bytes, 0, bytes.length) < 0) return -EFAULT;
  }
  return result;
}

function watched(task: Task, sets: FdSets): WatchedFile[] {
  const files: WatchedFile[] = [];
  for (let fd = 0; fd < sets.nfds; fd++) {
    const at = fd >> 3;
    let events = 0;
    for (let i = 0; i < 3; i++) if ((sets.asked[i][at] & (1 << (fd & 7))) !== 0) events |= READY[i];
    const file = events === 0 ? undefined : task.files.get(fd);
    if (file !== undefined) files.push({ file: file.ref(), events });
  }
  return files;
}

function select(task: Task, nfds: number, addrs: readonly number[], deadlineNs: number): number | Promise<number> {
  if (nfds < 0) return -EINVAL;
  // Linux cuts nfds to the room in the descriptor table, which comes in words of 64: bits behind it are not even read.
  const sets = readSets(task, Math.min(nfds, Math.max(64, Math.ceil(task.files.size / 64) * 64)), addrs);
  if (typeof sets === 'number') return sets;
  const ready = scan(task, sets);
  if (ready !== 0 || deadlineNs <= task.kernel.clock.monotonicNs()) return writeBack(task, sets, ready);
  return pollFiles(task, watched(task, sets), deadlineNs, () => scan(task, sets)).then((result) =>
    writeBack(task, sets, result),
  );
}

type WriteTimeLeft = (mem: Task['mem'], addr: number, ns: number) => number;

/** The mask stays for the delivery of the signal that interrupted; the time left is told (poll_select_finish). */
function finish(task: Task, timeout: number, deadlineNs: number, write: WriteTimeLeft, result: number): number {
  if (result !== INTERRUPTED) restoreSavedMask(task);
  if (timeout !== 0 && deadlineNs !== Infinity) write(task.mem, timeout, deadlineNs - task.kernel.clock.monotonicNs());
  return result === INTERRUPTED ? -ERESTARTNOHAND : result;
}

function sysSelect(
  task: Task,
  nfds: number,
  read: number,
  write: number,
  except: number,
  timeout: number,
): number | Promise<number> {
  let deadlineNs = Infinity;
  if (timeout !== 0) {
    const error = readTimeval(task.mem, timeout, span);
    if (error < 0) return error;
    deadlineNs = task.kernel.clock.monotonicNs() + spanNs(span);
  }
  const result = select(task, nfds, [read, write, except], deadlineNs);
  if (typeof result === 'number') return finish(task, timeout, deadlineNs, writeSpanTimeval, result);
  return result.then((value) => finish(task, timeout, deadlineNs, writeSpanTimeval, value));
}

function sysPselect6(
  task: Task,
  nfds: number,
  read: number,
  write: number,
  except: number,
  timeout: number,
  sigmask: number,
): number | Promise<number> {
  let deadlineNs = Infinity;
  // The sixth argument points to the mask's address and size: there is no seventh register.
  const maskAddr = sigmask === 0 ? 0 : task.mem.readU64(sigmask);
  const maskSize = sigmask === 0 ? 0 : task.mem.readU64(sigmask + 8);
  if (maskAddr === null || maskSize === null) return -EFAULT;
  if (timeout !== 0) {
    const error = readTimespec(task.mem, timeout, span);
    if (error < 0) return error;
    deadlineNs = task.kernel.clock.monotonicNs() + spanNs(span);
  }
  if (maskAddr !== 0) {
    const error = readSignalMask(task.mem, maskAddr, maskSize, mask);
    if (error < 0) return error;
    setTemporaryMask(task, mask.lo, mask.hi);
  }
  const result = select(task, nfds, [read, write, except], deadlineNs);
  if (typeof result === 'number') return finish(task, timeout, deadlineNs, writeSpan, result);
  return result.then((value) => finish(task, timeout, deadlineNs, writeSpan, value));
}

export const selectSyscalls: readonly SyscallDef[] = [
  full(23, 'select', ['int', 'ptr', 'ptr', 'ptr', 'timeval'], sysSelect),
  full(270, 'pselect6', ['int', 'ptr', 'ptr', 'ptr', 'timespec', 'ptr'], sysPselect6),
];

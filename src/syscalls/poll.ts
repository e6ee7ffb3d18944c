/** poll(2) and ppoll(2). */
import { EFAULT, EINVAL, ERESTART_RESTARTBLOCK, ERESTARTNOHAND } from '../abi/errno.ts';
import { O_PATH } from '../abi/fcntl.ts';
import { POLLERR, POLLHUP, POLLNVAL } from '../abi/poll.ts';
import { RLIMIT_NOFILE } from '../abi/resource.ts';
import type { Timespec } from '../kernel/kernel.ts';
import { restoreSavedMask, setTemporaryMask } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { readTimespec, spanNs, writeSpan } from '../kernel/time-span.ts';
import { full, type SyscallDef } from './define.ts';
import { INTERRUPTED, pollFiles, type WatchedFile } from './poll-files.ts';
import { readSignalMask, type SignalMask } from './signal-mask.ts';

const POLLFD_SIZE = 8;
const span: Timespec = { sec: 0, nsec: 0 };
const mask: SignalMask = { lo: 0, hi: 0 };

/** One look at all of them: fills in revents and gives how many are not 0. */
function scan(task: Task, fds: DataView): number {
  let ready = 0;
  for (let at = 0; at < fds.byteLength; at += POLLFD_SIZE) {
    const fd = fds.getInt32(at, true);
    let revents = 0;
    if (fd >= 0) {
      const file = task.files.get(fd);
      const wanted = fds.getUint16(at + 4, true) | POLLERR | POLLHUP;
      const isOpen = file !== undefined && (file.flags & O_PATH) === 0;
      revents = isOpen ? file.poll() & wanted : POLLNVAL;
    }
    fds.setUint16(at + 6, revents, true);
    if (revents !== 0) ready += 1;
  }
  return ready;
}

/** Writes the whole array back; what a guest thread changes in it during the call is lost to it. */
function writeBack(task: Task, addr: number, fds: DataView, result: number): number {
  const bytes = new Uint8Array(fds.buffer, fds.byteOffset, fds.byteLength);
  if (bytes.length === 0) return result;
  return task.mem.write(addr, bytes, 0, bytes.length) < 0 ? -EFAULT : result;
}

/** Gives the number of ready entries, INTERRUPTED or -errno. */
function poll(task: Task, addr: number, count: number, deadlineNs: number): number | Promise<number> {
  if (count > task.group.limits.soft(RLIMIT_NOFILE)) return -EINVAL;
  const bytes = count === 0 ? new Uint8Array(0) : task.mem.readBytes(addr, count * POLLFD_SIZE);
  if (typeof bytes === 'number') return bytes;
  const fds = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ready = scan(task, fds);
  if (ready !== 0 || deadlineNs <= task.kernel.clock.monotonicNs()) return writeBack(task, addr, fds, ready);
  return wait(task, addr, fds, deadlineNs);
}

async function wait(task: Task, addr: number, fds: DataView, deadlineNs: number): Promise<number> {
  const files: WatchedFile[] = [];
  for (let at = 0; at < fds.byteLength; at += POLLFD_SIZE) {
    const fd = fds.getInt32(at, true);
    const file = fd < 0 ? undefined : task.files.get(fd);
    if (file === undefined) continue;
    files.push({ file: file.ref(), events: fds.getUint16(at + 4, true) | POLLERR | POLLHUP });
  }
  const result = await pollFiles(task, files, deadlineNs, () => scan(task, fds));
  return result === INTERRUPTED ? result : writeBack(task, addr, fds, result);
}

function sysPoll(task: Task, addr: number, count: number, timeoutMs: number): number | Promise<number> {
  const deadlineNs = timeoutMs < 0 ? Infinity : task.kernel.clock.monotonicNs() + timeoutMs * 1e6;
  return pollUntil(task, addr, count, deadlineNs);
}

/** A restart goes on with the deadline of the first call. */
function pollUntil(task: Task, addr: number, count: number, deadlineNs: number): number | Promise<number> {
  const result = poll(task, addr, count, deadlineNs);
  if (typeof result === 'number') return result;
  return result.then((value) => {
    if (value !== INTERRUPTED) return value;
    task.restart = () => pollUntil(task, addr, count, deadlineNs);
    return -ERESTART_RESTARTBLOCK;
  });
}

function sysPpoll(
  task: Task,
  addr: number,
  count: number,
  timeout: number,
  sigmask: number,
  sigsetSize: number,
): number | Promise<number> {
  const { clock } = task.kernel;
  let deadlineNs = Infinity;
  if (timeout !== 0) {
    const error = readTimespec(task.mem, timeout, span);
    if (error < 0) return error;
    deadlineNs = clock.monotonicNs() + spanNs(span);
  }
  if (sigmask !== 0) {
    const error = readSignalMask(task.mem, sigmask, sigsetSize, mask);
    if (error < 0) return error;
    setTemporaryMask(task, mask.lo, mask.hi);
  }
  const result = poll(task, addr, count, deadlineNs);
  if (typeof result === 'number') return finishPpoll(task, timeout, deadlineNs, result);
  return result.then((value) => finishPpoll(task, timeout, deadlineNs, value));
}

/** The mask stays for the delivery of the signal that interrupted; the time left is told (poll_select_finish). */
function finishPpoll(task: Task, timeout: number, deadlineNs: number, result: number): number {
  if (result !== INTERRUPTED) restoreSavedMask(task);
  if (timeout !== 0 && deadlineNs !== Infinity) {
    writeSpan(task.mem, timeout, deadlineNs - task.kernel.clock.monotonicNs());
  }
  return result === INTERRUPTED ? -ERESTARTNOHAND : result;
}

export const pollSyscalls: readonly SyscallDef[] = [
  full(7, 'poll', ['pollfd', 'uint', 'int'], sysPoll),
  full(271, 'ppoll', ['pollfd', 'uint', 'timespec', 'sigset', 'size'], sysPpoll),
];

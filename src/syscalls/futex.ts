/** futex(2), futex_waitv(2), set_robust_list(2), get_robust_list(2). */
import { EFAULT, EINVAL, ENOSYS, EPERM, ERESTART_RESTARTBLOCK, ERESTARTSYS, ESRCH } from '../abi/errno.ts';
import {
  FUTEX_BITSET_MATCH_ANY,
  type FutexWord,
  futexRequeue,
  futexWait,
  futexWaitMany,
  futexWake,
} from '../kernel/futex.ts';
import type { Timespec } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';
import { CLOCK_MONOTONIC, CLOCK_REALTIME, deadlineOf, readTimespec, spanNs } from '../kernel/time-span.ts';
import { full, partial, type SyscallDef } from './define.ts';

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const FUTEX_REQUEUE = 3;
const FUTEX_CMP_REQUEUE = 4;
const FUTEX_WAKE_OP = 5;
const FUTEX_WAIT_BITSET = 9;
const FUTEX_WAKE_BITSET = 10;
const FUTEX_PRIVATE_FLAG = 128;
const FUTEX_CLOCK_REALTIME = 256;

const FUTEX2_SIZE_U32 = 2;
const FUTEX2_PRIVATE = 128;
const WAITV_SIZE = 24;
const WAITV_MAX = 128;
const ROBUST_HEAD_SIZE = 24;

const time: Timespec = { sec: 0, nsec: 0 };

function sysFutex(
  task: Task,
  addr: number,
  op: number,
  value: number,
  timeout: number,
  addr2: number,
  value3: number,
): number | Promise<number> {
  const command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const isPrivate = (op & FUTEX_PRIVATE_FLAG) !== 0;
  const isRealtime = (op & FUTEX_CLOCK_REALTIME) !== 0;
  switch (command) {
    case FUTEX_WAIT:
      if (isRealtime) return -ENOSYS;
      return wait(task, addr, isPrivate, value, FUTEX_BITSET_MATCH_ANY, timeout, false, false);
    case FUTEX_WAIT_BITSET:
      return wait(task, addr, isPrivate, value, value3, timeout, true, isRealtime);
    case FUTEX_WAKE:
      // A count that is not positive wakes one, as Linux does.
      return isRealtime ? -ENOSYS : futexWake(task, addr, isPrivate, Math.max(1, value | 0), FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET:
      return isRealtime ? -ENOSYS : futexWake(task, addr, isPrivate, Math.max(1, value | 0), value3);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: {
      if (isRealtime) return -ENOSYS;
      // The fourth argument is the second count here.
      const moveCount = (timeout % 0x1_0000_0000) | 0;
      const expected = command === FUTEX_REQUEUE ? null : value3;
      return futexRequeue(task, addr, addr2, isPrivate, value | 0, moveCount, expected);
    }
    case FUTEX_WAKE_OP:
      return isRealtime ? -ENOSYS : wakeOp(task, addr, addr2, isPrivate, value | 0, timeout, value3);
    default:
      return -ENOSYS;
  }
}

function wait(
  task: Task,
  addr: number,
  isPrivate: boolean,
  value: number,
  bitset: number,
  timeout: number,
  isAbsolute: boolean,
  isRealtime: boolean,
): number | Promise<number> {
  let deadlineNs = Infinity;
  if (timeout !== 0) {
    const error = readTimespec(task.mem, timeout, time);
    if (error < 0) return error;
    const { clock } = task.kernel;
    deadlineNs = isAbsolute
      ? deadlineOf(clock, isRealtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, time)
      : clock.monotonicNs() + spanNs(time);
  }
  return waitUntil(task, addr, isPrivate, value, bitset, deadlineNs);
}

/** With a deadline a restart must not start the time anew (futex_wait_restart). */
function waitUntil(
  task: Task,
  addr: number,
  isPrivate: boolean,
  value: number,
  bitset: number,
  deadlineNs: number,
): number | Promise<number> {
  const result = futexWait(task, addr, isPrivate, value, bitset, deadlineNs);
  if (typeof result === 'number' || deadlineNs === Infinity) return result;
  return result.then((code) => {
    if (code !== -ERESTARTSYS) return code;
    task.restart = () => waitUntil(task, addr, isPrivate, value, bitset, deadlineNs);
    return -ERESTART_RESTARTBLOCK;
  });
}

const word = new Uint8Array(4);
const wordView = new DataView(word.buffer);

/** FUTEX_WAKE_OP: changes the second word, wakes on the first, and on the second when its old value compares so (futex(2)). */
function wakeOp(
  task: Task,
  addr: number,
  addr2: number,
  isPrivate: boolean,
  count: number,
  second: number,
  encoded: number,
): number {
  const operation = (encoded >>> 28) & 7;
  const comparison = (encoded >>> 24) & 15;
  const shift = encoded >>> 31 !== 0;
  const raw = (encoded << 8) >> 20;
  const operand = shift ? 1 << (raw & 31) : raw;
  const compared = (encoded << 20) >> 20;
  if (addr2 % 4 !== 0) return -EINVAL;
  if (operation > 4 || comparison > 5) return -ENOSYS;
  const old = task.mm.readU32Now(addr2);
  if (old === null) return -EFAULT;
  const next = [operand, old + operand, old | operand, old & ~operand, old ^ operand][operation];
  wordView.setInt32(0, next | 0, true);
  if (task.mm.writeNow(addr2, word) < 0) return -EFAULT;
  const woken = futexWake(task, addr, isPrivate, Math.max(1, count), FUTEX_BITSET_MATCH_ANY);
  if (woken < 0) return woken;
  const signed = old | 0;
  const holds = [
    signed === compared,
    signed !== compared,
    signed < compared,
    signed <= compared,
    signed > compared,
    signed >= compared,
  ][comparison];
  if (!holds) return woken;
  const secondCount = (second % 0x1_0000_0000) | 0;
  const more = futexWake(task, addr2, isPrivate, Math.max(1, secondCount), FUTEX_BITSET_MATCH_ANY);
  return more < 0 ? more : woken + more;
}

function sysFutexWaitv(
  task: Task,
  addr: number,
  count: number,
  flags: number,
  timeout: number,
  clockId: number,
): number | Promise<number> {
  if (flags !== 0 || count === 0 || count > WAITV_MAX || addr === 0) return -EINVAL;
  let deadlineNs = Infinity;
  if (timeout !== 0) {
    if (clockId !== CLOCK_REALTIME && clockId !== CLOCK_MONOTONIC) return -EINVAL;
    const error = readTimespec(task.mem, timeout, time);
    if (error < 0) return error;
    deadlineNs = deadlineOf(task.kernel.clock, clockId, time);
  }
  const bytes = task.mem.readBytes(addr, count * WAITV_SIZE);
  if (typeof bytes === 'number') return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words: FutexWord[] = [];
  for (let at = 0; at < bytes.length; at += WAITV_SIZE) {
    const wordFlags = view.getUint32(at + 16, true);
    const isValid = (wordFlags & ~FUTEX2_PRIVATE) === FUTEX2_SIZE_U32;
    if (!isValid || view.getUint32(at + 20, true) !== 0 || view.getUint32(at + 4, true) !== 0) return -EINVAL;
    const wordAddr = view.getUint32(at + 12, true) * 0x1_0000_0000 + view.getUint32(at + 8, true);
    const isPrivate = (wordFlags & FUTEX2_PRIVATE) !== 0;
    words.push({ addr: wordAddr, value: view.getUint32(at, true), isPrivate });
  }
  return futexWaitMany(task, words, deadlineNs);
}

function sysSetRobustList(task: Task, head: number, size: number): number {
  if (size !== ROBUST_HEAD_SIZE) return -EINVAL;
  task.robustList = head;
  return 0;
}

function sysGetRobustList(task: Task, pid: number, head: number, size: number): number {
  const target = pid === 0 ? task : task.kernel.pids.task(pid);
  if (target === undefined) return -ESRCH;
  if (target.group !== task.group && task.creds.euid !== 0 && task.creds.euid !== target.creds.uid) return -EPERM;
  if (task.mem.writeU64(size, ROBUST_HEAD_SIZE) < 0 || task.mem.writeU64(head, target.robustList) < 0) return -EFAULT;
  return 0;
}

export const futexSyscalls: readonly SyscallDef[] = [
  partial(
    202,
    'futex',
    ['ptr', 'int', 'uint', 'ptr', 'ptr', 'uint'],
    sysFutex,
    'no priority inheritance (LOCK_PI and relatives give ENOSYS); WAKE_OP changes its word in two steps',
  ),
  full(273, 'set_robust_list', ['ptr', 'size'], sysSetRobustList),
  full(274, 'get_robust_list', ['pid', 'ptr', 'ptr'], sysGetRobustList),
  full(449, 'futex_waitv', ['ptr', 'uint', 'flags', 'timespec', 'clockid'], sysFutexWaitv),
];

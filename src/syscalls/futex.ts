/** futex(2), futex_waitv(2), set_robust_list(2), get_robust_list(2). */
import {
  EFAULT,
  EINVAL,
  ENOSYS,
  EPERM,
  ERESTART_RESTARTBLOCK,
  ERESTARTNOINTR,
  ERESTARTSYS,
  ESRCH,
} from '../abi/errno.ts';
import {
  FUTEX_BITSET_MATCH_ANY,
  type FutexWord,
  futexRequeue,
  futexWait,
  futexWaitMany,
  futexWake,
} from '../kernel/futex.ts';
import { futexLockPi, futexRequeuePi, futexUnlockPi, futexWaitRequeuePi } from '../kernel/futex-pi.ts';
import type { Timespec } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';
import { CLOCK_MONOTONIC, CLOCK_REALTIME, deadlineOf, readTimespec, spanNs } from '../kernel/time-span.ts';
import { full, partial, type SyscallDef } from './define.ts';

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const FUTEX_REQUEUE = 3;
const FUTEX_CMP_REQUEUE = 4;
const FUTEX_WAKE_OP = 5;
const FUTEX_LOCK_PI = 6;
const FUTEX_UNLOCK_PI = 7;
const FUTEX_TRYLOCK_PI = 8;
const FUTEX_WAIT_BITSET = 9;
const FUTEX_WAKE_BITSET = 10;
const FUTEX_WAIT_REQUEUE_PI = 11;
const FUTEX_CMP_REQUEUE_PI = 12;
const FUTEX_LOCK_PI2 = 13;
const FUTEX_PRIVATE_FLAG = 128;
const FUTEX_CLOCK_REALTIME = 256;
/** Commands that FUTEX_CLOCK_REALTIME may go with. */
const HAVE_CLOCK: ReadonlySet<number> = new Set([FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2]);

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
  if (isRealtime && !HAVE_CLOCK.has(command)) return -ENOSYS;
  switch (command) {
    case FUTEX_WAIT:
      return wait(task, addr, isPrivate, value, FUTEX_BITSET_MATCH_ANY, timeout, false, false);
    case FUTEX_WAIT_BITSET:
      return wait(task, addr, isPrivate, value, value3, timeout, true, isRealtime);
    case FUTEX_WAKE:
      // A count that is not positive wakes one, as Linux does.
      return futexWake(task, addr, isPrivate, Math.max(1, value | 0), FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET:
      return futexWake(task, addr, isPrivate, Math.max(1, value | 0), value3);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: {
      // The fourth argument is the second count here.
      const moveCount = (timeout % 0x1_0000_0000) | 0;
      const expected = command === FUTEX_REQUEUE ? null : value3;
      return futexRequeue(task, addr, addr2, isPrivate, value | 0, moveCount, expected);
    }
    case FUTEX_WAKE_OP:
      return wakeOp(task, addr, addr2, isPrivate, value | 0, timeout, value3);
    case FUTEX_TRYLOCK_PI:
      return futexLockPi(task, addr, isPrivate, Infinity, true);
    case FUTEX_UNLOCK_PI:
      return futexUnlockPi(task, addr, isPrivate);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: {
      const deadlineNs = absoluteDeadline(task, timeout, isRealtime || command === FUTEX_LOCK_PI);
      return deadlineNs < 0 ? deadlineNs : futexLockPi(task, addr, isPrivate, deadlineNs, false);
    }
    case FUTEX_WAIT_REQUEUE_PI: {
      const deadlineNs = absoluteDeadline(task, timeout, isRealtime);
      return deadlineNs < 0 ? deadlineNs : futexWaitRequeuePi(task, addr, addr2, isPrivate, value, deadlineNs);
    }
    case FUTEX_CMP_REQUEUE_PI:
      // Only one can be given the lock.
      if ((value | 0) !== 1) return -EINVAL;
      return futexRequeuePi(task, addr, addr2, isPrivate, (timeout % 0x1_0000_0000) | 0, value3);
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
  if (isAbsolute) deadlineNs = absoluteDeadline(task, timeout, isRealtime);
  else if (timeout !== 0) {
    const error = readTimespec(task.mem, timeout, time);
    deadlineNs = error < 0 ? error : task.kernel.clock.monotonicNs() + spanNs(time);
  }
  return deadlineNs < 0 ? deadlineNs : waitUntil(task, addr, isPrivate, value, bitset, deadlineNs);
}

/** The moment on the monotonic clock that a struct timespec names, Infinity without one, or -errno. */
function absoluteDeadline(task: Task, addr: number, isRealtime: boolean): number {
  if (addr === 0) return Infinity;
  const error = readTimespec(task.mem, addr, time);
  if (error < 0) return error;
  return Math.max(0, deadlineOf(task.kernel.clock, isRealtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, time));
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

/** FUTEX_WAKE_OP: changes the second word, wakes on the first, and on the second when its old value compares so (futex(2)). */
async function wakeOp(
  task: Task,
  addr: number,
  addr2: number,
  isPrivate: boolean,
  count: number,
  second: number,
  encoded: number,
): Promise<number> {
  const operation = (encoded >>> 28) & 7;
  const comparison = (encoded >>> 24) & 15;
  const shift = encoded >>> 31 !== 0;
  const raw = (encoded << 8) >> 20;
  const operand = shift ? 1 << (raw & 31) : raw;
  const compared = (encoded << 20) >> 20;
  if (addr2 % 4 !== 0) return -EINVAL;
  if (operation > 4 || comparison > 5) return -ENOSYS;
  const exchange = task.mm.host.wordExchange();
  let old = task.mm.readU32Now(addr2);
  for (;;) {
    if (old === null || old < 0) return -EFAULT;
    if (task.hasSignalToDeliver()) return -ERESTARTNOINTR;
    const next = [operand, old + operand, old | operand, old & ~operand, old ^ operand][operation];
    const was = await exchange(addr2, old, next >>> 0);
    if (was === old) break;
    old = was;
  }
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
  const words = readWords(task, addr, count);
  if (typeof words === 'number') return words;
  return futexWaitMany(task, words, deadlineNs);
}

/** Whether flags of the newer calls are for words of 32 bits, the only ones there are. */
function areFlagsKnown(flags: number): boolean {
  return (flags & ~FUTEX2_PRIVATE) === FUTEX2_SIZE_U32;
}

function sysFutexWake(task: Task, addr: number, mask: number, count: number, flags: number): number {
  if (!areFlagsKnown(flags) || mask > FUTEX_BITSET_MATCH_ANY) return -EINVAL;
  // Unlike FUTEX_WAKE, a count of 0 wakes nobody.
  return futexWake(task, addr, (flags & FUTEX2_PRIVATE) !== 0, count, mask);
}

function sysFutexWait(
  task: Task,
  addr: number,
  value: number,
  mask: number,
  flags: number,
  timeout: number,
  clockId: number,
): number | Promise<number> {
  if (!areFlagsKnown(flags)) return -EINVAL;
  if (value > FUTEX_BITSET_MATCH_ANY || mask > FUTEX_BITSET_MATCH_ANY || mask === 0) return -EINVAL;
  if (timeout !== 0 && clockId !== CLOCK_REALTIME && clockId !== CLOCK_MONOTONIC) return -EINVAL;
  const deadlineNs = absoluteDeadline(task, timeout, clockId === CLOCK_REALTIME);
  if (deadlineNs < 0) return deadlineNs;
  return futexWait(task, addr, (flags & FUTEX2_PRIVATE) !== 0, value, mask, deadlineNs);
}

/** From one struct futex_waitv to the next of a pair. */
function sysFutexRequeue(task: Task, addr: number, flags: number, wakeCount: number, moveCount: number): number {
  if (flags !== 0 || addr === 0) return -EINVAL;
  const words = readWords(task, addr, 2);
  if (typeof words === 'number') return words;
  const [from, to] = words;
  if (from.isPrivate !== to.isPrivate) return -EINVAL;
  return futexRequeue(task, from.addr, to.addr, from.isPrivate, wakeCount, moveCount, from.value);
}

/** An array of struct futex_waitv, or -errno. */
function readWords(task: Task, addr: number, count: number): FutexWord[] | number {
  const bytes = task.mem.readBytes(addr, count * WAITV_SIZE);
  if (typeof bytes === 'number') return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words: FutexWord[] = [];
  for (let at = 0; at < bytes.length; at += WAITV_SIZE) {
    const flags = view.getUint32(at + 16, true);
    if (!areFlagsKnown(flags) || view.getUint32(at + 20, true) !== 0 || view.getUint32(at + 4, true) !== 0) {
      return -EINVAL;
    }
    const wordAddr = view.getUint32(at + 12, true) * 0x1_0000_0000 + view.getUint32(at + 8, true);
    words.push({ addr: wordAddr, value: view.getUint32(at, true), isPrivate: (flags & FUTEX2_PRIVATE) !== 0 });
  }
  return words;
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
    'priority-inheritance locks go by priority, but lend none: the host schedules',
  ),
  full(273, 'set_robust_list', ['ptr', 'size'], sysSetRobustList),
  full(274, 'get_robust_list', ['pid', 'ptr', 'ptr'], sysGetRobustList),
  full(454, 'futex_wake', ['ptr', 'ulong', 'int', 'flags'], sysFutexWake),
  full(455, 'futex_wait', ['ptr', 'ulong', 'ulong', 'flags', 'timespec', 'clockid'], sysFutexWait),
  full(456, 'futex_requeue', ['ptr', 'flags', 'int', 'int'], sysFutexRequeue),
  full(449, 'futex_waitv', ['ptr', 'uint', 'flags', 'timespec', 'clockid'], sysFutexWaitv),
];

/**
 * Futexes (Linux: kernel/futex; futex(2)): who waits for which word of memory, and who is woken.
 *
 * A word is named by the object its memory belongs to and an offset: private futexes by the address space and the address,
 * words in shared mappings by what is mapped. The word is compared in the same turn of the event loop in which the waiter is
 * queued. The guest may change the word in between, but whoever does so wakes through this same thread, later.
 *
 * Invariant: a queue is in the table exactly while it has waiters.
 */
import { EAGAIN, EFAULT, EINVAL, ERESTARTSYS, ETIMEDOUT } from '../abi/errno.ts';
import type { Task } from './task.ts';

export const FUTEX_BITSET_MATCH_ANY = 0xffff_ffff;

/** A thread that sleeps on one word, or on several (futex_waitv). */
interface Sleeper {
  /** Ends the sleep: 0 or the index of the word that was woken, or -errno. */
  readonly finish: (result: number) => void;
}

interface FutexWaiter {
  readonly sleeper: Sleeper;
  readonly index: number;
  bitset: number;
  queue: FutexQueue;
}

/** Waiters of one word, the longest waiting first. */
interface FutexQueue {
  readonly object: object;
  readonly offset: number;
  readonly waiters: FutexWaiter[];
}

export interface FutexWord {
  readonly addr: number;
  readonly value: number;
  readonly isPrivate: boolean;
}

/** Queues by object, then by offset; an object that goes away takes nothing with it, because it has no waiters then. */
const queues = new Map<object, Map<number, FutexQueue>>();

interface Key {
  object: object;
  offset: number;
}

/** Filled in by `keyOf`: one is enough, since nothing here is re-entered. */
const key: Key = { object: queues, offset: 0 };
const otherKey: Key = { object: queues, offset: 0 };

/** get_futex_key: 0 or -errno. */
function keyOf(task: Task, addr: number, isPrivate: boolean, out: Key): number {
  if (addr % 4 !== 0) return -EINVAL;
  if (!(addr < 2 ** 47)) return -EFAULT;
  out.object = task.mm;
  out.offset = addr;
  if (isPrivate) return 0;
  const shared = task.mm.futexKey(addr);
  if (shared === null) return task.mm.readU32Now(addr) === null ? -EFAULT : 0;
  out.object = shared.object;
  out.offset = shared.offset;
  return 0;
}

function find({ object, offset }: Key): FutexQueue | undefined {
  return queues.get(object)?.get(offset);
}

function findOrMake({ object, offset }: Key): FutexQueue {
  let byOffset = queues.get(object);
  if (byOffset === undefined) {
    byOffset = new Map();
    queues.set(object, byOffset);
  }
  let queue = byOffset.get(offset);
  if (queue === undefined) {
    queue = { object, offset, waiters: [] };
    byOffset.set(offset, queue);
  }
  return queue;
}

function dropIfEmpty(queue: FutexQueue): void {
  if (queue.waiters.length > 0) return;
  const byOffset = queues.get(queue.object);
  if (byOffset?.get(queue.offset) !== queue) return;
  byOffset.delete(queue.offset);
  if (byOffset.size === 0) queues.delete(queue.object);
}

/** How many words have waiters; for tests and for finding leaks. */
export function futexQueueCount(): number {
  let count = 0;
  for (const byOffset of queues.values()) count += byOffset.size;
  return count;
}

/**
 * FUTEX_WAIT_BITSET: 0 when woken, -EAGAIN when the word has another value, -ERESTARTSYS, -ETIMEDOUT or another error.
 *
 * @param deadlineNs on the monotonic clock; Infinity for none
 */
export function futexWait(
  task: Task,
  addr: number,
  isPrivate: boolean,
  value: number,
  bitset: number,
  deadlineNs: number,
): number | Promise<number> {
  if (bitset === 0) return -EINVAL;
  const error = keyOf(task, addr, isPrivate, key);
  if (error < 0) return error;
  const word = task.mm.readU32Now(addr);
  if (word === null) return -EFAULT;
  if (word !== value) return -EAGAIN;
  const queue = findOrMake(key);
  return sleep(task, deadlineNs, (sleeper) => [enqueue(sleeper, queue, 0, bitset)]);
}

/** futex_waitv(2): the index of a word that was woken, or -errno as `futexWait`. At most 128 words, checked by the caller. */
export function futexWaitMany(task: Task, words: readonly FutexWord[], deadlineNs: number): number | Promise<number> {
  const keys: Key[] = [];
  for (const { addr, isPrivate } of words) {
    const found: Key = { object: queues, offset: 0 };
    const error = keyOf(task, addr, isPrivate, found);
    if (error < 0) return error;
    keys.push(found);
  }
  for (const { addr, value } of words) {
    const word = task.mm.readU32Now(addr);
    if (word === null) return -EFAULT;
    if (word !== value) return -EAGAIN;
  }
  return sleep(task, deadlineNs, (sleeper) =>
    keys.map((each, index) => enqueue(sleeper, findOrMake(each), index, FUTEX_BITSET_MATCH_ANY)),
  );
}

function enqueue(sleeper: Sleeper, queue: FutexQueue, index: number, bitset: number): FutexWaiter {
  const waiter: FutexWaiter = { sleeper, index, bitset, queue };
  queue.waiters.push(waiter);
  return waiter;
}

function sleep(task: Task, deadlineNs: number, start: (sleeper: Sleeper) => FutexWaiter[]): Promise<number> | number {
  const { timers } = task.kernel;
  return new Promise((resolve) => {
    const finish = (result: number): void => {
      for (const waiter of waiters) {
        // A requeue may have moved it.
        const { queue } = waiter;
        const at = queue.waiters.indexOf(waiter);
        if (at >= 0) queue.waiters.splice(at, 1);
        dropIfEmpty(queue);
      }
      if (timer !== null) timers.cancel(timer);
      task.wakeFromSleep = null;
      resolve(result);
    };
    const waiters = start({ finish });
    const timer = deadlineNs === Infinity ? null : timers.add(deadlineNs, () => finish(-ETIMEDOUT));
    task.beginSleep(() => finish(-ERESTARTSYS));
    if (task.hasSignalToDeliver()) finish(-ERESTARTSYS);
  });
}

function wakeQueue(queue: FutexQueue | undefined, count: number, bitset: number): number {
  if (queue === undefined) return 0;
  let woken = 0;
  for (let i = 0; i < queue.waiters.length && woken < count; ) {
    const waiter = queue.waiters[i];
    if ((waiter.bitset & bitset) === 0) {
      i += 1;
      continue;
    }
    // `finish` takes it out of the list.
    waiter.sleeper.finish(waiter.index);
    woken += 1;
  }
  return woken;
}

/** FUTEX_WAKE_BITSET: how many were woken, or -errno. */
export function futexWake(task: Task, addr: number, isPrivate: boolean, count: number, bitset: number): number {
  if (bitset === 0) return -EINVAL;
  const error = keyOf(task, addr, isPrivate, key);
  if (error < 0) return error;
  return wakeQueue(find(key), count, bitset);
}

/**
 * Wakes one waiter of an address for the kernel itself: CLONE_CHILD_CLEARTID, robust futexes. The C library waits for a thread's end with
 * a shared futex, so both kinds of key are tried.
 */
export function futexWakeOne(task: Task, addr: number): void {
  if (futexWake(task, addr, false, 1, FUTEX_BITSET_MATCH_ANY) === 0) {
    futexWake(task, addr, true, 1, FUTEX_BITSET_MATCH_ANY);
  }
}

/**
 * FUTEX_CMP_REQUEUE, or FUTEX_REQUEUE when `expected` is null: wakes `wakeCount`, moves up to `moveCount` of the others to the second
 * word. Gives how many were woken or moved, or -errno.
 */
export function futexRequeue(
  task: Task,
  from: number,
  to: number,
  isPrivate: boolean,
  wakeCount: number,
  moveCount: number,
  expected: number | null,
): number {
  if (wakeCount < 0 || moveCount < 0) return -EINVAL;
  const error = Math.min(keyOf(task, from, isPrivate, key), keyOf(task, to, isPrivate, otherKey));
  if (error < 0) return error;
  if (expected !== null) {
    const word = task.mm.readU32Now(from);
    if (word === null) return -EFAULT;
    if (word !== expected) return -EAGAIN;
  }
  const source = find(key);
  if (source === undefined) return 0;
  const woken = wakeQueue(source, wakeCount, FUTEX_BITSET_MATCH_ANY);
  const count = Math.min(moveCount, source.waiters.length);
  if (count === 0) return woken;
  const target = findOrMake(otherKey);
  if (target === source) return woken + count;
  for (const waiter of source.waiters.splice(0, count)) {
    waiter.queue = target;
    target.waiters.push(waiter);
  }
  dropIfEmpty(source);
  return woken + count;
}

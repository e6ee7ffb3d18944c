/**
 * Futexes (Linux: kernel/futex; futex(2)): who waits for which word of memory, and who is woken.
 *
 * The word is compared in the same turn of the event loop in which the waiter is queued, after its queue has been announced. The guest may
 * change the word in between, but whoever does so finds the queue announced, and wakes through this same thread, later.
 */
import { EAGAIN, EFAULT, EINVAL, ERESTARTSYS, ETIMEDOUT } from '../abi/errno.ts';
import { emptyKey, type FutexKey, keyOf } from './futex-key.ts';
import {
  dequeue,
  dropQueueIfEmpty,
  enqueue,
  type FutexQueue,
  type FutexWaiter,
  findOrMakeQueue,
  findQueue,
  piStates,
  type Sleeper,
} from './futex-queues.ts';
import type { Task } from './task.ts';

export const FUTEX_BITSET_MATCH_ANY = 0xffff_ffff;

export interface FutexWord {
  readonly addr: number;
  readonly value: number;
  readonly isPrivate: boolean;
}

/** Filled in by `keyOf`: one is enough, since nothing here is re-entered. */
const key = emptyKey();
const otherKey = emptyKey();

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
  // Before the word is read, so that whoever changes it later finds that there is somebody to wake.
  const queue = findOrMakeQueue(key);
  const word = task.mm.readU32Now(addr);
  if (word !== value) {
    dropQueueIfEmpty(queue);
    return word === null ? -EFAULT : -EAGAIN;
  }
  return sleep(task, deadlineNs, (sleeper) => [enqueue(sleeper, queue, 0, bitset)]);
}

/** futex_waitv(2): the index of a word that was woken, or -errno as `futexWait`. At most 128 words, checked by the caller. */
export function futexWaitMany(task: Task, words: readonly FutexWord[], deadlineNs: number): number | Promise<number> {
  const keys: FutexKey[] = [];
  for (const { addr, isPrivate } of words) {
    const found = emptyKey();
    const error = keyOf(task, addr, isPrivate, found);
    if (error < 0) return error;
    keys.push(found);
  }
  const queues = keys.map(findOrMakeQueue);
  for (const { addr, value } of words) {
    const word = task.mm.readU32Now(addr);
    if (word === value) continue;
    for (const queue of queues) dropQueueIfEmpty(queue);
    return word === null ? -EFAULT : -EAGAIN;
  }
  return sleep(task, deadlineNs, (sleeper) =>
    queues.map((queue, index) => enqueue(sleeper, queue, index, FUTEX_BITSET_MATCH_ANY)),
  );
}

function sleep(task: Task, deadlineNs: number, start: (sleeper: Sleeper) => FutexWaiter[]): Promise<number> | number {
  const { timers } = task.kernel;
  return new Promise((resolve) => {
    const finish = (result: number): void => {
      for (const waiter of waiters) dequeue(waiter);
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

/** How many were woken, or -EINVAL when one of them waits to be given a lock (Linux: futex_wake). */
function wakeQueue(queue: FutexQueue | undefined, count: number, bitset: number): number {
  if (queue === undefined) return 0;
  let woken = 0;
  for (let i = 0; i < queue.waiters.length && woken < count; ) {
    const waiter = queue.waiters[i];
    if (waiter.lock !== null) return -EINVAL;
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
  if (piStates.get(key) !== undefined) return -EINVAL;
  return wakeQueue(findQueue(key), count, bitset);
}

/** Wakes one waiter of an address for the kernel itself, as for a shared word: CLONE_CHILD_CLEARTID, robust futexes. */
export function futexWakeOne(task: Task, addr: number): void {
  futexWake(task, addr, false, 1, FUTEX_BITSET_MATCH_ANY);
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
  const source = findQueue(key);
  if (source === undefined) return 0;
  if (source.waiters.some((waiter) => waiter.lock !== null)) return -EINVAL;
  const woken = wakeQueue(source, wakeCount, FUTEX_BITSET_MATCH_ANY);
  const count = Math.min(moveCount, source.waiters.length);
  if (count === 0) return woken;
  const target = findOrMakeQueue(otherKey);
  if (target === source) return woken + count;
  for (const waiter of source.waiters.splice(0, count)) {
    waiter.queue = target;
    target.waiters.push(waiter);
  }
  dropQueueIfEmpty(source);
  return woken + count;
}

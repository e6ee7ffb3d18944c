/**
 * Who waits for which futex word (Linux: struct futex_hash_bucket, struct futex_q, struct futex_pi_state).
 *
 * Invariants: a queue is in the table exactly while it has waiters, and so is the state of a priority-inheritance lock. A waiter is in
 * one of them.
 */
import { type FutexKey, FutexTable } from './futex-key.ts';
import type { Task } from './task.ts';

/** A thread that sleeps on one word, or on several (futex_waitv). */
export interface Sleeper {
  /** Ends the sleep: 0 or the index of the word that was woken, or -errno. */
  readonly finish: (result: number) => void;
}

export interface FutexWaiter {
  readonly sleeper: Sleeper;
  readonly index: number;
  readonly bitset: number;
  queue: FutexQueue;
  /** FUTEX_WAIT_REQUEUE_PI: the lock it is to be moved to; only FUTEX_CMP_REQUEUE_PI may wake it. */
  readonly lock: PiWaiter | null;
}

/** Waiters of one word, the longest waiting first. */
export interface FutexQueue extends FutexKey {
  readonly waiters: FutexWaiter[];
}

/** A thread that waits for a priority-inheritance lock, or will. */
export interface PiWaiter {
  readonly task: Task;
  readonly key: FutexKey;
  /** Where the lock is in the waiter's own memory. */
  readonly addr: number;
  readonly sleeper: Sleeper;
  /** The lock it waits for; null while it still waits for the word before it. */
  state: PiState | null;
}

/** A priority-inheritance lock with waiters: the one who gets it next first. */
export interface PiState {
  readonly key: FutexKey;
  owner: Task;
  readonly waiters: PiWaiter[];
}

const queues = new FutexTable<FutexQueue>();
export const piStates = new FutexTable<PiState>();

export function findQueue(key: FutexKey): FutexQueue | undefined {
  return queues.get(key);
}

export function findOrMakeQueue(key: FutexKey): FutexQueue {
  let queue = queues.get(key);
  if (queue === undefined) {
    queue = { object: key.object, offset: key.offset, space: key.space, waiters: [] };
    queues.set(queue, queue);
  }
  return queue;
}

export function dropQueueIfEmpty(queue: FutexQueue): void {
  if (queue.waiters.length === 0) queues.delete(queue, queue);
}

export function enqueue(
  sleeper: Sleeper,
  queue: FutexQueue,
  index: number,
  bitset: number,
  lock: PiWaiter | null = null,
): FutexWaiter {
  const waiter: FutexWaiter = { sleeper, index, bitset, queue, lock };
  queue.waiters.push(waiter);
  return waiter;
}

/** Takes a waiter out of wherever a requeue may have moved it. */
export function dequeue(waiter: FutexWaiter): void {
  const { queue } = waiter;
  const at = queue.waiters.indexOf(waiter);
  if (at >= 0) queue.waiters.splice(at, 1);
  dropQueueIfEmpty(queue);
}

/**
 * Priority-inheritance futexes (Linux: kernel/futex/pi.c, requeue.c; futex(2); Documentation/locking/pi-futex): the word holds its owner's
 * thread id, FUTEX_WAITERS while the kernel must be asked to unlock, FUTEX_OWNER_DIED after an owner that ended with it.
 *
 * The lock goes to its waiters in the order of their real-time priorities. Lending that priority to the owner is left out: who runs when
 * is the host's business, which knows nothing of guest priorities.
 *
 * Guest code changes the word by itself, but only while FUTEX_WAITERS is clear: then the kernel must exchange it atomically, which takes
 * a turn of the calling thread. Once the bit is set the word is the kernel's, and is read and written together with the waiters.
 */
import { EAGAIN, EDEADLK, EFAULT, EINVAL, EPERM, ERESTARTNOINTR, ESRCH, ETIMEDOUT } from '../abi/errno.ts';
import { emptyKey, type FutexKey, keyOf } from './futex-key.ts';
import {
  dequeue,
  dropQueueIfEmpty,
  enqueue,
  type FutexWaiter,
  findOrMakeQueue,
  findQueue,
  type PiState,
  type PiWaiter,
  piStates,
} from './futex-queues.ts';
import type { Task } from './task.ts';

export const FUTEX_WAITERS = 0x8000_0000;
export const FUTEX_OWNER_DIED = 0x4000_0000;
export const FUTEX_TID_MASK = 0x3fff_ffff;

const BITSET_ANY = 0xffff_ffff;
/** /proc/sys/kernel/max_lock_depth. */
const MAX_LOCK_DEPTH = 1024;

const word = new Uint8Array(4);
const wordView = new DataView(word.buffer);

/** The lock each sleeping thread waits for. */
const waitingFor = new Map<Task, PiState>();
/** The locks with waiters of each owner. */
const heldBy = new Map<Task, Set<PiState>>();

function writeWord(task: Task, addr: number, value: number): number {
  wordView.setUint32(0, value >>> 0, true);
  return task.mm.writeNow(addr, word);
}

/** By a real-time policy; all others are equal. */
function priorityOf(task: Task): number {
  return task.schedPolicy === 1 || task.schedPolicy === 2 ? task.schedPriority : 0;
}

function setOwner(state: PiState, owner: Task): void {
  const before = heldBy.get(state.owner);
  before?.delete(state);
  if (before?.size === 0) heldBy.delete(state.owner);
  state.owner = owner;
  if (state.waiters.length === 0) return;
  const now = heldBy.get(owner) ?? new Set();
  now.add(state);
  heldBy.set(owner, now);
}

/** Makes it wait for the lock, which `owner` has. */
function addWaiter(waiter: PiWaiter, owner: Task): void {
  let state = piStates.get(waiter.key);
  if (state === undefined) {
    state = { key: waiter.key, owner, waiters: [] };
    piStates.set(state.key, state);
  }
  const priority = priorityOf(waiter.task);
  const before = state.waiters.findIndex((other) => priorityOf(other.task) < priority);
  state.waiters.splice(before < 0 ? state.waiters.length : before, 0, waiter);
  waiter.state = state;
  waitingFor.set(waiter.task, state);
  setOwner(state, state.owner);
}

function removeWaiter(waiter: PiWaiter): void {
  const { state } = waiter;
  if (state === null) return;
  waiter.state = null;
  waitingFor.delete(waiter.task);
  state.waiters.splice(state.waiters.indexOf(waiter), 1);
  if (state.waiters.length > 0) return;
  setOwner(state, state.owner);
  piStates.delete(state.key, state);
}

/** Gives the lock to its first waiter: 0, or -EFAULT when the word cannot be written. */
function handOver(state: PiState, died: number): number {
  const [next] = state.waiters;
  if (writeWord(next.task, next.addr, next.task.tid | FUTEX_WAITERS | died) < 0) return -EFAULT;
  setOwner(state, next.task);
  next.sleeper.finish(0);
  return 0;
}

/** Whether `owner` waits, perhaps by way of others, for a lock of `task` (Linux: rt_mutex_adjust_prio_chain). */
function wouldDeadlock(task: Task, owner: Task): boolean {
  let at: Task | undefined = owner;
  for (let depth = 0; at !== undefined && depth < MAX_LOCK_DEPTH; depth++) {
    if (at === task) return true;
    at = waitingFor.get(at)?.owner;
  }
  return at !== undefined;
}

/** The living owner of a lock by its word, or -errno (Linux: attach_to_pi_owner, attach_to_pi_state). */
function ownerOf(task: Task, key: FutexKey, value: number): Task | number {
  const tid = value & FUTEX_TID_MASK;
  const state = piStates.get(key);
  if (state !== undefined) return state.owner.tid === tid ? state.owner : -EINVAL;
  const owner = task.kernel.pids.task(tid);
  return owner === undefined || owner.isExiting ? -ESRCH : owner;
}

interface Sleep {
  readonly task: Task;
  readonly key: FutexKey;
  readonly addr: number;
  readonly deadlineNs: number;
}

/** Sleeps until the lock is given to it; `start` puts it where it waits, and gives what is to be undone at the end. */
function sleep(
  { task, key, addr, deadlineNs }: Sleep,
  start: (waiter: PiWaiter) => FutexWaiter | null,
): Promise<number> {
  const { timers } = task.kernel;
  return new Promise((resolve) => {
    const finish = (result: number): void => {
      removeWaiter(waiter);
      if (queued !== null) dequeue(queued);
      if (timer !== null) timers.cancel(timer);
      task.wakeFromSleep = null;
      resolve(result);
    };
    const waiter: PiWaiter = { task, key, addr, sleeper: { finish }, state: null };
    const queued = start(waiter);
    const timer = deadlineNs === Infinity ? null : timers.add(deadlineNs, () => finish(-ETIMEDOUT));
    // Once it has been moved to the lock, FUTEX_WAIT_REQUEUE_PI cannot be restarted: the word before it has changed.
    const interrupted = (): void => finish(queued !== null && waiter.state !== null ? -EAGAIN : -ERESTARTNOINTR);
    task.wakeFromSleep = interrupted;
    if (task.hasSignalToDeliver()) interrupted();
  });
}

/** FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI: 0 when the lock is the task's, or -errno. */
export async function futexLockPi(
  task: Task,
  addr: number,
  isPrivate: boolean,
  deadlineNs: number,
  isTry: boolean,
): Promise<number> {
  const key = emptyKey();
  const error = keyOf(task, addr, isPrivate, key);
  if (error < 0) return error;
  const exchange = task.mm.host.wordExchange();
  // The guest may change the word before each exchange, for as long as it likes; each turn is one of its own thread's.
  while (!task.hasSignalToDeliver()) {
    const value = task.mm.readU32Now(addr);
    if (value === null) return -EFAULT;
    const tid = value & FUTEX_TID_MASK;
    if (tid === task.tid) return -EDEADLK;
    let next = (value | FUTEX_WAITERS) >>> 0;
    if (tid === 0 && piStates.get(key) === undefined) {
      next = (value & FUTEX_OWNER_DIED) | task.tid;
    } else {
      const owner = ownerOf(task, key, value);
      if (typeof owner === 'number') return owner;
      if (next === value) {
        if (isTry) return -EAGAIN;
        if (wouldDeadlock(task, owner)) return -EDEADLK;
        return sleep({ task, key, addr, deadlineNs }, (waiter) => {
          addWaiter(waiter, owner);
          return null;
        });
      }
    }
    const was = await exchange(addr, value, next);
    if (was < 0) return -EFAULT;
    if (was === value && tid === 0) return 0;
  }
  return -ERESTARTNOINTR;
}

/** FUTEX_UNLOCK_PI: 0 or -errno. */
export async function futexUnlockPi(task: Task, addr: number, isPrivate: boolean): Promise<number> {
  const key = emptyKey();
  const error = keyOf(task, addr, isPrivate, key);
  if (error < 0) return error;
  const exchange = task.mm.host.wordExchange();
  while (!task.hasSignalToDeliver()) {
    const value = task.mm.readU32Now(addr);
    if (value === null) return -EFAULT;
    if ((value & FUTEX_TID_MASK) !== task.tid) return -EPERM;
    const state = piStates.get(key);
    if (state !== undefined) return state.owner === task ? handOver(state, 0) : -EINVAL;
    if ((value & FUTEX_WAITERS) !== 0) return writeWord(task, addr, 0);
    const was = await exchange(addr, value, 0);
    if (was < 0) return -EFAULT;
    if (was === value) return 0;
  }
  return -ERESTARTNOINTR;
}

/** FUTEX_WAIT_REQUEUE_PI: sleeps on the first word until the lock at the second has been given to it. */
export function futexWaitRequeuePi(
  task: Task,
  addr: number,
  lockAddr: number,
  isPrivate: boolean,
  value: number,
  deadlineNs: number,
): number | Promise<number> {
  if (addr === lockAddr) return -EINVAL;
  const from = emptyKey();
  const key = emptyKey();
  const error = Math.min(keyOf(task, addr, isPrivate, from), keyOf(task, lockAddr, isPrivate, key));
  if (error < 0) return error;
  const queue = findOrMakeQueue(from);
  const now = task.mm.readU32Now(addr);
  if (now !== value || isSame(from, key)) {
    dropQueueIfEmpty(queue);
    return now === null ? -EFAULT : now !== value ? -EAGAIN : -EINVAL;
  }
  return sleep({ task, key, addr: lockAddr, deadlineNs }, (waiter) =>
    enqueue(waiter.sleeper, queue, 0, BITSET_ANY, waiter),
  );
}

function isSame(a: FutexKey, b: FutexKey): boolean {
  return a.object === b.object && a.offset === b.offset;
}

/**
 * FUTEX_CMP_REQUEUE_PI: gives the lock at `to` to the first waiter of `from` if it is free, and lets up to `moveCount` others wait for it.
 * How many were woken or moved, or -errno.
 */
export async function futexRequeuePi(
  task: Task,
  from: number,
  to: number,
  isPrivate: boolean,
  moveCount: number,
  expected: number,
): Promise<number> {
  if (from === to || moveCount < 0) return -EINVAL;
  const fromKey = emptyKey();
  const key = emptyKey();
  const error = Math.min(keyOf(task, from, isPrivate, fromKey), keyOf(task, to, isPrivate, key));
  if (error < 0) return error;
  if (isSame(fromKey, key)) return -EINVAL;
  const exchange = task.mm.host.wordExchange();
  while (!task.hasSignalToDeliver()) {
    const now = task.mm.readU32Now(from);
    const value = task.mm.readU32Now(to);
    if (now === null || value === null) return -EFAULT;
    if (now !== expected) return -EAGAIN;
    const waiters = findQueue(fromKey)?.waiters.slice(0, moveCount + 1) ?? [];
    if (waiters.some(({ lock }) => lock === null || !isSame(lock.key, key))) return -EINVAL;
    if (waiters.length === 0) return 0;
    if ((value & FUTEX_WAITERS) !== 0) return moveToLock(task, key, value, waiters, moveCount);
    if ((await exchange(to, value, (value | FUTEX_WAITERS) >>> 0)) < 0) return -EFAULT;
  }
  return -ERESTARTNOINTR;
}

/** The word has FUTEX_WAITERS set, so that it is the kernel's. */
function moveToLock(task: Task, key: FutexKey, value: number, queued: FutexWaiter[], moveCount: number): number {
  let done = 0;
  let owner: Task | number;
  if ((value & FUTEX_TID_MASK) === 0 && piStates.get(key) === undefined) {
    const first = queued[0].lock;
    if (first === null) return -EINVAL;
    const flags = (value & FUTEX_OWNER_DIED) | (moveCount > 0 ? FUTEX_WAITERS : 0);
    if (writeWord(first.task, first.addr, first.task.tid | flags) < 0) return -EFAULT;
    owner = first.task;
    first.sleeper.finish(0);
    done = 1;
  } else {
    owner = ownerOf(task, key, value);
    if (typeof owner === 'number') return owner;
  }
  for (const waiter of queued.slice(done)) {
    const { queue, lock } = waiter;
    if (lock === null || wouldDeadlock(lock.task, owner)) return done > 0 ? done : -EDEADLK;
    queue.waiters.splice(queue.waiters.indexOf(waiter), 1);
    dropQueueIfEmpty(queue);
    addWaiter(lock, owner);
    done += 1;
  }
  return done;
}

/** A thread ends, or leaves its memory, with locks that others wait for: they are told by FUTEX_OWNER_DIED (Linux: exit_pi_state_list). */
export function exitPiLocks(task: Task): void {
  for (const state of [...(heldBy.get(task) ?? [])]) {
    while (state.owner === task && state.waiters.length > 0) {
      const [next] = state.waiters;
      // A waiter whose word is gone gets the error, and the next one the lock.
      if (handOver(state, FUTEX_OWNER_DIED) < 0) next.sleeper.finish(-EFAULT);
    }
  }
}

/**
 * Blocking: the one way in which a syscall waits.
 *
 * A handler tries; on -EAGAIN it returns the promise of `blockOn`, which sleeps on a queue and tries again. A signal
 * that is to be delivered ends the sleep with a restart code.
 */
import { EAGAIN, EINTR, ERESTARTSYS, ETIMEDOUT } from '../abi/errno.ts';
import { setCurrentTask } from './current.ts';
import { deadlySignal } from './signal-delivery.ts';
import type { Task } from './task.ts';
import type { Waiter, WaitQueue } from './wait-queue.ts';

export const WAKE_EVENT = 0;
export const WAKE_SIGNAL = 1;
export const WAKE_TIMEOUT = 2;
export type WakeReason = typeof WAKE_EVENT | typeof WAKE_SIGNAL | typeof WAKE_TIMEOUT;

/**
 * Sleeps until one of `queues` is woken with one of `events`, a signal is to be delivered, or the deadline passes.
 *
 * @param deadlineNs on the monotonic clock, in ns; Infinity for none
 */
export function sleepOn(
  task: Task,
  queues: readonly WaitQueue[],
  events: number,
  deadlineNs: number,
): Promise<WakeReason> {
  return sleepOnEach(task, new Map(queues.map((queue) => [queue, events])), deadlineNs);
}

/** `sleepOn` with events for each queue. */
export function sleepOnEach(
  task: Task,
  watched: ReadonlyMap<WaitQueue, number>,
  deadlineNs: number,
): Promise<WakeReason> {
  if (task.hasSignalToDeliver()) return Promise.resolve(WAKE_SIGNAL);
  return new Promise((resolve) => {
    const finish = (reason: WakeReason): void => {
      for (const queue of watched.keys()) queue.remove(waiter);
      if (timer !== null) task.kernel.timers.cancel(timer);
      task.wakeFromSleep = null;
      resolve(reason);
    };
    const waiter: Waiter = { notify: () => finish(WAKE_EVENT) };
    const timer = deadlineNs === Infinity ? null : task.kernel.timers.add(deadlineNs, () => finish(WAKE_TIMEOUT));
    for (const [queue, events] of watched) queue.add(waiter, events);
    task.beginSleep(() => finish(WAKE_SIGNAL));
  });
}

/**
 * After an await: makes the task the one the kernel runs for again, for others have had their turn; false when it has ended meanwhile, and
 * nothing more may be done for it.
 */
export function comeBack(task: Task): boolean {
  if (task.isExited) return false;
  setCurrentTask(task);
  return true;
}

/** How long work goes on before the others have their turn, in ns. */
const TURN_NS = 2e6;

/** When a turn that begins now is to be over, on the monotonic clock. */
export function endOfTurn(task: Task): number {
  return task.kernel.clock.monotonicNs() + TURN_NS;
}

export function isTurnOver(task: Task, endNs: number): boolean {
  return task.kernel.clock.monotonicNs() >= endNs;
}

/** Between the parts of long work: the others have their turn. Whether it is to go on: false when the task has ended, or is about to. */
export async function yieldTurn(task: Task): Promise<boolean> {
  await task.kernel.turns.next();
  return comeBack(task) && deadlySignal(task) === 0;
}

/**
 * Repeats `attempt` until it gives something other than -EAGAIN, sleeping on `queue` in between.
 * Gives its result, -ERESTARTSYS when a signal came first, or -ETIMEDOUT at the deadline.
 */
export async function blockOn(
  task: Task,
  queue: WaitQueue,
  events: number,
  attempt: () => number,
  deadlineNs = Infinity,
): Promise<number> {
  for (;;) {
    const reason = await sleepOn(task, [queue], events, deadlineNs);
    if (!comeBack(task)) return -ERESTARTSYS;
    const result = attempt();
    if (result !== -EAGAIN) return result;
    if (reason === WAKE_SIGNAL) return -ERESTARTSYS;
    if (reason === WAKE_TIMEOUT) return -ETIMEDOUT;
  }
}

/** The moment on the monotonic clock at which a call times out that may wait for so long from now; Infinity for none. */
export function deadlineAfter(task: Task, timeoutNs: number): number {
  return timeoutNs === Infinity ? Infinity : task.kernel.clock.monotonicNs() + timeoutNs;
}

/** How a call ends that a signal has woken: with a timeout it must not be made again from the start (Linux: sock_intr_errno). */
export function interruptedCode(timeoutNs: number): number {
  return timeoutNs === Infinity ? -ERESTARTSYS : -EINTR;
}

/** Like `blockOn`, for files with a timeout of their own (SO_RCVTIMEO, SO_SNDTIMEO): -EAGAIN when that has passed. */
export async function blockUpTo(
  task: Task,
  queue: WaitQueue,
  events: number,
  attempt: () => number,
  timeoutNs: number,
): Promise<number> {
  const deadlineNs = deadlineAfter(task, timeoutNs);
  for (;;) {
    const reason = await sleepOn(task, [queue], events, deadlineNs);
    if (!comeBack(task)) return interruptedCode(timeoutNs);
    const result = attempt();
    if (result !== -EAGAIN) return result;
    if (reason === WAKE_SIGNAL) return interruptedCode(timeoutNs);
    if (reason === WAKE_TIMEOUT) return -EAGAIN;
  }
}

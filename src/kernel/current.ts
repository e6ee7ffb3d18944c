/**
 * The task on whose behalf the kernel runs (Linux: current).
 *
 * Most code is given its task. File operations that depend on the caller without being told of it (job control of
 * terminals, /proc/self, /dev/tty) ask here. The dispatcher sets it before a handler and `blockOn` before each retry; it
 * means nothing after an await elsewhere.
 */
import type { Task } from './task.ts';

let current: Task | null = null;
let serial = 0;

export function currentTask(): Task | null {
  return current;
}

export function setCurrentTask(task: Task | null): void {
  current = task;
  serial = (serial + 1) | 0;
}

/** The kernel begins to work for nobody in particular: for a request from outside. */
export function beginTurn(): void {
  serial = (serial + 1) | 0;
}

/** Differs between one turn of a task in the kernel and the next: for what needs to be looked at once in each. */
export function callSerial(): number {
  return serial;
}

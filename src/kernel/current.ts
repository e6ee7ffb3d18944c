/**
 * The task on whose behalf the kernel runs (Linux: current).
 *
 * Most code is given its task. File operations that depend on the caller without being told of it (job control of
 * terminals, /proc/self, /dev/tty) ask here. The dispatcher sets it before a handler and `blockOn` before each retry; it
 * means nothing after an await elsewhere.
 */
import type { Task } from './task.ts';

let current: Task | null = null;

export function currentTask(): Task | null {
  return current;
}

export function setCurrentTask(task: Task | null): void {
  current = task;
}

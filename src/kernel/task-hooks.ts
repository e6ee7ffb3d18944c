/**
 * What other parts of the kernel do at the turns of a task's life. They subscribe at boot; the order of subscription is the
 * order of calls.
 */
import { futexWakeOne } from './futex.ts';
import { exitPiLocks } from './futex-pi.ts';
import { NOTHING_RESIDENT, type Residency } from './residency.ts';
import { exitRobustList } from './robust-list.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

/** No longer calls `hook`, for one whose container has ended and others go on. */
export function unsubscribe<T>(hooks: T[], hook: T): void {
  const at = hooks.indexOf(hook);
  if (at >= 0) hooks.splice(at, 1);
}

export class TaskHooks {
  /** Before a task leaves its address space (exit, exec): robust futexes. Its memory can still be written. */
  readonly memoryRelease: ((task: Task) => void)[] = [exitRobustList, exitPiLocks];
  /** Wakes one waiter of the futex at `address` (CLONE_CHILD_CLEARTID). */
  futexWake: (task: Task, address: number) => void = futexWakeOne;
  /** The task has exited (`task.isExited`): the platform ends its host thread. */
  readonly taskExit: ((task: Task) => void)[] = [];
  /** Its number is free again: nobody finds it any more. */
  readonly taskRelease: ((task: Task) => void)[] = [];
  /** The last thread has exited: POSIX timers, record locks. `group.exitStatus` is final. */
  readonly groupExit: ((group: ThreadGroup) => void)[] = [(group) => group.timers?.end()];
  /** exec has made `task` the only one of its group: POSIX timers go. */
  readonly groupExec: ((task: Task) => void)[] = [(task) => task.group.timers?.deletePosix()];
  /** Brings the sum of the CPU time of a process's threads up to date. */
  updateUsage: (group: ThreadGroup) => void = () => {};
  /** Takes note of the memory that a process has had in use at most. */
  updateMemory: (group: ThreadGroup) => void = () => {};
  residency: Residency = NOTHING_RESIDENT;
  /** Brings `task.usage` itself up to date, which may cost more. */
  updateThreadUsage: (task: Task) => void = () => {};
}

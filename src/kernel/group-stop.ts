/**
 * Job control stop and continue of a process (Linux: do_signal_stop, task_participate_group_stop, do_notify_parent_cldstop).
 *
 * One thread takes the stop signal; every thread then stops at its next turn in the kernel; the last of them makes the
 * process stopped and tells the parent. SIGCONT ends it at the moment it is sent.
 */

import { SigInfo } from '../abi/siginfo.ts';
import { CLD_CONTINUED, CLD_STOPPED, SA_NOCLDSTOP, SIG_IGN, SIGCHLD, SIGCONT } from '../abi/signal.ts';
import { beginGroupTraceStop, isTracedByOther } from './ptrace.ts';
import { refreshSignals, sendSignalToGroup, wakeForSignal } from './signal.ts';
import type { Task } from './task.ts';
import { STATE_CHANGE, type ThreadGroup } from './thread-group.ts';

/** Nanoseconds as clock ticks of USER_HZ 100. */
export function clockTicks(ns: number): number {
  return Math.floor(ns / 1e7);
}

function notifyParent(group: ThreadGroup, code: number, status: number): void {
  const { parent } = group;
  if (parent === null) return;
  const action = parent.handlers.action(SIGCHLD);
  if (action.handler !== SIG_IGN && (action.flags & SA_NOCLDSTOP) === 0) {
    const info = new SigInfo(SIGCHLD, code, group.pid, group.leader.creds.uid);
    const usage = group.usage();
    info.status = status;
    info.utime = clockTicks(usage.userNs);
    info.stime = clockTicks(usage.systemNs);
    sendSignalToGroup(parent, info);
  }
  parent.childQueue.wake(STATE_CHANGE);
}

/** Every thread is to stop; `signo` is what wait(2) will tell. */
export function beginGroupStop(group: ThreadGroup, signo: number): void {
  group.stopSignal = signo;
  for (const task of group.tasks) {
    task.signals.isStopPending = true;
    wakeForSignal(task);
  }
}

/** The task stops now. */
export function takePartInStop(task: Task): void {
  task.signals.isStopPending = false;
  task.signals.isStopped = true;
  refreshSignals(task);
  if (task.trace !== null) beginGroupTraceStop(task, task.group.stopSignal);
  completeStop(task.group);
}

/** Makes the process stopped when its last running thread has stopped or exited. */
export function completeStop(group: ThreadGroup): void {
  if (group.stopSignal === 0 || group.isStopped || group.tasks.length === 0) return;
  if (!group.tasks.every((task) => task.signals.isStopped)) return;
  group.isStopped = true;
  // A parent that traces it has been told of the tracee's own stop.
  if (group.leader.trace !== null && !isTracedByOther(group)) return;
  group.isStopReportable = true;
  group.isContinueReportable = false;
  notifyParent(group, CLD_STOPPED, group.stopSignal);
}

/** SIGCONT: a stop that is complete or under way ends. */
export function continueGroup(group: ThreadGroup): void {
  if (group.stopSignal === 0) return;
  const { isStopped, stopSignal } = group;
  endStop(group);
  group.isContinueReportable = true;
  if (isStopped) notifyParent(group, CLD_CONTINUED, SIGCONT);
  else notifyParent(group, CLD_STOPPED, stopSignal);
}

/** The threads go on, without a word to the parent: before SIGKILL, and at the end of the process. */
export function endStop(group: ThreadGroup): void {
  group.stopSignal = 0;
  group.isStopped = false;
  group.isStopReportable = false;
  for (const task of group.tasks) {
    const { signals } = task;
    signals.isStopPending = false;
    signals.isStopped = false;
    refreshSignals(task);
    signals.resume?.();
  }
}

/** For the way back to the guest: settles when the task is not, or no longer, stopped. */
export function waitWhileStopped(task: Task): Promise<void> {
  const { signals } = task;
  if (!signals.isStopped || task.isExited) return Promise.resolve();
  task.thread.sleep();
  return new Promise((resolve) => {
    signals.resume = () => {
      signals.resume = null;
      resolve();
    };
  });
}

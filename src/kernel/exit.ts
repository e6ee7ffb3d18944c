/**
 * The end of tasks and processes (Linux: kernel/exit.c, do_notify_parent in kernel/signal.c; _exit(2), wait(2)).
 *
 * It is done at once, also for the siblings of a task that ends its process: they are told by `hooks.taskExit`, and a call one of them
 * sleeps in is woken so that it unwinds. From then on `task.isExited` holds, and nothing may run in its name.
 */

import { SigInfo } from '../abi/siginfo.ts';
import { CLD_EXITED, CLD_KILLED, NSIG, SA_NOCLDWAIT, SIG_IGN, SIGCHLD, SIGKILL } from '../abi/signal.ts';
import { clockTicks, completeStop, endStop } from './group-stop.ts';
import { endSession, hangUpOrphans } from './job-control.ts';
import { releaseNamespaces } from './new-namespaces.ts';
import { detachTrace, endTraces, isTracedByOther } from './ptrace.ts';
import { offerPendingToSiblings, refreshSignals, sendSignalToGroup } from './signal.ts';
import { NO_THREAD, type Task } from './task.ts';
import { STATE_CHANGE, type ThreadGroup } from './thread-group.ts';

const ZERO = new Uint8Array(4);

/** The status of exit(2) as wait(2) gives it. */
export function exitedStatus(code: number): number {
  return (code & 0xff) << 8;
}

/** Ends one task; the last one ends its process. `status` is as wait(2) gives it. */
export function exitTask(task: Task, status: number): void {
  if (task.isExiting) return;
  task.isExiting = true;
  const { group, kernel } = task;
  const { pids } = kernel;
  const isLast = group.tasks.length === 1;
  // Without exit_group the process's status is its leader's (Linux: wait_task_zombie).
  if (task === group.leader && !group.isExiting) group.exitStatus = status;
  if (isLast) group.isExiting = true;
  releaseMemory(task);
  if (pids.shares.release(task.files)) task.files.release();
  if (pids.shares.release(task.fs)) task.fs.release();
  releaseNamespaces(task.namespaces);
  if (isLast) {
    pids.hooks.updateUsage(group);
    pids.hooks.updateMemory(group);
  }
  group.exitedUsage.add(task.usage);
  task.signals.pending.clear();
  group.tasks.splice(group.tasks.indexOf(task), 1);
  task.isExited = true;
  // A call it sleeps in must not sleep again on its way out.
  refreshSignals(task);
  task.signals.resume?.();
  task.wakeFromSleep?.();
  endTraces(task, status);
  for (const hook of pids.hooks.taskExit) hook(task);
  task.thread = NO_THREAD;
  const done = task.onVforkDone;
  task.onVforkDone = null;
  done?.();
  // The leader's number is the process's, and stays until that is waited for.
  if (task !== group.leader) pids.removeTask(task);
  if (isLast) {
    finishGroup(group);
    return;
  }
  for (const child of group.children) {
    if (child.parentTask === task) adopt(child, group);
  }
  completeStop(group);
  if (!group.isExiting) offerPendingToSiblings(task);
}

/** Ends a process with all its threads: exit_group(2), or a fatal signal. */
export function exitGroup(group: ThreadGroup, status: number): void {
  if (group.isExiting) return;
  endStop(group);
  group.isExiting = true;
  group.exitStatus = status;
  for (const task of [...group.tasks].reverse()) exitTask(task, status);
}

/** What a task does before it leaves its address space: robust futexes, CLONE_CHILD_CLEARTID (Linux: mm_release). */
export function releaseMemory(task: Task): void {
  const { hooks } = task.kernel.pids;
  for (const hook of hooks.memoryRelease) hook(task);
  task.robustList = 0;
  const address = task.clearChildTid;
  task.clearChildTid = 0;
  const isShared = task.group.tasks.length > 1 || task.mm.users > 1;
  if (address === 0 || !isShared) return;
  // At once: the thread never returns to its stub, which would copy out what `mem` keeps for it.
  if (task.mm.writeNow(address, ZERO) === 0) hooks.futexWake(task, address);
}

function finishGroup(group: ThreadGroup): void {
  const { pids } = group.leader.kernel;
  endStop(group);
  for (const hook of pids.hooks.groupExit) hook(group);
  group.leader.mm.unref();
  endSession(group);
  if (group.isInit) killAllBut(group);
  reparentChildren(group);
  hangUpOrphans(group, null);
  group.isZombie = true;
  group.pending.clear();
  if (isTracedByOther(group)) {
    // The tracer comes first; the parent hears of it when that has waited, or lets go.
    group.exitQueue.wake(STATE_CHANGE);
    const { tracer } = group.leader.trace ?? {};
    if (tracer !== undefined) tellOfExit(group, tracer.group, SIGCHLD);
    return;
  }
  releaseZombie(group);
}

/** The zombie is its parent's now. */
export function releaseZombie(group: ThreadGroup): void {
  const isAutoreaped = notifyParentOfExit(group);
  const { parent } = group;
  if (isAutoreaped) reap(group);
  group.exitQueue.wake(STATE_CHANGE);
  parent?.childQueue.wake(STATE_CHANGE);
}

/** When PID 1 ends, all end (pid_namespaces(7)). */
function killAllBut(init: ThreadGroup): void {
  for (const group of [...init.leader.kernel.pids.groups()]) {
    if (group !== init) exitGroup(group, SIGKILL);
  }
}

/** The nearest living ancestor that asked for orphans, else PID 1 (PR_SET_CHILD_SUBREAPER). */
function reaperFor(group: ThreadGroup): ThreadGroup | null {
  for (let ancestor = group.parent; ancestor !== null; ancestor = ancestor.parent) {
    if (ancestor.isSubreaper && !ancestor.isExiting) return ancestor;
  }
  const { init } = group.leader.kernel.pids;
  return init === undefined || init.isExiting ? null : init;
}

function reparentChildren(group: ThreadGroup): void {
  const reaper = reaperFor(group);
  for (const child of [...group.children]) {
    group.children.delete(child);
    child.parent = reaper;
    reaper?.children.add(child);
    child.exitSignal = SIGCHLD;
    adopt(child, reaper);
    if (child.isZombie && !isTracedByOther(child)) {
      if (notifyParentOfExit(child)) reap(child);
      reaper?.childQueue.wake(STATE_CHANGE);
    }
    hangUpOrphans(child, group);
  }
}

/** A thread of `parent` becomes the maker of `child`, whose threads get the signal they asked for (PR_SET_PDEATHSIG). */
function adopt(child: ThreadGroup, parent: ThreadGroup | null): void {
  child.parentTask = parent === null ? null : (parent.tasks[0] ?? null);
  for (const task of child.tasks) {
    if (task.parentDeathSignal !== 0) sendSignalToGroup(child, new SigInfo(task.parentDeathSignal, 0));
  }
}

/** Tells the parent; true when nobody will wait for it, so that no zombie is kept (Linux: do_notify_parent). */
function notifyParentOfExit(group: ThreadGroup): boolean {
  const { parent } = group;
  if (parent === null) return true;
  let signo = group.exitSignal;
  if (signo !== SIGCHLD && group.parentExecCount !== parent.execCount) signo = SIGCHLD;
  let isAutoreaped = false;
  if (signo === SIGCHLD) {
    const action = parent.handlers.action(SIGCHLD);
    isAutoreaped = action.handler === SIG_IGN || (action.flags & SA_NOCLDWAIT) !== 0;
    if (action.handler === SIG_IGN) signo = 0;
  }
  if (signo >= 1 && signo <= NSIG) tellOfExit(group, parent, signo);
  return isAutoreaped;
}

function tellOfExit(group: ThreadGroup, to: ThreadGroup, signo: number): void {
  const { exitStatus } = group;
  const signal = exitStatus & 0x7f;
  const info = new SigInfo(signo, signal === 0 ? CLD_EXITED : CLD_KILLED, group.pid, group.leader.creds.uid);
  info.status = signal === 0 ? exitStatus >>> 8 : signal;
  info.utime = clockTicks(group.exitedUsage.userNs);
  info.stime = clockTicks(group.exitedUsage.systemNs);
  sendSignalToGroup(to, info);
  to.childQueue.wake(STATE_CHANGE);
}

/** Removes a zombie: its numbers are free again (Linux: release_task). */
export function reap(group: ThreadGroup): void {
  if (group.isReaped) return;
  group.isReaped = true;
  detachTrace(group.leader, 0);
  const { pids } = group.leader.kernel;
  group.parent?.children.delete(group);
  pids.removeTask(group.leader);
  pids.removeGroup(group);
  pids.leaveProcessGroup(group, group.processGroup);
}

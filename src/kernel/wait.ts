/**
 * Waiting for children (Linux: do_wait in kernel/exit.c; wait4(2), waitid(2)).
 */
import { EAGAIN, ECHILD, ERESTARTSYS } from '../abi/errno.ts';
import { CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, CLD_TRAPPED, SIGCHLD, SIGCONT } from '../abi/signal.ts';
import {
  __WALL,
  __WCLONE,
  __WNOTHREAD,
  P_ALL,
  P_PGID,
  P_PID,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
} from '../abi/wait.ts';
import { blockOn } from './block.ts';
import { reap, releaseZombie } from './exit.ts';
import { detachTrace, isTracedByOther } from './ptrace.ts';
import type { Task } from './task.ts';
import { STATE_CHANGE, type ThreadGroup } from './thread-group.ts';
import { Usage } from './usage.ts';

export interface WaitResult {
  pid: number;
  uid: number;
  /** CLD_*. */
  code: number;
  /** si_status: the exit code or the signal. */
  status: number;
  /** As wait4 gives it. */
  waitStatus: number;
  usage: Usage;
}

export interface WaitRequest {
  /** P_ALL, P_PID or P_PGID. */
  readonly idType: number;
  readonly id: number;
  /** W*, unsigned; at least one of WEXITED, WSTOPPED, WCONTINUED. */
  readonly options: number;
}

/** The child that has changed state; 0 with WNOHANG when there is none yet, -ECHILD when there never will be. */
export function waitForChild(task: Task, request: WaitRequest): WaitResult | number | Promise<WaitResult | number> {
  const now = tryWait(task, request);
  if (now !== -EAGAIN) return now;
  if ((request.options & WNOHANG) !== 0) return 0;
  return sleepForChild(task, request);
}

async function sleepForChild(task: Task, request: WaitRequest): Promise<WaitResult | number> {
  let found: WaitResult | number = -EAGAIN;
  const attempt = (): number => {
    if (task.isExited) return -ERESTARTSYS;
    found = tryWait(task, request);
    return typeof found === 'number' ? found : 1;
  };
  const result = await blockOn(task, task.group.childQueue, STATE_CHANGE, attempt);
  return result < 0 ? result : found;
}

/** Tracees of the caller, or of any thread of its process: they count as children (Linux: ptrace_do_wait). */
function tryTracees(task: Task, request: WaitRequest): WaitResult | number {
  const tracers = (request.options & __WNOTHREAD) !== 0 ? [task] : task.group.tasks;
  let hasCandidate = false;
  for (const tracer of tracers) {
    const at = tracer.endedTracees.findIndex(({ tid }) => request.idType === P_ALL || request.id === tid);
    if (at >= 0 && request.idType !== P_PGID && (request.options & WEXITED) !== 0) {
      const [{ tid, uid, status }] = tracer.endedTracees.slice(at, at + 1);
      if ((request.options & WNOWAIT) === 0) tracer.endedTracees.splice(at, 1);
      return { pid: tid, uid, ...endOf(status), waitStatus: status, usage: new Usage() };
    }
    for (const tracee of tracer.tracees) {
      const { group, tid } = tracee;
      if (request.idType === P_PID && tid !== request.id) continue;
      if (request.idType === P_PGID && group.processGroup.pgid !== request.id) continue;
      hasCandidate = true;
      const result = takeTraceState(task, tracee, request.options);
      if (result !== null) return result;
    }
  }
  return hasCandidate ? -EAGAIN : -ECHILD;
}

function endOf(status: number): { code: number; status: number } {
  const signal = status & 0x7f;
  return signal === 0 ? { code: CLD_EXITED, status: status >>> 8 } : { code: CLD_KILLED, status: signal };
}

function takeTraceState(task: Task, tracee: Task, options: number): WaitResult | null {
  const { group, trace } = tracee;
  const isTaken = (options & WNOWAIT) === 0;
  if (trace === null) return null;
  if (trace.stop !== null && trace.isReportable) {
    if (isTaken) trace.isReportable = false;
    const { code } = trace.stop;
    const usage = new Usage();
    usage.add(tracee.usage);
    const waitStatus = ((code << 8) | 0x7f) >>> 0;
    return { pid: tracee.tid, uid: tracee.creds.uid, code: CLD_TRAPPED, status: code, waitStatus, usage };
  }
  // A child of one's own is waited for as one.
  if (!group.isZombie || tracee !== group.leader || group.parent === task.group) return null;
  if ((options & WEXITED) === 0) return null;
  const { exitStatus } = group;
  const { code, status } = endOf(exitStatus);
  const result = describe(group, code, status, exitStatus);
  if (isTaken) {
    detachTrace(tracee, 0);
    releaseZombie(group);
  }
  return result;
}

function tryWait(task: Task, request: WaitRequest): WaitResult | number {
  const traced = tryTracees(task, request);
  if (typeof traced !== 'number') return traced;
  let hasCandidate = traced === -EAGAIN;
  for (const child of task.group.children) {
    if (!isEligible(task, child, request)) continue;
    hasCandidate = true;
    const result = takeState(task, child, request.options);
    if (result !== null) return result;
  }
  return hasCandidate ? -EAGAIN : -ECHILD;
}

/** Linux: eligible_child and eligible_pid. A clone child is one whose end sends another signal than SIGCHLD. */
function isEligible(task: Task, child: ThreadGroup, request: WaitRequest): boolean {
  const { options, idType, id } = request;
  if ((options & __WNOTHREAD) !== 0 && child.parentTask !== task) return false;
  if (idType === P_PID && child.pid !== id) return false;
  if (idType === P_PGID && child.processGroup.pgid !== id) return false;
  if ((options & __WALL) !== 0 || child.leader.trace?.tracer.group === task.group) return true;
  const isClone = child.exitSignal !== SIGCHLD;
  return isClone === ((options & __WCLONE) !== 0);
}

function takeState(task: Task, child: ThreadGroup, options: number): WaitResult | null {
  const isTaken = (options & WNOWAIT) === 0;
  if (child.isZombie && isTracedByOther(child)) return null;
  if (child.isZombie) return (options & WEXITED) === 0 ? null : takeZombie(task, child, isTaken);
  if (child.isStopReportable && (options & WSTOPPED) !== 0) {
    if (isTaken) child.isStopReportable = false;
    return describe(child, CLD_STOPPED, child.stopSignal, (child.stopSignal << 8) | 0x7f);
  }
  if (child.isContinueReportable && (options & WCONTINUED) !== 0) {
    if (isTaken) child.isContinueReportable = false;
    return describe(child, CLD_CONTINUED, SIGCONT, 0xffff);
  }
  return null;
}

function takeZombie(task: Task, child: ThreadGroup, isTaken: boolean): WaitResult {
  const { exitStatus } = child;
  const { code, status } = endOf(exitStatus);
  const result = describe(child, code, status, exitStatus);
  if (isTaken) {
    task.group.childrenUsage.add(result.usage);
    reap(child);
  }
  return result;
}

/** A child's usage has that of its own waited-for children in it (getrusage(2), RUSAGE_CHILDREN). */
function describe(child: ThreadGroup, code: number, status: number, waitStatus: number): WaitResult {
  const usage = child.usage();
  usage.add(child.childrenUsage);
  return { pid: child.pid, uid: child.leader.creds.uid, code, status, waitStatus, usage };
}

/** wait4's pid argument: < -1 a process group, -1 any, 0 the caller's own process group, > 0 a process. */
export function waitRequest(task: Task, pid: number, options: number): WaitRequest {
  if (pid > 0) return { idType: P_PID, id: pid, options };
  if (pid === -1) return { idType: P_ALL, id: 0, options };
  return { idType: P_PGID, id: pid === 0 ? task.group.processGroup.pgid : -pid, options };
}

/**
 * Tracing (Linux: kernel/ptrace.c; ptrace(2)): who traces whom, the stops of a tracee, and how it goes on.
 *
 * A tracee stops only at its turns in the kernel: the code at such a turn calls `beginTraceStop` and awaits `waitWhileTraced`.
 * Invariants: `task.trace` is set exactly while `task` is in its tracer's `tracees`; a stop lasts until the tracer says so, the
 * tracer ends, or SIGKILL comes.
 */
import * as P from '../abi/ptrace.ts';
import { SigInfo } from '../abi/siginfo.ts';
import { CLD_TRAPPED, SA_NOCLDSTOP, SI_USER, SIG_IGN, SIGCHLD, SIGKILL, SIGSTOP, SIGTRAP } from '../abi/signal.ts';
import { releaseZombie } from './exit.ts';
import { isSignalBlocked, refreshSignals, sendSignalToGroup, sendSignalToTask, wakeForSignal } from './signal.ts';
import type { Task } from './task.ts';
import { STATE_CHANGE, type ThreadGroup } from './thread-group.ts';

/** How a tracee goes on from a stop. */
export type TraceMode = 'continue' | 'syscall' | 'step';

export interface TraceStop {
  /** What wait(2) gives in the upper bytes: a signal, with an event above it. */
  readonly code: number;
  readonly kind: 'signal' | 'entry' | 'exit' | 'event' | 'group';
  /** What PTRACE_GETSIGINFO gives. */
  info: SigInfo | null;
}

export class Trace {
  readonly tracer: Task;
  readonly isSeized: boolean;
  options: number;
  mode: TraceMode = 'continue';
  stop: TraceStop | null = null;
  /** wait(2) has not told of the stop. */
  isReportable = false;
  /** PTRACE_GETEVENTMSG. */
  message = 0;
  /** The signal to deliver, which the tracer has seen. */
  injected: SigInfo | null = null;
  /** PTRACE_LISTEN: it stays stopped, and is told when the group goes on. */
  isListening = false;
  /** It ends with this status once it goes on from PTRACE_EVENT_EXIT; null while it lives. */
  pendingExit: number | null = null;
  /** PTRACE_INTERRUPT, and the first stop of a child that is seized from its beginning. */
  isTrapPending = false;
  /** Ends `waitWhileTraced`. */
  resume: (() => void) | null = null;

  constructor(tracer: Task, options: number, isSeized: boolean) {
    this.tracer = tracer;
    this.options = options;
    this.isSeized = isSeized;
  }
}

/** A traced thread that has ended, until its tracer has waited for it. */
export interface EndedTracee {
  readonly tid: number;
  readonly uid: number;
  readonly status: number;
}
const MAX_ENDED = 32768;

export function attachTrace(tracer: Task, tracee: Task, options: number, isSeized: boolean): Trace {
  const trace = new Trace(tracer, options, isSeized);
  tracee.trace = trace;
  tracer.tracees.add(tracee);
  return trace;
}

/** Takes the trace away; a stopped tracee goes on, with `signo` unless that is 0. */
export function detachTrace(tracee: Task, signo: number): void {
  const { trace } = tracee;
  if (trace === null) return;
  const { stop } = trace;
  tracee.trace = null;
  trace.tracer.tracees.delete(tracee);
  if (stop !== null && signo !== 0 && !tracee.isExited) {
    sendSignalToTask(tracee, signo === stop.info?.signo ? stop.info : new SigInfo(signo, SI_USER));
  }
  trace.stop = null;
  // A group that is stopped takes it in again.
  tracee.signals.isStopped = tracee.group.stopSignal !== 0 && stop?.kind === 'group';
  refreshSignals(tracee);
  trace.resume?.();
}

/** The task stops now, and its tracer is told. */
export function beginTraceStop(task: Task, stop: TraceStop): void {
  const { trace } = task;
  if (trace === null) return;
  trace.stop = stop;
  trace.isReportable = true;
  const { group } = trace.tracer;
  const action = group.handlers.action(SIGCHLD);
  if (action.handler !== SIG_IGN && (action.flags & SA_NOCLDSTOP) === 0) {
    const info = new SigInfo(SIGCHLD, CLD_TRAPPED, task.tid, task.creds.uid);
    info.status = stop.code & 0x7f;
    sendSignalToGroup(group, info);
  }
  group.childQueue.wake(STATE_CHANGE);
}

/** For a turn in the kernel: settles when the tracee is not, or no longer, stopped. */
export function waitWhileTraced(task: Task): Promise<void> {
  const { trace } = task;
  if (trace === null || trace.stop === null || task.isExited || task.group.isExiting) return Promise.resolve();
  return new Promise((resolve) => {
    trace.resume = () => {
      trace.resume = null;
      resolve();
    };
  });
}

/** PTRACE_CONT and its kin: the tracee goes on. */
export function resumeTrace(task: Task, mode: TraceMode, signo: number): void {
  const { trace } = task;
  if (trace === null || trace.stop === null) return;
  const { kind, info } = trace.stop;
  trace.stop = null;
  trace.isReportable = false;
  trace.isListening = false;
  trace.mode = mode;
  task.signals.isStopped = false;
  if (signo !== 0 && (kind === 'signal' || kind === 'entry' || kind === 'exit')) {
    const own = new SigInfo(signo, SI_USER, trace.tracer.pid, trace.tracer.creds.uid);
    const signal = kind === 'signal' && info?.signo === signo ? info : own;
    if (kind === 'signal' && !isSignalBlocked(task, signo)) trace.injected = signal;
    else sendSignalToTask(task, signal);
  }
  refreshSignals(task);
  trace.resume?.();
}

/** Takes the signal that is to be delivered now. */
export function takeInjected(task: Task): SigInfo | null {
  const { trace } = task;
  if (trace === null || trace.injected === null) return null;
  const info = trace.injected;
  trace.injected = null;
  return info;
}

/** A signal was taken for a tracee: it is the tracer's to decide on. */
export function beginSignalStop(task: Task, info: SigInfo): void {
  beginTraceStop(task, { code: info.signo, kind: 'signal', info });
}

function eventCode(event: number, signo: number): number {
  return (event << 8) | signo;
}

function trapInfo(task: Task, code: number): SigInfo {
  return new SigInfo(SIGTRAP, code, task.pid, task.creds.uid);
}

/** PTRACE_EVENT_STOP, at the turn that `isTrapPending` was waiting for. */
export function beginTrap(task: Task): void {
  const { trace } = task;
  if (trace === null) return;
  trace.isTrapPending = false;
  refreshSignals(task);
  const signo = task.group.stopSignal === 0 ? SIGTRAP : task.group.stopSignal;
  const code = eventCode(P.PTRACE_EVENT_STOP, signo);
  beginTraceStop(task, { code, kind: 'event', info: trapInfo(task, code) });
}

/** A tracee takes part in a stop of its group. */
export function beginGroupTraceStop(task: Task, signo: number): void {
  const isSeized = task.trace?.isSeized === true;
  const code = isSeized ? eventCode(P.PTRACE_EVENT_STOP, signo) : signo;
  beginTraceStop(task, { code, kind: 'group', info: isSeized ? trapInfo(task, code) : null });
}

/** PTRACE_INTERRUPT. */
export function interruptTracee(task: Task): void {
  const { trace } = task;
  if (trace === null) return;
  trace.isTrapPending = true;
  if (trace.isListening) retrap(task);
  else wakeForSignal(task);
}

/** SIGCONT came for a group whose tracees listen. */
export function continueListeners(group: ThreadGroup): void {
  for (const task of group.tasks) if (task.trace?.isListening === true) retrap(task);
}

function retrap(task: Task): void {
  const { trace } = task;
  if (trace === null) return;
  trace.isListening = false;
  beginTrap(task);
}

/** SIGKILL ends every stop. */
export function wakeTracees(group: ThreadGroup): void {
  for (const task of group.tasks) {
    if (task.trace === null || task.trace.stop === null) continue;
    task.trace.stop = null;
    refreshSignals(task);
    task.trace.resume?.();
  }
}

/** The event and its option for a clone, 0 when the tracer does not want to know. */
export function cloneEvent(task: Task, isVfork: boolean, exitSignal: number): number {
  const { trace } = task;
  if (trace === null) return 0;
  const { options } = trace;
  if (isVfork) return (options & P.PTRACE_O_TRACEVFORK) === 0 ? 0 : P.PTRACE_EVENT_VFORK;
  if (exitSignal === SIGCHLD) return (options & P.PTRACE_O_TRACEFORK) === 0 ? 0 : P.PTRACE_EVENT_FORK;
  return (options & P.PTRACE_O_TRACECLONE) === 0 ? 0 : P.PTRACE_EVENT_CLONE;
}

/** The child of a clone that was asked about is traced by the same tracer, and stops before it begins. */
export function attachChild(parent: Task, child: Task): void {
  const { trace } = parent;
  if (trace === null) return;
  const inherited = attachTrace(trace.tracer, child, trace.options, trace.isSeized);
  if (trace.isSeized) {
    inherited.isTrapPending = true;
    refreshSignals(child);
  } else {
    sendSignalToTask(child, new SigInfo(SIGSTOP, SI_USER));
  }
}

export function beginEventStop(task: Task, event: number, message: number): void {
  const { trace } = task;
  if (trace === null) return;
  trace.message = message;
  const code = eventCode(event, SIGTRAP);
  beginTraceStop(task, { code, kind: 'event', info: trapInfo(task, code) });
}

/** The whole stop for an event; 0 for none. */
export async function stopForEvent(task: Task, event: number, message: number): Promise<void> {
  const options = task.trace?.options ?? 0;
  if (event === P.PTRACE_EVENT_VFORK_DONE && (options & P.PTRACE_O_TRACEVFORKDONE) === 0) return;
  if (event === 0 || task.isExited) return;
  beginEventStop(task, event, message);
  await waitWhileTraced(task);
}

/** Whether the tracer wants to see the end, which `status` is to be: then the stop for it has begun. */
export function beginExitStop(task: Task, status: number): boolean {
  const { trace } = task;
  if (trace === null || (trace.options & P.PTRACE_O_TRACEEXIT) === 0 || trace.pendingExit !== null) return false;
  trace.pendingExit = status;
  beginEventStop(task, P.PTRACE_EVENT_EXIT, status);
  return true;
}

export function beginSyscallStop(task: Task, kind: 'entry' | 'exit'): void {
  const { trace } = task;
  if (trace === null) return;
  const code = (trace.options & P.PTRACE_O_TRACESYSGOOD) === 0 ? SIGTRAP : SIGTRAP | 0x80;
  beginTraceStop(task, { code, kind, info: trapInfo(task, code) });
}

/** The task has exited: as a tracee it is remembered for its tracer, as a tracer it lets go. */
export function endTraces(task: Task, status: number): void {
  const { trace } = task;
  if (trace !== null) {
    trace.stop = null;
    trace.resume?.();
    // The leader is there as a zombie until it is waited for.
    if (task !== task.group.leader) {
      const { tracer } = trace;
      if (tracer.endedTracees.length < MAX_ENDED)
        tracer.endedTracees.push({ tid: task.tid, uid: task.creds.uid, status });
      detachTrace(task, 0);
      tracer.group.childQueue.wake(STATE_CHANGE);
    }
  }
  task.endedTracees.length = 0;
  for (const tracee of [...task.tracees]) {
    const isKilled = ((tracee.trace?.options ?? 0) & P.PTRACE_O_EXITKILL) !== 0;
    detachTrace(tracee, 0);
    if (tracee.isExited) releaseZombie(tracee.group);
    else if (isKilled) sendSignalToGroup(tracee.group, new SigInfo(SIGKILL, SI_USER));
  }
}

/** Whether somebody other than its parent's process traces it. */
export function isTracedByOther(group: ThreadGroup): boolean {
  const { trace } = group.leader;
  return trace !== null && trace.tracer.group !== group.parent;
}

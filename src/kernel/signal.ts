/**
 * Sending signals: who gets them, who is woken, what is dropped (Linux: kernel/signal.c, signal(7)).
 *
 * Invariant: `task.signals.isDeliverable` is true whenever `nextSignal(task)` has something to do. Everything that
 * changes a mask, a queue or a stop goes through this module or calls `refreshSignals`.
 */
import { EAGAIN } from '../abi/errno.ts';
import { RLIMIT_SIGPENDING } from '../abi/resource.ts';
import { SigInfo } from '../abi/siginfo.ts';
import {
  SI_KERNEL,
  SI_USER,
  SIG_DFL,
  SIG_IGN,
  SIGCONT,
  SIGKILL,
  SIGRTMIN,
  SIGSEGV,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
} from '../abi/signal.ts';
import { continueGroup, endStop } from './group-stop.ts';
import type { PendingSignals } from './pending-signals.ts';
import { continueListeners, wakeTracees } from './ptrace.ts';
import type { ProcessGroup } from './session.ts';
import { isIgnoredBy, isInSignalSet, STOP_SIGNALS, UNBLOCKABLE_SIGNALS } from './signal-policy.ts';
import type { Task } from './task.ts';
import { STATE_CHANGE, type ThreadGroup } from './thread-group.ts';

export type { TaskSignals } from './task-signals.ts';

/** Brings `isDeliverable` up to date. */
export function refreshSignals(task: Task): void {
  const { signals, group } = task;
  signals.isDeliverable =
    signals.isStopPending ||
    task.trace?.isTrapPending === true ||
    group.isExiting ||
    task.isExiting ||
    signals.pending.next(signals.blockedLo, signals.blockedHi) !== 0 ||
    group.pending.next(signals.blockedLo, signals.blockedHi) !== 0;
}

/** Makes the task look at its signals soon, wherever it is. */
export function wakeForSignal(task: Task): void {
  refreshSignals(task);
  if (task.wakeFromSleep !== null) task.wakeFromSleep();
  else if (task.signals.isDeliverable) task.thread.interrupt();
}

export function isSignalBlocked(task: Task, signo: number): boolean {
  return isInSignalSet(task.signals.blockedLo, task.signals.blockedHi, signo);
}

/**
 * Sets the blocked mask (SIGKILL and SIGSTOP stay out). Signals of the process that this task no longer takes are offered to its
 * siblings (Linux: retarget_shared_pending).
 */
export function setBlockedMask(task: Task, lo: number, hi: number): void {
  const { signals, group } = task;
  signals.blockedLo = (lo & ~UNBLOCKABLE_SIGNALS) | 0;
  signals.blockedHi = hi | 0;
  refreshSignals(task);
  if (group.tasks.length > 1 && (group.pending.lo | group.pending.hi) !== 0) offerPendingToSiblings(task);
}

/** Wakes the siblings that could take what is pending for the process and `task` does not take. */
export function offerPendingToSiblings(task: Task): void {
  for (const sibling of task.group.tasks) {
    if (sibling === task || sibling.signals.isDeliverable) continue;
    refreshSignals(sibling);
    if (sibling.signals.isDeliverable) wakeForSignal(sibling);
  }
}

/**
 * A mask for the length of one call (ppoll, pselect6, epoll_pwait, rt_sigsuspend). The old one comes back when
 * `nextSignal` finds nothing, or from the frame when the handler returns.
 */
export function setTemporaryMask(task: Task, lo: number, hi: number): void {
  const { signals } = task;
  if (!signals.hasSavedMask) {
    signals.hasSavedMask = true;
    signals.savedLo = signals.blockedLo;
    signals.savedHi = signals.blockedHi;
  }
  setBlockedMask(task, lo, hi);
}

/** Ends a temporary mask without a signal (Linux: restore_saved_sigmask). */
export function restoreSavedMask(task: Task): void {
  const { signals } = task;
  if (!signals.hasSavedMask) return;
  signals.hasSavedMask = false;
  setBlockedMask(task, signals.savedLo, signals.savedHi);
}

/** To one thread: tkill(2), faults, SIGPIPE. 0 or -EAGAIN. */
export function sendSignalToTask(task: Task, info: SigInfo): number {
  return send(task, task.signals.pending, info, false);
}

/** To a process: kill(2), SIGCHLD, timers. 0 or -EAGAIN. */
export function sendSignalToGroup(group: ThreadGroup, info: SigInfo): number {
  return send(group.leader, group.pending, info, true);
}

/** To every process of a process group, from the kernel: the keyboard's signals, hang-ups. */
export function sendSignalToProcessGroup(processGroup: ProcessGroup, signo: number): void {
  for (const member of [...processGroup.members]) sendSignalToGroup(member, new SigInfo(signo, SI_KERNEL));
}

/** What the kernel does to a caller in the course of its own call: SIGPIPE, SIGXFSZ (Linux: send_sig). */
export function raiseSignal(task: Task, signo: number): void {
  sendSignalToTask(task, new SigInfo(signo, SI_USER, task.pid, task.creds.uid));
}

/**
 * A signal that cannot be escaped, for a fault of the CPU (Linux: force_sig_info_to_task): blocked or ignored it gets its default action.
 */
export function forceSignal(task: Task, signo: number, code: number, addr = 0): void {
  const info = new SigInfo(signo, code);
  info.addr = addr;
  forceInfo(task, info);
}

/** The same with whatever else there is to tell. */
export function forceInfo(task: Task, info: SigInfo): void {
  const { signo } = info;
  info.isForced = true;
  const action = task.group.handlers.action(signo);
  const isBlocked = isSignalBlocked(task, signo);
  if (isBlocked || action.handler === SIG_IGN) action.handler = SIG_DFL;
  if (isBlocked) unblock(task, signo);
  sendSignalToTask(task, info);
}

/** A signal frame could not be written: SIGSEGV, with its default action if the frame was SIGSEGV's own (Linux: force_sigsegv). */
export function forceSegvForFrame(task: Task, signo: number): void {
  if (signo === SIGSEGV) {
    task.group.handlers.action(SIGSEGV).handler = SIG_DFL;
    if (isSignalBlocked(task, SIGSEGV)) unblock(task, SIGSEGV);
  }
  forceSignal(task, SIGSEGV, SI_KERNEL);
}

function unblock(task: Task, signo: number): void {
  const { signals } = task;
  const bit = 1 << ((signo - 1) & 31);
  if (signo <= 32) setBlockedMask(task, signals.blockedLo & ~bit, signals.blockedHi);
  else setBlockedMask(task, signals.blockedLo, signals.blockedHi & ~bit);
}

/** After a change of disposition: what is ignored now is not pending any more (POSIX 3.3.1.2; Linux: do_sigaction). */
export function discardIfIgnored(group: ThreadGroup, signo: number): void {
  if (!isIgnoredBy(group.handlers.action(signo).handler, signo)) return;
  discardEverywhere(group, signo);
}

/**
 * Takes a pending signal out of the given set without delivering it (rt_sigtimedwait(2), signalfd(2)): the task's own
 * first, then the process's; null if there is none.
 */
export function takeSignalOf(task: Task, lo: number, hi: number): SigInfo | null {
  const { signals, group } = task;
  let queue: PendingSignals = signals.pending;
  let signo = queue.next(~lo, ~hi);
  if (signo === 0) {
    queue = group.pending;
    signo = queue.next(~lo, ~hi);
  }
  if (signo === 0) return null;
  const info = queue.take(signo);
  refreshSignals(task);
  return info;
}

function discardEverywhere(group: ThreadGroup, signo: number): void {
  group.pending.discard(signo);
  for (const task of group.tasks) {
    task.signals.pending.discard(signo);
    refreshSignals(task);
  }
}

/** Effects at the moment of sending; false when the signal is dropped (Linux: prepare_signal). */
function prepare(task: Task, info: SigInfo): boolean {
  const { group } = task;
  const { signo } = info;
  if (group.isExiting || group.isZombie) return false;
  if (isInSignalSet(STOP_SIGNALS, 0, signo)) {
    if (group.pending.has(SIGCONT) || group.tasks.some((each) => each.signals.pending.has(SIGCONT))) {
      discardEverywhere(group, SIGCONT);
    }
  } else if (signo === SIGCONT) {
    for (const stop of [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]) discardEverywhere(group, stop);
    continueGroup(group);
    continueListeners(group);
  }
  return !isIgnored(task, info);
}

function isIgnored(task: Task, info: SigInfo): boolean {
  const { signo } = info;
  // A tracer wants to know of it (sig_ignored).
  if (task.trace !== null && signo !== SIGKILL) return false;
  // A blocked signal stays pending: its disposition may be another by the time it is unblocked.
  if (isSignalBlocked(task, signo)) return false;
  const { handler } = task.group.handlers.action(signo);
  if (isInitExempt(task.group, handler, info)) return true;
  return isIgnoredBy(handler, signo);
}

/** PID 1 gets from within its sandbox only what it has a handler for (pid_namespaces(7)). */
export function isInitExempt(group: ThreadGroup, handler: number, info: SigInfo): boolean {
  return group.isInit && handler === SIG_DFL && !info.isFromOutside && !info.isForced;
}

function send(task: Task, queue: PendingSignals, info: SigInfo, isForGroup: boolean): number {
  const { signo } = info;
  if (!prepare(task, info)) return 0;
  if (signo < SIGRTMIN && queue.has(signo)) return 0;
  const result = enqueue(task, queue, info);
  if (result < 0) return result;
  task.group.signalQueue.wake(STATE_CHANGE);
  if (signo === SIGKILL) {
    endStop(task.group);
    wakeTracees(task.group);
  }
  const target = chooseTask(task, signo, isForGroup);
  if (target !== null) wakeForSignal(target);
  return 0;
}

/** RLIMIT_SIGPENDING bounds what is queued; a standard signal gets through all the same, perhaps without its information. */
function enqueue(task: Task, queue: PendingSignals, info: SigInfo): number {
  const users = task.kernel.pids.users;
  const { uid } = task.creds;
  const { signo } = info;
  const isWithinLimit = users.pendingSignals(uid) < task.group.limits.soft(RLIMIT_SIGPENDING);
  const isKernels = signo < SIGRTMIN && info.code >= 0;
  if (isWithinLimit || isKernels) {
    info.chargedUid = uid;
    queue.add(info);
    return 0;
  }
  if (signo >= SIGRTMIN && info.code !== SI_USER) return -EAGAIN;
  queue.mark(signo);
  return 0;
}

/** The thread to wake: the one asked for if it wants the signal, else any other of the process (Linux: complete_signal). */
function chooseTask(task: Task, signo: number, isForGroup: boolean): Task | null {
  if (wantsSignal(task, signo)) return task;
  if (!isForGroup) return null;
  for (const sibling of task.group.tasks) if (wantsSignal(sibling, signo)) return sibling;
  return null;
}

function wantsSignal(task: Task, signo: number): boolean {
  const { signals } = task;
  if (task.isExiting) return false;
  if (isInSignalSet(signals.waitingLo, signals.waitingHi, signo)) return true;
  if (isSignalBlocked(task, signo)) return false;
  if (signo === SIGKILL) return true;
  return !signals.isStopped;
}

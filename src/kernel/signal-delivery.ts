/**
 * Taking signals: what happens to a task on its way back to the guest (Linux: get_signal, handle_signal).
 *
 * The platform calls `nextSignal` while `task.hasSignalToDeliver()`; after each call it looks at `task.isExited` and at
 * `task.signals.isStopped` (then it awaits `waitWhileStopped`), and builds the frame of the signal it got.
 */

import type { SigInfo } from '../abi/siginfo.ts';
import {
  NSIG,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SIG_DFL,
  SIG_IGN,
  SIGKILL,
  SIGSTOP,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
} from '../abi/signal.ts';
import { exitGroup, exitTask } from './exit.ts';
import { beginGroupStop, takePartInStop } from './group-stop.ts';
import { isProcessGroupOrphaned } from './job-control.ts';
import { beginExitStop, beginSignalStop, beginTrap, takeInjected } from './ptrace.ts';
import { isInitExempt, refreshSignals, restoreSavedMask, setBlockedMask } from './signal.ts';
import {
  ACTION_IGNORE,
  ACTION_STOP,
  ACTION_TERMINATE,
  CORE_SIGNALS,
  defaultAction,
  isInSignalSet,
  signalBit,
} from './signal-policy.ts';
import type { Task } from './task.ts';

/** A signal whose handler is to run. The mask is the handler's already; the old one goes into the frame. */
export interface DeliverableSignal {
  readonly signo: number;
  readonly handler: number;
  /** SA_*. */
  readonly flags: number;
  readonly restorer: number;
  /** uc_sigmask: what rt_sigreturn puts back, as signed words. */
  readonly savedLo: number;
  readonly savedHi: number;
  readonly info: SigInfo;
}

/** Does all that pending signals do to the task, until one has a handler; null when nothing is left for the guest to see. */
export function nextSignal(task: Task): DeliverableSignal | null {
  const { signals } = task;
  while (!task.isExited) {
    const { group } = task;
    if (group.isExiting) {
      exitTask(task, group.exitStatus);
      return null;
    }
    if (signals.isStopPending) {
      takePartInStop(task);
      return null;
    }
    if (signals.isStopped) return null;
    if (task.trace !== null && task.trace.pendingExit !== null) {
      exitGroup(group, task.trace.pendingExit);
      continue;
    }
    if (task.trace?.isTrapPending === true) {
      beginTrap(task);
      return null;
    }
    const decided = takeInjected(task);
    const info = decided ?? dequeue(task);
    if (info !== null && decided === null && task.trace !== null && info.signo !== SIGKILL) {
      beginSignalStop(task, info);
      return null;
    }
    if (info === null) {
      restoreSavedMask(task);
      if (!signals.isDeliverable) return null;
      continue;
    }
    const action = group.handlers.action(info.signo);
    if (action.handler === SIG_IGN) continue;
    if (action.handler !== SIG_DFL) return deliver(task, info);
    if (defaultAction(info.signo) === ACTION_IGNORE || isInitExempt(group, SIG_DFL, info)) continue;
    if (defaultAction(info.signo) === ACTION_STOP) {
      // Nobody could continue an orphaned process group (POSIX 2.4.3), so only SIGSTOP stops it.
      if (info.signo === SIGSTOP || !isProcessGroupOrphaned(group.processGroup, null)) {
        beginGroupStop(group, info.signo);
      }
      continue;
    }
    if (info.signo !== SIGKILL && beginExitStop(task, info.signo)) return null;
    exitGroup(group, info.signo);
  }
  return null;
}

/**
 * The pending signal that ends the process whatever this task waits for; 0 when there is none (Linux: complete_signal, which makes SIGKILL
 * of it, but for what would dump core).
 */
export function deadlySignal(task: Task): number {
  const { signals, group } = task;
  const isPending = (signo: number): boolean => signals.pending.has(signo) || group.pending.has(signo);
  if (isPending(SIGKILL)) return SIGKILL;
  if (task.trace !== null || group.isInit) return 0;
  for (let signo = 1; signo <= NSIG; signo++) {
    if (!isPending(signo) || isInSignalSet(signals.blockedLo, signals.blockedHi, signo)) continue;
    const isDefault = group.handlers.action(signo).handler === SIG_DFL;
    if (isDefault && defaultAction(signo) === ACTION_TERMINATE && !isInSignalSet(CORE_SIGNALS, 0, signo)) return signo;
  }
  return 0;
}

function dequeue(task: Task): SigInfo | null {
  const { signals, group } = task;
  const { blockedLo, blockedHi } = signals;
  let queue = signals.pending;
  let signo = queue.next(blockedLo, blockedHi);
  if (signo === 0) {
    queue = group.pending;
    signo = queue.next(blockedLo, blockedHi);
  }
  const info = signo === 0 ? null : queue.take(signo);
  refreshSignals(task);
  return info;
}

function deliver(task: Task, info: SigInfo): DeliverableSignal {
  const { signals } = task;
  const { signo } = info;
  const action = task.group.handlers.action(signo);
  const signal: DeliverableSignal = {
    signo,
    handler: action.handler,
    flags: action.flags,
    restorer: action.restorer,
    savedLo: signals.hasSavedMask ? signals.savedLo : signals.blockedLo,
    savedHi: signals.hasSavedMask ? signals.savedHi : signals.blockedHi,
    info,
  };
  signals.hasSavedMask = false;
  let lo = signals.blockedLo | action.maskLo;
  let hi = signals.blockedHi | action.maskHi;
  if ((action.flags & SA_NODEFER) === 0) {
    if (signo <= 32) lo |= signalBit(signo);
    else hi |= signalBit(signo);
  }
  if ((action.flags & SA_RESETHAND) !== 0) action.handler = SIG_DFL;
  setBlockedMask(task, lo, hi);
  return signal;
}

/** Whether `sp` is on the alternate stack; never while SS_AUTODISARM is set (Linux: on_sig_stack). */
export function isOnAltStack(task: Task, sp: number): boolean {
  const { address, size, flags } = task.signals.altStack;
  if ((flags & SS_AUTODISARM) !== 0) return false;
  return sp > address && sp - address <= size;
}

/** SS_ONSTACK, SS_DISABLE or 0, as sigaltstack(2) tells it for the stack pointer `sp` (Linux: sas_ss_flags). */
export function altStackState(task: Task, sp: number): number {
  if (task.signals.altStack.size === 0) return SS_DISABLE;
  return isOnAltStack(task, sp) ? SS_ONSTACK : 0;
}

/**
 * Where the frame of a signal begins to grow down from: the top of the alternate stack when the handler wants it and is not
 * on it already, else `sp`, from which the caller subtracts the red zone.
 */
export function frameStackTop(task: Task, signal: DeliverableSignal, sp: number): number {
  const { address, size } = task.signals.altStack;
  if ((signal.flags & SA_ONSTACK) === 0 || altStackState(task, sp) !== 0) return sp;
  return address + size;
}

/** After a frame was written: an SS_AUTODISARM stack is put away until rt_sigreturn (Linux: sas_ss_reset). */
export function disarmAltStack(task: Task): void {
  const { altStack } = task.signals;
  if ((altStack.flags & SS_AUTODISARM) === 0) return;
  altStack.address = 0;
  altStack.size = 0;
  altStack.flags = SS_DISABLE;
}

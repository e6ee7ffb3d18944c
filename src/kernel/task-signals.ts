/** What a task alone has of signals: its mask, its own queue, its alternate stack, whether it is stopped. */
import { SS_DISABLE } from '../abi/signal.ts';
import { PendingSignals } from './pending-signals.ts';
import type { UserCounts } from './user-counts.ts';

/** sigaltstack(2). */
export interface AltStack {
  address: number;
  size: number;
  /** SS_DISABLE or SS_AUTODISARM or 0; SS_ONSTACK is computed. */
  flags: number;
}

export class TaskSignals {
  /** The blocked signals 1 to 32 and 33 to 64, as signed words. SIGKILL and SIGSTOP are never in it. */
  blockedLo = 0;
  blockedHi = 0;
  /** The mask to go back to after a call that had one of its own (sigsuspend, ppoll, pselect, epoll_pwait). */
  hasSavedMask = false;
  savedLo = 0;
  savedHi = 0;
  /** While rt_sigtimedwait(2) waits: the signals it takes, which count as unblocked for the choice of a thread. */
  waitingLo = 0;
  waitingHi = 0;
  readonly pending: PendingSignals;
  readonly altStack: AltStack = { address: 0, size: 0, flags: SS_DISABLE };
  /** Kept up to date by kernel/signal.ts: `nextSignal` has something to do. It is read at the end of every syscall. */
  isDeliverable = false;
  /** The group stops and this task has yet to take part. */
  isStopPending = false;
  isStopped = false;
  /** Ends `waitWhileStopped`. */
  resume: (() => void) | null = null;

  constructor(counts: UserCounts) {
    this.pending = new PendingSignals(counts);
  }
}

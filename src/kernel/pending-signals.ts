/**
 * Signals that wait to be taken: one queue per task and one per thread group (Linux: struct sigpending).
 *
 * A standard signal is there at most once; real-time signals queue in order (signal(7)). A signal can be pending
 * without an entry when the sender's RLIMIT_SIGPENDING was used up.
 */

import { SigInfo } from '../abi/siginfo.ts';
import { SI_USER, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP } from '../abi/signal.ts';
import type { UserCounts } from './user-counts.ts';

function bit(signo: number): number {
  return 1 << (signo - 1);
}

/** Signals of the CPU's own faults are taken first, so that their frame is the one nearest to the fault. */
const SYNCHRONOUS = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGFPE) | bit(SIGSYS);

export class PendingSignals {
  /** Which signals are pending: 1 to 32 and 33 to 64, as signed words for bit tests. */
  lo = 0;
  hi = 0;
  readonly #entries: SigInfo[] = [];
  readonly #counts: UserCounts;

  constructor(counts: UserCounts) {
    this.#counts = counts;
  }

  has(signo: number): boolean {
    return signo <= 32 ? (this.lo & bit(signo)) !== 0 : (this.hi & bit(signo - 32)) !== 0;
  }

  /** Makes it pending without information. */
  mark(signo: number): void {
    if (signo <= 32) this.lo |= bit(signo);
    else this.hi |= bit(signo - 32);
  }

  add(info: SigInfo): void {
    this.mark(info.signo);
    this.#entries.push(info);
    info.isQueued = true;
    if (info.chargedUid >= 0) this.#counts.addPendingSignals(info.chargedUid, 1);
  }

  /** The number of the next signal outside the blocked mask, 0 if there is none. */
  next(blockedLo: number, blockedHi: number): number {
    const lo = this.lo & ~blockedLo;
    if (lo !== 0) {
      const first = (lo & SYNCHRONOUS) !== 0 ? lo & SYNCHRONOUS : lo;
      return 32 - Math.clz32(first & -first);
    }
    const hi = this.hi & ~blockedHi;
    return hi === 0 ? 0 : 64 - Math.clz32(hi & -hi);
  }

  /** Takes the oldest entry of a signal that is pending. */
  take(signo: number): SigInfo {
    const at = this.#entries.findIndex((entry) => entry.signo === signo);
    if (at < 0) {
      this.#unmark(signo);
      return new SigInfo(signo, SI_USER);
    }
    const info = this.#entries[at];
    this.#entries.splice(at, 1);
    this.#uncharge(info);
    if (!this.#entries.some((entry) => entry.signo === signo)) this.#unmark(signo);
    info.onTaken?.();
    return info;
  }

  /** Forgets a signal and all its entries. */
  discard(signo: number): void {
    if (!this.has(signo)) return;
    this.#unmark(signo);
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      if (this.#entries[i].signo === signo) this.#drop(i);
    }
  }

  /** Takes one entry back out: timer_delete(2) of a timer whose signal was not taken yet. */
  withdraw(info: SigInfo): void {
    const at = this.#entries.indexOf(info);
    if (at < 0) return;
    this.#drop(at);
    if (!this.#entries.some((entry) => entry.signo === info.signo)) this.#unmark(info.signo);
  }

  clear(): void {
    this.lo = 0;
    this.hi = 0;
    for (let i = this.#entries.length - 1; i >= 0; i--) this.#drop(i);
  }

  #drop(at: number): void {
    this.#uncharge(this.#entries[at]);
    this.#entries.splice(at, 1);
  }

  #uncharge(info: SigInfo): void {
    info.isQueued = false;
    if (info.chargedUid >= 0) this.#counts.addPendingSignals(info.chargedUid, -1);
    info.chargedUid = -1;
  }

  #unmark(signo: number): void {
    if (signo <= 32) this.lo &= ~bit(signo);
    else this.hi &= ~bit(signo - 32);
  }
}

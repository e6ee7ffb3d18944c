/**
 * A timer with an interval, as setitimer(2), timer_create(2) and timerfd_create(2) have it.
 *
 * After it has expired it rests until `forward`, which its owner calls when the expiration was taken note of (a signal
 * taken, a timerfd read), so that the shortest interval costs no more than the guest's own reaction to it (Linux does the same:
 * posixtimer_rearm, timerfd_read).
 */
import type { Kernel } from './kernel.ts';
import type { Timer } from './timers.ts';

/** What a timer counts on. */
export interface TimerClock {
  nowNs(): number;
  /** How fast it goes at most beside the monotonic clock: 1, or the threads that burn CPU time. */
  maxRate(): number;
}

export function monotonicClock(kernel: Kernel): TimerClock {
  return { nowNs: () => kernel.clock.monotonicNs(), maxRate: () => 1 };
}

/** CPU time is looked at no more often than this: the kernel's tick at HZ=1000. */
const CPU_TICK_NS = 1e6;

export class IntervalTimer {
  readonly #kernel: Kernel;
  readonly #clock: TimerClock;
  readonly #isCpu: boolean;
  readonly #onExpire: () => void;
  #armed: Timer | null = null;
  /** On its clock; Infinity when disarmed. */
  #deadlineNs = Infinity;
  intervalNs = 0;
  /** It has expired and rests. */
  #isResting = false;

  constructor(kernel: Kernel, clock: TimerClock, kind: 'wall' | 'cpu', onExpire: () => void) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.#isCpu = kind === 'cpu';
    this.#onExpire = onExpire;
  }

  get nowNs(): number {
    return this.#clock.nowNs();
  }

  /** @param deadlineNs on its clock; Infinity disarms */
  set(deadlineNs: number, intervalNs: number): void {
    this.#disarm();
    this.#isResting = false;
    this.#deadlineNs = deadlineNs;
    this.intervalNs = intervalNs;
    this.#arm();
  }

  /** Nanoseconds to the next expiration, 0 when disarmed; one that is due but was not noted yet has 1. */
  remainingNs(): number {
    if (this.#deadlineNs === Infinity) return 0;
    let left = this.#deadlineNs - this.nowNs;
    if (left <= 0 && this.intervalNs > 0) left = this.intervalNs - (-left % this.intervalNs);
    else if (left <= 0 && this.#isResting) return 0;
    return Math.max(left, 1);
  }

  /**
   * The expirations since the last call have been noted: how many there were. A timer with an interval goes on.
   *
   * @param minimumNs how long it rests at least, for owners whose expirations nobody notes
   */
  forward(minimumNs = 0): number {
    if (!this.#isResting) return 0;
    this.#isResting = false;
    if (this.intervalNs === 0) {
      this.#deadlineNs = Infinity;
      return 1;
    }
    const now = this.nowNs;
    const late = Math.max(0, now + minimumNs - this.#deadlineNs);
    const count = 1 + Math.floor(late / this.intervalNs);
    this.#deadlineNs += count * this.intervalNs;
    this.#arm();
    return count;
  }

  #arm(): void {
    if (this.#deadlineNs === Infinity) return;
    let deadline = this.#deadlineNs;
    if (this.#isCpu) {
      const left = this.#deadlineNs - this.nowNs;
      deadline = this.#kernel.clock.monotonicNs() + Math.max(CPU_TICK_NS, left / Math.max(1, this.#clock.maxRate()));
    }
    this.#armed = this.#kernel.timers.add(deadline, () => this.#fire());
  }

  #fire(): void {
    this.#armed = null;
    if (this.#isCpu && this.nowNs < this.#deadlineNs) {
      this.#arm();
      return;
    }
    this.#isResting = true;
    this.#onExpire();
  }

  #disarm(): void {
    if (this.#armed !== null) this.#kernel.timers.cancel(this.#armed);
    this.#armed = null;
  }
}

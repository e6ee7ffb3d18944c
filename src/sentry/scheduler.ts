/**
 * The sentry's loop: looks for requests of guest threads, sleeps when there are none, and lets timers, host descriptors and
 * promises have their turn.
 *
 * A thread is watched while it runs guest code or host commands; one whose call blocks is not. Handlers that wait are promises,
 * so the loop yields to them each round while any is outstanding.
 */
import { native } from '../host/native.ts';
import type { Timers } from '../kernel/timers.ts';
import type { Turns } from '../kernel/turns.ts';
import type { CloneGate } from '../platform/clone-gate.ts';
import { GP_IS_CONTENDED, GP_SENTRY_ASLEEP, GP_SENTRY_CPU, GP_SPIN_LIMIT, NO_CPU } from '../platform/layout.ts';
import type { StubProcess } from '../platform/stub-process.ts';
import type { StubThread } from '../platform/stub-thread.ts';
import type { Zygote } from '../platform/zygote.ts';
import { EPOLLIN, type EventLoop } from './event-loop.ts';
import { Pace } from './pace.ts';

const READ = 0;
const GETCPU = 309;
/** Requests handled between two looks at timers and host descriptors. */
const BUSY_ROUNDS = 256;
/** For how many of those looks the most threads watched at once count. */
const PEAK_AGE = 64;

/** How long nothing happens before a sandbox counts as at rest. */
const REST_NS = 2e9;

export interface SchedulerParts {
  readonly zygote: Zygote;
  readonly gate: CloneGate;
  readonly loop: EventLoop;
  readonly timers: Timers;
  readonly turns: Turns;
  monotonicNs(): number;
}

export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #watched: StubThread[] = [];
  readonly #drain = new Uint8Array(8);
  readonly #cpu = new Int32Array(1);
  readonly #pace = new Pace();
  /** Called before the loop looks at the host: what has ended meanwhile is taken away. */
  onPause: () => void = () => {};
  /** Called once when nothing has happened for a while, and nothing is to come. */
  onRest: () => void = () => {};
  /** Calls and continuations that wait for a promise. */
  pending = 0;
  /** The most threads watched at once lately. */
  #peak = 0;
  #peakAge = 0;
  #isStopped = false;
  /** `onRest` has been called since the last event. */
  #hasRested = false;
  /** Promises may have something left to do. */
  #isStirred = true;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    const { loop, zygote, gate } = parts;
    loop.add(zygote.doorbell, EPOLLIN, () => native.syscall(READ, zygote.doorbell, this.#drain, 8));
    loop.add(zygote.listener, EPOLLIN, () => gate.answer());
  }

  /** The thread has been answered: look for its next request. */
  watch(thread: StubThread): void {
    this.#isStirred = true;
    this.#watched.push(thread);
    if (this.#watched.length > this.#peak) this.#peak = this.#watched.length;
  }

  /** The thread is gone. */
  unwatch(thread: StubThread): void {
    const at = this.#watched.indexOf(thread);
    if (at >= 0) this.#removeAt(at);
  }

  /** All threads of the process are gone. */
  unwatchProcess(process: StubProcess): void {
    for (let i = this.#watched.length - 1; i >= 0; i--) {
      if (this.#watched[i].process === process) this.#removeAt(i);
    }
  }

  /** Ends `run` at its next round; it can be called again. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Turns until `stop`. */
  async run(): Promise<void> {
    this.#isStopped = false;
    const { loop, timers, turns } = this.#parts;
    let idle = 0;
    let busy = 0;
    while (!this.#isStopped) {
      if (this.#poll()) {
        this.#isStirred = true;
        idle = 0;
        busy += 1;
      } else {
        idle += 1;
        busy += 1;
        this.#pace.rest(idle);
      }
      if (turns.run()) {
        // Each is long enough to look at the host behind it.
        this.#isStirred = true;
        idle = 0;
        busy = BUSY_ROUNDS;
      }
      if (this.pending > 0) await null;
      const isIdle = idle > this.#pace.idleLimit(this.#watched.length);
      if (isIdle && this.#isStirred && this.pending > 0) {
        // However long a chain of promises is, Node's loop comes back only when all of it is through.
        this.#isStirred = false;
        await loop.turn();
        if (this.#isStirred) idle = 0;
        continue;
      }
      const mustSleep = isIdle;
      if (mustSleep || busy >= BUSY_ROUNDS || this.#parts.gate.isExpecting) {
        busy = 0;
        this.onPause();
        this.#setSpinning();
        if (mustSleep) {
          this.#sleep();
          this.#isStirred = true;
        } else loop.wait(0);
        this.#tellCpu();
        if (timers.nextDeadlineNs() !== Infinity) timers.run(this.#parts.monotonicNs());
        if (mustSleep) idle = 0;
      }
      if (loop.isNodeReady) await loop.turn();
    }
  }

  /** Hands on at most one request of each watched thread: whether there was any. */
  #poll(): boolean {
    const watched = this.#watched;
    let isAny = false;
    for (let i = watched.length - 1; i >= 0; i--) {
      const thread = watched[i];
      // A handler may have ended threads, so that the list is shorter now.
      if (thread === undefined || !thread.hasRequest) continue;
      this.#removeAt(i);
      isAny = true;
      thread.owner?.onRequest();
    }
    return isAny;
  }

  #removeAt(at: number): void {
    const last = this.#watched.pop();
    if (last !== undefined && at < this.#watched.length) this.#watched[at] = last;
  }

  #setSpinning(): void {
    const { globalPage } = this.#parts.zygote;
    globalPage[GP_SPIN_LIMIT >> 2] = this.#pace.stubSpins(this.#watched.length);
    globalPage[GP_IS_CONTENDED >> 2] = this.#pace.isContended ? 1 : 0;
  }

  /**
   * A stub on this very CPU does not spin, where there are as many as CPUs: with fewer, the host finds another CPU for one that can always run,
   * and never for two that sleep in turns.
   */
  #tellCpu(): void {
    if (this.#peakAge++ === PEAK_AGE) {
      this.#peak = this.#watched.length;
      this.#peakAge = 0;
    }
    this.#cpu[0] = NO_CPU;
    if (this.#pace.isCrowded(this.#peak)) native.syscall(GETCPU, this.#cpu, 0, 0);
    const page = this.#parts.zygote.globalPage;
    if (page[GP_SENTRY_CPU >> 2] !== this.#cpu[0]) page[GP_SENTRY_CPU >> 2] = this.#cpu[0];
  }

  #sleep(): void {
    const { loop, timers, zygote, monotonicNs } = this.#parts;
    const asleep = GP_SENTRY_ASLEEP >> 2;
    zygote.globalPage[GP_SENTRY_CPU >> 2] = NO_CPU;
    Atomics.store(zygote.globalPage, asleep, 1);
    // A stub that published before it could see the flag is found by this look; one after it rings.
    const isQuiet = this.#watched.every((thread) => !thread.hasRequest);
    const deadline = timers.nextDeadlineNs();
    const timeout = deadline === Infinity ? Infinity : Math.max(0, deadline - monotonicNs());
    const mayRest = !this.#hasRested && timeout > REST_NS;
    const count = loop.wait(isQuiet ? (mayRest ? REST_NS : timeout) : 0);
    Atomics.store(zygote.globalPage, asleep, 0);
    if (count > 0) this.#hasRested = false;
    else if (mayRest && isQuiet) {
      this.#hasRested = true;
      this.onRest();
    }
  }
}

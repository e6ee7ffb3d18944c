/**
 * How long the sentry and the stubs look out for each other before they sleep, and when they offer their CPU.
 *
 * On a machine with CPUs to spare, to look out is cheapest; but a thread that is to bring what is looked for may be waiting for this very CPU, and
 * two that spin on one CPU in turns would only ever meet when they sleep, so the CPU is offered (sched_yield(2)) now and then.
 * Where others want the CPUs, an offer comes back only when all of them have had their turns, milliseconds later. To sleep is better then: who is
 * woken is let in before those that compute.
 */
import { native } from '../host/native.ts';
import { cpuCount, hostClock } from './host-facts.ts';

const SCHED_YIELD = 24;
/** As performance.now(), whose module takes 2 ms of a start to load. */
const nowMs = (): number => hostClock.monotonicNs() / 1e6;
/** Rounds without a request before the sentry sleeps; a round is about 20 ns. */
const IDLE_ROUNDS = 4000;
/** The same where others want the CPU. */
const CONTENDED_ROUNDS = 256;
/** The same when there is nothing to spin for: a resolved promise takes some rounds to come through all that wait on it. */
const MIN_ROUNDS = 32;
/** Idle rounds between two offers of the CPU. */
const ROUNDS_PER_OFFER = 128;
/** An offer that nobody takes comes back in a microsecond, one that a stub of ours takes in some hundred; who computes keeps the CPU for milliseconds. */
const LONG_OFFER_MS = 1;
/** How long the CPUs are taken to be wanted by others before it is tried again: doubled each time they are. */
const MIN_CONTENDED_MS = 50;
const MAX_CONTENDED_MS = 1600;
/** How often a stub looks for its answer before it sleeps; each look is a `pause`, about 20 ns. */
const STUB_SPINS = 2000;
/** The same where others want the CPU. */
const CONTENDED_STUB_SPINS = 500;

export class Pace {
  readonly #cpus = cpuCount;
  #contendedUntilMs = 0;
  #contendedMs = MIN_CONTENDED_MS;
  /** Others want the CPUs. */
  isContended = false;

  /** After `idle` rounds without a request: offers the CPU when it is time to. */
  rest(idle: number): void {
    if (idle % ROUNDS_PER_OFFER !== 0) return;
    const before = nowMs();
    if (this.isContended && before < this.#contendedUntilMs) return;
    native.syscall(SCHED_YIELD);
    const after = nowMs();
    this.isContended = after - before > LONG_OFFER_MS;
    this.#contendedMs = this.isContended ? Math.min(this.#contendedMs * 2, MAX_CONTENDED_MS) : MIN_CONTENDED_MS;
    this.#contendedUntilMs = after + this.#contendedMs;
  }

  /** Rounds without a request after which the sentry sleeps, with so many threads that may bring one. With one CPU, spinning only keeps the guest from running. */
  idleLimit(watched: number): number {
    if (this.#cpus === 1 || watched === 0) return MIN_ROUNDS;
    if (this.isContended) return CONTENDED_ROUNDS;
    return watched >= this.#cpus ? IDLE_ROUNDS / 8 : IDLE_ROUNDS;
  }

  /** Whether so many threads leave no CPU for the sentry alone. */
  isCrowded(watched: number): boolean {
    return watched >= this.#cpus;
  }

  /** How often a stub is to look for its answer. */
  stubSpins(watched: number): number {
    if (this.#cpus === 1) return 0;
    if (this.isContended) return CONTENDED_STUB_SPINS;
    return watched >= this.#cpus ? STUB_SPINS / 8 : STUB_SPINS;
  }
}

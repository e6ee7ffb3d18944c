/**
 * Wait queues: how a task that cannot go on sleeps until something happens (Linux: wait_queue_head_t).
 *
 * The kernel is single-threaded, so nothing can happen between an attempt that failed and `add`: there are no lost
 * wake-ups to guard against. `wake` calls waiters synchronously; a waiter must only note the event (resolve a promise,
 * queue an epoll item), never run kernel code that changes the same queue's object.
 */
export interface Waiter {
  /** @param events the POLL* bits that became true */
  notify(events: number): void;
}

export class WaitQueue {
  readonly #waiters: Waiter[] = [];
  readonly #masks: number[] = [];
  readonly #exclusive: boolean[] = [];

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /** Adds a waiter that is told of events in `mask` until it is removed. */
  add(waiter: Waiter, mask: number): void {
    this.#waiters.push(waiter);
    this.#masks.push(mask);
    this.#exclusive.push(false);
  }

  /** Like `add`, but one wake tells only the first of the exclusive waiters (EPOLLEXCLUSIVE, accept, flock). */
  addExclusive(waiter: Waiter, mask: number): void {
    this.#waiters.push(waiter);
    this.#masks.push(mask);
    this.#exclusive.push(true);
  }

  remove(waiter: Waiter): void {
    const i = this.#waiters.indexOf(waiter);
    if (i < 0) return;
    this.#waiters.splice(i, 1);
    this.#masks.splice(i, 1);
    this.#exclusive.splice(i, 1);
  }

  /** Tells the waiters interested in any of `events`. */
  wake(events: number): void {
    if (this.#waiters.length === 0) return;
    let exclusiveTold = false;
    // A waiter may remove itself while it is told, so a snapshot is walked.
    const waiters = this.#waiters.slice();
    const masks = this.#masks.slice();
    const exclusive = this.#exclusive.slice();
    for (let i = 0; i < waiters.length; i++) {
      const waiter = waiters[i];
      if (waiter === undefined || ((masks[i] ?? 0) & events) === 0) continue;
      if (exclusive[i] === true) {
        if (exclusiveTold) continue;
        exclusiveTold = true;
      }
      waiter.notify(events);
    }
  }
}

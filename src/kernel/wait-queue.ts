/**
 * Wait queues: how a task that cannot go on sleeps until something happens (Linux: wait_queue_head_t).
 *
 * The kernel is single-threaded, so nothing can happen between an attempt that failed and `add`: there are no lost
 * wake-ups to guard against. `wake` calls waiters synchronously; a waiter must only note the event (resolve a promise,
 * queue an epoll item), never run kernel code that changes the same queue's object. A waiter is in a queue once.
 */
export interface Waiter {
  /** @param events the POLL* bits that became true */
  notify(events: number): void;
}

/** Beyond so many a waiter is found by a table, and leaves a hole: a guest may have 100,000 epoll items wait for one file, and close them all. */
const FEW = 64;
const NOBODY: Waiter = { notify: () => {} };

export class WaitQueue {
  #waiters: Waiter[] = [];
  #masks: number[] = [];
  #exclusive: boolean[] = [];
  #holes = 0;
  /** Where each waiter of many is; null when nobody has asked. */
  #places: Map<Waiter, number> | null = null;

  get isEmpty(): boolean {
    return this.#waiters.length === this.#holes;
  }

  /** Adds a waiter that is told of events in `mask` until it is removed. */
  add(waiter: Waiter, mask: number): void {
    this.#push(waiter, mask, false);
  }

  /** Like `add`, but one wake tells only the first of the exclusive waiters (EPOLLEXCLUSIVE, accept, flock). */
  addExclusive(waiter: Waiter, mask: number): void {
    this.#push(waiter, mask, true);
  }

  remove(waiter: Waiter): void {
    const i = this.#find(waiter);
    if (i < 0) return;
    if (this.#waiters.length <= FEW) {
      this.#waiters.splice(i, 1);
      this.#masks.splice(i, 1);
      this.#exclusive.splice(i, 1);
      return;
    }
    this.#waiters[i] = NOBODY;
    this.#masks[i] = 0;
    this.#places?.delete(waiter);
    this.#holes += 1;
    if (this.#holes * 2 > this.#waiters.length) this.#closeRanks();
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

  #push(waiter: Waiter, mask: number, isExclusive: boolean): void {
    this.#places?.set(waiter, this.#waiters.length);
    this.#waiters.push(waiter);
    this.#masks.push(mask);
    this.#exclusive.push(isExclusive);
  }

  #find(waiter: Waiter): number {
    if (this.#waiters.length <= FEW) return this.#waiters.indexOf(waiter);
    this.#places ??= new Map(this.#waiters.map((each, i) => [each, i]));
    return this.#places.get(waiter) ?? -1;
  }

  #closeRanks(): void {
    const isThere = (_: unknown, i: number): boolean => this.#waiters[i] !== NOBODY;
    this.#masks = this.#masks.filter(isThere);
    this.#exclusive = this.#exclusive.filter(isThere);
    this.#waiters = this.#waiters.filter(isThere);
    this.#holes = 0;
    this.#places = null;
  }
}

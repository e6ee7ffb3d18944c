/** Deadlines of the whole kernel: a binary heap the sentry's loop runs. Time comes in as an argument. */
export interface Timer {
  /** Monotonic clock, ns. */
  deadlineNs: number;
  /** Position in the heap; IDLE when not armed, DUE between being found due and firing. */
  index: number;
  readonly fire: () => void;
}

const IDLE = -1;
const DUE = -2;

export class Timers {
  readonly #heap: Timer[] = [];

  /** Calls `fire` once, when the monotonic clock has reached `deadlineNs`. */
  add(deadlineNs: number, fire: () => void): Timer {
    const timer: Timer = { deadlineNs, index: this.#heap.length, fire };
    this.#heap.push(timer);
    this.#up(timer.index);
    return timer;
  }

  /** Disarms it, even when it is due and an earlier one of the same `run` cancels it; nothing happens if it has fired. */
  cancel(timer: Timer): void {
    const i = timer.index;
    timer.index = IDLE;
    if (i < 0) return;
    const last = this.#heap.pop();
    if (last === undefined || last === timer) return;
    this.#heap[i] = last;
    last.index = i;
    this.#up(i);
    this.#down(last.index);
  }

  /** The earliest deadline, Infinity if there is none. */
  nextDeadlineNs(): number {
    const first = this.#heap[0];
    return first === undefined ? Infinity : first.deadlineNs;
  }

  /** Fires all that are due; those added meanwhile with a deadline in the past wait for the next call. */
  run(nowNs: number): void {
    const due: Timer[] = [];
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.deadlineNs > nowNs) break;
      this.cancel(first);
      first.index = DUE;
      due.push(first);
    }
    for (const timer of due) {
      if (timer.index !== DUE) continue;
      timer.index = IDLE;
      timer.fire();
    }
  }

  #up(from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#swapIfEarlier(i, parent)) return;
      i = parent;
    }
  }

  #down(from: number): void {
    let i = from;
    for (;;) {
      const left = 2 * i + 1;
      const right = left + 1;
      let child = left;
      const l = this.#heap[left];
      const r = this.#heap[right];
      if (l === undefined) return;
      if (r !== undefined && r.deadlineNs < l.deadlineNs) child = right;
      if (!this.#swapIfEarlier(child, i)) return;
      i = child;
    }
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    const c = this.#heap[child];
    const p = this.#heap[parent];
    if (c === undefined || p === undefined || c.deadlineNs >= p.deadlineNs) return false;
    this.#heap[parent] = c;
    this.#heap[child] = p;
    c.index = parent;
    p.index = child;
    return true;
  }
}

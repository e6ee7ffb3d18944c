/**
 * Tasks in the midst of long work let the others have their turn (Linux: cond_resched): each goes on when the sentry's loop has been round. A promise
 * that is settled already would not do: Node runs a chain of those to its end, and the loop may be waiting for just that.
 */
export class Turns {
  #waiting: (() => void)[] = [];

  /** Settles when the others have had their turn. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** For the loop, once in each round: lets those go on that wait. Whether there were any. */
  run(): boolean {
    if (this.#waiting.length === 0) return false;
    const due = this.#waiting;
    this.#waiting = [];
    for (const resume of due) resume();
    return true;
  }
}

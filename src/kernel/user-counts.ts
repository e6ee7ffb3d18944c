/** What RLIMIT_NPROC and RLIMIT_SIGPENDING count: per real user id (Linux: struct ucounts). */
export class UserCounts {
  readonly #tasks = new Map<number, number>();
  readonly #pendingSignals = new Map<number, number>();

  tasks(uid: number): number {
    return this.#tasks.get(uid) ?? 0;
  }

  addTasks(uid: number, change: number): void {
    add(this.#tasks, uid, change);
  }

  pendingSignals(uid: number): number {
    return this.#pendingSignals.get(uid) ?? 0;
  }

  addPendingSignals(uid: number, change: number): void {
    add(this.#pendingSignals, uid, change);
  }
}

/** Users without anything leave the map, so that it cannot grow with the ids a guest tries. */
function add(counts: Map<number, number>, uid: number, change: number): void {
  const next = (counts.get(uid) ?? 0) + change;
  if (next <= 0) counts.delete(uid);
  else counts.set(uid, next);
}

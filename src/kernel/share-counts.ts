/** How many tasks beyond the first use an object that clone(2) can share (Linux: the count in files_struct). */
export class ShareCounts {
  readonly #others = new WeakMap<object, number>();

  isShared(object: object): boolean {
    return this.#others.has(object);
  }

  share(object: object): void {
    this.#others.set(object, (this.#others.get(object) ?? 0) + 1);
  }

  /** One user less; true when it was the last, who frees the object. */
  release(object: object): boolean {
    const others = this.#others.get(object);
    if (others === undefined) return true;
    if (others === 1) this.#others.delete(object);
    else this.#others.set(object, others - 1);
    return false;
  }
}

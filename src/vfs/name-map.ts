/**
 * A map by name that stays quick when the same names come and go. V8's Map leaves what has been deleted in the chain of its hash until it
 * grows, and in a big one that is late: beside ten thousand names, one that is made and removed again and again costs a hundred
 * microseconds each time. So names that are gone keep their place here, without a value, until there are more of them than of the others.
 */
const MIN_GONE = 64;

export class NameMap<V> {
  #map = new Map<string, V | null>();
  #gone = 0;

  get size(): number {
    return this.#map.size - this.#gone;
  }

  get(name: string): V | undefined {
    return this.#map.get(name) ?? undefined;
  }

  set(name: string, value: V): void {
    if (this.#map.get(name) === null) this.#gone -= 1;
    this.#map.set(name, value);
  }

  delete(name: string): void {
    if ((this.#map.get(name) ?? null) === null) return;
    this.#map.set(name, null);
    this.#gone += 1;
    if (this.#gone > MIN_GONE && this.#gone > this.size) this.#sweep();
  }

  *values(): IterableIterator<V> {
    for (const value of this.#map.values()) if (value !== null) yield value;
  }

  #sweep(): void {
    const map = new Map<string, V | null>();
    for (const [name, value] of this.#map) if (value !== null) map.set(name, value);
    this.#map = map;
    this.#gone = 0;
  }
}

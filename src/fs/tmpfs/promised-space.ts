/**
 * Space that a file in memory has been promised by fallocate(2) and may not have taken yet: writes there do not fail for want of it, so it
 * counts as taken. Which of a file's bytes are data and which are holes is the host's to know; what has been written before a promise at
 * the file's end is beside it, anything else may be in it.
 */

/** Beyond so many ranges the last ones become one, holes included: a guest may promise every second page. */
const MOST_RANGES = 256;

interface Range {
  readonly start: number;
  readonly end: number;
}

export class PromisedSpace {
  #ranges: readonly Range[] = [];
  /** Bytes that were there before, beside all promises. */
  #beside = 0;

  /** What the file counts for: at least what it has taken. */
  bytesWith(used: number): number {
    return Math.max(used, this.#beside + this.#promised());
  }

  /** As if [start, end) had been promised to a file of `size` bytes that has taken `used`: this one stays as it is. */
  with(start: number, end: number, size: number, used: number): PromisedSpace {
    const next = new PromisedSpace();
    next.#beside = start >= size ? Math.max(this.#beside, used - this.#promised()) : this.#beside;
    const before = this.#ranges.filter((range) => range.end < start);
    const after = this.#ranges.filter((range) => range.start > end);
    const touched = this.#ranges.filter((range) => range.end >= start && range.start <= end);
    const whole = {
      start: Math.min(start, touched[0]?.start ?? start),
      end: Math.max(end, touched.at(-1)?.end ?? end),
    };
    const ranges = [...before, whole, ...after];
    const last = ranges.slice(MOST_RANGES - 1);
    const [first] = last;
    const joined = first === undefined ? [] : [{ start: first.start, end: last.at(-1)?.end ?? first.end }];
    next.#ranges = [...ranges.slice(0, MOST_RANGES - 1), ...joined];
    return next;
  }

  /** [start, end) has been given back: by a hole, or because the file ends before. */
  release(start: number, end: number): void {
    if (this.#ranges.length === 0) return;
    this.#ranges = this.#ranges.flatMap((range) =>
      [
        { start: range.start, end: Math.min(range.end, start) },
        { start: Math.max(range.start, end), end: range.end },
      ].filter((part) => part.end > part.start),
    );
    if (start === 0) this.#beside = 0;
  }

  #promised(): number {
    let bytes = 0;
    for (const { start, end } of this.#ranges) bytes += end - start;
    return bytes;
  }
}

/**
 * The ordered, non-overlapping mappings of one address space (Linux: the maple tree of an mm_struct).
 *
 * A list of chunks of at most 128 mappings, each chunk knowing the largest gap in front of one of its mappings, so that
 * insertion, look-up and gap search stay far below a millisecond at vm.max_map_count mappings.
 *
 * Invariants: no chunk is empty; starts ascend; a chunk's `maxGap` is exact or -1 (to be computed).
 */
import { PAGE_SIZE, STACK_GUARD_GAP } from '../abi/memory.ts';
import { VM_GROWSDOWN, type Vma } from './vma.ts';

const CHUNK_MAX = 128;

interface Chunk {
  vmas: Vma[];
  /** Greatest distance from the end of the mapping before to the start, over the chunk; -1 when unknown. */
  maxGap: number;
}

/** Where the room below `vma` ends: a mapping that grows down keeps its guard gap (Linux: vm_start_gap). */
function startGap(vma: Vma): number {
  return (vma.flags & VM_GROWSDOWN) !== 0 ? Math.max(0, vma.start - STACK_GUARD_GAP) : vma.start;
}

export class VmaList {
  readonly #chunks: Chunk[] = [];
  #length = 0;
  /** Result of the last `#locate`. */
  #chunk = 0;
  #index = 0;

  get length(): number {
    return this.#length;
  }

  /** The first mapping that ends above `addr`: the one containing it, or the next one. */
  find(addr: number): Vma | undefined {
    this.#locate(addr);
    return this.#chunks[this.#chunk]?.vmas[this.#index];
  }

  /** The mapping that contains `addr`. */
  at(addr: number): Vma | undefined {
    const vma = this.find(addr);
    return vma !== undefined && vma.start <= addr ? vma : undefined;
  }

  /** The last mapping that ends at or below `addr`. */
  before(addr: number): Vma | undefined {
    this.#locate(addr);
    if (this.#index > 0) return this.#chunks[this.#chunk]?.vmas[this.#index - 1];
    return this.#chunks[this.#chunk - 1]?.vmas.at(-1);
  }

  /** Whether any mapping has a byte in [start, end). */
  overlaps(start: number, end: number): boolean {
    if (start >= end) return false;
    const vma = this.find(start);
    return vma !== undefined && vma.start < end;
  }

  /** The mappings with a byte in [start, end), a fresh array that survives changes of the list. */
  overlapping(start: number, end: number): Vma[] {
    const found: Vma[] = [];
    if (start >= end) return found;
    this.#locate(start);
    let index = this.#index;
    for (let c = this.#chunk; c < this.#chunks.length; c++) {
      const vmas = this.#chunks[c].vmas;
      for (; index < vmas.length; index++) {
        const vma = vmas[index];
        if (vma.start >= end) return found;
        found.push(vma);
      }
      index = 0;
    }
    return found;
  }

  /** All mappings in ascending order; the list must not change meanwhile. */
  *[Symbol.iterator](): Generator<Vma> {
    for (const chunk of this.#chunks) yield* chunk.vmas;
  }

  /** Adds a mapping, which must not overlap any other. */
  insert(vma: Vma): void {
    this.#locate(vma.start);
    this.#length += 1;
    let chunk = this.#chunks[this.#chunk];
    let index = this.#index;
    if (chunk === undefined) {
      const last = this.#chunks.at(-1);
      if (last === undefined) {
        this.#chunks.push({ vmas: [vma], maxGap: -1 });
        return;
      }
      this.#chunk = this.#chunks.length - 1;
      chunk = last;
      index = last.vmas.length;
    }
    chunk.vmas.splice(index, 0, vma);
    chunk.maxGap = -1;
    if (chunk.vmas.length > CHUNK_MAX) {
      this.#chunks.splice(this.#chunk + 1, 0, { vmas: chunk.vmas.splice(CHUNK_MAX / 2), maxGap: -1 });
    }
  }

  /** Takes out a mapping that is in the list. */
  remove(vma: Vma): void {
    const chunk = this.#place(vma);
    this.#length -= 1;
    const isLast = this.#index === chunk.vmas.length - 1;
    chunk.vmas.splice(this.#index, 1);
    chunk.maxGap = -1;
    const next = this.#chunks[this.#chunk + 1];
    if (isLast && next !== undefined) next.maxGap = -1;
    if (chunk.vmas.length === 0) this.#chunks.splice(this.#chunk, 1);
  }

  /** Changes the bounds of a mapping in the list; it must not pass its neighbours. */
  resize(vma: Vma, start: number, end: number): void {
    const chunk = this.#place(vma);
    chunk.maxGap = -1;
    const next = this.#chunks[this.#chunk + 1];
    if (this.#index === chunk.vmas.length - 1 && next !== undefined) next.maxGap = -1;
    vma.start = start;
    vma.end = end;
  }

  /** The highest start in [low, high - length] of a gap of `length` bytes, aligned to `align`; -1 if there is none. */
  gapTopDown(length: number, low: number, high: number, align = PAGE_SIZE): number {
    this.#locate(high);
    let c = this.#chunk;
    let i = this.#index;
    let upper = this.#chunks[c]?.vmas[i];
    for (;;) {
      const ceiling = upper === undefined ? high : Math.min(high, startGap(upper));
      if (i > 0) i -= 1;
      else {
        c -= 1;
        i = (this.#chunks[c]?.vmas.length ?? 0) - 1;
      }
      const chunk = this.#chunks[c];
      const lower = chunk?.vmas[i];
      const floor = lower === undefined ? low : Math.max(low, lower.end);
      const start = ceiling - length - ((((ceiling - length) % align) + align) % align);
      if (start >= floor) return start;
      if (chunk === undefined || lower === undefined || lower.end <= low) return -1;
      upper = lower;
      // While no gap in front of any mapping of this chunk is large enough, go on below its first.
      while (i === this.#chunks[c].vmas.length - 1 && this.#maxGap(c) < length) {
        c -= 1;
        if (c < 0) return -1;
        i = this.#chunks[c].vmas.length - 1;
        upper = this.#chunks[c].vmas[i];
      }
    }
  }

  /** The lowest start in [low, high - length] of a gap of `length` bytes, aligned to `align`; -1 if there is none. */
  gapBottomUp(length: number, low: number, high: number, align = PAGE_SIZE): number {
    this.#locate(low);
    let floor = low;
    let i = this.#index;
    for (let c = this.#chunk; c < this.#chunks.length; c++) {
      const vmas = this.#chunks[c].vmas;
      if (i === 0 && vmas[0].start > low && this.#maxGap(c) < length) {
        floor = vmas[vmas.length - 1].end;
        continue;
      }
      for (; i < vmas.length; i++) {
        const start = Math.ceil(floor / align) * align;
        if (start + length > high) return -1;
        if (start + length <= startGap(vmas[i])) return start;
        floor = Math.max(floor, vmas[i].end);
      }
      i = 0;
    }
    const start = Math.ceil(floor / align) * align;
    return start + length <= high ? start : -1;
  }

  #maxGap(index: number): number {
    const chunk = this.#chunks[index];
    if (chunk.maxGap >= 0) return chunk.maxGap;
    let end = this.#chunks[index - 1]?.vmas.at(-1)?.end ?? 0;
    let max = 0;
    for (const vma of chunk.vmas) {
      const gap = vma.start - end;
      if (gap > max) max = gap;
      end = vma.end;
    }
    chunk.maxGap = max;
    return max;
  }

  /** The chunk of a mapping in the list, its position in `#chunk` and `#index`. */
  #place(vma: Vma): Chunk {
    this.#locate(vma.start);
    const chunk = this.#chunks[this.#chunk];
    if (chunk?.vmas[this.#index] !== vma) throw new Error(`mapping at 0x${vma.start.toString(16)} is not in the list`);
    return chunk;
  }

  /** Finds the position of the first mapping with end > addr; `#chunk` is the number of chunks if there is none. */
  #locate(addr: number): void {
    const chunks = this.#chunks;
    let lo = 0;
    let hi = chunks.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      const vmas = chunks[mid].vmas;
      if (vmas[vmas.length - 1].end > addr) hi = mid;
      else lo = mid + 1;
    }
    this.#chunk = lo;
    this.#index = 0;
    if (lo === chunks.length) return;
    const vmas = chunks[lo].vmas;
    let from = 0;
    let to = vmas.length - 1;
    while (from < to) {
      const mid = (from + to) >>> 1;
      if (vmas[mid].end > addr) to = mid;
      else from = mid + 1;
    }
    this.#index = from;
  }
}

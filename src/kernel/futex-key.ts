/**
 * What a futex word is named by (Linux: union futex_key, get_futex_key): private words by the address space and the address, words in
 * shared mappings by what is mapped.
 */
import { EFAULT, EINVAL } from '../abi/errno.ts';
import type { Task } from './task.ts';

/** Whoever is to know which of its words have waiters: a wake of any other need not be asked for. */
export interface FutexSpace {
  /** @param delta 1 when the first waiter comes, -1 when the last has gone */
  announceFutex(addr: number, delta: 1 | -1): void;
}

export interface FutexKey {
  object: object;
  offset: number;
  /** The address space of a private word. */
  space: FutexSpace | null;
}

const NOTHING = {};
/** Who waits for a word of private memory as for a shared one is not woken as for a private one (Linux: FUT_OFF_MMSHARED). */
const SHARED_HERE = 2;

export function emptyKey(): FutexKey {
  return { object: NOTHING, offset: 0, space: null };
}

/** Fills `out`: 0 or -errno. */
export function keyOf(task: Task, addr: number, isPrivate: boolean, out: FutexKey): number {
  if (addr % 4 !== 0) return -EINVAL;
  if (!(addr < 2 ** 47)) return -EFAULT;
  out.object = task.mm;
  out.offset = addr;
  out.space = isPrivate ? task.mm : null;
  if (isPrivate) return 0;
  const shared = task.mm.futexKey(addr);
  if (shared === null) {
    out.offset = addr + SHARED_HERE;
    return task.mm.readU32Now(addr) === null ? -EFAULT : 0;
  }
  out.object = shared.object;
  out.offset = shared.offset;
  return 0;
}

/** A table of something for each word. */
export class FutexTable<T> {
  readonly #byObject = new Map<object, Map<number, T>>();

  get({ object, offset }: FutexKey): T | undefined {
    return this.#byObject.get(object)?.get(offset);
  }

  set({ object, offset, space }: FutexKey, value: T): void {
    let byOffset = this.#byObject.get(object);
    if (byOffset === undefined) {
      byOffset = new Map();
      this.#byObject.set(object, byOffset);
    }
    byOffset.set(offset, value);
    space?.announceFutex(offset, 1);
  }

  /** Removes it if it is `value`. */
  delete({ object, offset, space }: FutexKey, value: T): void {
    const byOffset = this.#byObject.get(object);
    if (byOffset?.get(offset) !== value) return;
    byOffset.delete(offset);
    space?.announceFutex(offset, -1);
    if (byOffset.size === 0) this.#byObject.delete(object);
  }

  get size(): number {
    let size = 0;
    for (const byOffset of this.#byObject.values()) size += byOffset.size;
    return size;
  }

  get isEmpty(): boolean {
    return this.#byObject.size === 0;
  }
}

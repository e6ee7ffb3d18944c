/**
 * A sandbox that does nothing gives back what its start and its last work have left in V8's heap and in malloc(3)'s, and of the program: V8 itself would by
 * timers of Node's loop, which does not turn here. Whoever runs the sentry must have --expose-gc; without it V8's heap stays.
 */
import { native } from '../host/native.ts';

/** So much more than after the last time makes it worth a pause of some milliseconds. */
const GROWTH = 1.2;

/**
 * Code that has not run for so many collections is dropped, and compiled again from its source when it is called. At rest that is all of it, most of
 * which only the start has needed: 1.5 MB, and the next event comes some milliseconds later.
 */
const AGE_AT_REST = 1;
/** V8's own measure (its flag-definitions.h). */
const V8_AGE = 6;

export class HeapRest {
  #keptBytes = 0;

  /** Nothing has happened for a while. */
  collect(): void {
    const collect = globalThis.gc;
    // Not imported: all that node:v8 brings along would take 8 ms of each start.
    const { getHeapStatistics, setFlagsFromString } = process.getBuiltinModule('node:v8');
    if (collect !== undefined && getHeapStatistics().total_heap_size >= this.#keptBytes * GROWTH) {
      setFlagsFromString(`--bytecode-old-age=${AGE_AT_REST}`);
      collect({ execution: 'sync', type: 'major', flavor: 'last-resort' });
      setFlagsFromString(`--bytecode-old-age=${V8_AGE}`);
      this.#keptBytes = getHeapStatistics().total_heap_size;
    }
    // Each time: what V8 does after a collection, in its own time, brings much of the program back.
    native.trim();
  }
}

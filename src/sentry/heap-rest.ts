/**
 * A sandbox that does nothing gives back what its start and its last work have left in V8's heap and in malloc(3)'s, and of the program: V8 itself would by
 * timers of Node's loop, which does not turn here. Whoever runs the sentry must have --expose-gc; without it V8's heap stays.
 */
import { native } from '../host/native.ts';

/** So much more than after the last time makes it worth a pause of some milliseconds. */
const GROWTH = 1.3;

/**
 * V8 drops code that has not run for some collections, and compiles it again from its source when it is called. At rest one is enough, of
 * machine code too, which it keeps otherwise: most of it only the start has needed. 2 MB, and the next event comes some milliseconds later.
 */
const FLAGS_AT_REST = ['--bytecode-old-age=1', '--flush-baseline-code'];
/** V8's own (its flag-definitions.h). */
const FLAGS_ELSE = ['--bytecode-old-age=6', '--no-flush-baseline-code'];

export class HeapRest {
  #keptBytes = 0;

  /** Nothing has happened for a while. */
  collect(): void {
    const collect = globalThis.gc;
    // Not imported: all that node:v8 brings along would take 8 ms of each start.
    const { getHeapStatistics, setFlagsFromString } = process.getBuiltinModule('node:v8');
    if (collect !== undefined && getHeapStatistics().total_heap_size >= this.#keptBytes * GROWTH) {
      for (const flag of FLAGS_AT_REST) setFlagsFromString(flag);
      collect({ execution: 'sync', type: 'major', flavor: 'last-resort' });
      for (const flag of FLAGS_ELSE) setFlagsFromString(flag);
      this.#keptBytes = getHeapStatistics().total_heap_size;
    }
    // Each time: what V8 does after a collection, in its own time, brings much of the program back.
    native.trim();
  }
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WaitQueue } from './wait-queue.ts';

class Listener {
  told = 0;
  notify(): void {
    this.told += 1;
  }
}

/** What a queue is to do, in the plainest way. */
class Model {
  entries: { readonly who: number; readonly mask: number; readonly isExclusive: boolean }[] = [];

  remove(who: number): void {
    const i = this.entries.findIndex((each) => each.who === who);
    if (i >= 0) this.entries.splice(i, 1);
  }

  /** Who is told how often. */
  wake(events: number, count: number): number[] {
    const told = new Array<number>(count).fill(0);
    const first = this.entries.find(({ mask, isExclusive }) => isExclusive && (mask & events) !== 0);
    for (const entry of this.entries) {
      if ((entry.mask & events) !== 0 && (!entry.isExclusive || entry === first))
        told[entry.who] = (told[entry.who] ?? 0) + 1;
    }
    return told;
  }
}

test('few or many waiters: the same are told', () => {
  const COUNT = 200;
  const who = fc.nat(COUNT - 1);
  const mask = fc.integer({ min: 1, max: 7 });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), who, mask, isExclusive: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), who }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wake' as const), mask }) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 600, size: 'max' }), (steps) => {
      const listeners = Array.from({ length: COUNT }, () => new Listener());
      const at = (i: number): Listener => listeners[i] ?? assert.fail();
      const queue = new WaitQueue();
      const model = new Model();
      for (const each of steps) {
        if (each.kind === 'add') {
          if (model.entries.some((entry) => entry.who === each.who)) continue;
          if (each.isExclusive) queue.addExclusive(at(each.who), each.mask);
          else queue.add(at(each.who), each.mask);
          model.entries.push(each);
        } else if (each.kind === 'remove') {
          queue.remove(at(each.who));
          model.remove(each.who);
        } else {
          for (const listener of listeners) listener.told = 0;
          queue.wake(each.mask);
          assert.deepEqual(
            listeners.map(({ told }) => told),
            model.wake(each.mask, COUNT),
          );
        }
        assert.equal(queue.isEmpty, model.entries.length === 0);
      }
    }),
    { numRuns: 200 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NameMap } from './name-map.ts';

test('a map by name is what a plain map is, whatever comes and goes', () => {
  const step = fc.record({ isAdded: fc.boolean(), name: fc.integer({ min: 0, max: 300 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 2000, size: 'max' }), (steps) => {
      const map = new NameMap<number>();
      const model = new Map<string, number>();
      for (const [i, { isAdded, name }] of steps.entries()) {
        if (isAdded) {
          map.set(`n${name}`, i);
          model.set(`n${name}`, i);
        } else {
          map.delete(`n${name}`);
          model.delete(`n${name}`);
        }
        assert.equal(map.size, model.size);
        assert.equal(map.get(`n${name}`), model.get(`n${name}`));
      }
      assert.deepEqual(
        [...map.values()].sort((a, b) => a - b),
        [...model.values()].sort((a, b) => a - b),
      );
    }),
    { numRuns: 30 },
  );
});

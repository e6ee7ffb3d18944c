import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteRing } from './byte-ring.ts';

const operation = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), n: fc.nat(9000) }),
  fc.record({ kind: fc.constant('shift' as const), n: fc.nat(9000) }),
  fc.record({ kind: fc.constant('drop' as const), n: fc.nat(3000) }),
  fc.record({ kind: fc.constant('resize' as const), n: fc.integer({ min: 1, max: 20000 }) }),
);

test('a ring gives back what a plain list would, in order, within its capacity', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      const ring = new ByteRing(10000);
      let model: number[] = [];
      let capacity = 10000;
      let next = 0;
      for (const { kind, n } of operations) {
        if (kind === 'push') {
          const bytes = Uint8Array.from({ length: n }, () => next++ & 0xff);
          const pushed = ring.push(bytes, 0, n);
          assert.equal(pushed, Math.min(n, capacity - model.length));
          model.push(...bytes.subarray(0, pushed));
        } else if (kind === 'shift') {
          const dst = new Uint8Array(n + 3);
          const got = ring.shift(dst, 3, n);
          assert.deepEqual([...dst.subarray(3, 3 + got)], model.slice(0, n));
          model = model.slice(got);
        } else if (kind === 'drop') {
          ring.drop(n);
          model = model.slice(n);
        } else {
          assert.equal(ring.resize(n), n >= model.length);
          if (n >= model.length) capacity = n;
        }
        assert.equal(ring.length, model.length);
        assert.equal(ring.free, capacity - model.length);
        const all = new Uint8Array(model.length);
        ring.peek(all, 0, all.length);
        assert.deepEqual([...all], model);
        const skipped = new Uint8Array(model.length);
        assert.equal(ring.peek(skipped, 0, skipped.length, 5), Math.max(0, model.length - 5));
        assert.deepEqual([...skipped.subarray(0, Math.max(0, model.length - 5))], model.slice(5));
      }
    }),
    { numRuns: 100 },
  );
});

test('a cleared ring is empty and works again', () => {
  const ring = new ByteRing(8);
  assert.equal(ring.push(new Uint8Array(20), 0, 20), 8);
  ring.clear();
  assert.equal(ring.length, 0);
  assert.equal(ring.push(Uint8Array.of(1, 2, 3), 1, 2), 2);
  const dst = new Uint8Array(2);
  assert.equal(ring.shift(dst, 0, 2), 2);
  assert.deepEqual([...dst], [2, 3]);
});

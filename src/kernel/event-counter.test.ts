import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EAGAIN, EINVAL } from '../abi/errno.ts';
import { POLLIN, POLLOUT } from '../abi/poll.ts';
import { EventCounter } from './event-counter.ts';

const MAX = 2n ** 64n - 2n;

function take(counter: EventCounter, isSemaphore: boolean): bigint | number {
  const bytes = new Uint8Array(8);
  const result = counter.take(bytes, 0, isSemaphore);
  return result < 0 ? result : new DataView(bytes.buffer).getBigUint64(0, true);
}

test('the two words count as one 64-bit number would', () => {
  const value = fc.oneof(
    fc.bigInt(0n, 2n ** 64n - 1n),
    fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, MAX, MAX + 1n),
  );
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), value }),
    fc.record({ kind: fc.constantFrom('take' as const, 'one' as const), value }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const counter = new EventCounter(7);
      let model = 7n;
      for (const { kind, value: n } of steps) {
        if (kind === 'add') {
          const result = counter.add(Number(n & 0xffff_ffffn), Number(n >> 32n));
          const expected = n > MAX ? -EINVAL : model + n > MAX ? -EAGAIN : 0;
          assert.equal(result, expected);
          if (expected === 0) model += n;
        } else {
          const result = take(counter, kind === 'one');
          if (model === 0n) assert.equal(result, -EAGAIN);
          else assert.equal(result, kind === 'one' ? 1n : model);
          model = model === 0n ? 0n : kind === 'one' ? model - 1n : 0n;
        }
        assert.equal(counter.poll(), (model > 0n ? POLLIN : 0) | (model < MAX ? POLLOUT : 0));
      }
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Timer, Timers } from './timers.ts';

test('timers fire in the order of their deadlines and only when due', () => {
  const timers = new Timers();
  const fired: number[] = [];
  for (const deadline of [50, 10, 40, 20, 30]) timers.add(deadline, () => fired.push(deadline));
  assert.equal(timers.nextDeadlineNs(), 10);
  timers.run(30);
  assert.deepEqual(fired, [10, 20, 30]);
  assert.equal(timers.nextDeadlineNs(), 40);
});

test('a cancelled timer never fires, wherever it is in the heap', () => {
  const timers = new Timers();
  const fired: number[] = [];
  const all = [7, 3, 9, 1, 5, 8, 2].map((deadline) => timers.add(deadline, () => fired.push(deadline)));
  for (const timer of all) if (timer.deadlineNs % 2 === 1) timers.cancel(timer);
  timers.run(100);
  assert.deepEqual(fired, [2, 8]);
  assert.equal(timers.nextDeadlineNs(), Infinity);
});

test('the heap fires what a sorted list would, whatever is added and cancelled in between', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), n: fc.nat(1000) }),
    fc.record({ kind: fc.constant('cancel' as const), n: fc.nat(1000) }),
    fc.record({ kind: fc.constant('run' as const), n: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const timers = new Timers();
      const armed = new Map<number, Timer>();
      const all: Timer[] = [];
      let fired: number[] = [];
      let now = 0;
      for (const { kind, n } of steps) {
        if (kind === 'add') {
          const id = all.length;
          const timer = timers.add(now + n, () => fired.push(id));
          all.push(timer);
          armed.set(id, timer);
        } else if (kind === 'cancel' && all.length > 0) {
          timers.cancel(all[n % all.length]);
          armed.delete(n % all.length);
        } else if (kind === 'run') {
          now += n;
          fired = [];
          timers.run(now);
          const due = [...armed].filter(([, timer]) => timer.deadlineNs <= now).map(([id]) => id);
          assert.deepEqual([...fired].sort(), [...due].sort());
          const deadlines = fired.map((id) => all[id].deadlineNs);
          assert.deepEqual(
            deadlines,
            [...deadlines].sort((a, b) => a - b),
          );
          for (const id of due) armed.delete(id);
        }
        assert.equal(timers.nextDeadlineNs(), Math.min(Infinity, ...[...armed.values()].map((t) => t.deadlineNs)));
      }
    }),
    { numRuns: 200 },
  );
});

test('a timer that an earlier one of the same run cancels does not fire', () => {
  const timers = new Timers();
  const fired: string[] = [];
  timers.add(1, () => {
    fired.push('first');
    timers.cancel(second);
  });
  const second = timers.add(2, () => fired.push('second'));
  timers.run(10);
  assert.deepEqual(fired, ['first']);
});

test('what is added while timers run waits for the next run', () => {
  const timers = new Timers();
  let count = 0;
  const again = (): void => {
    count += 1;
    timers.add(0, again);
  };
  timers.add(0, again);
  timers.run(5);
  assert.equal(count, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timers } from './timers.ts';

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

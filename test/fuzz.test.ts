/** Random system calls beside a witness; `npm test -- --all` has it run for ten minutes (FUZZ_SECONDS, FUZZ_SEED). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './fuzz/syscalls.ts';

test('random system calls hurt only who makes them', async (context) => {
  const failures = await fuzz({
    seed: Number(process.env.FUZZ_SEED ?? 1),
    seconds: Number(process.env.FUZZ_SECONDS ?? 4),
    cycles: 1,
    threads: 3,
    processes: 4,
    report: (line) => context.diagnostic(line),
  });
  assert.deepEqual(failures, []);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALLOW, NOTIFY, runFilter, TRAP, X86_64 } from './bpf.fixture.ts';
import { stubFilter } from './filter.ts';
import { STUB_TEXT_END, STUB_TEXT_START } from './layout.ts';

/** What becomes of a call by the stub's own filter. */
function decide(arch: number, ip: number, nr: number, args: number[] = []): number {
  return runFilter(stubFilter(), arch, ip, nr, args);
}

const INSIDE = STUB_TEXT_START + 0x100;

test('guest code traps with every number, and other ABIs trap everywhere', () => {
  for (let nr = 0; nr < 600; nr++) {
    assert.equal(decide(X86_64, 0x401000, nr), TRAP);
    assert.equal(decide(0x40000003, INSIDE, nr), TRAP);
    assert.equal(decide(X86_64, INSIDE, nr | 0x40000000), TRAP);
  }
});

test('the borders of the trusted text are exact', () => {
  assert.equal(decide(X86_64, STUB_TEXT_START, 9), TRAP);
  assert.equal(decide(X86_64, STUB_TEXT_START + 2, 9), ALLOW);
  assert.equal(decide(X86_64, STUB_TEXT_END, 9), ALLOW);
  assert.equal(decide(X86_64, STUB_TEXT_END + 1, 9), TRAP);
  assert.equal(decide(X86_64, INSIDE - 2 ** 32, 9), TRAP);
});

test('the trusted text reaches exactly these calls', () => {
  const reached: number[] = [];
  for (let nr = 0; nr < 600; nr++) if (decide(X86_64, INSIDE, nr) === ALLOW) reached.push(nr);
  // With zero arguments: futex op 0 and advice 0 are fine, write of 0 bytes and prctl 0 are not.
  assert.deepEqual(reached, [3, 9, 10, 11, 15, 24, 25, 27, 28, 47, 60, 131, 202, 231, 324]);
  assert.equal(decide(X86_64, INSIDE, 56), NOTIFY);
});

test('arguments are checked where a call could do more', () => {
  assert.equal(decide(X86_64, INSIDE, 202, [0, 6]), TRAP, 'FUTEX_LOCK_PI');
  assert.equal(decide(X86_64, INSIDE, 28, [0, 0, 100]), TRAP, 'MADV_HWPOISON');
  assert.equal(decide(X86_64, INSIDE, 1, [4, 0, 8]), ALLOW, 'the doorbell');
  assert.equal(decide(X86_64, INSIDE, 1, [5, 0, 8]), TRAP);
  assert.equal(decide(X86_64, INSIDE, 1, [5, 0, 1]), ALLOW, 'the hello byte');
  assert.equal(decide(X86_64, INSIDE, 1, [4, 0, 2 ** 32 + 1]), TRAP, 'a huge length with a small low word');
  assert.equal(decide(X86_64, INSIDE, 157, [1, 9]), ALLOW);
  assert.equal(decide(X86_64, INSIDE, 228, [3]), ALLOW, 'CPU time of the thread');
  assert.equal(decide(X86_64, INSIDE, 228, [2]), TRAP);
  for (const code of [0x1001, 0x1002, 0x1003, 0x1004]) assert.equal(decide(X86_64, INSIDE, 158, [code]), ALLOW);
  for (const code of [0, 0x1000, 0x1005, 0x1011, 0x1012, 0x2001])
    assert.equal(decide(X86_64, INSIDE, 158, [code]), TRAP);
  assert.equal(decide(X86_64, INSIDE, 157, [1, 0]), TRAP);
  assert.equal(decide(X86_64, INSIDE, 157, [22, 9]), TRAP);
});

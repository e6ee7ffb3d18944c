import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stubFilter } from './filter.ts';
import { STUB_TEXT_END, STUB_TEXT_START } from './layout.ts';

const ALLOW = 0x7fff0000;
const TRAP = 0x00030000;
const NOTIFY = 0x7fc00000;
const X86_64 = 0xc000003e;

/** Runs the filter as the kernel would (a small interpreter of the instructions it uses). */
function decide(arch: number, ip: number, nr: number, args: number[] = []): number {
  const program = stubFilter();
  const code = new DataView(program.buffer);
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  data.setBigUint64(8, BigInt(ip), true);
  for (const [i, arg] of args.entries()) data.setBigUint64(16 + i * 8, BigInt.asUintN(64, BigInt(arg)), true);
  let a = 0;
  for (let pc = 0; pc * 8 < program.length; pc++) {
    const op = code.getUint16(pc * 8, true);
    const k = code.getUint32(pc * 8 + 4, true);
    const branch = (is: boolean): number => code.getUint8(pc * 8 + (is ? 2 : 3));
    if (op === 0x20) a = data.getUint32(k, true);
    else if (op === 0x05) pc += k;
    else if (op === 0x15) pc += branch(a === k);
    else if (op === 0x25) pc += branch(a > k);
    else if (op === 0x35) pc += branch(a >= k);
    else if (op === 0x06) return k;
    else assert.fail(`instruction ${op} is not interpreted`);
  }
  return assert.fail('the filter ends without an action');
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
  assert.equal(decide(X86_64, INSIDE, 157, [1, 0]), TRAP);
  assert.equal(decide(X86_64, INSIDE, 157, [22, 9]), TRAP);
});

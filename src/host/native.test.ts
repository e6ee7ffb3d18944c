import assert from 'node:assert/strict';
import { test } from 'node:test';
import { native } from './native.ts';

const GETPID = 39;
const CLOSE = 3;

test('a host call gives the raw result of the kernel', () => {
  assert.equal(native.syscall(GETPID), process.pid);
  assert.equal(native.syscall(CLOSE, -1), -9);
});

test('reserved address space is writable from end to end', () => {
  const words = new Int32Array(native.reserve(1 << 30));
  words[words.length - 1] = 7;
  assert.equal(words[words.length - 1], 7);
  assert.equal(native.addressOf(words) % 4096, 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BINPRM_BUF_SIZE, parseScriptLine, type ScriptLine } from './script.ts';

function parse(text: string): ScriptLine | null {
  const header = new Uint8Array(BINPRM_BUF_SIZE);
  header.set(Buffer.from(text, 'latin1').subarray(0, BINPRM_BUF_SIZE));
  return parseScriptLine(header);
}

test('a script line has an interpreter and at most one argument', () => {
  assert.deepEqual(parse('#!/bin/sh\necho'), { interpreter: '/bin/sh', argument: null });
  assert.deepEqual(parse('#! \t/bin/sh  \n'), { interpreter: '/bin/sh', argument: null });
  assert.deepEqual(parse('#!/usr/bin/env  python3 -u \t\nx'), { interpreter: '/usr/bin/env', argument: 'python3 -u' });
  assert.deepEqual(parse('#!/bin/sh'), { interpreter: '/bin/sh', argument: null });
  assert.deepEqual(parse('#!/bin/sh -e'), { interpreter: '/bin/sh', argument: '-e' });
  assert.deepEqual(parse('#!/bin/\xff\xfe\n'), { interpreter: '/bin/\xff\xfe', argument: null });
});

test('a line without a whole interpreter name is none', () => {
  assert.equal(parse('#!\n'), null);
  assert.equal(parse('#!   \t\n'), null);
  assert.equal(parse(`#!${' '.repeat(300)}`), null);
  assert.equal(parse(`#!/${'a'.repeat(300)}`), null);
  assert.equal(parse(`#!/${'a'.repeat(252)}\n`)?.interpreter.length, 253);
  assert.equal(parse(`#!/bin/sh ${'a'.repeat(300)}`)?.interpreter, '/bin/sh');
});

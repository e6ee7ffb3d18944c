/** Replays what test/golden/record-line-discipline.py saw a real Linux pty do, and throws arbitrary bytes at the discipline. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { EAGAIN } from '../abi/errno.ts';
import { SIGINT, SIGQUIT, SIGTSTP } from '../abi/signal.ts';
import { LineDiscipline } from './line-discipline.ts';
import * as names from './termios.ts';
import { Termios } from './termios.ts';

interface Case {
  name: string;
  settings: string[];
  steps: [string, string | number | string[]][];
  results: (string | number)[];
}

const cases: Case[] = JSON.parse(
  readFileSync(new URL('../../test/golden/line-discipline.json', import.meta.url), 'latin1'),
);
const constants = new Map<string, unknown>(Object.entries(names));

function constantOf(name: string): number {
  const value = constants.get(name);
  assert.equal(typeof value, 'number', `no constant ${name}`);
  return Number(value);
}

function changed(old: Termios, settings: readonly string[]): Termios {
  const next = old.clone();
  for (const setting of settings) {
    const [cc, value] = setting.split('=');
    if (value !== undefined) {
      next.cc[constantOf(cc)] = Number(value);
      continue;
    }
    const name = setting.replace('-', '');
    const bits = constantOf(name);
    const word =
      /^(I[NGCUXS]|PARMRK)/.test(name) && !/^(ICANON|ISIG)$/.test(name)
        ? 'iflag'
        : /^(O|XTABS)/.test(name)
          ? 'oflag'
          : 'lflag';
    next[word] = setting.startsWith('-') ? next[word] & ~bits : next[word] | bits;
  }
  return next;
}

function hexRead(discipline: LineDiscipline, size: number): string {
  const dst = new Uint8Array(size);
  const n = discipline.read(dst, 0, size);
  return n === -EAGAIN ? 'EAGAIN' : Buffer.from(dst.subarray(0, n)).toString('hex');
}

function quiet(): LineDiscipline {
  return new LineDiscipline({ signal() {}, flow() {}, flushed() {} });
}

for (const golden of cases) {
  test(`as on Linux: ${golden.name}`, () => {
    const discipline = quiet();
    discipline.setTermios(changed(discipline.termios, golden.settings));
    const results = golden.steps.map(([kind, argument]): string | number => {
      const bytes = Buffer.from(String(argument), 'hex');
      switch (kind) {
        case 'type':
          return discipline.receive(bytes, 0, bytes.length);
        case 'write': {
          const n = discipline.write(bytes, 0, bytes.length);
          return n === -EAGAIN ? 'EAGAIN' : n;
        }
        case 'read':
          return hexRead(discipline, Number(argument));
        case 'seen': {
          const out = new Uint8Array(65536);
          return Buffer.from(out.subarray(0, discipline.output.take(out, 0, out.length))).toString('hex');
        }
        case 'set':
          assert.ok(Array.isArray(argument));
          discipline.setTermios(changed(discipline.termios, argument));
          return 0;
        default:
          return discipline.readableBytes;
      }
    });
    assert.deepEqual(results, golden.results);
  });
}

test('signal characters are told', () => {
  const seen: number[] = [];
  const discipline = new LineDiscipline({ signal: (signo) => seen.push(signo), flow() {}, flushed() {} });
  discipline.receive(Uint8Array.of(3, 28, 26), 0, 3);
  assert.deepEqual(seen, [SIGINT, SIGQUIT, SIGTSTP]);
});

test('any bytes with any settings keep the buffers bounded', () => {
  const word = fc.integer({ min: 0, max: 0o177777 });
  fc.assert(
    fc.property(word, word, word, fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }), (i, o, l, inputs) => {
      const discipline = quiet();
      const settings = new Termios();
      settings.iflag = i;
      settings.oflag = o;
      settings.lflag = l;
      discipline.setTermios(settings);
      const dst = new Uint8Array(512);
      for (const input of inputs) {
        const taken = discipline.receive(input, 0, input.length);
        assert.ok(taken >= 0 && taken <= input.length);
        assert.ok(discipline.readableBytes >= 0 && discipline.readableBytes <= 4096);
        const n = discipline.read(dst, 0, dst.length);
        assert.ok(n === -EAGAIN || (n >= 0 && n <= dst.length));
        assert.ok(discipline.output.length <= discipline.output.capacity);
        discipline.setTermios(settings.clone());
      }
    }),
    { numRuns: 200 },
  );
});

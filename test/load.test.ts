/**
 * Many of everything: each program of test/load, and some pipelines, must say the same on Linux and in a sandbox, and the sentry
 * must not keep what they used. Part of `npm test -- --all`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { before, describe, test } from 'node:test';
import { buildPrograms, listPrograms } from './guest-build.ts';
import { type Outcome, plainEnvironment, runProcess, runscPath } from './run-process.ts';

const TIMEOUT_MS = 600_000;
const CYCLES_TIMEOUT_MS = 3_000_000;
const BIG_MEGABYTES = 2048;
/** The sentry itself, and what it stages. */
const MOST_RESIDENT_MEGABYTES = 300;

/** Not compared with Linux (see there). */
const FULL_MEMORY = 'full-memory';

const pipelines: Readonly<Record<string, string>> = {
  'a gigabyte through pipes': "head -c 1073741824 /dev/zero | tr '\\0' 'x' | cat | cat | sha256sum",
  'a gigabyte from many writers': 'for i in 1 2 3 4 5 6 7 8; do head -c 134217728 /dev/zero & done | cat | wc -c',
};

async function inFresh<T>(run: (cwd: string) => Promise<T>): Promise<T> {
  const cwd = mkdtempSync(join(tmpdir(), 'load-'));
  try {
    return await run(cwd);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

async function compare(command: readonly string[]): Promise<void> {
  const [file = '', ...args] = command;
  const run = (name: string, more: readonly string[]): Promise<Outcome> =>
    inFresh((cwd) => runProcess(name, more, { cwd, timeoutMs: TIMEOUT_MS }));
  const expected = await run(file, args);
  assert.equal(expected.code, 0, `does not work natively: ${expected.stdout}`);
  assert.deepEqual(await run(runscPath, ['do', ...command]), expected);
}

function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

const programs = listPrograms('test/load');

describe('load', () => {
  before(async () => {
    for (const [name, errors] of await buildPrograms(programs)) assert.fail(`${name}: ${errors}`);
  });

  for (const { name, binary, source } of programs.filter((each) => each.name !== FULL_MEMORY)) {
    const isForRoot = /\(needs root\)/.test(readFileSync(source, 'utf8').split('\n', 1)[0] ?? '');
    const skip = isForRoot && process.getuid?.() !== 0 && 'needs root on the host side';
    test(name, { skip }, () => compare([binary]));
  }
  for (const [name, script] of Object.entries(pipelines)) test(name, () => compare(['/bin/sh', '-c', script]));

  const isRoot = process.getuid?.() === 0;
  test('a thousand containers, killed at any moment, leave nothing', { skip: !isRoot && 'needs root' }, async () => {
    const args = [join(import.meta.dirname, 'load/cycles.ts'), '--cycles', process.env.CYCLES ?? '1000'];
    const { stdout, stderr, code } = await runProcess(process.execPath, args, {
      cwd: '/',
      timeoutMs: CYCLES_TIMEOUT_MS,
    });
    assert.equal(code, 0, `${stdout}${stderr}`);
  });

  test('what mappings write to files in memory has an end', { skip: !isRoot && 'needs root' }, async () => {
    const program = programs.find(({ name }) => name === FULL_MEMORY);
    assert.ok(program !== undefined);
    const command = ['do', program.binary];
    const { stdout, code } = await inFresh((cwd) => runProcess(runscPath, command, { cwd, timeoutMs: TIMEOUT_MS }));
    assert.equal(code, 0, stdout);
    assert.match(stdout, /yes$/m);
    assert.doesNotMatch(stdout, /no$/m);
  });

  test('a file of two gigabytes takes nothing of the sentry', async (context) => {
    const program = programs.find(({ name }) => name === 'big-file');
    assert.ok(program !== undefined);
    await inFresh(async (cwd) => {
      const child = spawn(runscPath, ['do', program.binary, String(BIG_MEGABYTES)], {
        cwd,
        env: plainEnvironment,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      const steps: string[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        steps.push(line);
        const resident = residentMegabytes(child.pid ?? 0);
        context.diagnostic(`${line}: ${Math.round(resident)} MB`);
        assert.ok(resident < MOST_RESIDENT_MEGABYTES, `${line}: the sentry has ${resident} MB`);
        if (line === 'removed') child.stdin.end();
      }
      assert.deepEqual(steps, ['written', 'copied', 'checked', 'removed']);
      assert.deepEqual(await ended, [0, null]);
    });
  });
});

/**
 * Real programs: each script of test/programs runs on the host and under `./runsc do` in fresh directories, and its output
 * and exit code must be equal.
 *
 * Environment: PROGRAMS=name,... selects scripts.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Outcome, repositoryRoot, runProcess, runscPath } from './run-process.ts';

const folder = `${repositoryRoot}/test/programs`;
const selection = process.env.PROGRAMS?.split(',');
const scripts = readdirSync(folder)
  .filter((file) => file.endsWith('.sh'))
  .map((file) => file.replace(/\.sh$/, ''))
  .filter((name) => selection === undefined || selection.includes(name));

async function runFresh(file: string, args: readonly string[]): Promise<Outcome> {
  const cwd = mkdtempSync(join(tmpdir(), 'programs-'));
  try {
    return await runProcess(file, args, { cwd, timeoutMs: 120_000 });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

describe('programs', () => {
  for (const name of scripts) {
    test(name, async () => {
      const script = `${folder}/${name}.sh`;
      const expected = await runFresh('/bin/bash', [script]);
      assert.ok(!expected.isTimedOut, `timed out natively after:\n${expected.stdout}`);
      const actual = await runFresh(runscPath, ['do', '/bin/bash', script]);
      assert.deepEqual(actual.stdout.split('\n'), expected.stdout.split('\n'));
      assert.deepEqual(actual, expected);
    });
  }
});

/**
 * Real programs: each script of a folder runs on the host and under `./runsc do` in fresh directories, and its output and exit
 * code must be equal.
 *
 * Comments of the script may say what it needs:
 *   `# Needs: go gcc`   commands that must be there, else the test fails: two hosts without `go` would agree on nothing
 *   `# Sources: zlib`   Debian source packages; the script finds their archives in the directory $SOURCES
 *   `# Timeout: 300`    seconds for each of the two runs, 300 without it
 *
 * Environment: PROGRAMS=name,... selects scripts.
 */
import assert from 'node:assert/strict';
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Outcome, plainEnvironment, repositoryRoot, runProcess, runscPath } from './run-process.ts';
import { fetchSources } from './source-packages.ts';

const selection = process.env.PROGRAMS?.split(',');

function isCommand(name: string): boolean {
  const folders = (plainEnvironment.PATH ?? '').split(':');
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

type Environment = Readonly<Record<string, string>>;

async function runFresh(file: string, args: readonly string[], timeoutMs: number, env: Environment): Promise<Outcome> {
  const cwd = mkdtempSync(join(tmpdir(), 'programs-'));
  try {
    return await runProcess(file, args, { cwd, timeoutMs, env });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

async function compare(script: string, packages: string): Promise<void> {
  const text = readFileSync(script, 'utf8');
  const needs = /^# Needs: (.+)$/m.exec(text)?.[1]?.split(' ') ?? [];
  const missing = needs.filter((name) => !isCommand(name));
  assert.deepEqual(missing, [], `commands are missing: install the packages of ${packages}`);
  const timeoutMs = Number(/^# Timeout: (\d+)$/m.exec(text)?.[1] ?? 300) * 1000;
  const sources = /^# Sources: (.+)$/m.exec(text)?.[1]?.split(' ');
  const env: Environment = sources === undefined ? {} : { SOURCES: fetchSources(sources) };
  const expected = await runFresh('/bin/bash', [script], timeoutMs, env);
  assert.ok(!expected.isTimedOut, `timed out natively after:\n${expected.stdout}`);
  const actual = await runFresh(runscPath, ['do', '/bin/bash', script], timeoutMs, env);
  assert.deepEqual(actual.stdout.split('\n'), expected.stdout.split('\n'));
  assert.deepEqual(actual, expected);
}

/** Declares one test for each script of `folder`; `packages` names the list of Debian packages they stand on. */
export function comparePrograms(folder: string, packages: string): void {
  describe(folder, () => {
    for (const file of readdirSync(join(repositoryRoot, folder))) {
      const name = file.replace(/\.sh$/, '');
      if (name === file || (selection !== undefined && !selection.includes(name))) continue;
      test(name, () => compare(join(repositoryRoot, folder, file), packages));
    }
  });
}

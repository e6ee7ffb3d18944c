/**
 * `--strace` prints what strace(1) would: golden/strace.txt is the output of strace 6.1 for strace/calls.c with process ids and
 * addresses taken out, but for what is deliberately other: no count of environment strings, no results of poll(2), arguments of
 * clone(2) in their order, FD_CLOEXEC as a number, and no ignored signals.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildPrograms, listPrograms } from './guest-build.ts';
import { repositoryRoot, runProcess, runscPath } from './run-process.ts';

/** The lines of one task between the two marks, each call in one line, without what differs from run to run. */
function callsOf(pid: number, output: string): string[] {
  const lines: string[] = [];
  let begun = '';
  for (const line of output.split('\n')) {
    const [, who, text = ''] = /^\[pid +(\d+)\] (.*)$/.exec(line) ?? [];
    if (Number(who) !== pid) continue;
    if (text.endsWith(' <unfinished ...>')) {
      begun = text.replace(/ <unfinished \.\.\.>$/, '');
      continue;
    }
    const whole = begun + text.replace(/^<\.\.\. \w+ resumed>/, '');
    begun = '';
    lines.push(whole.replace(/0x[0-9a-f]{5,}/g, 'ADDRESS').replace(/ +=/, ' ='));
  }
  const [first = 0, last = 0] = lines.flatMap((line, i) => (line.startsWith('getppid') ? [i] : []));
  return lines.slice(first, last + 1);
}

test('strace', async () => {
  const programs = listPrograms('test/strace');
  assert.deepEqual([...(await buildPrograms(programs))], []);
  const cwd = mkdtempSync(join(tmpdir(), 'strace-'));
  try {
    const log = join(cwd, 'log');
    const args = ['do', '--strace', '--debug-log', log, programs[0]?.binary ?? ''];
    const outcome = await runProcess(runscPath, args, { cwd, timeoutMs: 30_000 });
    assert.deepEqual(outcome, { stdout: '', stderr: '', code: 0, isTimedOut: false });
    const output = readFileSync(log, 'utf8');
    const golden = readFileSync(`${repositoryRoot}/test/golden/strace.txt`, 'utf8');
    assert.deepEqual(callsOf(1, output), golden.trimEnd().split('\n'));
    assert.match(output, /^\[pid +2\] \+\+\+ exited with 7 \+\+\+$/m);
    assert.match(output, /^\[pid +1\] \+\+\+ exited with 0 \+\+\+$/m);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
});

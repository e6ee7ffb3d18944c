/**
 * Hostile guests hurt only themselves: each program of test/hostile runs in the background of a shell in the sandbox, and
 * what that shell does beside it and after it must come out right. Lines the attacker prints itself are what it found.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { buildPrograms, listPrograms } from './guest-build.ts';
import { runProcess, runscPath } from './run-process.ts';

/** What an attacker must print, where it prints anything. */
const findings: Readonly<Record<string, string>> = {
  'unmap-stub': 'changed 0\n',
  'other-abis': '1111111\n',
  'changing-text': 'wrong answers 0\nchanged back 0\nover\n',
  threads: 'made 1\n',
  'stays-inside': 'both ended\n',
};

/** Endless attackers are ended by the shell. */
const endless: ReadonlySet<string> = new Set(['noise', 'scribble', 'long-calls']);

const programs = listPrograms('test/hostile');

describe('hostile guests', () => {
  before(async () => {
    for (const [name, errors] of await buildPrograms(programs)) assert.fail(`${name}: ${errors}`);
  });

  for (const { name, binary } of programs) {
    test(name, async () => {
      const cwd = mkdtempSync(join(tmpdir(), 'hostile-'));
      const end = endless.has(name) ? 'sleep 1.5; kill -9 $attacker 2>/dev/null' : 'true';
      const script = `
        ${binary} > found 2>/dev/null & attacker=$!
        for i in 1 2 3; do ls / | grep -c etc; echo "beside $(echo $i | cat)"; sleep 0.1; done
        ${end}; wait $attacker; cat found
        echo after | tr a-z A-Z`;
      try {
        const outcome = await runProcess(runscPath, ['do', '--debug', 'sh', '-c', script], { cwd, timeoutMs: 60_000 });
        const innocent = [1, 2, 3].map((i) => `1\nbeside ${i}\n`).join('');
        assert.equal(outcome.stdout, `${innocent}${findings[name] ?? ''}AFTER\n`, outcome.stderr);
        assert.equal(outcome.code, 0);
        assert.doesNotMatch(outcome.stderr, /defect/, 'the sentry met what it did not expect');
      } finally {
        rmSync(cwd, { recursive: true, force: true });
      }
    });
  }
});

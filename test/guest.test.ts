/**
 * Linux is the judge: every program of test/guest runs on the host and under `./runsc do` in fresh directories, and standard
 * output, standard error and exit code must be equal. Known differences stand in guest/expected-differences.txt with a
 * reason; a program listed there that agrees fails too.
 *
 * Environment: GUEST=name,prefix* selects programs; GUEST_REPEAT=n runs each n times; GUEST_NATIVE=1 leaves the sandbox
 * out and compares native runs with each other, which proves the programs deterministic; GUEST_UID=n runs those as n.
 */
import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { buildPrograms, type GuestProgram, listPrograms } from './guest-build.ts';
import { type Outcome, repositoryRoot, runProcess, runscPath } from './run-process.ts';

const selection = process.env.GUEST?.split(',');
const repeat = Number(process.env.GUEST_REPEAT ?? '1');
const isNativeOnly = process.env.GUEST_NATIVE === '1';
const uid = process.env.GUEST_UID === undefined ? undefined : Number(process.env.GUEST_UID);

function isSelected(name: string): boolean {
  if (selection === undefined) return true;
  return selection.some((s) => (s.endsWith('*') ? name.startsWith(s.slice(0, -1)) : name === s));
}

/** Lines are `name: reason`; a hash starts a comment. */
function readExpectedDifferences(): Map<string, string> {
  const differences = new Map<string, string>();
  const text = readFileSync(`${repositoryRoot}/test/guest/expected-differences.txt`, 'utf8');
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name, reason] = /^([\w-]+): (.+)$/.exec(line) ?? [];
    if (name === undefined || reason === undefined) throw new Error(`bad line in expected-differences.txt: ${line}`);
    differences.set(name, reason);
  }
  return differences;
}

async function runFresh(file: string, args: readonly string[]): Promise<Outcome> {
  const cwd = mkdtempSync(join(tmpdir(), 'guest-'));
  try {
    if (uid !== undefined) chownSync(cwd, uid, uid);
    return await runProcess(file, args, { cwd, timeoutMs: 120_000, ...(uid === undefined ? {} : { uid }) });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

const runNative = (program: GuestProgram): Promise<Outcome> => runFresh(program.binary, []);
const runSandboxed = (program: GuestProgram): Promise<Outcome> => runFresh(runscPath, ['do', program.binary]);

const programs = listPrograms('test/guest').filter((program) => isSelected(program.name));
const differences = readExpectedDifferences();

describe('guest programs', { concurrency: 2 }, () => {
  let buildFailures = new Map<string, string>();
  before(async () => {
    buildFailures = await buildPrograms(programs);
  });

  for (const program of programs) {
    // Programs that need what only root has say so in their first line.
    const isForRoot = /\(needs root\)/.test(readFileSync(program.source, 'utf8').split('\n', 1)[0] ?? '');
    const isSkipped = isForRoot && (process.getuid?.() !== 0 || uid !== undefined) && 'needs root on the host side';

    test(program.name, { skip: isSkipped }, async () => {
      assert.equal(buildFailures.get(program.name), undefined);
      for (let round = 0; round < repeat; round++) {
        const expected = await runNative(program);
        assert.ok(!expected.isTimedOut, `timed out natively after:\n${expected.stdout}`);
        assert.ok(
          expected.code < 97 || expected.code > 99,
          `does not work natively:\n${expected.stdout}${expected.stderr}`,
        );
        const actual = isNativeOnly ? await runNative(program) : await runSandboxed(program);
        const reason = isNativeOnly ? undefined : differences.get(program.name);
        if (reason === undefined) assert.deepEqual(actual, expected);
        else assert.notDeepEqual(actual, expected, `agrees with Linux though it is listed as different: ${reason}`);
      }
    });
  }

  test('every expected difference names a program', () => {
    const known = new Set(listPrograms('test/guest').map((program) => program.name));
    for (const name of differences.keys()) assert.ok(known.has(name), `no such program: ${name}`);
    assert.ok(isNativeOnly || existsSync(runscPath), `no launcher at ${runscPath}`);
  });
});

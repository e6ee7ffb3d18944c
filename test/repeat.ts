/**
 * Looks for flakes: every guest program runs many times in sandboxes, and each run must say what the program says natively.
 *
 * node test/repeat.ts [--times N] [--only name,prefix*] [--width N]
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPrograms, type GuestProgram, listPrograms } from './guest-build.ts';
import { inParallel, type Outcome, repositoryRoot, runProcess, runscPath } from './run-process.ts';

/** Twice what the guest tests allow: these runs are made beside other work. */
const TIMEOUT_MS = 60_000;

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '100' },
    only: { type: 'string', default: '*' },
    width: { type: 'string', default: '2' },
  },
});

async function runFresh(file: string, args: readonly string[]): Promise<Outcome> {
  const cwd = mkdtempSync(join(tmpdir(), 'repeat-'));
  try {
    return await runProcess(file, args, { cwd, timeoutMs: TIMEOUT_MS });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** Known not to agree with Linux. */
function readExpectedDifferences(): Set<string> {
  const text = readFileSync(`${repositoryRoot}/test/guest/expected-differences.txt`, 'utf8');
  return new Set([...text.matchAll(/^([\w-]+): /gm)].map((match) => match[1] ?? ''));
}

function isSelected(name: string): boolean {
  return values.only.split(',').some((s) => (s.endsWith('*') ? name.startsWith(s.slice(0, -1)) : name === s));
}

/** The first line in which two outcomes differ. */
function difference(expected: Outcome, actual: Outcome): string {
  if (actual.isTimedOut) return `timed out after: ${actual.stdout.trimEnd().split('\n').at(-1)}\n${actual.stderr}`;
  const [want, got] = [expected, actual].map((o) => `${o.stdout}${o.stderr}exit ${o.code}`.split('\n'));
  const at = got?.findIndex((line, i) => line !== want?.[i]) ?? -1;
  return at < 0 ? `ends early, after: ${got?.at(-1)}` : `line ${at + 1}: ${got?.[at]} | native: ${want?.[at]}`;
}

function isSame(a: Outcome, b: Outcome): boolean {
  return a.stdout === b.stdout && a.stderr === b.stderr && a.code === b.code && a.isTimedOut === b.isTimedOut;
}

/** How often each kind of failure was seen. */
async function repeat(program: GuestProgram, times: number): Promise<Map<string, number>> {
  const failures = new Map<string, number>();
  const expected = await runFresh(program.binary, []);
  for (let i = 0; i < times; i++) {
    const actual = await runFresh(runscPath, ['do', program.binary]);
    if (isSame(actual, expected)) continue;
    // Only what is deterministic natively tells anything.
    const again = await runFresh(program.binary, []);
    const words = isSame(again, expected)
      ? difference(expected, actual)
      : `differs natively: ${difference(expected, again)}`;
    failures.set(words, (failures.get(words) ?? 0) + 1);
  }
  return failures;
}

// What building says must not be taken for what a program says.
await runProcess(runscPath, [], { cwd: repositoryRoot, env: { TSVISOR_PREPARE: '1' }, timeoutMs: 120_000 });
const differences = readExpectedDifferences();
const programs = listPrograms('test/guest').filter(({ name }) => isSelected(name) && !differences.has(name));
for (const [name, words] of await buildPrograms(programs)) throw new Error(`${name} does not build: ${words}`);
const times = Number(values.times);
let flaky = 0;
await inParallel(programs, Number(values.width), async (program) => {
  const failures = await repeat(program, times);
  if (failures.size > 0) flaky += 1;
  for (const [words, count] of failures) console.log(`${program.name}: ${count} of ${times}: ${words}`);
});
console.log(`${programs.length} programs, ${times} times each: ${flaky === 0 ? 'no flakes' : `${flaky} with flakes`}`);
process.exitCode = flaky === 0 ? 0 : 1;

/**
 * CPython's own tests: each module runs on the host and under `./runsc do`, and every test case must end the same way. Known
 * differences stand in docs/COMPATIBILITY.md with their reasons; one listed there that agrees fails too.
 *
 * Usage: node test/cpython.ts [--only test_os,test_posix] [--keep DIR]
 *   --only   these modules instead of all
 *   --keep   leave outputs and the kernel's logs in DIR
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { lastStarted, parseReport, type Report } from './cpython-report.ts';
import { repositoryRoot, runProcess, runscPath } from './run-process.ts';

const MODULES = [
  'test_os',
  'test_posix',
  'test_subprocess',
  'test_signal',
  'test_threading',
  'test_mmap',
  'test_fcntl',
  'test_select',
  'test_selectors',
  'test_poll',
  'test_epoll',
  'test_resource',
  'test_time',
  'test_io',
  'test_fileio',
  'test_tempfile',
  'test_shutil',
  'test_pathlib',
  'test_pty',
  'test_wait4',
  'test_fork1',
  'test_multiprocessing_fork',
  'test_asyncio',
  'test_eintr',
  'test_faulthandler',
  'test_file',
  'test_openpty',
  'test_sys',
];

const python = '/usr/bin/python3';
const tests = '/usr/lib/python3.11/test/test_os.py';
/** regrtest ends itself first, with the stacks of all threads. */
const moduleSeconds = 1800;
const separator = '==== the report of all cases ====';

/** Setting the host's clock, as test_time does, needs what no container has; without it the host answers EPERM too. */
const withoutClock = ['/usr/bin/setpriv', '--bounding-set=-sys_time', '--inh-caps=-sys_time'];

/**
 * Some tests open as many files as they may, so both sides may open the same number: a common default. The report is written inside, where
 * the host cannot see it, so it comes out at the end of the output.
 */
const script = `ulimit -Sn 1024; ulimit -Hn 4096; "$@"; code=$?; printf '\\n%s\\n' '${separator}'; cat report.xml; exit $code`;
const command = (module: string): string[] => [
  ...['/bin/sh', '-c', script, 'sh', python, '-m', 'test', '-v'],
  ...['--timeout', `${moduleSeconds}`, '--junit-xml', 'report.xml', module],
];

interface Run extends Report {
  readonly seconds: number;
}

async function run(name: string, args: readonly string[], keep: string | undefined): Promise<Run> {
  const [file = '', ...rest] = args;
  const cwd = mkdtempSync(join(tmpdir(), 'cpython-'));
  const start = performance.now();
  const outcome = await runProcess(file, rest, { cwd, timeoutMs: (moduleSeconds + 60) * 1000 });
  const seconds = Math.round((performance.now() - start) / 1000);
  rmSync(cwd, { recursive: true, force: true });
  if (keep !== undefined) writeFileSync(join(keep, `${name}.txt`), outcome.stdout + outcome.stderr, 'latin1');
  const at = outcome.stdout.lastIndexOf(`\n${separator}\n`);
  const text = at === -1 ? outcome.stdout : outcome.stdout.slice(0, at);
  const xml = at === -1 ? '' : outcome.stdout.slice(at);
  if (outcome.isTimedOut || !xml.includes('<testsuites')) {
    const reason = outcome.isTimedOut ? 'timed out' : `ended with ${outcome.code}`;
    return { result: `${reason} in ${lastStarted(text)}`, cases: new Map(), seconds };
  }
  return { ...parseReport(text + outcome.stderr, xml), seconds };
}

/** Rows of the section's table: `| case or module | reason |`. */
function readExpectedDifferences(): Map<string, string> {
  const differences = new Map<string, string>();
  const document = readFileSync(`${repositoryRoot}/docs/COMPATIBILITY.md`, 'utf8');
  const section = document.split(/^## /m).find((part) => part.startsWith("CPython's tests\n")) ?? '';
  for (const [, name = '', reason = ''] of section.matchAll(/^\| `([\w.]+)` \| (.+) \|$/gm))
    differences.set(name, reason);
  return differences;
}

/** What has been seen of each case on one side; the module itself stands under its own name. */
class Outcomes {
  readonly #byName = new Map<string, Set<string>>();

  add(module: string, run: Run): void {
    for (const [name, outcome] of [...run.cases, [module, run.result] as const]) {
      const seen = this.#byName.get(name);
      if (seen === undefined) this.#byName.set(name, new Set([outcome]));
      else seen.add(outcome);
    }
  }

  of(name: string): ReadonlySet<string> {
    return this.#byName.get(name) ?? new Set(['absent']);
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#byName.keys());
  }
}

/** @returns lines that say what differs and should not, or agrees and should not */
function compare(module: string, host: Outcomes, inside: Outcomes, expected: ReadonlyMap<string, string>): string[] {
  // A run that did not come to its end has only a result of the module.
  const isWhole = host.names.size > 1 && inside.names.size > 1;
  const names = isWhole ? host.names.union(inside.names) : new Set([module]);
  const differing = new Set([...names].filter((name) => host.of(name).isDisjointFrom(inside.of(name))));
  const wholeModule = expected.get(module);
  if (wholeModule !== undefined)
    return differing.size > 0 ? [] : [`agrees though it is listed as different: ${wholeModule}`];
  const lines: string[] = [];
  for (const name of names) {
    const reason = expected.get(name);
    if (!differing.has(name) && reason !== undefined)
      lines.push(`${name}: agrees though it is listed as different: ${reason}`);
    // A case that may differ may make the module's own result differ.
    const isExplained =
      reason !== undefined || (name === module && [...differing].some((other) => expected.has(other)));
    if (differing.has(name) && !isExplained)
      lines.push(
        `${name}:\n    host:   ${[...host.of(name)].join(' | ')}\n    inside: ${[...inside.of(name)].join(' | ')}`,
      );
  }
  return lines;
}

/** A defect is an exception the kernel had to stop at a call's end: the guest saw an error, which a test may not notice. */
const defects = (log: string): string[] =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('defect in '));

const { values } = parseArgs({ options: { only: { type: 'string' }, keep: { type: 'string' } } });
const modules = values.only?.split(',') ?? MODULES;
const unknown = modules.find((module) => !MODULES.includes(module));
if (unknown !== undefined) throw new Error(`--only names no module of this list: ${unknown}`);
if (!existsSync(tests)) throw new Error(`no ${tests}: install the packages of test/packages-all.txt`);
const keep = values.keep === undefined ? undefined : resolve(values.keep);
if (keep !== undefined) mkdirSync(keep, { recursive: true });

const expected = readExpectedDifferences();
const scratch = mkdtempSync(join(tmpdir(), 'cpython-logs-'));

/**
 * Runs the module on both sides and says what differs and should not. Some of these tests measure time and fail on a busy
 * machine, on either side: where results differ, a second round shows which of them are certain.
 */
async function check(module: string): Promise<string[]> {
  const log = join(keep ?? scratch, `${module}.log`);
  const [host, inside] = [new Outcomes(), new Outcomes()];
  let lines: string[] = [];
  for (let round = 1; round <= 2; round++) {
    const native = await run(`${module}.host`, [...withoutClock, ...command(module)], keep);
    const sandboxed = await run(`${module}.inside`, [runscPath, 'do', '--debug-log', log, ...command(module)], keep);
    host.add(module, native);
    inside.add(module, sandboxed);
    lines = [...compare(module, host, inside, expected), ...defects(log)];
    if (native.cases.size === 0) lines.push(`does not work natively: ${native.result}`);
    const verdict = lines.length === 0 ? 'same' : 'DIFFERENT';
    console.log(`${verdict} ${module}: ${native.cases.size} cases, ${native.seconds} s, inside ${sandboxed.seconds} s`);
    for (const line of lines) console.log(`  ${line}`);
    if (lines.length === 0) break;
  }
  return lines;
}

const failed: string[] = [];
for (const module of modules) {
  if ((await check(module)).length > 0) failed.push(module);
}
rmSync(scratch, { recursive: true, force: true });
if (failed.length > 0) console.log(`different: ${failed.join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;

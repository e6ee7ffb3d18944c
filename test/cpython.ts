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
];

const python = '/usr/bin/python3';
const tests = '/usr/lib/python3.11/test/test_os.py';
/** regrtest ends itself first, with the stacks of all threads. */
const moduleSeconds = 900;
const separator = '==== the report of all cases ====';

/** Setting the host's clock, as test_time does, needs what no container has; without it the host answers EPERM too. */
const withoutClock = ['/usr/bin/setpriv', '--bounding-set=-sys_time', '--inh-caps=-sys_time'];

/** The report is written inside, where the host cannot see it, so it comes out at the end of the output. */
const script = `"$@"; code=$?; printf '\\n%s\\n' '${separator}'; cat report.xml; exit $code`;
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

/** @returns lines that say what differs and should not, or agrees and should not */
function compare(module: string, host: Run, inside: Run, expected: ReadonlyMap<string, string>): string[] {
  const lines: string[] = [];
  const wholeModule = expected.get(module);
  let differing = host.result === inside.result ? 0 : 1;
  const names = new Set([...host.cases.keys(), ...inside.cases.keys()]);
  for (const name of inside.cases.size === 0 || host.cases.size === 0 ? [] : names) {
    const [native, sandboxed] = [host.cases.get(name) ?? 'absent', inside.cases.get(name) ?? 'absent'];
    if (native !== sandboxed) differing += 1;
    if (wholeModule !== undefined) continue;
    const reason = expected.get(name);
    if (native === sandboxed && reason !== undefined)
      lines.push(`${name}: agrees though it is listed as different: ${reason}`);
    if (native !== sandboxed && reason === undefined)
      lines.push(`${name}:\n    host:   ${native}\n    inside: ${sandboxed}`);
  }
  if (wholeModule !== undefined && differing === 0)
    lines.push(`agrees though it is listed as different: ${wholeModule}`);
  // A case that may fail makes the module fail; otherwise the modules must end alike.
  const isExplained = wholeModule !== undefined || [...names].some((name) => expected.has(name));
  if (host.result !== inside.result && !isExplained)
    lines.push(`the module:\n    host:   ${host.result}\n    inside: ${inside.result}`);
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
if (!existsSync(tests)) throw new Error(`no ${tests}: install Debian's libpython3.11-testsuite`);
const keep = values.keep === undefined ? undefined : resolve(values.keep);
if (keep !== undefined) mkdirSync(keep, { recursive: true });

const expected = readExpectedDifferences();
const scratch = mkdtempSync(join(tmpdir(), 'cpython-logs-'));
const failed: string[] = [];
for (const module of modules) {
  const log = join(keep ?? scratch, `${module}.log`);
  const host = await run(`${module}.host`, [...withoutClock, ...command(module)], keep);
  const inside = await run(`${module}.inside`, [runscPath, 'do', '--debug-log', log, ...command(module)], keep);
  const lines = [...compare(module, host, inside, expected), ...defects(log)];
  if (host.cases.size === 0) lines.push(`does not work natively: ${host.result}`);
  console.log(
    `${lines.length === 0 ? 'same' : 'DIFFERENT'} ${module}: ${host.cases.size} cases, ${host.seconds} s, inside ${inside.seconds} s`,
  );
  for (const line of lines) console.log(`  ${line}`);
  if (lines.length > 0) failed.push(module);
}
rmSync(scratch, { recursive: true, force: true });
if (failed.length > 0) console.log(`different: ${failed.join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;

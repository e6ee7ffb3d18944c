/**
 * Every stressor of stress-ng in the classes below, for one second on the host and for one second in the sandbox. What passes on the
 * host must pass inside, unless docs/COMPATIBILITY.md says why not; what is listed there and passes is an error too.
 *
 *     node test/stress-ng.ts [--class os,pipe] [--only a,b]
 *
 * Needs root. On the host each runs in namespaces of its own, with a loopback interface, as the sandbox is: so none is left running,
 * and none sees other processes or their sockets.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot, runProcess, runscPath } from './run-process.ts';

const CLASSES = ['cpu', 'memory', 'vm', 'pipe', 'os', 'scheduler', 'filesystem'];
const TIMEOUT_MS = 60_000;
const LIST = 'docs/COMPATIBILITY.md';

/** Sizes that do not fill the machine: defaults are up to a gigabyte, or grow as fast as memory comes. */
const SIZES: Readonly<Record<string, string>> = {
  bigheap: '--bigheap-growth=64K',
  fallocate: '--fallocate-bytes=64M',
  fiemap: '--fiemap-bytes=64M',
  hdd: '--hdd-bytes=64M',
  iomix: '--iomix-bytes=64M',
  malloc: '--malloc-bytes=64M',
  memfd: '--memfd-bytes=64M',
  memrate: '--memrate-bytes=64M',
  mmap: '--mmap-bytes=64M',
  mremap: '--mremap-bytes=64M',
  msync: '--msync-bytes=64M',
  pagemove: '--pagemove-bytes=64M',
  readahead: '--readahead-bytes=64M',
  vm: '--vm-bytes=64M',
  'vm-rw': '--vm-rw-bytes=16M',
};

/** As stress-ng says. Skipped: for want of something; failed: a check, or the run; hung: it did not end. */
type Kind = 'passed' | 'skipped' | 'failed' | 'hung';
interface Result {
  readonly kind: Kind;
  /** The first line that says why. */
  readonly why: string;
}

async function stressorsOf(name: string): Promise<string[]> {
  const { stdout, stderr } = await runProcess('stress-ng', ['--class', `${name}?`], { cwd: '/' });
  const [, list] = /stressors: (.*)/.exec(stdout + stderr) ?? [];
  if (list === undefined) throw new Error(`no such class of stressors: ${name}`);
  return list.trim().split(/\s+/);
}

function judge(output: string, code: number, isTimedOut: boolean): Result {
  const lines = output.split('\n').map((line) => line.replace(/^stress-ng: /, '').replace(/\[\d+\] /, ''));
  const find = (pattern: RegExp): string | undefined => lines.find((line) => pattern.test(line));
  const failure = find(/^fail: /) ?? find(/^error: /);
  if (isTimedOut) return { kind: 'hung', why: failure ?? 'did not end' };
  const skipped = find(/^\w+: .*(skipp|will be skipped|may hang or reboot|aborted early)/i);
  if (skipped !== undefined) return { kind: 'skipped', why: failure ?? skipped };
  // It reports what it finds wrong and ends well all the same.
  if (code !== 0 || find(/^fail: /) !== undefined) return { kind: 'failed', why: failure ?? `exit status ${code}` };
  // Said of what ends in less than half of its time: how soon one that fails does differs from host to host.
  const early = find(/^\w+: .*finished prematurely/i);
  if (early !== undefined) return { kind: 'skipped', why: failure ?? early };
  return { kind: 'passed', why: '' };
}

async function run(name: string, where: 'host' | 'sandbox'): Promise<Result> {
  const cwd = mkdtempSync(join(tmpdir(), 'stress-ng-'));
  try {
    const command = ['stress-ng', '--verify', `--${name}`, '1', '--timeout', '1', '--temp-path', cwd];
    const size = SIZES[name];
    if (size !== undefined) command.push(size);
    const namespaces = ['--mount', '--pid', '--ipc', '--net', '--fork', '--mount-proc', '--kill-child'];
    const host = [...namespaces, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
    const file = where === 'host' ? 'unshare' : runscPath;
    const args = where === 'host' ? [...host, ...command] : ['do', ...command];
    const { stdout, stderr, code, isTimedOut } = await runProcess(file, args, { cwd, timeoutMs: TIMEOUT_MS });
    return judge(stdout + stderr, code, isTimedOut);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** The rows `| stressor | inside | reason |` below the heading. */
function readExpected(): Map<string, string> {
  const text = readFileSync(`${repositoryRoot}/${LIST}`, 'utf8');
  const [, section = ''] = /^## stress-ng$([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(text) ?? [];
  const rows = section.matchAll(/^\| `([\w-]+)` \| (skipped|failed|hung) \| .+ \|$/gm);
  return new Map(Array.from(rows, ([, name = '', kind = '']) => [name, kind]));
}

const { values } = parseArgs({ options: { class: { type: 'string' }, only: { type: 'string' } } });
if (process.getuid?.() !== 0) throw new Error('stress-ng is compared as root');
const names = new Set<string>();
for (const name of values.class?.split(',') ?? CLASSES) for (const one of await stressorsOf(name)) names.add(one);
const only = values.only?.split(',');
const unknown = only?.find((name) => !names.has(name));
if (unknown !== undefined) throw new Error(`no such stressor in these classes: ${unknown}`);
const expected = readExpected();
const counts = { passes: 0, differs: 0, wrong: 0 };

for (const name of [...names].sort()) {
  if (only?.includes(name) === false) continue;
  const host = await run(name, 'host');
  const inside = await run(name, 'sandbox');
  const mustPass = host.kind === 'passed';
  const isSame = !mustPass || inside.kind === 'passed';
  const listed = expected.get(name);
  // What the host cannot tells nothing, be it listed for hosts that can.
  const isRight = !mustPass || (isSame ? listed === undefined : listed === inside.kind);
  if (mustPass) counts.passes++;
  if (!isSame) counts.differs++;
  if (!isRight) counts.wrong++;
  const verdict = isRight ? 'ok' : listed === undefined ? 'NOT LISTED' : `LISTED as ${listed}`;
  console.log(
    `${name}: host ${host.kind}, inside ${inside.kind}: ${verdict}${inside.why === '' ? '' : ` (${inside.why})`}`,
  );
}
console.log(
  `${counts.passes} pass on the host, ${counts.differs} of them not inside, ${counts.wrong} not as ${LIST} says`,
);
process.exit(counts.wrong > 0 ? 1 : 0);

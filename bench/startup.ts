/**
 * How long containers take to start, and what they hold of memory, beside runc and, where it is there, gVisor: the runtimes alternate
 * within each round. Needs root. Prints medians.
 *
 *   node bench/startup.ts [--rounds N] [--only run,exec,crowd,memory,docker] [--crowd N] [--docker 'docker -H unix://SOCKET']
 *
 * With --docker the daemon must have the runtimes runc, ours and gvisor. GVISOR_RUNSC names gVisor's runsc, RUNSC ours, as in bench/run.ts.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../test/run-process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    only: { type: 'string', default: 'run,exec,memory,crowd,docker' },
    crowd: { type: 'string', default: '50' },
    docker: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const wanted = new Set(values.only.split(','));
const directory = mkdtempSync(join(tmpdir(), 'startup-'));
const gvisor = process.env.GVISOR_RUNSC ?? `${tmpdir()}/gvisor/root/usr/bin/runsc`;
/** What a sandbox needs to come to rest. */
const REST_MS = 6000;

interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
  /** Where it keeps its containers: those of its processes that name it are of a sandbox. */
  readonly root: string;
}

function runtime(name: string, path: string, flags: readonly string[]): Runtime {
  const root = join(directory, `state-${name}`);
  return { name, root, command: [path, '--root', root, ...flags] };
}

const runtimes: readonly Runtime[] = [
  runtime('runc', 'runc', []),
  runtime('tsvisor', process.env.RUNSC ?? join(repositoryRoot, 'dist/runsc'), []),
  ...(existsSync(gvisor) ? [runtime('gvisor', gvisor, ['--network=none', '--ignore-cgroups'])] : []),
];

function start({ command }: Runtime, args: readonly string[]): ChildProcess {
  const [file = '', ...before] = command;
  return spawn(file, [...before, ...args], { stdio: ['ignore', 'ignore', 'ignore'] });
}

async function call(which: Runtime, ...args: string[]): Promise<void> {
  const [code] = await once(start(which, args), 'exit');
  if (code !== 0) throw new Error(`${which.name} ${args.join(' ')} ends with ${code}`);
}

/** A bundle that runs these words; `true` is a static program that does nothing else. */
function bundle(name: string, ...args: string[]): string {
  const path = join(directory, name);
  const rootfs = join(path, 'rootfs/bin');
  mkdirSync(rootfs, { recursive: true });
  copyFileSync('/bin/busybox', join(rootfs, 'busybox'));
  for (const applet of ['true', 'sleep']) symlinkSync('busybox', join(rootfs, applet));
  execFileSync('runc', ['spec', '--bundle', path]);
  const file = join(path, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  config.process.terminal = false;
  config.process.args = args;
  // What a machine without CAP_SYS_RESOURCE lets runc set, too.
  config.process.rlimits = [];
  writeFileSync(file, JSON.stringify(config));
  return path;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function timed(job: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await job();
  return performance.now() - from;
}

/** Runs `job` for each of the names in turns, after one turn that does not count. */
async function compare(what: string, names: readonly string[], job: (name: string) => Promise<void>): Promise<void> {
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, list] of times) {
      const ms = await timed(() => job(name));
      if (round > 0) list.push(ms);
    }
  }
  print(
    what,
    [...times].map(([name, list]) => [name, `${Math.round(median(list))} ms`]),
  );
}

function print(what: string, figures: readonly (readonly [string, string])[]): void {
  console.log(`${what.padEnd(40)}${figures.map(([name, figure]) => `${name} ${figure}`).join('   ')}`);
}

function find(name: string): Runtime {
  const found = runtimes.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no runtime ${name}`);
  return found;
}

/** The processes of all sandboxes of a runtime: those that name its folder, their containers', and what descends from them. */
function processesOf({ root, command }: Runtime, ids: readonly string[]): number[] {
  const [file = '', ...before] = command;
  const states = ids.map((id) => JSON.parse(execFileSync(file, [...before, 'state', id], { encoding: 'utf8' })).pid);
  const parents = new Map<number, number>();
  const found = new Set<number>(states);
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
      if (readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(root)) found.add(Number(name));
    } catch {
      // It has ended since the listing.
    }
  }
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  found.delete(process.pid);
  return [...found];
}

/** Memory in kilobytes, what is shared counted in parts (proc_pid_smaps(5)). */
function proportional(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    try {
      sum += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
  return sum;
}

const megabytes = (kilobytes: number): string => `${(kilobytes / 1024).toFixed(1)} MB`;

async function crowd(
  which: Runtime,
  path: string,
  count: number,
): Promise<{ ms: number; pss: number; processes: number }> {
  // Of one length: gVisor takes a beginning for a name.
  const ids = Array.from({ length: count }, (_, i) => `crowd-${String(i).padStart(3, '0')}`);
  const ms = await timed(async () => {
    await Promise.all(ids.map((id) => call(which, 'run', '--detach', '--bundle', path, id)));
  });
  await sleep(REST_MS);
  const pids = processesOf(which, ids);
  const pss = proportional(pids);
  for (const id of ids) await call(which, 'delete', '--force', id);
  return { ms, pss: pss / count, processes: pids.length / count };
}

async function measure(): Promise<void> {
  const names = runtimes.map(({ name }) => name);
  const nothing = bundle('nothing', '/bin/true');
  const idle = bundle('idle', '/bin/sleep', '1000');
  if (wanted.has('run'))
    await compare('run of a static true', names, (name) => call(find(name), 'run', '--bundle', nothing, 'one'));
  if (wanted.has('exec')) {
    for (const each of runtimes) await call(each, 'run', '--detach', '--bundle', idle, 'long');
    await compare('exec in a container that runs', names, (name) => call(find(name), 'exec', 'long', '/bin/true'));
    for (const each of runtimes) await call(each, 'delete', '--force', 'long');
  }
  for (const [key, count] of [
    ['memory', 1],
    ['crowd', Number(values.crowd)],
  ] as const) {
    if (!wanted.has(key)) continue;
    for (const each of runtimes) {
      const { ms, pss, processes } = await crowd(each, idle, count);
      print(`${count} at once`, [
        [each.name, `${Math.round(ms)} ms, ${megabytes(pss)} and ${processes.toFixed(1)} processes each`],
      ]);
    }
  }
  if (wanted.has('docker') && values.docker !== undefined) {
    const [file = '', ...args] = values.docker.split(' ');
    const known = spawnSync(file, [...args, 'info', '--format', '{{range $name, $_ := .Runtimes}}{{$name}} {{end}}'], {
      encoding: 'utf8',
    });
    const offered = known.stdout.split(' ').filter((name) => ['runc', 'ours', 'gvisor'].includes(name));
    execFileSync('sh', ['-c', `tar -C ${nothing}/rootfs -c . | ${values.docker} import - startup:latest`], {
      stdio: 'ignore',
    });
    await compare('docker run --rm of true', offered, async (name) => {
      execFileSync(file, [...args, 'run', '--rm', '--network', 'none', '--runtime', name, 'startup', '/bin/true']);
    });
  }
}

try {
  await measure();
} finally {
  for (const each of runtimes) {
    const left = existsSync(each.root) ? readdirSync(each.root) : [];
    for (const id of left.filter((name) => /^(one|long|crowd-\d+)$/.test(name)))
      await call(each, 'delete', '--force', id).catch(() => {});
  }
  rmSync(directory, { recursive: true, force: true });
}

/**
 * Containers made, started, entered, killed and deleted, with a SIGKILL at a random moment to the command line, the sentry or one of the
 * other processes: nothing may be left of them. `node test/load/cycles.ts [--cycles N] [--seed N] [--runsc FILE]`; needs root.
 *
 * It runs in a PID and mount namespace of its own, so that every process it sees but itself is one that was left behind.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { plainEnvironment, runscPath } from '../run-process.ts';

const LANES = 2;
const VERB_TIMEOUT_MS = 60_000;
const SETTLE_MS = 20_000;
/** A verb takes about so long: a kill within it meets each of its parts. */
const VERB_MS = 250;
const INSIDE = 'TSVISOR_CYCLES_INSIDE';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    runsc: { type: 'string', default: runscPath },
  },
});
const cycles = Number(values.cycles);
const seed = Number(values.seed);
const runsc = values.runsc;

/** xorshift32: the same moments for the same seed, as far as the machine lets it. */
function randomFrom(start: number): () => number {
  let state = start || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

interface World {
  readonly directory: string;
  readonly state: string;
  readonly groups: string;
  /** Of a container, but for its control group. */
  readonly config: { readonly linux: object };
}

function makeWorld(): World {
  const directory = mkdtempSync(join(tmpdir(), 'cycles-'));
  const bundle = join(directory, 'bundle');
  const rootfs = join(bundle, 'rootfs');
  mkdirSync(join(rootfs, 'bin'), { recursive: true });
  copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'));
  for (const applet of ['sh', 'sleep']) symlinkSync('busybox', join(rootfs, 'bin', applet));
  const script = 'sleep 1000 & while :; do sleep 0.05; done';
  execFileSync(runsc, ['spec', '--bundle', bundle, '--', '/bin/sh', '-c', script]);
  const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
  config.process.terminal = false;
  config.root = { path: rootfs };
  const groups = `/tsvisor-cycles-${process.ppid}-${Date.now()}`;
  return { directory, state: join(directory, 'state'), groups, config };
}

/** A bundle for one container. */
function bundleFor({ directory, config, groups }: World, id: string): string {
  const path = join(directory, id);
  mkdirSync(path);
  const resources = { pids: { limit: 100 }, memory: { limit: 2 ** 29 } };
  const linux = { ...config.linux, cgroupsPath: `${groups}/${id}`, resources };
  writeFileSync(join(path, 'config.json'), JSON.stringify({ ...config, linux }));
  return path;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended before.
  }
}

class Lane {
  readonly #world: World;
  readonly #random: () => number;

  constructor(world: World, random: () => number) {
    this.#world = world;
    this.#random = random;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #start(args: readonly string[]): ChildProcess {
    return spawn(runsc, ['--root', this.#world.state, ...args], {
      env: plainEnvironment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }

  /** Runs a verb to its end, or to the end of our patience, which is a failure. */
  async #run(
    args: readonly string[],
    during: (child: ChildProcess) => Promise<void> = async () => {},
  ): Promise<number> {
    const child = this.#start(args);
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    // Not its streams' end: a container may hold those.
    const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 137)));
    await during(child);
    const timer = new AbortController();
    const code = await Promise.race([ended, sleep(VERB_TIMEOUT_MS, -1, { signal: timer.signal }).catch(() => -1)]);
    timer.abort();
    child.stderr?.destroy();
    if (code < 0) {
      const others = otherProcesses().join('\n');
      throw new Error(`${args.join(' ')} has not ended in ${VERB_TIMEOUT_MS} ms: ${errors}\n${others}`);
    }
    if (args[0] === 'delete' && code !== 0 && child.signalCode === null)
      throw new Error(`${args.join(' ')}: ${errors}`);
    return code;
  }

  /** Kills the verb itself at some moment of its run. */
  #killedVerb(args: readonly string[]): Promise<number> {
    const delay = this.#random() * VERB_MS;
    return this.#run(args, async (child) => {
      await sleep(delay);
      kill(child.pid ?? 0);
    });
  }

  /** Kills a process of the container: the sentry is the first one in its control group. */
  #killInside(id: string): void {
    const pids = processesOf(this.#world, id);
    const victim = this.#chance(0.5) ? pids[0] : pids[Math.floor(this.#random() * pids.length)];
    if (victim !== undefined) kill(victim);
  }

  async #verb(id: string, args: readonly string[]): Promise<void> {
    const fate = this.#random();
    const delay = this.#random() * VERB_MS;
    if (fate < 0.25) await this.#killedVerb(args);
    else if (fate > 0.5) await this.#run(args);
    else {
      await this.#run(args, async () => {
        await sleep(delay);
        this.#killInside(id);
      });
    }
  }

  async cycle(id: string): Promise<void> {
    const path = bundleFor(this.#world, id);
    await this.#verb(id, ['create', '--bundle', path, id]);
    if (this.#chance(0.85)) await this.#verb(id, ['start', id]);
    if (this.#chance(0.5)) await this.#verb(id, ['exec', id, '/bin/sh', '-c', 'sleep 0.05']);
    if (this.#chance(0.2)) await this.#verb(id, ['pause', id]);
    if (this.#chance(0.3)) await sleep(this.#random() * VERB_MS).then(() => this.#killInside(id));
    if (this.#chance(0.5)) await this.#verb(id, ['kill', id, 'KILL']);
    if (this.#chance(0.3)) await this.#killedVerb(['delete', '--force', id]);
    await this.#run(['delete', '--force', id]);
    rmSync(path, { recursive: true });
  }
}

/** The mount points of all hierarchies of control groups. */
function hierarchies(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => / - cgroup2? /.test(line)).map((line) => line.split(' ')[4] ?? '');
}

function processesOf({ groups }: World, id: string): number[] {
  for (const hierarchy of hierarchies()) {
    try {
      const text = readFileSync(join(hierarchy, groups, id, 'cgroup.procs'), 'utf8');
      // 0 stands for what is outside our namespace: nothing of ours.
      return text
        .split('\n')
        .map(Number)
        .filter((pid) => pid > 0)
        .sort((a, b) => a - b);
    } catch {
      // Not in this hierarchy, or gone.
    }
  }
  return [];
}

function otherProcesses(): string[] {
  const found: string[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || name === '1' || Number(name) === process.pid) continue;
    try {
      const state = /^State:\s+(.*)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
      const where = readFileSync(`/proc/${name}/wchan`, 'utf8');
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      found.push(`process ${name} (${state}, ${where}): ${command}`);
    } catch {
      // It has ended since the listing.
    }
  }
  return found;
}

const mounts = (): string[] => readFileSync('/proc/self/mountinfo', 'latin1').split('\n');
const sockets = (): string[] => {
  const lines = readFileSync('/proc/net/unix', 'latin1').split('\n');
  return lines.map((line) => line.split(/\s+/)[7] ?? '').filter((path) => /cycles-/.test(path));
};
/** What the native part is loaded from where files cannot be made without a name. */
const files = (directory: string): string[] => readdirSync(directory).filter((name) => /^runsc-[0-9a-f]+$/.test(name));

/** All that has been left behind. */
function leftovers(world: World, before: { mounts: readonly string[]; temporary: readonly string[] }): string[] {
  const groups = hierarchies().map((hierarchy) => join(hierarchy, world.groups));
  const left = groups
    .filter((path) => existsSync(path))
    .flatMap((path) =>
      readdirSync(path)
        .filter((name) => /^c\d/.test(name))
        .map((name) => join(path, name)),
    );
  return [
    ...otherProcesses(),
    ...left.map((path) => `control group ${path}`),
    ...(existsSync(world.state) ? readdirSync(world.state) : []).map((name) => `state of ${name}`),
    ...sockets().map((path) => `socket ${path}`),
    ...mounts()
      .filter((line) => !before.mounts.includes(line))
      .map((line) => `mount ${line}`),
    ...temporaryFiles()
      .filter((path) => !before.temporary.includes(path))
      .map((path) => `file ${path}`),
  ];
}

function temporaryFiles(): string[] {
  return [tmpdir(), '/dev/shm', '/run'].flatMap((directory) => files(directory).map((name) => join(directory, name)));
}

async function main(): Promise<void> {
  const world = makeWorld();
  const before = { mounts: mounts(), temporary: temporaryFiles() };
  console.log(`${cycles} cycles with seed ${seed}`);
  let next = 0;
  const random = randomFrom(seed);
  const lanes = Array.from({ length: LANES }, () => new Lane(world, randomFrom(Math.floor(random() * 2 ** 31))));
  const startedAt = performance.now();
  await Promise.all(
    lanes.map(async (lane) => {
      while (next < cycles) {
        const number = next++;
        await lane.cycle(`c${number}`);
        if (number % 100 === 99)
          console.log(`${number + 1} after ${Math.round((performance.now() - startedAt) / 1e3)} s`);
      }
    }),
  );
  const deadline = performance.now() + SETTLE_MS;
  let left = leftovers(world, before);
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(100);
    left = leftovers(world, before);
  }
  assert.deepEqual(left, [], `seed ${seed}`);
  for (const hierarchy of hierarchies()) {
    const path = join(hierarchy, world.groups);
    if (existsSync(path)) rmdirSync(path);
  }
  rmSync(world.directory, { recursive: true });
  console.log('nothing is left');
}

if (process.env[INSIDE] === undefined) {
  // A shell as the first process takes the orphans, as an init does.
  const flags = ['--pid', '--fork', '--mount', '--mount-proc', '--kill-child', 'sh', '-c', '"$@"; exit $?', 'sh'];
  const self = [
    process.execPath,
    import.meta.filename,
    '--cycles',
    String(cycles),
    '--seed',
    String(seed),
    '--runsc',
    runsc,
  ];
  const { status } = spawnSync('unshare', [...flags, ...self], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  });
  process.exit(status ?? 1);
}
await main();

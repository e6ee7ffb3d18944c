/**
 * The system call fuzzer's runner: cycles of random calls by many guests in one sandbox, with a witness beside them whose checked
 * work must go on, and the sentry's state compared between the cycles.
 *
 * node test/fuzz/syscalls.ts [--seed N] [--seconds S] [--cycles N] [--threads N] [--processes N]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { buildProgram } from '../guest-build.ts';
import { plainEnvironment, repositoryRoot, runProcess, runscPath } from '../run-process.ts';
import { probeEnvironment, type SentryState, sentryActivity, sentryState } from './sentry-state.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** Of each cycle. */
  readonly seconds: number;
  readonly cycles: number;
  readonly threads: number;
  readonly processes: number;
  report(line: string): void;
}

/** The witness' rounds take a fraction of a second; seconds on a machine with too much to do, but never this. */
const MAX_GAP_MS = 20_000;
const SILENCE_MS = 5000;
/** What the supervisor needs to end and remove everything. */
const CLEAN_UP_MS = 60_000;
/** Below the sentry when no guest but the shell is left: the zygote, the shell's stub, and one made ahead. */
const IDLE_CHILDREN = 3;
/** What may be kept after a cycle: compiled code, caches that have bounds. */
const HEAP_SLACK_MB = 6;
const RESIDENT_SLACK_MB = 96;

const sources = ['syscalls', 'values', 'structures', 'calls', 'forks', 'descriptors'];

const TICK_MS = 100;

/** Time as far as this process had its share of it: where the whole machine stands still, nobody is late. */
class FairClock {
  #now = 0;
  #seen = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.#now += Math.min(now - this.#seen, 2 * TICK_MS);
    this.#seen = now;
  }, TICK_MS);

  get nowMs(): number {
    return this.#now;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** A shell in a sandbox that is told what to run line by line. */
class Sandbox {
  readonly probeFile: string;
  readonly child: ChildProcess;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly clock = new FairClock();
  /** When the witness has last said something. */
  #heard = 0;
  #hasLooked = false;
  longestGapMs = 0;
  /** What has been said on standard error, the beginning of it. */
  errors = '';
  /** How it has ended, when it has. */
  end = '';
  onLine: (line: string) => void = () => {};

  constructor(directory: string, log: string) {
    this.probeFile = join(directory, 'probe');
    const script = 'while read -r line; do eval "$line"; echo "done $?"; done';
    this.child = spawn(runscPath, ['do', '--uid', '0', '--gid', '0', '--debug-log', log, 'sh', '-c', script], {
      cwd: directory,
      env: { ...plainEnvironment, ...probeEnvironment(this.probeFile) },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stderr?.on('data', (bytes: Buffer) => {
      this.errors = `${this.errors}${bytes.toString('latin1')}`.slice(0, 10_000);
    });
    if (this.child.stdout === null) throw new Error('no output of the sandbox');
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#hear(line));
    this.child.once('exit', (code, signal) => {
      this.end = `the sandbox has ended with ${code ?? signal}`;
      this.#hear('ended');
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  #hear(line: string): void {
    if (line.startsWith('round ')) {
      this.longestGapMs = Math.max(this.longestGapMs, this.clock.nowMs - this.#heard);
      this.#heard = this.clock.nowMs;
    } else if (line.startsWith('done ') || line === 'ended') {
      this.#waiting.shift()?.(line);
    } else {
      this.onLine(line);
    }
  }

  /** Where the sentry is when the witness has been silent for long; once. */
  #look(): void {
    if (this.#hasLooked || this.clock.nowMs - this.#heard < SILENCE_MS) return;
    this.#hasLooked = true;
    this.onLine(`the witness is silent; the sentry is ${sentryActivity(this.pid)}`);
  }

  /** Runs a command to its end: its exit status; throws when it takes too long or the sandbox ends. */
  async run(command: string, timeoutMs: number): Promise<number> {
    this.#heard = this.clock.nowMs;
    const answer = new Promise<string>((resolve) => {
      this.#waiting.push(resolve);
    });
    this.child.stdin?.write(`${command}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve('late'), timeoutMs);
    });
    const watch = setInterval(() => this.#look(), 1000);
    const line = await Promise.race([answer, late]);
    clearTimeout(timer);
    clearInterval(watch);
    if (line === 'late') throw new Error(`hangs in: ${command}\n${sentryActivity(this.pid)}`);
    if (line === 'ended') throw new Error(`in: ${command}`);
    return Number(line.slice(5));
  }
}

/** Each line says what is not as it must be. */
export async function fuzz(options: FuzzOptions): Promise<string[]> {
  const { seed, seconds, cycles, threads, processes, report } = options;
  const program = await buildProgram('fuzz', 'syscalls', sources);
  const witness = await buildProgram('fuzz', 'witness', ['witness']);
  // Before the probe's options are in the environment: what builds may be another node.
  await runProcess(runscPath, [], { cwd: repositoryRoot, env: { TSVISOR_PREPARE: '1' }, timeoutMs: CLEAN_UP_MS });
  const directory = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const log = join(directory, 'log');
  writeFileSync(log, '');
  const sandbox = new Sandbox(directory, log);
  sandbox.onLine = report;
  const failures: string[] = [];
  const states: SentryState[] = [];
  try {
    await sandbox.run('export PATH=$PWD:$PATH', CLEAN_UP_MS);
    // The first cycle is short: it only has everything loaded, compiled and made once.
    for (let cycle = 0; cycle <= cycles; cycle++) {
      const length = cycle === 0 ? 2 : seconds;
      // A copy each time: what its workers run is theirs to change.
      const work = `rm -f fuzz; cp ${program} fuzz; fuzz ${seed + cycle} ${length} ${threads} ${processes} $PWD/work`;
      const command = `rm -f stop; ${witness} stop & ${work}; status=$?; touch stop; wait $! && (exit $status)`;
      const status = await sandbox.run(command, length * 1000 + CLEAN_UP_MS);
      if (status !== 0) failures.push(`cycle ${cycle}: the witness or the fuzzer ended with ${status}`);
      const state = await sentryState(sandbox.pid, sandbox.probeFile, IDLE_CHILDREN);
      states.push(state);
      report(`cycle ${cycle}: ${JSON.stringify(state)} longest gap ${Math.round(sandbox.longestGapMs)} ms`);
    }
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
    if (sandbox.end !== '') failures.push(sandbox.end);
  } finally {
    sandbox.clock.stop();
    sandbox.child.kill('SIGKILL');
  }
  if (failures.length > 0 && sandbox.errors !== '') failures.push(sandbox.errors);
  failures.push(...compare(states), ...defects(readFileSync(log, 'latin1')));
  if (sandbox.longestGapMs > MAX_GAP_MS) failures.push(`the witness had to wait ${sandbox.longestGapMs} ms`);
  rmSync(directory, { recursive: true, force: true });
  return failures;
}

function compare(states: readonly SentryState[]): string[] {
  const first = states[0];
  const last = states.at(-1);
  if (first === undefined || last === undefined) return ['no cycle came to its end'];
  const failures: string[] = [];
  if (last.descriptors > first.descriptors) failures.push(`descriptors: ${first.descriptors} to ${last.descriptors}`);
  if (last.threads > first.threads) failures.push(`threads: ${first.threads} to ${last.threads}`);
  if (last.heapMb > first.heapMb + HEAP_SLACK_MB) failures.push(`heap: ${first.heapMb} to ${last.heapMb} MB`);
  if (last.residentMb > first.residentMb + RESIDENT_SLACK_MB) {
    failures.push(`resident: ${first.residentMb} to ${last.residentMb} MB`);
  }
  return failures;
}

function defects(log: string): string[] {
  const found = log
    .split('\n')
    .flatMap((line, i, lines) => (/^defect/.test(line) ? [lines.slice(i, i + 6).join('\n')] : []));
  return [...new Set(found)];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '30' },
      cycles: { type: 'string', default: '2' },
      threads: { type: 'string', default: '3' },
      processes: { type: 'string', default: '4' },
    },
  });
  const failures = await fuzz({
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    cycles: Number(values.cycles),
    threads: Number(values.threads),
    processes: Number(values.processes),
    report: (line) => process.stdout.write(`${line}\n`),
  });
  for (const failure of failures) process.stdout.write(`not so: ${failure}\n`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

if (process.argv[1] === `${repositoryRoot}/test/fuzz/syscalls.ts`) await main();

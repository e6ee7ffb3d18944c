/** Runs one process to its end and returns all that can be seen of it from outside; what the comparing tests stand on. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeTree } from './hung-processes.ts';

export const repositoryRoot = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
/** What is tested: the launcher of this checkout, or what RUNSC names in it, the executable. */
export const runscPath = resolve(repositoryRoot, process.env.RUNSC ?? 'runsc');

export interface Outcome {
  readonly stdout: string;
  /** After a time-out, what the processes were doing too. */
  readonly stderr: string;
  /** As a shell would show it: the exit code, or 128 + the signal. */
  readonly code: number;
  readonly isTimedOut: boolean;
}

export interface RunOptions {
  readonly cwd: string;
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/** The environment of every compared run: fixed, so that nothing of the caller's shows in outputs. */
export const plainEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/tmp',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
};

const signalNumbers = new Map<string, number>([
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGQUIT', 3],
  ['SIGILL', 4],
  ['SIGTRAP', 5],
  ['SIGABRT', 6],
  ['SIGBUS', 7],
  ['SIGFPE', 8],
  ['SIGKILL', 9],
  ['SIGUSR1', 10],
  ['SIGSEGV', 11],
  ['SIGUSR2', 12],
  ['SIGPIPE', 13],
  ['SIGALRM', 14],
  ['SIGTERM', 15],
  ['SIGXCPU', 24],
  ['SIGXFSZ', 25],
  ['SIGSYS', 31],
]);

const outputLimit = 16 << 20;

export function runProcess(file: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // A process group of its own, so that a hung run can be ended with all it started.
    const child = spawn(file, [...args], {
      cwd: options.cwd,
      env: { ...plainEnvironment, ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    let isTimedOut = false;
    let found = '';
    const killGroup = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group is already gone.
      }
    };
    const timer = setTimeout(() => {
      isTimedOut = true;
      if (child.pid !== undefined) found = `timed out:\n${describeTree(child.pid)}`;
      killGroup();
    }, options.timeoutMs ?? 30_000);
    const collect = (stream: NodeJS.ReadableStream | null): Buffer[] => {
      const chunks: Buffer[] = [];
      let length = 0;
      stream?.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length <= outputLimit) chunks.push(chunk);
        else killGroup();
      });
      return chunks;
    };
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.stdin?.on('error', () => {});
    if (options.input !== undefined) child.stdin?.end(options.input, 'latin1');
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    // After a time-out a descendant that left the group may still hold the pipes: do not wait for them.
    child.once('exit', () => {
      if (isTimedOut) setTimeout(() => child.stdout?.destroy(), 200).unref();
      if (isTimedOut) setTimeout(() => child.stderr?.destroy(), 200).unref();
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        stdout: Buffer.concat(stdout).toString('latin1'),
        stderr: Buffer.concat(stderr).toString('latin1') + found,
        code: code ?? 128 + (signalNumbers.get(signal ?? '') ?? 0),
        isTimedOut,
      });
    });
  });
}

/** Runs jobs with at most `width` under way. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  job: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await job(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

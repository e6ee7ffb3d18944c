/** `runsc debug`: looks into a sandbox that runs, with the flags of gVisor's. */
import { closeSync, openSync } from 'node:fs';
import { connect } from '../runtime/container-handle.ts';
import type { ControlClient } from '../runtime/control-client.ts';
import { hostPids } from '../runtime/host-pids.ts';
import { ContainerError, listContainers, StateDirectory } from '../runtime/state-directory.ts';
import { type FlagShapes, isGiven, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import type { Settings } from './global-flags.ts';
import { parseSignal } from './kill.ts';
import { warn } from './log.ts';
import { print } from './output.ts';
import { processTable } from './ps.ts';
import { parseCalls } from './strace-calls.ts';
import { type Invocation, readInvocation } from './verb.ts';

/** What is told of a Go program, or chosen otherwise here. */
const WITHOUT_EFFECT = {
  delay: { type: 'string' },
  'log-level': { type: 'string' },
  'log-packets': { type: 'string' },
  'profile-block': { type: 'string' },
  'profile-mutex': { type: 'string' },
  trace: { type: 'string' },
} as const satisfies FlagShapes;

const FLAGS = {
  ...WITHOUT_EFFECT,
  duration: { type: 'string' },
  pid: { type: 'string' },
  'profile-cpu': { type: 'string' },
  'profile-heap': { type: 'string' },
  ps: { type: 'boolean' },
  signal: { type: 'string' },
  stacks: { type: 'boolean' },
  strace: { type: 'string' },
} as const satisfies FlagShapes;

const DEFAULT_DURATION_MS = 3600e3;
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3 };
const MAX_PID = 2 ** 31;
/** A heap is written in about a second for each hundred megabytes. */
const HEAP_TIMEOUT_MS = 300e3;

/** As Go writes times: 1h30m, 250ms. */
function durationMs(own: Parsed): number {
  const text = lastValue(own, 'duration');
  if (text === undefined) return DEFAULT_DURATION_MS;
  if (!/^(\d{1,9}(\.\d{1,9})?(ms|s|m|h))+$/.test(text))
    throw new UsageError(`--duration is not a time as in 30s: ${text}`);
  const parts = [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (UNITS_MS[unit] ?? 0), 0);
}

/** The container, by its name or by the pid of its sandbox. */
function directoryOf({ own, settings, words }: Invocation): StateDirectory {
  const pid = lastValue(own, 'pid');
  const [id, ...more] = words;
  if (more.length > 0) throw new UsageError(`debug takes one container id, not also: ${more.join(' ')}`);
  if (id !== undefined && pid === undefined) return new StateDirectory(settings.root, id);
  if (id !== undefined || pid === undefined) {
    throw new UsageError('debug needs a container id or --pid, as in: runsc debug --stacks ID');
  }
  const found = listContainers(settings.root).find((each) => String(each.read()?.sentry.pid) === pid);
  if (found === undefined) throw new ContainerError(`no container has the sandbox ${pid}`);
  return found;
}

async function printStacks(client: ControlClient, hostPid: (pid: number) => number): Promise<void> {
  const tasks = (await client.request({ verb: 'debug', what: 'stacks' })).objects('tasks');
  for (const task of tasks) {
    const number = (name: string): number => task.number(name, MAX_PID) ?? 0;
    const pid = hostPid(number('hostPid'));
    const host = pid === 0 ? 'no process' : `process ${pid}`;
    print(
      `task ${number('tid')} of process ${number('pid')}, ${task.needString('name')}, state ${task.needString('state')}, on the host ${host}\n`,
    );
    for (const frame of task.strings('frames')) print(`    ${frame}\n`);
  }
}

/** Until its time is over, or we are told to stop. */
function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        clearTimeout(timer);
        resolve();
      });
    }
  });
}

async function profileCpu(client: ControlClient, path: string, ms: number): Promise<void> {
  const fd = openSync(path, 'w', 0o644);
  await client.request({ verb: 'debug', what: 'cpu-profile' }, [fd]);
  closeSync(fd);
  await wait(ms);
  await client.request({ what: 'stop' }, [], HEAP_TIMEOUT_MS);
}

async function profileHeap(client: ControlClient, path: string): Promise<void> {
  const fd = openSync(path, 'w', 0o600);
  await client.request({ verb: 'debug', what: 'heap-profile' }, [fd], HEAP_TIMEOUT_MS);
  closeSync(fd);
}

/** The calls go to the file named for this command, or else to the sandbox's own debug log. */
async function changeTrace(client: ControlClient, text: string, { debugLog }: Settings): Promise<void> {
  const isOn = text !== 'off';
  const calls = text === 'all' || !isOn ? [] : parseCalls('strace', text);
  if (isOn && text !== 'all' && calls.length === 0) throw new UsageError('--strace is none of all, off, CALL,...');
  const fds = isOn && debugLog !== undefined ? [openSync(debugLog, 'a', 0o644)] : [];
  await client.request({ verb: 'debug', what: 'strace', isOn, calls }, fds);
  for (const fd of fds) closeSync(fd);
}

export async function debug(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('debug', globals, args, FLAGS);
  const { own, settings } = invocation;
  for (const { name } of own.flags) if (Object.hasOwn(WITHOUT_EFFECT, name)) warn(`--${name} changes nothing here`);
  const directory = directoryOf(invocation);
  const ms = durationMs(own);
  /** A connection for each request: descriptors go with the first one only. */
  const ask = async (work: (client: ControlClient) => Promise<void>): Promise<void> => {
    const client = connect(directory);
    try {
      await work(client);
    } finally {
      client.close();
    }
  };
  const signal = lastValue(own, 'signal');
  if (signal !== undefined && signal !== '-1') {
    const signo = parseSignal(signal);
    await ask(async (client) => void (await client.request({ verb: 'status' })));
    process.kill(directory.read()?.sentry.pid ?? 0, signo);
  }
  const trace = lastValue(own, 'strace');
  if (trace !== undefined) await ask((client) => changeTrace(client, trace, settings));
  if (isGiven(own, 'stacks')) await ask((client) => printStacks(client, hostPids(invocation.settings.root, directory)));
  if (isGiven(own, 'ps')) await ask(async (client) => print(await processTable(client)));
  const heap = lastValue(own, 'profile-heap');
  if (heap !== undefined) await ask((client) => profileHeap(client, heap));
  const cpu = lastValue(own, 'profile-cpu');
  if (cpu !== undefined) await ask((client) => profileCpu(client, cpu, ms));
  return 0;
}

/** `runsc events`: what a container uses, and when the host ends one of its processes for want of memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { oomKills, readStats } from '../runtime/cgroup-stats.ts';
import { connect } from '../runtime/container-handle.ts';
import { ContainerError, type StateDirectory } from '../runtime/state-directory.ts';
import { type FlagShapes, isGiven, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import { print } from './output.ts';
import { containerOf, readInvocation } from './verb.ts';

const FLAGS = { stats: { type: 'boolean' }, interval: { type: 'string' } } as const satisfies FlagShapes;
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3600_000 };

function intervalMs(own: Parsed): number {
  const text = lastValue(own, 'interval') ?? '5s';
  const match = /^(\d{1,6})(ms|s|m|h)$/.exec(text);
  const value = match === null ? 0 : Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? 0);
  if (value === 0) throw new UsageError(`--interval is not a time as in 5s: ${text}`);
  return value;
}

function printEvent(directory: StateDirectory, type: string, data: object): void {
  print(`${JSON.stringify({ type, id: directory.id, data })}\n`);
}

async function taskCount(directory: StateDirectory): Promise<number> {
  const client = connect(directory);
  try {
    return (await client.request({ verb: 'ps' })).objects('processes').length;
  } finally {
    client.close();
  }
}

export async function events(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('events', globals, args, FLAGS);
  const directory = containerOf(invocation, 'events');
  const { own } = invocation;
  const interval = intervalMs(own);
  const state = directory.read();
  if (state === null) throw new ContainerError(`container ${directory.id} was never made whole; delete it`);
  printEvent(directory, 'stats', readStats(state.cgroups, await taskCount(directory)));
  if (isGiven(own, 'stats')) return 0;
  let seen = oomKills(state.cgroups);
  for (;;) {
    await sleep(interval);
    let tasks: number;
    try {
      tasks = await taskCount(directory);
    } catch (error) {
      // It has stopped, which is where its events end.
      if (error instanceof ContainerError) return 0;
      throw error;
    }
    const kills = oomKills(state.cgroups);
    if (kills > seen) printEvent(directory, 'oom', {});
    seen = kills;
    printEvent(directory, 'stats', readStats(state.cgroups, tasks));
  }
}

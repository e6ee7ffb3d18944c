/** `runsc update`: other limits for a container that is there. */
import { readFileSync } from 'node:fs';
import { isAlive } from '../host/host-process.ts';
import { DEFAULT_MAX_TASKS } from '../kernel/task-limit.ts';
import { boundsOf, readResources } from '../runtime/cgroup-options.ts';
import { updateLimits } from '../runtime/cgroups.ts';
import { checkResources } from '../runtime/config-check.ts';
import { connect } from '../runtime/container-handle.ts';
import { ContainerError } from '../runtime/state-directory.ts';
import { updateScope } from '../runtime/systemd.ts';
import { ConfigError, Fields } from '../wire/json-fields.ts';
import { type FlagShapes, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import { containerOf, readInvocation } from './verb.ts';

/** Each flag with the field of a resources object that it stands for. */
const FIELDS: Readonly<Record<string, readonly [string, string, 'number' | 'string']>> = {
  memory: ['memory', 'limit', 'number'],
  'memory-reservation': ['memory', 'reservation', 'number'],
  'memory-swap': ['memory', 'swap', 'number'],
  'cpu-period': ['cpu', 'period', 'number'],
  'cpu-quota': ['cpu', 'quota', 'number'],
  'cpu-share': ['cpu', 'shares', 'number'],
  'cpuset-cpus': ['cpu', 'cpus', 'string'],
  'cpuset-mems': ['cpu', 'mems', 'string'],
  'pids-limit': ['pids', 'limit', 'number'],
};
const FLAGS: FlagShapes = {
  resources: { type: 'string', short: 'r' },
  ...Object.fromEntries(Object.keys(FIELDS).map((name) => [name, { type: 'string' }])),
};

async function fromFile(path: string): Promise<Fields> {
  const text = readFileSync(path === '-' ? 0 : path, 'utf8');
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`resources are not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  await checkResources(document, 'resources');
  return new Fields(document, '', 'resources');
}

function fromFlags(own: Parsed): Fields {
  const resources: Record<string, Record<string, number | string>> = {};
  for (const [flag, [group, field, type]] of Object.entries(FIELDS)) {
    const text = lastValue(own, flag);
    if (text === undefined) continue;
    if (type === 'number' && !/^-?\d{1,19}$/.test(text)) throw new UsageError(`--${flag} is not a number: ${text}`);
    resources[group] = { ...resources[group], [field]: type === 'number' ? Number(text) : text };
  }
  return new Fields(resources, '', 'resources');
}

export async function update(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('update', globals, args, FLAGS);
  const directory = containerOf(invocation, 'update');
  const file = lastValue(invocation.own, 'resources');
  const resources = readResources(file === undefined ? fromFlags(invocation.own) : await fromFile(file));
  const unlock = directory.lock();
  try {
    const state = directory.read();
    if (state === null || !isAlive(state.sentry))
      throw new ContainerError(`container ${directory.id}: container not running`);
    if (state.cgroups.length === 0)
      throw new ContainerError(`container ${directory.id} has no control groups to limit it by`);
    if (state.scope !== '') updateScope(state.scope, resources);
    updateLimits(state.cgroups, resources);
    const isUnlimited = (resources.pids.limit ?? 0) < 0;
    const tasks = isUnlimited ? DEFAULT_MAX_TASKS : boundsOf(resources).tasks;
    const client = connect(directory);
    try {
      if (tasks !== undefined) await client.request({ verb: 'update', tasks });
    } finally {
      client.close();
    }
  } finally {
    unlock();
  }
  return 0;
}

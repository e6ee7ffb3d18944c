/** The process that `exec` is to start: a whole one from a file, or the container's own with another command and some changes. */
import { readFileSync } from 'node:fs';
import { ConfigError, Fields } from '../wire/json-fields.ts';
import { checkProcess } from './config-check.ts';
import type { StateDirectory } from './state-directory.ts';

export interface ExecChanges {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string | undefined;
  /** UID or UID:GID. */
  readonly user: string | undefined;
  readonly additionalGids: readonly number[];
  readonly caps: readonly string[];
  readonly hasNoNewPrivileges: boolean;
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readObject(path: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(value)) throw new ConfigError(`${path}: it is not an object`);
  return value;
}

/** A whole process object. Throws a ConfigError that names what is wrong with it. */
export async function processFromFile(path: string): Promise<Json> {
  const process = readObject(path);
  await checkProcess(process, path);
  return process;
}

function withCapabilities(current: unknown, added: readonly string[]): unknown {
  if (added.length === 0) return current;
  const names = added.map((name) => name.toUpperCase()).map((name) => (name.startsWith('CAP_') ? name : `CAP_${name}`));
  const sets = isObject(current) ? current : {};
  const setOf = (name: string): string[] => {
    const have = Array.isArray(sets[name]) ? sets[name].map(String) : [];
    return [...new Set([...have, ...names])];
  };
  const changed = ['bounding', 'effective', 'permitted'].map((name) => [name, setOf(name)] as const);
  return { ...sets, ...Object.fromEntries(changed) };
}

function withUser(current: unknown, { user, additionalGids }: ExecChanges): unknown {
  const from = isObject(current) ? current : {};
  const gids = additionalGids.length === 0 ? {} : { additionalGids };
  if (user === undefined) return { ...from, ...gids };
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(user);
  if (match === null) throw new ConfigError(`--user is not UID or UID:GID: ${user}`);
  const [, uid, gid] = match;
  return { ...from, uid: Number(uid), ...(gid === undefined ? {} : { gid: Number(gid) }), ...gids };
}

export function processFromContainer(directory: StateDirectory, changes: ExecChanges): Json {
  const { process } = readObject(directory.configPath);
  if (!isObject(process)) throw new ConfigError(`${directory.configPath}: process is missing`);
  const env = Array.isArray(process.env) ? process.env.map(String) : [];
  return {
    ...process,
    terminal: false,
    args: changes.args,
    env: [...env, ...changes.env],
    ...(changes.cwd === undefined ? {} : { cwd: changes.cwd }),
    user: withUser(process.user, changes),
    capabilities: withCapabilities(process.capabilities, changes.caps),
    noNewPrivileges: process.noNewPrivileges === true || changes.hasNoNewPrivileges,
  };
}

/** The fields of such an object that are looked at out here. */
export function wantsTerminal(process: Json): boolean {
  return new Fields(process, 'process', 'exec').boolean('terminal');
}

/** `runsc install` and `runsc uninstall`: makes Docker know us as a runtime, and forget us (dockerd(8), "runtimes" in daemon.json). */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type FlagShapes, isGiven, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import { print } from './output.ts';
import { launcher } from './own-command.ts';
import { readInvocation } from './verb.ts';

const FLAGS = {
  config_file: { type: 'string' },
  runtime: { type: 'string' },
  clobber: { type: 'boolean' },
  experimental: { type: 'boolean' },
  cgroupdriver: { type: 'string' },
} as const satisfies FlagShapes;
const DEFAULT_CONFIG = '/etc/docker/daemon.json';
const DEFAULT_NAME = 'runsc';

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the file holds; nothing if it is not there. */
function readConfig(path: string): Json {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(value)) throw new Error(`${path}: it is not an object`);
  return value;
}

/** Beside its place and renamed, for Docker may be reading it. */
function writeConfig(path: string, config: Json): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, `${JSON.stringify(config, null, 4)}\n`, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

function runtimesOf(path: string, config: Json): Json {
  const { runtimes = {} } = config;
  if (!isObject(runtimes)) throw new Error(`${path}: runtimes is not an object`);
  return runtimes;
}

/** Docker's own settings that go along, as gVisor's command has them. */
function dockerSettings(path: string, config: Json, own: Parsed): Json {
  const driver = lastValue(own, 'cgroupdriver');
  const experimental = isGiven(own, 'experimental') ? { experimental: true } : {};
  if (driver === undefined || driver === '') return experimental;
  const { 'exec-opts': current = [] } = config;
  if (!Array.isArray(current)) throw new Error(`${path}: exec-opts is not an array`);
  const others = current.filter((option) => !String(option).startsWith('native.cgroupdriver='));
  return { ...experimental, 'exec-opts': [...others, `native.cgroupdriver=${driver}`] };
}

export async function install(globals: Parsed, args: readonly string[]): Promise<number> {
  const { own, words } = await readInvocation('install', globals, args, FLAGS);
  const path = resolve(lastValue(own, 'config_file') ?? DEFAULT_CONFIG);
  const name = lastValue(own, 'runtime') ?? DEFAULT_NAME;
  const config = readConfig(path);
  const runtimes = runtimesOf(path, config);
  if (Object.hasOwn(runtimes, name) && !isGiven(own, 'clobber', true)) {
    print(`${path} has a runtime ${name} already\n`);
    return 0;
  }
  const runtime = { path: launcher(), ...(words.length === 0 ? {} : { runtimeArgs: words }) };
  writeConfig(path, { ...config, ...dockerSettings(path, config, own), runtimes: { ...runtimes, [name]: runtime } });
  print(`added runtime ${name} to ${path}; have dockerd read it again: systemctl reload docker\n`);
  return 0;
}

export async function uninstall(globals: Parsed, args: readonly string[]): Promise<number> {
  const { own, words } = await readInvocation('uninstall', globals, args, FLAGS);
  if (words.length > 0) throw new UsageError(`uninstall takes no words: ${words.join(' ')}`);
  const path = resolve(lastValue(own, 'config_file') ?? DEFAULT_CONFIG);
  const name = lastValue(own, 'runtime') ?? DEFAULT_NAME;
  const config = readConfig(path);
  const runtimes = runtimesOf(path, config);
  if (!Object.hasOwn(runtimes, name)) throw new Error(`${path} has no runtime ${name}`);
  const others = Object.fromEntries(Object.entries(runtimes).filter(([each]) => each !== name));
  writeConfig(path, { ...config, runtimes: others });
  print(`removed runtime ${name} from ${path}; have dockerd read it again: systemctl reload docker\n`);
  return 0;
}

/** Hooks of a configuration (config.md, "POSIX-platform Hooks"): programs of the host that are run at turns of a container's life. */
import { constants } from 'node:os';
import { EIO, ETIMEDOUT, errnoName } from '../abi/errno.ts';
import type { HookEnd, HookProgram } from '../host/keeper.ts';
import type { Fields } from '../wire/json-fields.ts';
import { ContainerError } from './state-directory.ts';

export const HOOK_NAMES = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;
export type HookName = (typeof HOOK_NAMES)[number];

export type Hook = HookProgram;

export type Hooks = Readonly<Record<HookName, readonly Hook[]>>;

const MAX_TIMEOUT_SEC = 86400;
/** What of a failed hook's standard error is shown. */
const MAX_SHOWN = 1024;

function hooksOf(fields: Fields | undefined, name: HookName): Hook[] {
  return (fields?.objects(name) ?? []).map((hook) => {
    const path = hook.absolutePath('path');
    const args = hook.strings('args');
    const env: Record<string, string> = Object.create(null);
    for (const [i, text] of hook.strings('env').entries()) {
      const at = text.indexOf('=');
      if (at <= 0) hook.refuse(`env[${i}]`, `is not NAME=VALUE: ${text}`);
      env[text.slice(0, at)] = text.slice(at + 1);
    }
    const timeoutSec = hook.number('timeout', MAX_TIMEOUT_SEC);
    if (timeoutSec === 0) hook.refuse('timeout', 'is not above 0');
    return { path, args: args.length === 0 ? [path] : args, env, timeoutSec };
  });
}

/** All hooks of a configuration. Throws a ConfigError that names the field. */
export function readHooks(config: Fields): Hooks {
  const fields = config.object('hooks');
  return {
    prestart: hooksOf(fields, 'prestart'),
    createRuntime: hooksOf(fields, 'createRuntime'),
    createContainer: hooksOf(fields, 'createContainer'),
    startContainer: hooksOf(fields, 'startContainer'),
    poststart: hooksOf(fields, 'poststart'),
    poststop: hooksOf(fields, 'poststop'),
  };
}

/** Runs one with `input` to read. */
export type RunHook = (hook: Hook, input: string) => HookEnd | Promise<HookEnd>;

/** As a process of ours, which has the rights of whoever called us. */
export function spawnHook({ path, args: [argv0, ...args], env, timeoutSec }: Hook, input: string): Promise<HookEnd> {
  // Not imported: most containers have no hooks, and it takes a while to load.
  const { spawn } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve) => {
    const child = spawn(path, args, { argv0, env, stdio: ['pipe', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(0, MAX_SHOWN);
    });
    // A hook that does not read its state is free to.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const timer =
      timeoutSec === undefined
        ? undefined
        : setTimeout(() => {
            child.kill('SIGKILL');
            resolve({ status: -ETIMEDOUT, errors });
          }, timeoutSec * 1000);
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ status: error.errno ?? -EIO, errors: '' });
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      // What it started may hold its streams; nothing of ours may wait for that.
      child.stderr.destroy();
      resolve({ status: code === null ? constants.signals[signal ?? 'SIGKILL'] : code << 8, errors });
    });
  });
}

/** What went wrong; null when nothing has. */
function failureOf({ timeoutSec }: Hook, { status, errors }: HookEnd): string | null {
  if (status === -ETIMEDOUT) return `did not end within ${timeoutSec} s`;
  if (status < 0) return `cannot be run: ${errnoName(-status)}`;
  if (status === 0) return null;
  const signal = status & 0x7f;
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`;
  const how = signal === 0 ? `failed with status ${status >> 8}` : `was ended by ${name}`;
  return `${how}${errors && `: ${errors.trim()}`}`;
}

/** Runs the hooks of one kind in their order, each with the state on its standard input. Throws at the first that fails. */
export async function runHooks(hooks: Hooks, name: HookName, state: object, run: RunHook = spawnHook): Promise<void> {
  const text = JSON.stringify(state);
  for (const hook of hooks[name]) {
    const failure = failureOf(hook, await run(hook, text));
    if (failure !== null) throw new ContainerError(`${name} hook ${hook.path} ${failure}`);
  }
}

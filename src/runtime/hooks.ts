/** Hooks of a configuration (config.md, "POSIX-platform Hooks"): programs of the host that are run at turns of a container's life. */
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

export interface Hook {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutSec: number | undefined;
}

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

/** Starts a process where hooks belong, if that is not where we are. */
export type StartsAtHome = <T>(start: () => T) => T;

const here: StartsAtHome = (start) => start();

function runHook(hook: Hook, name: HookName, state: string, atHome: StartsAtHome): Promise<void> {
  // Not imported: most containers have no hooks, and it takes a while to load.
  const { spawn } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => reject(new ContainerError(`${name} hook ${hook.path} ${what}`));
    const [argv0, ...args] = hook.args;
    const child = atHome(() => spawn(hook.path, args, { argv0, env: hook.env, stdio: ['pipe', 'ignore', 'pipe'] }));
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(0, MAX_SHOWN);
    });
    // A hook that does not read its state is free to.
    child.stdin.on('error', () => {});
    child.stdin.end(state);
    const timer =
      hook.timeoutSec === undefined
        ? undefined
        : setTimeout(() => {
            child.kill('SIGKILL');
            fail(`did not end within ${hook.timeoutSec} s`);
          }, hook.timeoutSec * 1000);
    child.once('error', (error) => {
      clearTimeout(timer);
      fail(`cannot be run: ${error.message}`);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      // What it started may hold its streams; nothing of ours may wait for that.
      child.stderr.destroy();
      if (code === 0) resolve();
      else
        fail(
          `${code === null ? `was ended by ${signal}` : `failed with status ${code}`}${errors && `: ${errors.trim()}`}`,
        );
    });
  });
}

/** Runs the hooks of one kind in their order, each with the state on its standard input. Throws at the first that fails. */
export async function runHooks(hooks: Hooks, name: HookName, state: object, atHome = here): Promise<void> {
  const text = JSON.stringify(state);
  for (const hook of hooks[name]) await runHook(hook, name, text, atHome);
}

/** Hooks of a container that `run` keeps in the foreground: its own process has no rights over the host, so another one of ours runs them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fields } from '../wire/json-fields.ts';
import { type Status, stateDocument } from './container-handle.ts';
import { HOOK_NAMES, type HookName, readHooks, runHooks } from './hooks.ts';
import { ContainerError, type StateDirectory } from './state-directory.ts';

/** What a container is while hooks of a kind run (runtime.md, "Lifecycle"). */
const STATUS: Readonly<Record<HookName, Status>> = {
  prestart: 'creating',
  createRuntime: 'creating',
  createContainer: 'creating',
  startContainer: 'created',
  poststart: 'running',
  poststop: 'stopped',
};

export function hookName(text: string): HookName {
  const found = HOOK_NAMES.find((name) => name === text);
  if (found === undefined) throw new ContainerError(`there are no hooks ${text}`);
  return found;
}

const errorPath = ({ path }: StateDirectory): string => join(path, 'hook-error');

/** What the first hook that failed has said; null when none has. */
export function readHookError(directory: StateDirectory): string | null {
  try {
    return readFileSync(errorPath(directory), 'utf8');
  } catch {
    return null;
  }
}

/** @returns whether all went well; if not, the reason is written down */
export async function runHooksOf(directory: StateDirectory, name: HookName): Promise<boolean> {
  const state = directory.read();
  if (state === null) throw new ContainerError(`container ${directory.id} is not there yet`);
  const { configPath } = directory;
  const hooks = readHooks(new Fields(JSON.parse(readFileSync(configPath, 'utf8')), '', configPath));
  try {
    await runHooks(hooks, name, stateDocument(directory, state, STATUS[name]));
    return true;
  } catch (error) {
    writeFileSync(errorPath(directory), error instanceof Error ? error.message : String(error));
    return false;
  }
}

/** Hooks of a container that `run` keeps in the foreground, once it is locked in: another process of ours runs them. */
import { readFileSync } from 'node:fs';
import { Fields } from '../wire/json-fields.ts';
import { type Status, stateDocument } from './container-handle.ts';
import { readHooks, runHooks } from './hooks.ts';
import { ContainerError, type StateDirectory } from './state-directory.ts';

/** What a container is while hooks of a kind run (runtime.md, "Lifecycle"). */
const STATUS = { poststart: 'running', poststop: 'stopped' } as const satisfies Record<string, Status>;

export type LateHook = keyof typeof STATUS;

export function lateHook(text: string): LateHook {
  if (text === 'poststart' || text === 'poststop') return text;
  throw new ContainerError(`there are no hooks ${text} that run outside`);
}

/** Throws at the first that fails. */
export async function runHooksOf(directory: StateDirectory, name: LateHook): Promise<void> {
  const state = directory.read();
  if (state === null) throw new ContainerError(`container ${directory.id} is not there yet`);
  const { configPath } = directory;
  const hooks = readHooks(new Fields(JSON.parse(readFileSync(configPath, 'utf8')), '', configPath));
  await runHooks(hooks, name, stateDocument(directory, state, STATUS[name]));
}

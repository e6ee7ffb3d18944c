/** delete: what is left of a container goes. It can be repeated, and works on what a crash has left. */

import { readFileSync } from 'node:fs';
import { isAlive, killAndWait, waitForEnd } from '../host/host-process.ts';
import { Fields } from '../wire/json-fields.ts';
import { stateDocument, statusOf } from './container-handle.ts';
import { removeGroups } from './create.ts';
import { type Hooks, readHooks, runHooks } from './hooks.ts';
import { ContainerError, type State, type StateDirectory } from './state-directory.ts';

const END_TIMEOUT_MS = 10_000;

/** @param warn gets what went wrong without keeping the container from going */
export async function deleteContainer(
  directory: StateDirectory,
  isForced: boolean,
  warn: (message: string) => void,
): Promise<void> {
  const unlock = directory.lock();
  try {
    const state = directory.read();
    if (state === null) {
      // Its maker died before it had written anything.
      directory.remove();
      return;
    }
    if (!isForced) await refuseUnlessStopped(directory, state);
    const hasEnded = isForced
      ? killAndWait(state.sentry, END_TIMEOUT_MS)
      : waitForEnd(state.sentry, END_TIMEOUT_MS) || killAndWait(state.sentry, END_TIMEOUT_MS);
    if (!hasEnded) throw new ContainerError(`container ${directory.id}: its sandbox ${state.sentry.pid} does not end`);
    removeGroups(state);
    const hooks = hooksOf(directory, warn);
    directory.remove();
    if (hooks === null) return;
    try {
      await runHooks(hooks, 'poststop', stateDocument(directory, state, 'stopped'));
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error));
    }
  } finally {
    unlock();
  }
}

async function refuseUnlessStopped(directory: StateDirectory, state: State): Promise<void> {
  // We hold the lock, so nobody is making it: a state from before `created` is a leftover.
  if (state.phase === 'creating') {
    killAndWait(state.sentry, END_TIMEOUT_MS);
    return;
  }
  if (!isAlive(state.sentry)) return;
  const status = await statusOf(directory, state);
  // One that never ran is ended, as runc does.
  if (status === 'created') killAndWait(state.sentry, END_TIMEOUT_MS);
  else if (status !== 'stopped') {
    throw new ContainerError(`cannot delete container ${directory.id} that is not stopped: ${status}`);
  }
}

function hooksOf(directory: StateDirectory, warn: (message: string) => void): Hooks | null {
  try {
    const { configPath } = directory;
    return readHooks(new Fields(JSON.parse(readFileSync(configPath, 'utf8')), '', configPath));
  } catch (error) {
    warn(`container ${directory.id}: no hooks are run: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

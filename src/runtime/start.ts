/** start: the program of a container that was made runs. */
import { readFileSync } from 'node:fs';
import { Fields } from '../wire/json-fields.ts';
import { connect, stateDocument } from './container-handle.ts';
import { contentOf } from './control-client.ts';
import { readHooks, runHooks } from './hooks.ts';
import { startRequest, takeStartAnswer } from './prepared-verbs.ts';
import type { StateDirectory } from './state-directory.ts';

/** @param warn gets what went wrong with hooks once it runs */
export async function startContainer(directory: StateDirectory, warn: (message: string) => void): Promise<void> {
  const answer = takeStartAnswer();
  if (answer !== null) contentOf(answer);
  const unlock = directory.lock();
  try {
    const client = connect(directory);
    const state = directory.read();
    if (state === null) return;
    try {
      await client.request(startRequest(directory, state), [], Infinity);
    } finally {
      client.close();
    }
    const hooks = readHooks(
      new Fields(JSON.parse(readFileSync(directory.configPath, 'utf8')), '', directory.configPath),
    );
    try {
      await runHooks(hooks, 'poststart', stateDocument(directory, state, 'running'));
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error));
    }
  } finally {
    unlock();
  }
}

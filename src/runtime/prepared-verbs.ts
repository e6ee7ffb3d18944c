/**
 * What the launcher does without Node (native/launch-prepared.c): `start` and `delete`, where nothing is left to decide. Whatever
 * it finds otherwise than it is written here comes to start.ts and delete.ts.
 */
import { writeFileSync } from 'node:fs';
import { Fields } from '../wire/json-fields.ts';
import { stateDocument } from './container-handle.ts';
import type { Hooks } from './hooks.ts';
import type { State, StateDirectory } from './state-directory.ts';

/** What the container is asked on its control socket when its program is to run. */
export function startRequest(directory: StateDirectory, state: State): object {
  return { verb: 'start', state: JSON.stringify(stateDocument(directory, state, 'created')) };
}

const START_ANSWER = 'TSVISOR_START_ANSWER';

/** What the sandbox has answered to the launcher's request to start, if it was not a yes. */
export function takeStartAnswer(): Fields | null {
  const answer = process.env[START_ANSWER];
  delete process.env[START_ANSWER];
  return answer === undefined ? null : new Fields(JSON.parse(answer), '', 'reply');
}

/** Of a container that has been made. Hooks afterwards, and scopes of systemd's, take more than the launcher does. */
export function prepareVerbs(directory: StateDirectory, state: State, hooks: Hooks): void {
  if (hooks.poststart.length === 0) {
    const request = JSON.stringify(startRequest(directory, state));
    writeFileSync(directory.startRequestPath, `${request}\n`, { mode: 0o600 });
  }
  const { sentry, cgroups, scope } = state;
  if (hooks.poststop.length > 0 || scope !== '' || cgroups.some((path) => path.includes('\n'))) return;
  const lines = [`${sentry.pid} ${sentry.startTime}`, ...cgroups];
  writeFileSync(directory.removalPath, `${lines.join('\n')}\n`, { mode: 0o600 });
}

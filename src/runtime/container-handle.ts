/** A container as the verbs see it: its state on disk and, while it lives, its sandbox. */
import { readFileSync } from 'node:fs';
import { isAlive } from '../host/host-process.ts';
import { ControlClient } from './control-client.ts';
import { ContainerError, type State, type StateDirectory } from './state-directory.ts';

export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

function isStatus(text: string): text is Status {
  return ['created', 'running', 'paused', 'stopped'].includes(text);
}

/** What it is doing now. One whose maker died half-way is stopped, for it will never run. */
export async function statusOf(directory: StateDirectory, state: State | null): Promise<Status> {
  if (state === null || state.phase === 'creating') return directory.isLocked ? 'creating' : 'stopped';
  if (!isAlive(state.sentry)) return 'stopped';
  const client = ControlClient.connect(directory.controlPath);
  if (client === null) return 'stopped';
  try {
    const status = (await client.request({ verb: 'status' })).needString('status');
    return isStatus(status) ? status : 'stopped';
  } catch (error) {
    // It ended while we asked.
    if (!isAlive(state.sentry)) return 'stopped';
    throw error;
  } finally {
    client.close();
  }
}

/** A connection to a container that lives. Throws a ContainerError in the words that Docker and containerd look for. */
export function connect(directory: StateDirectory): ControlClient {
  const state = directory.read();
  const client = state !== null && isAlive(state.sentry) ? ControlClient.connect(directory.controlPath) : null;
  if (client === null) throw new ContainerError(`container ${directory.id}: container not running`);
  return client;
}

/** Why its sentry ended before its time, if it did. */
function reasonOf({ reasonPath }: StateDirectory): { readonly reason?: string } {
  try {
    return { reason: readFileSync(reasonPath, 'utf8') };
  } catch {
    return {};
  }
}

/** The state document of the runtime specification (runtime.md, "State"), with what runc adds. */
export function stateDocument(directory: StateDirectory, state: State, status: Status): object {
  return {
    ociVersion: state.ociVersion,
    id: directory.id,
    pid: status === 'stopped' ? 0 : state.sentry.pid,
    status,
    bundle: state.bundle,
    rootfs: state.rootfs,
    created: state.created,
    owner: state.owner,
    ...(status === 'stopped' ? reasonOf(directory) : {}),
    ...(Object.keys(state.annotations).length === 0 ? {} : { annotations: state.annotations }),
  };
}

/**
 * Containers that share a sandbox, as the implementations of Kubernetes' CRI ask for it: by annotations, and by the paths of
 * namespaces that a container is to share with another.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../wire/json-fields.ts';
import { ContainerError, listContainers, type State, StateDirectory } from './state-directory.ts';

type Annotations = Readonly<Record<string, string>>;

/** Of containerd and of CRI-O: what kind it is, and of which sandbox. */
const KEYS = [
  ['io.kubernetes.cri.container-type', 'io.kubernetes.cri.sandbox-id'],
  ['io.kubernetes.cri-o.ContainerType', 'io.kubernetes.cri-o.SandboxID'],
] as const;

/** The sandbox that a container is a further one of; null for one that has a sandbox of its own, which others may join. */
export function sandboxOf(annotations: Annotations): string | null {
  for (const [typeKey, idKey] of KEYS) {
    const type = annotations[typeKey];
    if (type === undefined || type === 'sandbox') continue;
    if (type !== 'container')
      throw new ConfigError(`config.json: annotations["${typeKey}"] is none that is known: ${type}`);
    const id = annotations[idKey];
    if (id === undefined || id === '') throw new ConfigError(`config.json: annotations["${idKey}"] is missing`);
    return id;
  }
  return null;
}

/** What a member shares with others. The network is always the sandbox's, mounts are always its own. */
export interface SharedNamespaces {
  readonly shared: readonly ('ipc' | 'uts')[];
  /** The container whose processes it sees too: its id, "" for the sandbox's first; undefined for nobody's. */
  readonly pidsOf: string | undefined;
}

/** The first container of the sandbox that a member is to join. Throws a ContainerError when there is none that lives. */
export function findSandbox(root: string, id: string): { directory: StateDirectory; state: State } {
  const directory = new StateDirectory(root, id);
  if (!directory.exists) throw new ContainerError(`sandbox ${id} does not exist`);
  const state = directory.read();
  if (state === null || state.phase !== 'created') throw new ContainerError(`sandbox ${id}: container not running`);
  if (state.sandbox !== '') throw new ContainerError(`container ${id} is itself in the sandbox ${state.sandbox}`);
  return { directory, state };
}

/** null for what is not there, or not for us to look at. */
function inodeOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return null; // so it is none of a sandbox of ours
  }
}

/** Which container of the sandbox a namespace's path is of: its id, "" for the first. */
function ownerOf(
  root: string,
  sandbox: { directory: StateDirectory; state: State },
  type: string,
  path: string,
): string {
  const { pid } = sandbox.state.sentry;
  const named = /^\/proc\/(\d+)\/ns\/\w+$/.exec(path)?.[1];
  if (Number(named) === pid) return '';
  if (named !== undefined) {
    for (const each of listContainers(root)) {
      const state = each.id === sandbox.directory.id ? null : each.read();
      if (state?.sandbox === sandbox.directory.id && state.sentry.pid === Number(named)) return each.id;
    }
  }
  const wanted = inodeOf(path);
  if (wanted !== null && wanted === inodeOf(join(`/proc/${pid}/ns`, type))) return '';
  throw new ConfigError(`config.json: linux.namespaces of type ${type} is not one of the sandbox's: ${path}`);
}

/**
 * One without a path is new. One with a path is that of a container of the same sandbox. One that is not named is the host's, and
 * what the sandbox has for the host is its first container.
 */
export function sharedNamespaces(
  root: string,
  sandbox: { directory: StateDirectory; state: State },
  namespaces: ReadonlyMap<string, string>,
): SharedNamespaces {
  const owner = (type: string): string | undefined => {
    const path = namespaces.get(type);
    return path === '' ? undefined : path === undefined ? '' : ownerOf(root, sandbox, type, path);
  };
  return { shared: (['ipc', 'uts'] as const).filter((type) => owner(type) !== undefined), pidsOf: owner('pid') };
}

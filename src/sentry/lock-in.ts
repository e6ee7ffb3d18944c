/**
 * The sentry locks itself in before the first instruction of a guest: from then on its root is empty or the container's, it has the
 * files it was given, by their descriptors, and makes only the host calls of host-calls.ts. All that is found by path is opened before.
 */
import { chdir } from 'node:process';
import type { HostMemory } from '../fs/tmpfs/host-memory.ts';
import { HostMemoryFiles } from '../host/host-memory.ts';
import { type OpenHostPlace, openPlacesBy } from '../host/host-place.ts';
import { type BoundPath, Keeper, type Launched } from '../host/keeper.ts';
import { useProc } from '../host/proc-files.ts';
import { installFilter } from '../host/seccomp.ts';
import type { HostCallGroup } from './host-calls.ts';
import type { SandboxOptions } from './sandbox-options.ts';
import { sentryFilter } from './sentry-filter.ts';

/** What a sandbox that is being made has of the host. */
export interface HostShare {
  /** Gives the places that the first container has. */
  readonly open: OpenHostPlace;
  /** For files in memory of all its containers. */
  readonly memory: HostMemory;
}

export function hostShareOf(launched: Launched): HostShare {
  const keeper = new Keeper(launched);
  return {
    open: openPlacesBy((path, access, reach) => keeper.openTree(path, access, reach)),
    memory: new HostMemoryFiles(keeper.openMemory()),
  };
}

/** What of the table every sandbox needs, and what this one. */
export function hostCallGroups({ network }: Pick<SandboxOptions, 'network'>): HostCallGroup[] {
  return ['runtime', 'guests', 'files', 'streams', ...(network === 'host' ? (['host network'] as const) : [])];
}

export interface ContainerRoot {
  readonly path: string;
  readonly bound: readonly BoundPath[];
}

/**
 * There is no way back.
 * @param groups what this sandbox needs of the table
 * @param root where others meet a container's files who enter the sandbox's mount namespace (`podman cp`)
 * @param trace gets what could not be
 * @returns what can only be told that the first program runs
 */
export function lockIn(
  launched: Launched,
  groups: readonly HostCallGroup[],
  root: ContainerRoot | null,
  trace: ((line: string) => void) | null,
): Keeper {
  const keeper = new Keeper(launched);
  const proc = keeper.openProc();
  useProc(proc);
  // Nothing that we are in may lead back.
  chdir('/');
  const failed = proc < 0 ? proc : keeper.changeRoot(root?.path ?? null, root?.bound ?? []);
  if (failed < 0) trace?.(`the sentry keeps the root of the host: errno ${-failed}`);
  keeper.lockIn();
  installFilter(sentryFilter(groups));
  return keeper;
}

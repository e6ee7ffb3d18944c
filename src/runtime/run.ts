/** run: a container from its making to its end, in the foreground. This very process is its sentry. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from '../host/host-process.ts';
import { NetworkStay } from '../host/namespaces.ts';
import { isTerminal } from '../host/pty.ts';
import { type Bundle, checkBundle } from './bundle.ts';
import { enterGroups, ownGroups } from './cgroups.ts';
import { type Status, stateDocument } from './container-handle.ts';
import {
  newState,
  type PlaceOptions,
  placeContainer,
  plannedCgroups,
  plannedScope,
  removeGroups,
  writePidFile,
} from './create.ts';
import { type HookName, runHooks } from './hooks.ts';
import { sandboxOf } from './pod.ts';
import { memberReader, type SandboxSettings, sandboxOptions } from './sandbox-settings.ts';
import { ContainerError, type State, StateDirectory } from './state-directory.ts';

const STDIO = [0, 1, 2];
const BEFORE_START: readonly HookName[] = ['prestart', 'createRuntime', 'createContainer'];

export interface RunOptions extends PlaceOptions, SandboxSettings {
  readonly root: string;
  /** Absolute. */
  readonly bundle: string;
  readonly pidFile: string | undefined;
  readonly preserveFds: number;
}

/** @returns the exit status of the first process, 128 + n if signal n ended it */
export async function runInForeground(options: RunOptions): Promise<number> {
  const bundle = await checkBundle(options.bundle);
  for (const warning of bundle.warnings) options.warn(`config.json: ${warning}`);
  if (bundle.hasTerminal && !isTerminal(0)) {
    throw new ContainerError('config.json: process.terminal is true, but standard input is no terminal');
  }
  const sandboxId = sandboxOf(bundle.annotations);
  if (sandboxId !== null) {
    throw new ContainerError(`it is to be in the sandbox ${sandboxId}: use create and start, or run --detach`);
  }
  const self = identify(process.pid);
  if (self === null) throw new ContainerError('there is no /proc to find ourselves in');
  const scope = plannedScope(bundle, options);
  const directory = new StateDirectory(options.root, options.id);
  const unlock = directory.create();
  let cgroups: readonly string[] = [];
  let home: readonly string[] = [];
  try {
    copyFileSync(join(options.bundle, 'config.json'), directory.configPath);
    cgroups = plannedCgroups(bundle, options);
    home = cgroups.length > 0 ? ownGroups() : [];
    directory.write({ ...newState(options.bundle, bundle, self, scope), cgroups });
    cgroups = placeContainer([self.pid], bundle, cgroups, options);
    const state = { ...newState(options.bundle, bundle, self, scope), cgroups };
    return await runIn(options, bundle, directory, state, unlock);
  } finally {
    if (cgroups.length > 0) {
      enterGroups(self.pid, home);
      removeGroups({ cgroups, scope });
    }
    directory.remove();
    unlock();
  }
}

async function runIn(
  options: RunOptions,
  bundle: Bundle,
  directory: StateDirectory,
  state: State,
  unlock: () => void,
): Promise<number> {
  const { networkPlace: place } = bundle;
  const wanted = sandboxOptions(bundle, options);
  const isApart = wanted.network === 'host' && place.kind !== 'ours';
  const stay = isApart ? new NetworkStay(place.kind === 'path' ? place.path : null) : null;
  const hooks = (name: HookName, status: Status): Promise<void> =>
    runHooks(bundle.hooks, name, stateDocument(directory, state, status), stay?.atHome);
  const { runContainer } = await import('../sentry/run.ts');
  const preserved = Array.from({ length: options.preserveFds }, (_, i) => i + 3);
  const code = await runContainer({
    // Where a namespace of its own cannot be made, the sockets of ours are not what was asked for.
    options: stay?.isThere === false ? { ...wanted, network: 'none' } : wanted,
    hasTerminal: STDIO.some((fd) => isTerminal(fd)),
    stdio: [...STDIO, ...preserved],
    stdioOwner: 'caller',
    controlPath: directory.controlPath,
    readMember: memberReader(options),
    startHooks: bundle.hooks.startContainer,
    onReady: async (container) => {
      for (const name of BEFORE_START) await hooks(name, 'creating');
      directory.write({ ...state, phase: 'created' });
      if (options.pidFile !== undefined) writePidFile(options.pidFile, state.sentry.pid);
      unlock();
      await container.start(JSON.stringify(stateDocument(directory, state, 'created')));
      await quietly(options, hooks('poststart', 'running'));
    },
  });
  await quietly(options, hooks('poststop', 'stopped'));
  stay?.end();
  return code;
}

async function quietly({ warn }: PlaceOptions, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    warn(error instanceof Error ? error.message : String(error));
  }
}

/** run: a container from its making to its end, in the foreground. This very process is its sentry. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setOomScore } from '../host/host-process.ts';
import { Keeper, type Launched } from '../host/keeper.ts';
import { NetworkStay } from '../host/namespaces.ts';
import { isTerminal } from '../host/pty.ts';
import { type Bundle, checkBundle } from './bundle.ts';
import { ownGroups } from './cgroups.ts';
import { stateDocument } from './container-handle.ts';
import {
  newState,
  type PlaceOptions,
  placeContainer,
  plannedCgroups,
  plannedScope,
  removeGroups,
  writePidFile,
} from './create.ts';
import type { HookName } from './hooks.ts';
import { readHookError } from './hooks-outside.ts';
import { isWhereWeAre } from './network.ts';
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
export async function runInForeground(options: RunOptions, launched: Launched): Promise<number> {
  const bundle = await checkBundle(options.bundle);
  for (const warning of bundle.warnings) options.warn(`config.json: ${warning}`);
  if (bundle.hasTerminal && !isTerminal(0)) {
    throw new ContainerError('config.json: process.terminal is true, but standard input is no terminal');
  }
  const sandboxId = sandboxOf(bundle.annotations);
  if (sandboxId !== null) {
    throw new ContainerError(`it is to be in the sandbox ${sandboxId}: use create and start, or run --detach`);
  }
  if (bundle.timeOffsets.length > 0) {
    throw new ContainerError('config.json: linux.timeOffsets: use create and start, or run --detach');
  }
  const scope = plannedScope(bundle, options);
  const keeper = new Keeper(launched);
  const directory = new StateDirectory(options.root, options.id);
  const unlock = directory.create();
  let cgroups: readonly string[] = [];
  let home: readonly string[] = [];
  let isLockedIn = false;
  try {
    copyFileSync(join(options.bundle, 'config.json'), directory.configPath);
    cgroups = plannedCgroups(bundle, options);
    home = cgroups.length > 0 ? ownGroups() : [];
    const state = newState(options.bundle, bundle, launched.keeper, scope);
    directory.write({ ...state, cgroups });
    cgroups = placeContainer(
      [launched.keeper.pid],
      () => keeper.readGroups(),
      (group) => keeper.enterGroup(group),
      (score) => setOomScore(process.pid, score),
      bundle,
      cgroups,
      options,
    );
    const run: Run = { options, bundle, directory, state: { ...state, cgroups }, launched, keeper };
    return await runIn(run, () => {
      tellEnd(run, home);
      unlock();
      isLockedIn = true;
    });
  } finally {
    // Later it is the keeper's to clear away.
    if (!isLockedIn) {
      if (cgroups.length > 0) {
        for (const group of home) keeper.enterGroup(group);
        removeGroups({ cgroups, scope });
      }
      directory.remove();
      unlock();
    }
  }
}

interface Run {
  readonly options: RunOptions;
  readonly bundle: Bundle;
  readonly directory: StateDirectory;
  readonly state: State;
  readonly launched: Launched;
  readonly keeper: Keeper;
}

/** The command line, after our own name, that runs the hooks of one kind outside. */
function hooksCommand({ options, directory }: Run, name: HookName): string[] {
  return ['--root', options.root, 'hooks', name, directory.id];
}

/** Hooks run with the caller's rights, which this process has no more. */
function runHooksOutside(run: Run, name: HookName): void {
  if (run.bundle.hooks[name].length === 0) return;
  const status = run.keeper.run(hooksCommand(run, name));
  if (status !== 0) throw new ContainerError(readHookError(run.directory) ?? `${name} hooks failed`);
}

/** What is left to do when the container has ended. */
function tellEnd(run: Run, home: readonly string[]): void {
  const { keeper, bundle, directory, state } = run;
  if (bundle.hooks.poststart.length > 0) keeper.atStart(hooksCommand(run, 'poststart'));
  if (bundle.hooks.poststop.length > 0) keeper.atEnd({ kind: 'run', args: hooksCommand(run, 'poststop') });
  if (state.cgroups.length > 0) {
    for (const group of home) keeper.atEnd({ kind: 'write', path: join(group, 'cgroup.procs'), text: '0' });
  }
  for (const path of state.cgroups) keeper.atEnd({ kind: 'rmdir', path });
  for (const path of directory.files) keeper.atEnd({ kind: 'unlink', path });
  keeper.atEnd({ kind: 'rmdir', path: directory.path });
}

async function runIn(run: Run, beforeLockIn: () => void): Promise<number> {
  const { options, bundle, directory, state, launched } = run;
  const { runContainer } = await import('../sentry/run.ts');
  const preserved = Array.from({ length: options.preserveFds }, (_, i) => i + 3);
  const { networkPlace: place } = bundle;
  const wanted = sandboxOptions(bundle, options);
  const isApart = wanted.network === 'host' && !isWhereWeAre(place);
  // To its end: this process has nothing else to do. What runs hooks is the keeper's, which stays where we came from.
  const stay = isApart ? new NetworkStay(place.kind === 'path' ? place.path : null) : null;
  return runContainer({
    // Where a namespace of its own cannot be made, the sockets of ours are not what was asked for.
    options: stay?.isThere === false ? { ...wanted, network: 'none' } : wanted,
    hasTerminal: STDIO.some((fd) => isTerminal(fd)),
    stdio: [...STDIO, ...preserved],
    stdioOwner: 'caller',
    controlPath: directory.controlPath,
    readMember: memberReader(options),
    launched,
    startHooks: bundle.hooks.startContainer,
    onReady: () => {
      for (const name of BEFORE_START) runHooksOutside(run, name);
      directory.write({ ...state, phase: 'created' });
      if (options.pidFile !== undefined) writePidFile(options.pidFile, state.sentry.pid);
      beforeLockIn();
    },
    onLockedIn: async (container, keeper) => {
      await container.start(JSON.stringify(stateDocument(directory, state, 'created')));
      keeper.started();
      keeper.close();
    },
  });
}

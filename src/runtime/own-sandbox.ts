/**
 * A container with a sandbox of its own, from its making to its end: `run` in the foreground, and `create` (and `run --detach`), whose command
 * ends when it is made. This very process is its sentry.
 *
 * It was started before anybody had read the configuration. Where that asks for what a process must be born with, the keeper is told to start us
 * once more; and it does for us what takes rights over the host, which we do not have.
 */
import { closeSync, copyFileSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { EPERM } from '../abi/errno.ts';
import { HostError } from '../host/host-error.ts';
import { Keeper, type Launched } from '../host/keeper.ts';
import { native } from '../host/native.ts';
import { isTerminal, takeTerminal } from '../host/pty.ts';
import { type Bundle, checkBundle } from './bundle.ts';
import { ownGroups } from './cgroups.ts';
import { openConsole } from './console.ts';
import { stateDocument } from './container-handle.ts';
import {
  BEFORE_START,
  type CreateOptions,
  checkConsole,
  newState,
  placeContainer,
  plannedCgroups,
  plannedScope,
  removeGroups,
  writePidFile,
} from './create.ts';
import { runHooks } from './hooks.ts';
import type { LateHook } from './hooks-outside.ts';
import { isWhereWeAre } from './network.ts';
import { sandboxOf } from './pod.ts';
import { prepareVerbs } from './prepared-verbs.ts';
import { memberReader, type SandboxSettings, sandboxOptions } from './sandbox-settings.ts';
import { ContainerError, type State, StateDirectory } from './state-directory.ts';

const DUP3 = 292;
const FCNTL = 72;
const F_DUPFD_CLOEXEC = 1030;
const STDIO = [0, 1, 2];
const STDERR = 2;
/** Descriptors of the container are moved up here, out of the way of those with a meaning. */
const MOVED = 16;

export interface OwnSandboxOptions extends CreateOptions, SandboxSettings {
  /** Whether the command ends when the container is made, which waits for `start` then. */
  readonly isDetached: boolean;
}

interface Run {
  readonly options: OwnSandboxOptions;
  readonly bundle: Bundle;
  readonly directory: StateDirectory;
  readonly state: State;
  readonly launched: Launched;
  readonly keeper: Keeper;
}

/** @returns the exit status of the first process, 128 + n if signal n ended it; or 0 when another process is to make it */
export async function makeOwnSandbox(options: OwnSandboxOptions, launched: Launched): Promise<number> {
  const bundle = await checkBundle(options.bundle);
  const keeper = new Keeper(launched);
  const sandboxId = sandboxOf(bundle.annotations);
  if (sandboxId !== null) {
    if (!options.isDetached) {
      throw new ContainerError(`it is to be in the sandbox ${sandboxId}: use create and start, or run --detach`);
    }
    keeper.leaveToCommand();
    return 0;
  }
  const network = launched.note === null ? placeFirst(keeper, bundle, options, launched) : networkFrom(launched.note);
  if (network === null) return 0;
  for (const warning of bundle.warnings) options.warn(`config.json: ${warning}`);
  if (options.isDetached) checkConsole(bundle, options.consoleSocket);
  else if (bundle.hasTerminal && !isTerminal(0)) {
    throw new ContainerError('config.json: process.terminal is true, but standard input is no terminal');
  }
  return makeIn({ ...options, network }, bundle, launched, keeper);
}

/** The host would refuse a clock before its beginning. */
function checkClocks({ timeOffsets }: Bundle): void {
  const [now] = process.hrtime();
  for (const { clock, secs } of timeOffsets) {
    if (now + secs >= 0) continue;
    const field = `config.json: linux.timeOffsets.${clock}`;
    throw new ContainerError(`${field}.secs is before the clock's beginning: it is at ${now} seconds`);
  }
}

/** As timens_offsets takes them (time_namespaces(7)). */
function clocksOf({ timeOffsets }: Bundle): string {
  return timeOffsets.map(({ clock, secs, nanosecs }) => `${clock} ${secs} ${nanosecs}\n`).join('');
}

function networkFrom(note: string): 'none' | 'host' {
  return note === 'host' ? 'host' : 'none';
}

/** Has the keeper be where the container is to be: which network the guest gets, or null when we are to be started there again. */
function placeFirst(
  keeper: Keeper,
  bundle: Bundle,
  settings: SandboxSettings,
  { mayHaveHostNetwork }: Launched,
): 'none' | 'host' | null {
  checkClocks(bundle);
  const isHere = isWhereWeAre(bundle.networkPlace);
  const wanted = networkFrom(sandboxOptions(bundle, settings).network);
  const network = isHere || enterNetwork(keeper, bundle) ? wanted : 'none';
  const isReady = network === 'none' || (mayHaveHostNetwork && isHere);
  if (isReady && bundle.timeOffsets.length === 0) return network;
  const clocks = clocksOf(bundle);
  const failed = keeper.startAgain({ clocks, needsHostNetwork: network === 'host', note: network });
  if (failed < 0) throw new HostError('config.json: linux.timeOffsets: giving the sandbox clocks of its own', failed);
  return null;
}

/** Puts the keeper into the container's network namespace: whether it is there. */
function enterNetwork(keeper: Keeper, { networkPlace: place }: Bundle): boolean {
  const path = place.kind === 'path' ? place.path : null;
  const failed = keeper.enterNetwork(path);
  if (failed < 0 && (path !== null || failed !== -EPERM)) {
    throw new HostError(
      path === null ? 'making a network namespace' : `entering the network namespace ${path}`,
      failed,
    );
  }
  // Where a namespace of its own cannot be made, the sockets of ours are not what was asked for.
  return failed === 0;
}

async function makeIn(options: OwnSandboxOptions, bundle: Bundle, launched: Launched, keeper: Keeper): Promise<number> {
  const scope = plannedScope(bundle, options);
  const directory = new StateDirectory(options.root, options.id);
  const unlock = directory.create();
  let cgroups: readonly string[] = [];
  let home: readonly string[] = [];
  let isLockedIn = false;
  try {
    copyFileSync(join(options.bundle, 'config.json'), directory.configPath);
    if (options.isDetached) keeper.reportAt(directory.reasonPath);
    cgroups = plannedCgroups(bundle, options);
    home = cgroups.length > 0 ? ownGroups() : [];
    const state = newState(options.bundle, bundle, launched.keeper, scope);
    directory.write({ ...state, cgroups });
    cgroups = placeContainer(
      [launched.keeper.pid],
      () => keeper.readGroups(),
      (group) => keeper.enterGroup(group),
      (score) => keeper.setOomScore(score) === 0,
      bundle,
      cgroups,
      options,
    );
    const run: Run = { options, bundle, directory, state: { ...state, cgroups }, launched, keeper };
    return await runIn(run, () => {
      if (!options.isDetached) tellEnd(run, home);
      unlock();
      isLockedIn = true;
    });
  } finally {
    // Later it is the keeper's to clear away, or that of `delete`.
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

/** The command line, after our own name, that runs the hooks of one kind outside. */
function hooksCommand({ options, directory }: Run, name: LateHook): string[] {
  return ['--root', options.root, 'hooks', name, directory.id];
}

/** What is left to do when the container of a `run` has ended. */
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

/** What the first process has for its descriptors from 0. */
interface Stdio {
  readonly fds: readonly number[];
  readonly hasTerminal: boolean;
  /** Lets go of what is the command's: nothing of ours may hold what is the container's to close. */
  release(): void;
}

function stdioOf({ options, bundle }: Run): Stdio {
  const preserved = Array.from({ length: options.preserveFds }, (_, i) => i + 3);
  if (!options.isDetached) {
    return { fds: [...STDIO, ...preserved], hasTerminal: STDIO.some((fd) => isTerminal(fd)), release: () => {} };
  }
  const { consoleSocket } = options;
  const slave = consoleSocket === undefined ? -1 : openConsole(consoleSocket, bundle.consoleSize);
  if (slave >= 0) takeTerminal(slave);
  const given = [...(slave >= 0 ? [slave, slave, slave] : STDIO), ...preserved];
  const moved = given.map((fd) => native.syscall(FCNTL, fd, F_DUPFD_CLOEXEC, MOVED)).filter((fd) => fd >= 0);
  for (const fd of slave >= 0 ? [slave, ...preserved] : preserved) closeSync(fd);
  // A log on standard error keeps that.
  const logsHere = options.debugLog === undefined && (options.strace || options.debug);
  const nothing = openSync('/dev/null', 'r+');
  const release = (): void => {
    for (const fd of STDIO) if (fd !== STDERR || !logsHere) native.syscall(DUP3, nothing, fd, 0);
    closeSync(nothing);
  };
  return { fds: moved, hasTerminal: bundle.hasTerminal, release };
}

async function runIn(run: Run, beforeLockIn: () => void): Promise<number> {
  const { options, bundle, directory, state, launched } = run;
  if (options.isDetached) process.title = 'runsc-sandbox';
  const stdio = stdioOf(run);
  const { runContainer } = await import('../sentry/run.ts');
  return runContainer({
    options: { ...sandboxOptions(bundle, options), network: networkFrom(options.network ?? 'none') },
    hasTerminal: stdio.hasTerminal,
    stdio: stdio.fds,
    stdioOwner: options.isDetached ? 'sandbox' : 'caller',
    controlPath: directory.controlPath,
    readMember: memberReader(options),
    launched,
    startHooks: bundle.hooks.startContainer,
    onReady: async () => {
      const document = stateDocument(directory, state, 'creating');
      for (const name of BEFORE_START) {
        await runHooks(bundle.hooks, name, document, (hook, input) => run.keeper.runHook(hook, input));
      }
      directory.write({ ...state, phase: 'created' });
      if (options.isDetached) prepareVerbs(directory, state, bundle.hooks);
      if (options.pidFile !== undefined) writePidFile(options.pidFile, state.sentry.pid);
      beforeLockIn();
      stdio.release();
    },
    onLockedIn: async (container, keeper) => {
      if (options.isDetached) {
        keeper.made();
      } else {
        await container.start(JSON.stringify(stateDocument(directory, state, 'created')));
        keeper.started();
      }
      keeper.close();
    },
  });
}

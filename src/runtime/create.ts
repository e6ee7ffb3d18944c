/**
 * create: starts the container's sentry, a process of its own that outlives us, and returns when it is ready for `start`.
 *
 * The sentry is our child, so whoever reaps our orphans (containerd's shim) gets its end, and it ends with the container's exit status.
 * Between us is a socket, its descriptor 3: it says there that it is ready, or what is wrong; we say that all is done. If we
 * die before that it sees the end of the socket and goes too.
 */
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { descendants, identify, killAndWait, type ProcessId, setOomScore } from '../host/host-process.ts';
import { inNetworkNamespace } from '../host/namespaces.ts';
import { closeFd } from '../host/pty.ts';
import { isRootless } from '../host/rootless.ts';
import { type Bundle, checkBundle } from './bundle.ts';
import { wantsCgroup } from './cgroup-options.ts';
import { enterGroup, placeInCgroups, planCgroups, removeCgroups } from './cgroups.ts';
import { openConsole } from './console.ts';
import { stateDocument } from './container-handle.ts';
import { runHooks } from './hooks.ts';
import { type NetworkFlag, networkOf } from './network.ts';
import { findSandbox, sandboxOf } from './pod.ts';
import { prepareVerbs } from './prepared-verbs.ts';
import { readReport, socketOf } from './report-socket.ts';
import { ContainerError, type State, StateDirectory } from './state-directory.ts';
import { scopeOf, startScope, stopScope, systemdGroup } from './systemd.ts';

const KILL_TIMEOUT_MS = 10_000;
const INHERITED = [0, 1, 2] as const;

export interface PlaceOptions {
  readonly id: string;
  readonly ignoresCgroups: boolean;
  readonly hasSystemdCgroups: boolean;
  /** Gets what went wrong without keeping the container from being made. */
  warn(message: string): void;
}

export interface CreateOptions extends PlaceOptions {
  readonly root: string;
  /** Absolute. */
  readonly bundle: string;
  readonly pidFile: string | undefined;
  readonly consoleSocket: string | undefined;
  /** How many descriptors from 3 on the first process gets. */
  readonly preserveFds: number;
  /** The command line that runs `bootContainer` in a new process, up to the id. */
  readonly bootCommand: readonly [string, ...string[]];
  readonly network: NetworkFlag;
  /** The same for `joinSandbox`. */
  readonly joinCommand: readonly [string, ...string[]];
}

/** Written beside its place and renamed, so that whoever waits for the file finds it whole. */
export function writePidFile(path: string, pid: number): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, String(pid), { mode: 0o644 });
  renameSync(temporary, path);
}

/** Where the groups of a container are to be: nowhere if nothing is asked of them. */
export function plannedCgroups({ cgroup }: Bundle, { id, ignoresCgroups, hasSystemdCgroups }: PlaceOptions): string[] {
  if (ignoresCgroups) return [];
  if (hasSystemdCgroups) return planCgroups(id, systemdGroup(scopeOf(cgroup.path, id)));
  return wantsCgroup(cgroup) ? planCgroups(id, cgroup.path) : [];
}

/** The unit of a container's scope; empty without the systemd driver. */
export function plannedScope({ cgroup }: Bundle, { id, ignoresCgroups, hasSystemdCgroups }: PlaceOptions): string {
  return hasSystemdCgroups && !ignoresCgroups ? scopeOf(cgroup.path, id).unit : '';
}

/** What a container had of the host's groups goes. */
export function removeGroups({ cgroups, scope }: Pick<State, 'cgroups' | 'scope'>): void {
  if (scope !== '') stopScope(scope);
  removeCgroups(cgroups);
}

/**
 * Has a container's processes put into its groups: those it is in.
 * @param pids what a scope of systemd's begins with; all others are put in beside them
 * @param readGroups the /proc/PID/cgroup of the first of them
 * @param setScore sets the oom_score_adj of them: whether it may be
 */
export function placeContainer(
  pids: readonly [number, ...number[]],
  readGroups: () => string,
  enter: (directory: string) => void,
  setScore: (score: number) => boolean,
  bundle: Bundle,
  planned: readonly string[],
  options: PlaceOptions,
): readonly string[] {
  const { warn, id } = options;
  if (bundle.oomScoreAdj !== undefined && !setScore(bundle.oomScoreAdj)) {
    warn(`process.oomScoreAdj ${bundle.oomScoreAdj} is not set: lowering it takes CAP_SYS_RESOURCE`);
  }
  const scope = plannedScope(bundle, options);
  const { path, resources } = bundle.cgroup;
  try {
    const place = scope === '' ? null : startScope(scopeOf(path, id), pids, readGroups, resources);
    const directories = place === null ? planned : planCgroups(id, place);
    const missing = placeInCgroups(enter, directories, resources);
    if (missing.length > 0) warn(`linux.resources: the host has no control group with ${missing.join(', ')}`);
    return directories;
  } catch (error) {
    removeCgroups(planned);
    if (!isRootless()) throw error;
    warn(`no control group: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/** Empty for a user without an entry, as runc does. */
function ownerName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

/** What is written of a container that is being made by the process `sentry`. */
export function newState(bundlePath: string, bundle: Bundle, sentry: ProcessId, scope: string, sandbox = ''): State {
  return {
    ociVersion: bundle.ociVersion,
    phase: 'creating',
    sentry,
    sandbox,
    bundle: bundlePath,
    rootfs: bundle.options.root.path,
    created: new Date().toISOString(),
    owner: ownerName(),
    annotations: bundle.annotations,
    cgroups: [],
    scope,
  };
}

export async function createContainer(options: CreateOptions): Promise<void> {
  const bundle = await checkBundle(options.bundle);
  for (const warning of bundle.warnings) options.warn(`config.json: ${warning}`);
  const { consoleSocket } = options;
  if (bundle.hasTerminal && consoleSocket === undefined) {
    throw new ContainerError('config.json: process.terminal is true: give a console socket for the terminal');
  }
  if (!bundle.hasTerminal && consoleSocket !== undefined) {
    throw new ContainerError('config.json: process.terminal is false: there is no terminal for the console socket');
  }
  const sandboxId = sandboxOf(bundle.annotations);
  if (sandboxId !== null) findSandbox(options.root, sandboxId);
  checkClocks(bundle, sandboxId);
  const scope = plannedScope(bundle, options);
  const directory = new StateDirectory(options.root, options.id);
  const unlock = directory.create();
  let sentry: ProcessId | null = null;
  let cgroups: readonly string[] = [];
  try {
    copyFileSync(join(options.bundle, 'config.json'), directory.configPath);
    const slave = consoleSocket === undefined ? -1 : openConsole(consoleSocket, bundle.consoleSize);
    const child = spawnSentry(options, bundle, sandboxId, slave < 0 ? INHERITED : [slave, slave, slave]);
    if (slave >= 0) closeFd(slave);
    sentry = identify(child.pid ?? 0);
    if (sentry === null) throw new ContainerError('the sandbox ended before it was ready');
    cgroups = plannedCgroups(bundle, options);
    directory.write({ ...newState(options.bundle, bundle, sentry, scope, sandboxId ?? ''), cgroups });
    const zygotes = sandboxId === null ? [] : [await readZygote(child)];
    const { pid } = sentry;
    cgroups = placeContainer(
      [pid, ...descendants(pid), ...zygotes],
      () => readFileSync(`/proc/${pid}/cgroup`, 'utf8'),
      (group) => enterGroup([pid, ...zygotes], group),
      (score) => [pid, ...descendants(pid)].map((each) => setOomScore(each, score)).every((isSet) => isSet),
      bundle,
      cgroups,
      options,
    );
    const { oomScoreAdj } = bundle.options.bounds;
    if (oomScoreAdj !== undefined) for (const pid of zygotes) setOomScore(pid, oomScoreAdj);
    const state = { ...newState(options.bundle, bundle, sentry, scope, sandboxId ?? ''), cgroups };
    // All it makes from here on is in the groups.
    socketOf(child).write('{"placed":true}\n');
    await readReport(child);
    const document = stateDocument(directory, state, 'creating');
    for (const name of ['prestart', 'createRuntime', 'createContainer'] as const) {
      await runHooks(bundle.hooks, name, document);
    }
    directory.write({ ...state, phase: 'created' });
    prepareVerbs(directory, state, bundle.hooks);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, sentry.pid);
    release(child);
  } catch (error) {
    if (sentry !== null) killAndWait(sentry, KILL_TIMEOUT_MS);
    removeGroups({ cgroups, scope: cgroups.length > 0 ? scope : '' });
    directory.remove();
    throw error;
  } finally {
    unlock();
  }
}

/** The host would refuse a clock before its beginning. */
function checkClocks({ timeOffsets }: Bundle, sandboxId: string | null): void {
  const [now] = process.hrtime();
  for (const { clock, secs } of timeOffsets) {
    const field = `config.json: linux.timeOffsets.${clock}`;
    if (sandboxId !== null) throw new ContainerError(`${field}: the clocks are those of the sandbox ${sandboxId}`);
    if (now + secs < 0)
      throw new ContainerError(`${field}.secs is before the clock's beginning: it is at ${now} seconds`);
  }
}

/** For the launcher: as timens_offsets takes them (time_namespaces(7)). */
function clocksFor({ timeOffsets }: Bundle): Record<string, string> {
  if (timeOffsets.length === 0) return {};
  const lines = timeOffsets.map(({ clock, secs, nanosecs }) => `${clock} ${secs} ${nanosecs}\n`);
  return { TSVISOR_TIME_OFFSETS: lines.join('') };
}

/** A further container of a sandbox tells which process its own will come from. */
async function readZygote(child: ChildProcess): Promise<number> {
  const report = await readReport(child);
  return report.number('zygote', 2 ** 31) ?? report.refuse('zygote', 'is missing');
}

function spawnSentry(
  options: CreateOptions,
  bundle: Bundle,
  sandboxId: string | null,
  stdio: readonly [number, number, number],
): ChildProcess {
  const [file, ...args] = sandboxId === null ? options.bootCommand : options.joinCommand;
  // Not imported: the sentry, which loads this file too, has no use for it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const { networkPlace } = bundle;
  const network = networkOf(options.network, networkPlace);
  const more = ['--bundle', options.bundle, '--preserve-fds', String(options.preserveFds), options.id];
  const start = (where: 'there' | 'here'): ChildProcess => {
    // Where a namespace of its own cannot be made, the sockets of ours are not what was asked for.
    const own = args.toSpliced(-1, 0, `--network=${where === 'there' ? network : 'none'}`);
    return spawn(file, [...own, ...more], {
      detached: true,
      env: { ...process.env, ...clocksFor(bundle) },
      stdio: [...stdio, 'pipe', ...Array.from({ length: options.preserveFds }, (_, i) => i + 3)],
    });
  };
  if (networkPlace.kind === 'ours' || sandboxId !== null) return start('there');
  return inNetworkNamespace(networkPlace.kind === 'path' ? networkPlace.path : null, start);
}

/** The container is on its own from here. */
function release(child: ChildProcess): void {
  const socket = socketOf(child);
  socket.end('{"created":true}\n', () => socket.destroy());
  child.unref();
}

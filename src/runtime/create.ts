/**
 * What `create` and `run` have in common, and `create` for a further container of a sandbox: starts the process that stands for
 * it, which outlives us, and returns when it is ready for `start`. (A container with a sandbox of its own is made by its sentry, own-sandbox.ts.)
 *
 * That process is our child, so whoever reaps our orphans (containerd's shim) gets its end, and it ends with the container's exit status.
 * Between us is a socket, its descriptor 3: it says there that it is ready, or what is wrong; we say that all is done. If we
 * die before that it sees the end of the socket and goes too.
 */
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { descendants, identify, killAndWait, type ProcessId, setOomScore } from '../host/host-process.ts';
import { closeFd } from '../host/pty.ts';
import { isRootless } from '../host/rootless.ts';
import { type Bundle, checkBundle } from './bundle.ts';
import { wantsCgroup } from './cgroup-options.ts';
import { enterGroup, placeInCgroups, planCgroups, removeCgroups } from './cgroups.ts';
import { openConsole } from './console.ts';
import { stateDocument } from './container-handle.ts';
import { type HookName, runHooks } from './hooks.ts';
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
}

export interface MemberOptions extends CreateOptions {
  /** The command line that runs `joinSandbox` in a new process, up to the id. */
  readonly joinCommand: readonly [string, ...string[]];
}

/** Those that run before a container counts as made. */
export const BEFORE_START: readonly HookName[] = ['prestart', 'createRuntime', 'createContainer'];

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

/** Throws a ContainerError when the terminal that is wanted and the console socket that is given do not go together. */
export function checkConsole({ hasTerminal }: Bundle, consoleSocket: string | undefined): void {
  if (hasTerminal && consoleSocket === undefined) {
    throw new ContainerError('config.json: process.terminal is true: give a console socket for the terminal');
  }
  if (!hasTerminal && consoleSocket !== undefined) {
    throw new ContainerError('config.json: process.terminal is false: there is no terminal for the console socket');
  }
}

/** Makes a container in a sandbox that is there. */
export async function createMember(options: MemberOptions): Promise<void> {
  const bundle = await checkBundle(options.bundle);
  for (const warning of bundle.warnings) options.warn(`config.json: ${warning}`);
  const { consoleSocket } = options;
  checkConsole(bundle, consoleSocket);
  const sandboxId = sandboxOf(bundle.annotations);
  if (sandboxId === null) throw new ContainerError('config.json: it is to be in no other sandbox');
  findSandbox(options.root, sandboxId);
  const [clocks] = bundle.timeOffsets;
  if (clocks !== undefined) {
    const field = `config.json: linux.timeOffsets.${clocks.clock}`;
    throw new ContainerError(`${field}: the clocks are those of the sandbox ${sandboxId}`);
  }
  const scope = plannedScope(bundle, options);
  const directory = new StateDirectory(options.root, options.id);
  const unlock = directory.create();
  let standIn: ProcessId | null = null;
  let cgroups: readonly string[] = [];
  try {
    copyFileSync(join(options.bundle, 'config.json'), directory.configPath);
    const slave = consoleSocket === undefined ? -1 : openConsole(consoleSocket, bundle.consoleSize);
    const child = spawnStandIn(options, slave < 0 ? INHERITED : [slave, slave, slave]);
    if (slave >= 0) closeFd(slave);
    standIn = identify(child.pid ?? 0);
    if (standIn === null) throw new ContainerError('the container ended before it was ready');
    cgroups = plannedCgroups(bundle, options);
    directory.write({ ...newState(options.bundle, bundle, standIn, scope, sandboxId), cgroups });
    const zygote = await readZygote(child);
    const { pid } = standIn;
    cgroups = placeContainer(
      [pid, ...descendants(pid), zygote],
      () => readFileSync(`/proc/${pid}/cgroup`, 'utf8'),
      (group) => enterGroup([pid, zygote], group),
      (score) => [pid, ...descendants(pid)].map((each) => setOomScore(each, score)).every((isSet) => isSet),
      bundle,
      cgroups,
      options,
    );
    const { oomScoreAdj } = bundle.options.bounds;
    if (oomScoreAdj !== undefined) setOomScore(zygote, oomScoreAdj);
    const state = { ...newState(options.bundle, bundle, standIn, scope, sandboxId), cgroups };
    // All it makes from here on is in the groups.
    socketOf(child).write('{"placed":true}\n');
    await readReport(child);
    const document = stateDocument(directory, state, 'creating');
    for (const name of BEFORE_START) await runHooks(bundle.hooks, name, document);
    directory.write({ ...state, phase: 'created' });
    prepareVerbs(directory, state, bundle.hooks);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, standIn.pid);
    release(child);
  } catch (error) {
    if (standIn !== null) killAndWait(standIn, KILL_TIMEOUT_MS);
    removeGroups({ cgroups, scope: cgroups.length > 0 ? scope : '' });
    directory.remove();
    throw error;
  } finally {
    unlock();
  }
}

/** A further container of a sandbox tells which process its own will come from. */
async function readZygote(child: ChildProcess): Promise<number> {
  const report = await readReport(child);
  return report.number('zygote', 2 ** 31) ?? report.refuse('zygote', 'is missing');
}

function spawnStandIn(options: MemberOptions, stdio: readonly [number, number, number]): ChildProcess {
  const [file, ...args] = options.joinCommand;
  // Not imported: sentries, which load this file too, have no use for it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const more = ['--bundle', options.bundle, '--preserve-fds', String(options.preserveFds), options.id];
  return spawn(file, [...args, ...more], {
    detached: true,
    stdio: [...stdio, 'pipe', ...Array.from({ length: options.preserveFds }, (_, i) => i + 3)],
  });
}

/** The container is on its own from here. */
function release(child: ChildProcess): void {
  const socket = socketOf(child);
  socket.end('{"created":true}\n', () => socket.destroy());
  child.unref();
}

/**
 * The host's control group of a container: its sentry and all guest processes are in it together (config-linux.md, "Control groups").
 * The cgroupfs driver for v1, v2 and both at once.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { groupDirectory, type Hierarchy, readHierarchies } from '../host/cgroup-hierarchies.ts';
import type { Resources } from './cgroup-options.ts';
import { ContainerError } from './state-directory.ts';

/** Threads of the sentry itself and of the zygote, which a limit on the guest's tasks does not mean. */
const OWN_TASKS = 64;
const REMOVE_TRIES = 100;
const REMOVE_PAUSE_MS = 20;

function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** slice:prefix:name as systemd would nest it: a-b.slice is in a.slice (systemd.slice(5)). */
function systemdPath(path: string): string {
  const [slice = '', prefix = '', name = ''] = path.split(':');
  const parts = (slice === '' ? 'system.slice' : slice).replace(/\.slice$/, '').split('-');
  const slices = parts.map((_, i) => `${parts.slice(0, i + 1).join('-')}.slice`);
  return `/${slices.join('/')}/${prefix === '' ? name : `${prefix}-${name}`}.scope`;
}

/** The group's name from the root of a hierarchy. */
function groupOf(hierarchy: Hierarchy, path: string | undefined, id: string): string {
  if (path?.startsWith('/')) return path;
  if (path !== undefined && path.split(':').length === 3) return systemdPath(path);
  return join('/', hierarchy.own, path ?? id);
}

/** A new cpuset has neither CPUs nor memory nodes, and takes no process before it has. */
function inheritCpuset(directory: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const path = join(directory, file);
    if (!existsSync(path) || readFileSync(path, 'utf8').trim() !== '') continue;
    writeFileSync(path, readFileSync(join(dirname(directory), file), 'utf8'));
  }
}

function makeGroup(hierarchy: Hierarchy, directory: string): void {
  if (existsSync(directory)) return;
  const parent = dirname(directory);
  if (directory.length > hierarchy.mountpoint.length) makeGroup(hierarchy, parent);
  if (hierarchy.version === 2) enableControllers(parent);
  try {
    mkdirSync(directory, 0o755);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  if (hierarchy.controllers.includes('cpuset')) inheritCpuset(directory);
}

/** Lets the groups below have what controllers there are. A group with processes in it may not: then there are no limits by them. */
function enableControllers(directory: string): void {
  const available = readFileSync(join(directory, 'cgroup.controllers'), 'utf8').trim().split(/\s+/);
  for (const name of available.filter((each) => each !== '')) {
    try {
      writeFileSync(join(directory, 'cgroup.subtree_control'), `+${name}`);
    } catch (error) {
      if (!isErrno(error, 'EBUSY', 'ENOENT', 'EINVAL', 'EOPNOTSUPP')) throw error;
    }
  }
}

/** The values to write for a v1 hierarchy, by file. */
function v1Files({ memory, cpu, pids }: Resources): [string, string][] {
  const files: [string, number | string | undefined][] = [
    ['memory.limit_in_bytes', memory.limit],
    ['memory.soft_limit_in_bytes', memory.reservation],
    ['memory.memsw.limit_in_bytes', memory.swap],
    ['cpu.shares', cpu.shares],
    ['cpu.cfs_period_us', cpu.period],
    ['cpu.cfs_quota_us', cpu.quota],
    ['cpuset.cpus', cpu.cpus],
    ['cpuset.mems', cpu.mems],
    ['pids.max', pidsMax(pids.limit)],
  ];
  return given(files);
}

function v2Files({ memory, cpu, pids, unified }: Resources): [string, string][] {
  const { limit, swap } = memory;
  const onlySwap = swap === undefined || swap < 0 || limit === undefined ? swap : swap - limit;
  const files: [string, number | string | undefined][] = [
    ['memory.max', orMax(limit)],
    ['memory.low', memory.reservation],
    ['memory.swap.max', orMax(onlySwap)],
    ['cpu.weight', weightOf(cpu.shares)],
    ['cpu.max', cpu.quota === undefined ? undefined : `${orMax(cpu.quota)} ${cpu.period ?? 100000}`],
    ['cpuset.cpus', cpu.cpus],
    ['cpuset.mems', cpu.mems],
    ['pids.max', pidsMax(pids.limit)],
    ...Object.entries(unified),
  ];
  return given(files);
}

/** What is 0 or empty was left out by an encoder that has no other word for it. */
function given(files: [string, number | string | undefined][]): [string, string][] {
  return files
    .filter(([, value]) => value !== undefined && value !== 0 && value !== '')
    .map(([file, value]) => [file, String(value)]);
}

function orMax(value: number | undefined): number | string | undefined {
  return value !== undefined && value < 0 ? 'max' : value;
}

function pidsMax(limit: number | undefined): number | string | undefined {
  return limit === undefined || limit === 0 ? undefined : limit < 0 ? 'max' : limit + OWN_TASKS;
}

/** 2..262144 of v1 onto 1..10000 of v2, as all runtimes do it. */
function weightOf(shares: number | undefined): number | undefined {
  return shares === undefined || shares === 0 ? undefined : Math.floor(1 + ((shares - 2) * 9999) / 262142);
}

function writeLimits(directory: string, files: readonly [string, string][]): void {
  for (const [file, value] of files) {
    const path = join(directory, file);
    // Another hierarchy's, or a controller that this kernel does not have.
    if (!existsSync(path)) continue;
    try {
      writeFileSync(path, value);
    } catch (error) {
      throw new ContainerError(
        `cannot set ${file} to ${value}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

/** Sets limits in groups that are there. A limit that is raised above one that bounds it is written last. */
export function updateLimits(directories: readonly string[], resources: Resources): void {
  for (const directory of directories) {
    const isV2 = existsSync(join(directory, 'cgroup.controllers'));
    const files = isV2 ? v2Files(resources) : v1Files(resources);
    const swap = files.findIndex(([file]) => file === 'memory.memsw.limit_in_bytes');
    try {
      writeLimits(directory, files);
    } catch (error) {
      // Memory must never be above memory and swap together: which goes first depends on what they were.
      if (swap < 0) throw error;
      writeLimits(directory, [...files.splice(swap, 1), ...files]);
    }
  }
}

/** The groups this process is in, to come back to. */
export function ownGroups(): string[] {
  return readHierarchies().map((hierarchy) => groupDirectory(hierarchy, hierarchy.own));
}

/** Moves a process into groups that are there. */
export function enterGroups(pid: number, directories: readonly string[]): void {
  for (const directory of directories) writeFileSync(join(directory, 'cgroup.procs'), String(pid));
}

/** Where a container's groups are to be, for them to be written down before there are any. */
export function planCgroups(id: string, path: string | undefined): string[] {
  return readHierarchies().map((hierarchy) => groupDirectory(hierarchy, groupOf(hierarchy, path, id)));
}

/** Makes the groups that `planCgroups` gave, sets their limits and puts the processes in. */
export function placeInCgroups(pids: readonly number[], directories: readonly string[], resources: Resources): void {
  for (const hierarchy of readHierarchies()) {
    const directory = directories.find((each) => each.startsWith(`${hierarchy.mountpoint}/`));
    if (directory !== undefined) makeGroup(hierarchy, directory);
  }
  updateLimits(directories, resources);
  for (const pid of pids) enterGroups(pid, directories);
}

/** Removes the groups, once the last process has left them. */
export function removeCgroups(directories: readonly string[]): void {
  for (const directory of directories) {
    for (let tries = 0; tries < REMOVE_TRIES; tries++) {
      try {
        rmdirSync(directory);
      } catch (error) {
        if (isErrno(error, 'ENOENT')) break;
        if (!isErrno(error, 'EBUSY')) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVE_PAUSE_MS);
        continue;
      }
      break;
    }
  }
}

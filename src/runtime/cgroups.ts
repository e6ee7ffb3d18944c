/**
 * The host's control group of a container: its sentry and all guest processes are in it together (config-linux.md, "Control groups").
 * The cgroupfs driver for v1, v2 and both at once.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { groupDirectory, type Hierarchy, readHierarchies } from '../host/cgroup-hierarchies.ts';
import { descendants } from '../host/host-process.ts';
import { type CgroupFile, v1Files, v2Files } from './cgroup-files.ts';
import type { Resources } from './cgroup-options.ts';
import { ContainerError } from './state-directory.ts';
import { scopeOf, systemdGroup } from './systemd.ts';

const REMOVE_TRIES = 100;
const REMOVE_PAUSE_MS = 20;

function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** The group's name from the root of a hierarchy. */
function groupOf(hierarchy: Hierarchy, path: string | undefined, id: string): string {
  if (path?.startsWith('/')) return path;
  if (path !== undefined && path.split(':').length === 3) return systemdGroup(scopeOf(path, id));
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

/** @returns the files that were written */
function writeLimits(directory: string, files: readonly CgroupFile[]): string[] {
  // Others are another hierarchy's, or of a controller that this host does not have.
  const present = files.filter(([file]) => existsSync(join(directory, file)));
  for (const [file, value] of present) {
    try {
      writeFileSync(join(directory, file), value);
    } catch (error) {
      throw new ContainerError(
        `cannot set ${file} to ${value}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  return present.map(([file]) => file);
}

/**
 * Sets limits in groups that are there. A limit that is raised above one that bounds it is written last.
 * @returns files that no group has
 */
export function updateLimits(directories: readonly string[], resources: Resources): string[] {
  const missing = new Set<string>();
  const found = new Set<string>();
  for (const directory of directories) {
    const isV2 = existsSync(join(directory, 'cgroup.controllers'));
    const files = isV2 ? v2Files(resources) : v1Files(resources);
    for (const [file] of files) missing.add(file);
    const swap = files.findIndex(([file]) => file === 'memory.memsw.limit_in_bytes');
    try {
      for (const file of writeLimits(directory, files)) found.add(file);
    } catch (error) {
      // Memory must never be above memory and swap together: which goes first depends on what they were.
      if (swap < 0) throw error;
      for (const file of writeLimits(directory, [...files.splice(swap, 1), ...files])) found.add(file);
    }
  }
  // A host with both versions has each controller in one of them only.
  const isMixed = new Set(directories.map((each) => existsSync(join(each, 'cgroup.controllers')))).size > 1;
  return isMixed && found.size > 0 ? [] : [...missing].filter((file) => !found.has(file));
}

/** The groups this process is in, to come back to. */
export function ownGroups(): string[] {
  return readHierarchies().map((hierarchy) => groupDirectory(hierarchy, hierarchy.own));
}

/** Moves processes into a group that is there, with all that have come of them so far. */
export function enterGroup(pids: readonly number[], directory: string): void {
  const moved = new Set<number>();
  // What comes of one that has been moved is in the group; what came of it before is found, perhaps in a second look.
  for (let left = [...pids]; left.length > 0; left = pids.flatMap(descendants).filter((pid) => !moved.has(pid))) {
    for (const pid of left) {
      moved.add(pid);
      move(pid, directory, pids.includes(pid));
    }
  }
}

function move(pid: number, directory: string, isNeeded: boolean): void {
  try {
    writeFileSync(join(directory, 'cgroup.procs'), String(pid));
  } catch (error) {
    // It may have ended meanwhile.
    if (isNeeded || !isErrno(error, 'ESRCH')) throw error;
  }
}

/** Where a container's groups are to be, for them to be written down before there are any. */
export function planCgroups(id: string, path: string | undefined): string[] {
  return readHierarchies().map((hierarchy) => groupDirectory(hierarchy, groupOf(hierarchy, path, id)));
}

/**
 * Makes the groups that `planCgroups` gave, sets their limits and has `enter` put the processes in.
 * @returns files that the host has not
 */
export function placeInCgroups(
  enter: (directory: string) => void,
  directories: readonly string[],
  resources: Resources,
): string[] {
  for (const hierarchy of readHierarchies()) {
    const directory = directories.find((each) => each.startsWith(`${hierarchy.mountpoint}/`));
    if (directory !== undefined) makeGroup(hierarchy, directory);
  }
  const missing = updateLimits(directories, resources);
  for (const directory of directories) enter(directory);
  return missing;
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

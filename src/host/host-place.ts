/** What a configuration names of the host, opened: from then on nobody needs its path. */
import { constants, openSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';

const O_PATH = 0o10000000;

/** A directory, or a file by the directory it is in. */
export interface HostPlace {
  /** O_PATH, of a directory. */
  readonly fd: number;
  /** The file in it; null for the directory itself. */
  readonly name: string | null;
  /** Without symbolic links. */
  readonly path: string;
}

export type HostAccess = 'read-only' | 'writable';

/** With what is mounted below it, or without. */
export type HostReach = 'all mounts' | 'one mount';

/** Gives a place once: its descriptor belongs to the caller then. */
export type OpenHostPlace = (path: string, access: HostAccess, reach: HostReach) => HostPlace;

/** Opens a directory as a mount of its own, out of which no `..` leads: -errno where the host does not allow it. */
export type OpenTree = (path: string, access: HostAccess, reach: HostReach) => number;

/** Places that are opened with the help of `openTree`, wherever that may be. */
export function openPlacesBy(openTree: OpenTree): OpenHostPlace {
  return (path, access, reach) => openHostPlace(path, access, reach, openTree);
}

/** Throws when there is nothing, or it cannot be opened. */
function openHostPlace(given: string, access: HostAccess, reach: HostReach, openTree: OpenTree): HostPlace {
  // mount(2) follows links to its source.
  const path = realpathSync(given);
  const isDirectory = statSync(path).isDirectory();
  const directory = isDirectory ? path : dirname(path);
  const tree = openTree(directory, access, reach);
  const fd = tree < 0 ? openSync(directory, O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY) : tree;
  return { fd, name: isDirectory ? null : basename(path), path };
}

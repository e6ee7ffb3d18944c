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

/** Gives a place once: its descriptor belongs to the caller then. */
export type OpenHostPlace = (path: string) => HostPlace;

/** Throws when there is nothing, or it cannot be opened. */
export function openHostPlace(given: string): HostPlace {
  // mount(2) follows links to its source.
  const path = realpathSync(given);
  const isDirectory = statSync(path).isDirectory();
  const fd = openSync(isDirectory ? path : dirname(path), O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY);
  return { fd, name: isDirectory ? null : basename(path), path };
}

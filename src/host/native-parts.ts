/**
 * The native parts that we load: the addon and the zygote, as files of a build or as assets of the single executable.
 *
 * What is inside the executable goes into files without a name: nobody else can change them, and none is left behind. Programs'
 * are memfds; the addon, without which we can make none, is loaded from an unlinked file by its descriptor's name in /proc.
 */
import { closeSync, constants, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { getRawAsset, isSea } from 'node:sea';

/** Linux: O_TMPFILE, which Node has no name for. */
const O_TMPFILE = 0o20200000;
const OWNER_ONLY = 0o500;

/** The folder with a part of a build: beside the bundle, or build/ of the source tree. */
export function nativeFolder(): string {
  const here = import.meta.dirname;
  for (const folder of [here, `${here}/../build`]) {
    if (existsSync(`${folder}/addon.node`)) return folder;
  }
  return `${here}/../../build`;
}

/** A part's bytes when we are the single executable. They are its own pages: nothing may write to them. */
export function partInside(name: 'addon.node' | 'zygote'): Uint8Array | undefined {
  return isSea() ? new Uint8Array(getRawAsset(name)) : undefined;
}

/** Not every file system can make a file without a name; one with a name that is new loses it at once. Node's crypto would take 5 ms of each start. */
function openUnnamed(directory: string): number {
  try {
    return openSync(directory, constants.O_RDWR | O_TMPFILE, OWNER_ONLY);
  } catch {
    const path = `${directory}/runsc-${process.pid}-${process.hrtime.bigint()}`;
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, OWNER_ONLY);
    unlinkSync(path);
    return fd;
  }
}

/** Where files for a moment are usually allowed, and programs in them: one of these is enough. */
function temporaryDirectories(): string[] {
  return [...new Set(['/dev/shm', tmpdir(), '/tmp', '/var/tmp', process.env.XDG_RUNTIME_DIR ?? '/run', '/run'])];
}

function loadFrom(directory: string, module: object, bytes: Uint8Array): void {
  const fd = openUnnamed(directory);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    process.dlopen(module, `/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

/** Loads the addon into `module.exports`. Throws an error that says what each place refused. */
export function loadAddon(module: object): void {
  const bytes = partInside('addon.node');
  if (bytes === undefined) {
    process.dlopen(module, `${nativeFolder()}/addon.node`);
    return;
  }
  const refusals: string[] = [];
  for (const directory of temporaryDirectories()) {
    try {
      loadFrom(directory, module, bytes);
      return;
    } catch (error) {
      refusals.push(`${directory}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(
    `no directory to load the native part from: one must be writable, without noexec, and /proc mounted (${refusals.join('; ')})`,
  );
}

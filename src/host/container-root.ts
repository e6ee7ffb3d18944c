/**
 * A mount namespace of the sentry's own whose root is the container's: what enters the namespaces of the process that stands for a
 * container (`podman cp`) meets the container's files there and not the host's, and so would whoever took the sentry over.
 *
 * Only this thread is moved, which makes all of our host calls; Node's others make none by path. Open descriptors stay what they are.
 */
import { constants, openSync } from 'node:fs';
import { EINVAL, EPERM } from '../abi/errno.ts';
import { must } from './host-error.ts';
import { native } from './native.ts';

const CLOSE = 3;
const CHDIR = 80;
const PIVOT_ROOT = 155;
const MOUNT = 165;
const UMOUNT2 = 166;
const UNSHARE = 272;
const OPENAT2 = 437;
const CLONE_NEWNS = 0x20000;
const MS_RDONLY = 1;
const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_REC = 16384;
const MS_SLAVE = 1 << 19;
const MNT_DETACH = 2;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;

export interface BoundPath {
  readonly source: string;
  /** As the container sees it. */
  readonly target: string;
  readonly isWritable: boolean;
}

const cString = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** A place in the container, whatever links its image holds; -errno if there is none. */
function openInside(root: number, path: string): number {
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)]);
  return native.syscall(OPENAT2, root, cString(path), how, how.byteLength);
}

function bind(source: string, onto: number): number {
  return native.syscall(MOUNT, cString(source), cString(`/proc/self/fd/${onto}`), 0, MS_BIND | MS_REC, 0);
}

/** Binds a host path where the container has it; what has no such place in the root's own files is left out. */
function bindInside(root: number, { source, target, isWritable }: BoundPath): void {
  const place = openInside(root, target);
  if (place < 0) return;
  const failed = bind(source, place);
  native.syscall(CLOSE, place);
  if (failed < 0 || isWritable) return;
  const bound = openInside(root, target);
  const flags = MS_REMOUNT | MS_BIND | MS_RDONLY;
  must(`making ${source} read-only`, native.syscall(MOUNT, 0, cString(`/proc/self/fd/${bound}`), 0, flags, 0));
  native.syscall(CLOSE, bound);
}

/** Moves there. Where the host does not allow it nothing happens. Call it when all paths of the host have been opened. */
export function enterContainerRoot(root: string, paths: readonly BoundPath[]): void {
  const refused = native.syscall(UNSHARE, CLONE_NEWNS);
  if (refused === -EPERM) return;
  must('making a mount namespace', refused);
  const kept = native.syscall(MOUNT, 0, cString('/'), 0, MS_REC | MS_SLAVE, 0);
  // In a chroot whose root is no mount point nobody can change the root (pivot_root(2)).
  if (kept === -EINVAL) return;
  must('keeping mounts to ourselves', kept);
  const path = cString(root);
  must(`binding ${root}`, native.syscall(MOUNT, path, path, 0, MS_BIND | MS_REC, 0));
  const fd = openSync(root, O_PATH | constants.O_DIRECTORY);
  for (const each of paths) bindInside(fd, each);
  // Last, over whatever was bound there: we look up the processes of guests in the host's.
  const proc = openInside(fd, '/proc');
  must('a place for /proc', proc);
  must('binding /proc', bind('/proc', proc));
  native.syscall(CLOSE, proc);
  must(`entering ${root}`, native.syscall(CHDIR, cString(`/proc/self/fd/${fd}`)));
  native.syscall(CLOSE, fd);
  must('changing the root', native.syscall(PIVOT_ROOT, cString('.'), cString('.')));
  must('leaving the old root', native.syscall(UMOUNT2, cString('.'), MNT_DETACH));
  must('entering the new root', native.syscall(CHDIR, cString('/')));
}

/**
 * Names of Unix sockets (unix(7)): unnamed, abstract, or a path in the file system.
 *
 * Abstract names are the sandbox's; a path's socket hangs off its inode. How a path becomes an inode is the file system's
 * business, given at boot by `provideUnixPaths`.
 */
import { EADDRINUSE, ECONNREFUSED, EINVAL, EOPNOTSUPP } from '../../abi/errno.ts';
import { AF_UNIX } from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Namespace } from '../../kernel/namespaces.ts';
import type { Task } from '../../kernel/task.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { UnixSocket } from './unix-socket.ts';

const FAMILY_SIZE = 2;
/** sizeof struct sockaddr_un. */
const MAX_ADDRESS = 110;
const AUTOBIND_NAMES = 0x10_0000;

export const UNNAMED: Uint8Array = Uint8Array.of(AF_UNIX, 0);

export interface UnixPaths {
  /** Makes a socket inode at `path` (mknod S_IFSOCK with the umask): it, or -errno. */
  create(task: Task, path: string): Inode | number;
  /** The inode at `path`, symbolic links followed, with write permission checked: it, or -errno. */
  find(task: Task, path: string): Inode | number;
}

/** What is bound in one sandbox. */
class NameSpace {
  readonly abstract = new Map<string, UnixSocket>();
  readonly byInode = new WeakMap<Inode, UnixSocket>();
  paths: UnixPaths | null = null;
  nextAutobind = 0;
}

const spaces = new WeakMap<Namespace, NameSpace>();

function spaceOf(kernel: Kernel): NameSpace {
  let space = spaces.get(kernel.namespaces.net);
  if (space === undefined) {
    space = new NameSpace();
    spaces.set(kernel.namespaces.net, space);
  }
  return space;
}

/** To be called at boot: without it sockets can have only abstract names. */
export function provideUnixPaths(kernel: Kernel, paths: UnixPaths): void {
  spaceOf(kernel).paths = paths;
}

/** What undoes a binding when the socket goes. */
export type Unbind = () => void;

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function check(address: Uint8Array): number {
  if (address.length < FAMILY_SIZE || address.length > MAX_ADDRESS) return -EINVAL;
  return address[0] === AF_UNIX && address[1] === 0 ? 0 : -EINVAL;
}

/** The path in a sockaddr_un: up to its NUL or its end. */
function pathOf(address: Uint8Array): string {
  const bytes = address.subarray(FAMILY_SIZE);
  const end = bytes.indexOf(0);
  return text(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Gives `socket` the name in `address`: 0 or -errno. */
export function bindName(task: Task, socket: UnixSocket, address: Uint8Array): number {
  const error = check(address);
  if (error < 0) return error;
  const space = spaceOf(task.kernel);
  const isPath = address.length > FAMILY_SIZE && address[FAMILY_SIZE] !== 0;
  if (socket.isBound) {
    // A path that is taken is told first (Linux: unix_bind_bsd).
    const isTaken = isPath && typeof space.paths?.find(task, pathOf(address)) !== 'number';
    return isTaken ? -EADDRINUSE : -EINVAL;
  }
  if (address.length === FAMILY_SIZE) return autobind(space, socket);
  if (!isPath) return bindAbstract(space, socket, address.slice());
  const path = pathOf(address);
  if (space.paths === null) return -EOPNOTSUPP;
  const inode = space.paths.create(task, path);
  if (typeof inode === 'number') return inode;
  space.byInode.set(inode, socket);
  const name = new Uint8Array(FAMILY_SIZE + path.length + 1);
  name.set(UNNAMED);
  name.set(Buffer.from(path, 'latin1'), FAMILY_SIZE);
  socket.setName(name, () => space.byInode.delete(inode));
  return 0;
}

function bindAbstract(space: NameSpace, socket: UnixSocket, address: Uint8Array): number {
  const key = text(address);
  if (space.abstract.has(key)) return -EADDRINUSE;
  space.abstract.set(key, socket);
  socket.setName(address, () => space.abstract.delete(key));
  return 0;
}

/** A name of five hexadecimal digits that is free (unix(7), Autobind feature). */
function autobind(space: NameSpace, socket: UnixSocket): number {
  for (let tries = 0; tries < AUTOBIND_NAMES; tries++) {
    const digits = space.nextAutobind.toString(16).padStart(5, '0');
    space.nextAutobind = (space.nextAutobind + 1) % AUTOBIND_NAMES;
    const address = Uint8Array.from([AF_UNIX, 0, 0, ...Buffer.from(digits, 'latin1')]);
    if (bindAbstract(space, socket, address) === 0) return 0;
  }
  return -EADDRINUSE;
}

/** The socket bound to `address`, or -errno. */
export function findName(task: Task, address: Uint8Array): UnixSocket | number {
  const error = check(address);
  if (error < 0) return error;
  if (address.length === FAMILY_SIZE) return -EINVAL;
  const space = spaceOf(task.kernel);
  if (address[FAMILY_SIZE] === 0) return space.abstract.get(text(address)) ?? -ECONNREFUSED;
  if (space.paths === null) return -EOPNOTSUPP;
  const inode = space.paths.find(task, pathOf(address));
  if (typeof inode === 'number') return inode;
  return space.byInode.get(inode) ?? -ECONNREFUSED;
}

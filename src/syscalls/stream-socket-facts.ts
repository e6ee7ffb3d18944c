/**
 * What programs ask of a standard stream that is a socket of the host, to know what kind of thing it is (libuv does, and writes nothing to
 * what it does not know): it is one end of a connection of AF_UNIX without names.
 */
import { ENOPROTOOPT, ENOTSOCK } from '../abi/errno.ts';
import {
  AF_UNIX,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_ERROR,
  SO_PROTOCOL,
  SO_TYPE,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../abi/socket.ts';
import { HostStreamFile } from '../fs/host-stream/host-stream-file.ts';
import type { Task } from '../kernel/task.ts';

const FACTS: ReadonlyMap<number, number> = new Map([
  [SO_TYPE, SOCK_STREAM],
  [SO_DOMAIN, AF_UNIX],
  [SO_PROTOCOL, 0],
  [SO_ERROR, 0],
  [SO_ACCEPTCONN, 0],
]);
const NO_NAME = Uint8Array.of(AF_UNIX, 0);

function isStreamSocket(task: Task, fd: number): boolean {
  const file = task.files.get(fd);
  return file instanceof HostStreamFile && file.isSocket;
}

/** Its name, and its peer's; -ENOTSOCK for what is no such stream. */
export function streamSocketName(task: Task, fd: number): Uint8Array | number {
  return isStreamSocket(task, fd) ? NO_NAME : -ENOTSOCK;
}

/** The value of a numeric option, -ENOPROTOOPT, or -ENOTSOCK for what is no such stream. */
export function streamSocketOption(task: Task, fd: number, level: number, name: number): number {
  if (!isStreamSocket(task, fd)) return -ENOTSOCK;
  return level === SOL_SOCKET ? (FACTS.get(name) ?? -ENOPROTOOPT) : -ENOPROTOOPT;
}

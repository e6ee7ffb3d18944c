/** Stream sockets of the host's file system, with descriptors beside the bytes (unix(7), cmsg(3)). */
import { constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { HostError, must } from './host-error.ts';
import { native } from './native.ts';

const CLOSE = 3;
const SOCKET = 41;
const CONNECT = 42;
const SENDMSG = 46;
const RECVMSG = 47;
const SHUTDOWN = 48;
const BIND = 49;
const LISTEN = 50;
const ACCEPT4 = 288;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
const CMSG_HEADER = 16;
/** SCM_MAX_FD. */
const MAX_FDS = 253;
const SHUT_RDWR = 2;
const BACKLOG = 128;
const O_PATH = 0o10000000;

/** Calls `use` with a sockaddr_un and its length. Long paths are named through a descriptor of their directory: 108 bytes is all there is. */
function withAddress(path: string, use: (address: Uint8Array, length: number) => number): number {
  const directory = openSync(dirname(path), O_PATH | constants.O_DIRECTORY);
  const name = new TextEncoder().encode(`/proc/self/fd/${directory}/${basename(path)}\0`);
  const address = new Uint8Array(2 + name.length);
  address[0] = AF_UNIX;
  address.set(name, 2);
  const result = use(address, address.length);
  native.syscall(CLOSE, directory);
  return result;
}

/** Listens at `path`, which must not be there; accepted connections do not block. Throws a HostError. */
export function listenAt(path: string): number {
  const fd = must('socket', native.syscall(SOCKET, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  must(
    `bind ${path}`,
    withAddress(path, (address, length) => native.syscall(BIND, fd, address, length)),
  );
  must(`listen at ${path}`, native.syscall(LISTEN, fd, BACKLOG));
  return fd;
}

/** A connection that does not block, or -errno. */
export function accept(listener: number): number {
  return native.syscall(ACCEPT4, listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/** Connects to the socket at `path`: a blocking connection, or -errno. */
export function connectTo(path: string): number {
  const fd = must('socket', native.syscall(SOCKET, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const failed = withAddress(path, (address, length) => native.syscall(CONNECT, fd, address, length));
  if (failed < 0) native.syscall(CLOSE, fd);
  return failed < 0 ? failed : fd;
}

/** Ends a connection for both sides: whoever waits for it wakes. */
export function shutDown(socket: number): void {
  native.syscall(SHUTDOWN, socket, SHUT_RDWR);
}

const iov = new BigUint64Array(2);
const header = new BigUint64Array(7);

function prepare(bytes: Uint8Array, control: Uint8Array): void {
  iov[0] = BigInt(native.addressOf(bytes));
  iov[1] = BigInt(bytes.length);
  header.fill(0n);
  header[2] = BigInt(native.addressOf(iov));
  header[3] = 1n;
  header[4] = BigInt(native.addressOf(control));
  header[5] = BigInt(control.length);
}

/** Sends bytes, with descriptors if there are any: bytes sent or -errno. */
export function send(socket: number, bytes: Uint8Array, fds: readonly number[] = []): number {
  if (fds.length > MAX_FDS) throw new HostError(`passing ${fds.length} descriptors`, -22);
  const control = new Uint8Array(fds.length === 0 ? 0 : (CMSG_HEADER + fds.length * 4 + 7) & ~7);
  if (fds.length > 0) {
    const view = new DataView(control.buffer);
    view.setUint32(0, CMSG_HEADER + fds.length * 4, true);
    view.setInt32(8, SOL_SOCKET, true);
    view.setInt32(12, SCM_RIGHTS, true);
    for (const [i, fd] of fds.entries()) view.setInt32(CMSG_HEADER + i * 4, fd, true);
  }
  prepare(bytes, control);
  if (fds.length === 0) header[4] = 0n;
  return native.syscall(SENDMSG, socket, header, MSG_NOSIGNAL);
}

const receivedControl = new Uint8Array(CMSG_HEADER + MAX_FDS * 4 + 8);
const receivedView = new DataView(receivedControl.buffer);

/** Receives what is there into `bytes`, descriptors into `fds`: bytes received, 0 at the end, or -errno. Never waits. */
export function receive(socket: number, bytes: Uint8Array, fds: number[]): number {
  prepare(bytes, receivedControl);
  const length = native.syscall(RECVMSG, socket, header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (length < 0) return length;
  const controlLength = Number(header[5]);
  for (let at = 0; at + CMSG_HEADER <= controlLength; ) {
    const size = receivedView.getUint32(at, true);
    if (size < CMSG_HEADER || at + size > controlLength) break;
    if (receivedView.getInt32(at + 12, true) === SCM_RIGHTS) {
      for (let i = at + CMSG_HEADER; i + 4 <= at + size; i += 4) fds.push(receivedView.getInt32(i, true));
    }
    at += (size + 7) & ~7;
  }
  return length;
}

/**
 * Internet sockets of the host for guests (`--network=host`), and what the host tells of its network: net/host/host-sockets.ts says what
 * is done with them. Sockets are made in the network namespace this thread is in.
 */
import { constants, openSync, readFileSync } from 'node:fs';
import { HostError, must } from './host-error.ts';
import type { EventLoop } from './host-stream.ts';
import { native } from './native.ts';

const READ = 0;
const CLOSE = 3;
const POLL = 7;
const IOCTL = 16;
const SOCKET = 41;
const CONNECT = 42;
const SENDTO = 44;
const RECVFROM = 45;
const SENDMSG = 46;
const RECVMSG = 47;
const SHUTDOWN = 48;
const BIND = 49;
const LISTEN = 50;
const GETSOCKNAME = 51;
const GETPEERNAME = 52;
const SETSOCKOPT = 54;
const GETSOCKOPT = 55;
const ACCEPT4 = 288;
const OPENAT2 = 437;
const PRLIMIT64 = 302;
const RLIMIT_NOFILE = 7;
const ENFILE = 23;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const NETLINK_SOCK_DIAG = 4;
const SOCK_NONBLOCK_CLOEXEC = 0x80800;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const SIOCGIFCONF = 0x8912;
/** IN, PRI, OUT, RDNORM, RDBAND, WRNORM, WRBAND, RDHUP. */
const POLL_ALL = 0x23c7;
/** IN, PRI, OUT, RDHUP; each change is told once. */
const WATCHED = 0x2007 | (1 << 31);
const MAX_ADDRESS = 128;
const MAX_CONTROL = 1024;
const IFREQ = 40;
const MAX_INTERFACES = 256;
/** What one answer of NETLINK_ROUTE may hold: a host's routes can be many. */
const MAX_ANSWER = 4 << 20;
const NLMSG_DONE = 3;
const NLMSG_ERROR = 2;
const NLM_F_MULTI = 2;
const NETLINK_DATAGRAM = 1 << 16;
const MAX_TABLE = 16 << 20;
const CHUNK = 1 << 16;

/** struct msghdr and struct iovec, each pointer as two words: no BigInt on the way of every message. */
const header = new Uint32Array(14);
const vector = new Uint32Array(4);
const address = new Uint8Array(MAX_ADDRESS);
const control = new Uint8Array(MAX_CONTROL);
const length = new Int32Array(1);
const pollfd = new DataView(new ArrayBuffer(8));

function point(words: Uint32Array, at: number, target: Uint8Array | Uint32Array | null, size: number): void {
  const pointer = target === null ? 0 : native.addressOf(target);
  words[at] = pointer;
  words[at + 1] = Math.floor(pointer / 2 ** 32);
  words[at + 2] = size;
  words[at + 3] = 0;
}

function prepare(bytes: Uint8Array, name: Uint8Array | null, nameLength: number, ancillary: Uint8Array | null): void {
  point(vector, 0, bytes, bytes.length);
  point(header, 0, name, nameLength);
  point(header, 4, vector, 1);
  point(header, 8, ancillary, ancillary?.length ?? 0);
  header[12] = 0;
}

interface Message {
  length: number;
  source: Uint8Array | null;
  control: Uint8Array | null;
  flags: number;
}

export class HostNetwork {
  readonly firstUnprivilegedPort: number;
  readonly #loop: EventLoop;
  readonly #route: number;
  readonly #diagnosis: number;
  readonly #tables: number;
  readonly #maxSockets: number;
  #sockets = 0;
  readonly #datagram = new Uint8Array(NETLINK_DATAGRAM);

  /** Opens what is found by a path or asked of later. Throws a HostError where there is no network to show. */
  constructor(loop: EventLoop) {
    this.#loop = loop;
    const limits = new Uint32Array(4);
    must('the limit of descriptors', native.syscall(PRLIMIT64, 0, RLIMIT_NOFILE, 0, limits));
    // The sentry has other uses for descriptors: a guest that takes all of these must not take those.
    this.#maxSockets = Math.floor((limits[1] === 0 ? limits[0] : 2 ** 20) / 2);
    const type = SOCK_RAW | SOCK_NONBLOCK_CLOEXEC;
    this.#route = must("a socket for the host's routes", native.syscall(SOCKET, AF_NETLINK, type, NETLINK_ROUTE));
    this.#diagnosis = must(
      "a socket for the host's sockets",
      native.syscall(SOCKET, AF_NETLINK, type, NETLINK_SOCK_DIAG),
    );
    this.#tables = openSync('/proc/thread-self/net', O_PATH | constants.O_DIRECTORY);
    this.firstUnprivilegedPort = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'latin1'));
    if (!Number.isInteger(this.firstUnprivilegedPort))
      throw new HostError('no number of the first unprivileged port', -22);
  }

  socket(domain: number, type: number, protocol: number): number {
    if (this.#sockets >= this.#maxSockets) return -ENFILE;
    return this.#counted(native.syscall(SOCKET, domain, type | SOCK_NONBLOCK_CLOEXEC, protocol));
  }

  #counted(fd: number): number {
    if (fd >= 0) this.#sockets += 1;
    return fd;
  }

  bind(fd: number, name: Uint8Array): number {
    return native.syscall(BIND, fd, name, name.length);
  }

  connect(fd: number, name: Uint8Array): number {
    return native.syscall(CONNECT, fd, name, name.length);
  }

  listen(fd: number, backlog: number): number {
    return native.syscall(LISTEN, fd, backlog);
  }

  accept(fd: number, peer: Uint8Array): { fd: number; peerLength: number } | number {
    if (this.#sockets >= this.#maxSockets) return -ENFILE;
    length[0] = peer.length;
    const made = this.#counted(native.syscall(ACCEPT4, fd, peer, length, SOCK_NONBLOCK_CLOEXEC));
    return made < 0 ? made : { fd: made, peerLength: length[0] };
  }

  localName(fd: number): Uint8Array | number {
    return this.#name(GETSOCKNAME, fd);
  }

  peerName(fd: number): Uint8Array | number {
    return this.#name(GETPEERNAME, fd);
  }

  #name(nr: number, fd: number): Uint8Array | number {
    length[0] = MAX_ADDRESS;
    const failed = native.syscall(nr, fd, address, length);
    return failed < 0 ? failed : address.slice(0, Math.min(length[0], MAX_ADDRESS));
  }

  shutdown(fd: number, how: number): number {
    return native.syscall(SHUTDOWN, fd, how);
  }

  send(fd: number, bytes: Uint8Array, name: Uint8Array | null, ancillary: Uint8Array | null, flags: number): number {
    const all = flags | MSG_DONTWAIT | MSG_NOSIGNAL;
    if (ancillary === null) return native.syscall(SENDTO, fd, bytes, bytes.length, all, name ?? 0, name?.length ?? 0);
    prepare(bytes, name, name?.length ?? 0, ancillary);
    return native.syscall(SENDMSG, fd, header, all);
  }

  /** @param flags also say how much is wanted beside the bytes: nothing for 'bytes' */
  receive(fd: number, bytes: Uint8Array, flags: number, what: 'bytes' | 'message', out: Message): number {
    out.source = null;
    out.control = null;
    out.flags = 0;
    if (what === 'bytes') {
      out.length = native.syscall(RECVFROM, fd, bytes, bytes.length, flags | MSG_DONTWAIT, 0, 0);
      return out.length;
    }
    prepare(bytes, address, MAX_ADDRESS, control);
    out.length = native.syscall(RECVMSG, fd, header, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (out.length < 0) return out.length;
    const nameLength = Math.min(header[2], MAX_ADDRESS);
    if (nameLength > 0) out.source = address.slice(0, nameLength);
    const controlLength = Math.min(header[10], MAX_CONTROL);
    if (controlLength > 0) out.control = control.slice(0, controlLength);
    out.flags = header[12] & ~MSG_CMSG_CLOEXEC;
    return Math.min(out.length, bytes.length);
  }

  getOption(fd: number, level: number, name: number, value: Uint8Array): number {
    length[0] = value.length;
    const failed = native.syscall(GETSOCKOPT, fd, level, name, value, length);
    return failed < 0 ? failed : Math.min(length[0], value.length);
  }

  setOption(fd: number, level: number, name: number, value: Uint8Array): number {
    return native.syscall(SETSOCKOPT, fd, level, name, value, value.length);
  }

  ioctl(fd: number, command: number, argument: Uint8Array): number {
    return native.syscall(IOCTL, fd, command, argument);
  }

  interfaces(fd: number): Uint8Array | number {
    const entries = new Uint8Array(IFREQ * MAX_INTERFACES);
    const request = new Uint32Array(4);
    const pointer = native.addressOf(entries);
    request[0] = entries.length;
    request[2] = pointer;
    request[3] = Math.floor(pointer / 2 ** 32);
    const failed = native.syscall(IOCTL, fd, SIOCGIFCONF, request);
    return failed < 0 ? failed : entries.subarray(0, Math.min(request[0], entries.length));
  }

  poll(fd: number): number {
    pollfd.setInt32(0, fd, true);
    pollfd.setUint16(4, POLL_ALL, true);
    pollfd.setUint16(6, 0, true);
    return native.syscall(POLL, pollfd, 1, 0) > 0 ? pollfd.getUint16(6, true) : 0;
  }

  watch(fd: number, onChange: (events: number) => void): void {
    this.#loop.add(fd, WATCHED, onChange);
  }

  close(fd: number): void {
    this.#sockets -= 1;
    this.#loop.remove(fd);
    native.syscall(CLOSE, fd);
  }

  /** The host answers at once: what is not there after the request never comes. */
  ask(about: 'route' | 'sockets', request: Uint8Array): Uint8Array[] | number {
    const socket = about === 'route' ? this.#route : this.#diagnosis;
    const sent = native.syscall(SENDTO, socket, request, request.length, MSG_DONTWAIT, 0, 0);
    if (sent < 0) return sent;
    const answers: Uint8Array[] = [];
    for (let total = 0, isMore = true; isMore; ) {
      const n = native.syscall(RECVFROM, socket, this.#datagram, NETLINK_DATAGRAM, MSG_DONTWAIT, 0, 0);
      if (n <= 0) break;
      total += n;
      const datagram = this.#datagram.slice(0, n);
      // Even what is too much is read to its end, for the next answer is to be found behind it.
      if (total <= MAX_ANSWER) answers.push(datagram);
      isMore = !isLast(datagram);
    }
    return answers;
  }

  table(name: string): string {
    const how = new BigUint64Array([BigInt(O_CLOEXEC), 0n, BigInt(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)]);
    const path = new TextEncoder().encode(`${name}\0`);
    const fd = native.syscall(OPENAT2, this.#tables, path, how, how.byteLength);
    if (fd < 0) return '';
    const chunk = new Uint8Array(CHUNK);
    let text = '';
    for (let n = 1; n > 0 && text.length < MAX_TABLE; ) {
      n = native.syscall(READ, fd, chunk, CHUNK);
      if (n > 0) text += Buffer.from(chunk.buffer, 0, n).toString('latin1');
    }
    native.syscall(CLOSE, fd);
    return text;
  }
}

/** Whether a datagram ends an answer: it is not of several parts, or has their end. */
function isLast(datagram: Uint8Array): boolean {
  const view = new DataView(datagram.buffer);
  for (let at = 0; at + 16 <= datagram.length; ) {
    const size = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE || type === NLMSG_ERROR || (view.getUint16(at + 6, true) & NLM_F_MULTI) === 0) return true;
    if (size < 16) return true;
    at += (size + 3) & ~3;
  }
  return false;
}

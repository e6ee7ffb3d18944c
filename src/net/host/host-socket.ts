/**
 * A socket of the internet protocols that is one of the host's (`--network=host`). The host's never blocks; who waits does so on `queue`.
 *
 * The host tells of each change once (EPOLLET), and it goes on to the queue as what it is: so a guest's own edges are the host's. That there
 * is room to send is news only for who found none, as on Linux, but the host says it with every other change, too.
 */
import { CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_NET_RAW } from '../../abi/capability.ts';
import { EACCES, EAGAIN, EINPROGRESS, EINVAL, ENOPROTOOPT, EPERM } from '../../abi/errno.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/fcntl.ts';
import { FIONREAD, SIOCATMARK, TIOCOUTQ } from '../../abi/ioctl.ts';
import { POLLIN, POLLOUT, READABLE, WRITABLE } from '../../abi/poll.ts';
import * as S from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import type { WaitQueue } from '../../kernel/wait-queue.ts';
import { optionKey } from '../option-rule.ts';
import {
  type Ancillary,
  type ControlMessage,
  type Destination,
  NO_ANCILLARY,
  type PacketChoice,
  Received,
  Socket,
} from '../socket.ts';
import { hostInterfaceIoctl } from './host-interfaces.ts';
import { HOST_READABLE, HOST_SENDABLE, HOST_SETTABLE } from './host-options.ts';
import type { HostMessage, HostSockets } from './host-sockets.ts';

/** struct sockaddr_storage. */
const MAX_ADDRESS = 128;
const MAX_PRIORITY = 6;
const CMSG_HEADER = 16;
/** MSG_DONTROUTE, MSG_MORE, MSG_FASTOPEN, MSG_OOB, MSG_EOR, MSG_CONFIRM. */
const SEND_FLAGS = 0x4 | 0x8000 | 0x20000000 | S.MSG_OOB | S.MSG_EOR | S.MSG_CONFIRM;
const RECEIVE_FLAGS = S.MSG_OOB | S.MSG_PEEK | S.MSG_ERRQUEUE;
/** What of msg_flags is told as it is. */
const TOLD_FLAGS = S.MSG_OOB | S.MSG_ERRQUEUE | S.MSG_EOR | S.MSG_CTRUNC;

const ignored = new Received();
const came: HostMessage = { length: 0, source: null, control: null, flags: 0 };
const word = new Uint8Array(4);

/** Where a single message goes. */
export class HostAddress {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

function portOf(address: Uint8Array): number {
  return address.length < 4 ? 0 : address[2] * 256 + address[3];
}

export class HostSocket extends Socket {
  readonly #host: HostSockets;
  readonly #kernel: Kernel;
  readonly #fd: number;
  /** The name accept(2) gives, for the connection may have ended by the time that it is asked for. */
  readonly #peer: Uint8Array | null;
  /** A send found no room, or a connection is being made. */
  #isWantingRoom = false;

  /** @param fd the host's, ours to close */
  constructor(
    kernel: Kernel,
    host: HostSockets,
    fd: number,
    flags: number,
    kind: { domain: number; type: number; protocol: number },
    peer: Uint8Array | null = null,
  ) {
    super(kernel.anonPath('socket'), flags, kind.domain, kind.type, kind.protocol);
    this.#kernel = kernel;
    this.#host = host;
    this.#fd = fd;
    this.#peer = peer;
    host.watch(fd, (events) => this.#changed(events));
  }

  #changed(events: number): void {
    let news = events | (events & POLLIN ? READABLE : 0);
    if (this.#isWantingRoom) news |= events & POLLOUT ? WRITABLE : 0;
    else news &= ~WRITABLE;
    if ((events & POLLOUT) !== 0) this.#isWantingRoom = false;
    this.queue.wake(news);
  }

  override get ownFlags(): number {
    return S.MSG_ERRQUEUE | (this.type === S.SOCK_STREAM ? S.MSG_OOB : 0);
  }

  override bind(task: Task, address: Uint8Array): number {
    const port = portOf(address);
    const isPrivileged = port > 0 && port < this.#host.firstUnprivilegedPort;
    const isInternet = address[0] === S.AF_INET || address[0] === S.AF_INET6;
    if (isPrivileged && isInternet && !task.creds.hasCapability(CAP_NET_BIND_SERVICE)) return -EACCES;
    return this.#host.bind(this.#fd, address);
  }

  override connect(_task: Task, address: Uint8Array): number {
    const result = this.#host.connect(this.#fd, address);
    if (result === -EINPROGRESS) this.#isWantingRoom = true;
    return result;
  }

  override listen(_task: Task, backlog: number): number {
    return this.#host.listen(this.#fd, backlog);
  }

  override accept(flags: number): Socket | number {
    const peer = new Uint8Array(MAX_ADDRESS);
    const made = this.#host.accept(this.#fd, peer);
    if (typeof made === 'number') return made;
    const { domain, type, protocol } = this;
    const name = peer.slice(0, Math.min(made.peerLength, MAX_ADDRESS));
    const ownFlags = O_RDWR | (flags & S.SOCK_NONBLOCK);
    const kind = { domain, type, protocol };
    const socket = new HostSocket(this.#kernel, this.#host, made.fd, ownFlags, kind, name);
    socket.sendTimeoutNs = this.sendTimeoutNs;
    socket.receiveTimeoutNs = this.receiveTimeoutNs;
    socket.lingerSeconds = this.lingerSeconds;
    return socket;
  }

  override acceptedName(): Uint8Array | number {
    return this.#peer ?? this.peerName();
  }

  override localName(): Uint8Array | number {
    return this.#host.localName(this.#fd);
  }

  override peerName(): Uint8Array | number {
    return this.#host.peerName(this.#fd);
  }

  override shutdown(how: number): number {
    return this.#host.shutdown(this.#fd, how);
  }

  override resolve(_task: Task, address: Uint8Array): Destination | number {
    return new HostAddress(address);
  }

  override send(
    src: Uint8Array,
    at: number,
    length: number,
    ancillary: Ancillary,
    destination: Destination | null,
    flags = 0,
  ): number {
    const chosen = ancillary.choice?.control ?? [];
    const control = chosen.length === 0 ? null : Uint8Array.from(Buffer.concat(chosen));
    const address = destination instanceof HostAddress ? destination.bytes : null;
    const bytes = src.subarray(at, at + length);
    const sent = this.#host.send(this.#fd, bytes, address, control, flags & SEND_FLAGS);
    if (sent === -EAGAIN || (sent >= 0 && sent < length)) this.#isWantingRoom = true;
    if (sent >= 0) for (const file of ancillary.rights) file.unref();
    return sent;
  }

  override receive(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received, flags = 0): number {
    out.reset();
    const isStream = this.type === S.SOCK_STREAM;
    const what = isStream && (flags & S.MSG_ERRQUEUE) === 0 ? 'bytes' : 'message';
    // For a stream this would throw the bytes away.
    const length_ = isStream ? 0 : S.MSG_TRUNC;
    const wanted = (flags & RECEIVE_FLAGS) | (isPeek ? S.MSG_PEEK : 0) | length_;
    const n = this.#host.receive(this.#fd, dst.subarray(at, at + length), wanted, what, came);
    if (n < 0) return n;
    out.fullLength = came.length;
    out.source = came.source;
    out.control = came.control;
    out.flags = came.flags & TOLD_FLAGS;
    return n;
  }

  override takeControl(level: number, type: number, data: DataView, choice: PacketChoice): number {
    if (!HOST_SENDABLE.has(optionKey(level, type))) return -EINVAL;
    const message = new Uint8Array(Math.ceil((CMSG_HEADER + data.byteLength) / 8) * 8);
    const view = new DataView(message.buffer);
    view.setUint32(0, CMSG_HEADER + data.byteLength, true);
    view.setInt32(8, level, true);
    view.setInt32(12, type, true);
    message.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), CMSG_HEADER);
    choice.control.push(message);
    return 0;
  }

  override controlMessages({ control }: Received): readonly ControlMessage[] {
    return control === null ? [] : splitControl(control);
  }

  override sendQueue(): WaitQueue {
    return this.queue;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    return this.receive(dst, at, length, false, ignored);
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    return this.send(src, at, length, NO_ANCILLARY, null);
  }

  override poll(): number {
    const events = this.#host.poll(this.#fd);
    // Whoever finds no room will want to hear of it.
    if ((events & POLLOUT) === 0) this.#isWantingRoom = true;
    return events;
  }

  override availableBytes(): number {
    const failed = this.#host.ioctl(this.#fd, FIONREAD, word);
    return failed < 0 ? failed : new DataView(word.buffer).getInt32(0, true);
  }

  override ioctl(task: Task, command: number, argument: number): number {
    if (command !== FIONREAD && command !== TIOCOUTQ && command !== SIOCATMARK) {
      return hostInterfaceIoctl(this.#host, this.#fd, task, command, argument);
    }
    const failed = this.#host.ioctl(this.#fd, command, word);
    return failed < 0 ? failed : task.mem.write(argument, word, 0, 4);
  }

  override getOption(level: number, name: number, room: number): Uint8Array | number | null {
    if (isOurs(level, name)) return null;
    if (!HOST_READABLE.has(optionKey(level, name))) return -ENOPROTOOPT;
    const value = new Uint8Array(room);
    const length = this.#host.getOption(this.#fd, level, name, value);
    return length < 0 ? length : value.subarray(0, length);
  }

  override setOption(task: Task, level: number, name: number, value: Uint8Array): number | null {
    if (level === S.SOL_SOCKET && name === S.SO_LINGER) return this.#setLinger(value);
    if (isOurs(level, name)) return null;
    const known = level === S.SOL_SOCKET ? (FORCED.get(name) ?? name) : name;
    if (!HOST_SETTABLE.has(optionKey(level, known))) return -ENOPROTOOPT;
    if (level === S.SOL_SOCKET && !mayBeSet(task, name, value)) return -EPERM;
    return this.#host.setOption(this.#fd, level, known, value);
  }

  /** To wait for unsent data would stop the sandbox: only the other use, to throw it away, reaches the host. */
  #setLinger(value: Uint8Array): number | null {
    if (value.length < 8) return null;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    const isAborting = view.getInt32(0, true) !== 0 && view.getInt32(4, true) === 0;
    const known = new Uint8Array(8);
    known[0] = isAborting ? 1 : 0;
    const failed = this.#host.setOption(this.#fd, S.SOL_SOCKET, S.SO_LINGER, known);
    return failed < 0 ? failed : null;
  }

  override get leastReceive(): number {
    const value = this.getOption(S.SOL_SOCKET, S.SO_RCVLOWAT, 4);
    return value instanceof Uint8Array ? new DataView(value.buffer).getInt32(0, true) : 1;
  }

  override takeError(): number {
    const value = this.getOption(S.SOL_SOCKET, S.SO_ERROR, 4);
    return value instanceof Uint8Array ? -new DataView(value.buffer).getInt32(0, true) : 0;
  }

  override release(): void {
    this.#host.close(this.#fd);
  }
}

/** Those that need CAP_NET_ADMIN are as good as those that do not, for a guest that has it. */
const FORCED: ReadonlyMap<number, number> = new Map([
  [S.SO_SNDBUFFORCE, S.SO_SNDBUF],
  [S.SO_RCVBUFFORCE, S.SO_RCVBUF],
]);

/** What the calls answer themselves: the host's socket never waits. */
function isOurs(level: number, name: number): boolean {
  return level === S.SOL_SOCKET && OURS.has(name);
}

const OURS: ReadonlySet<number> = new Set([
  S.SO_RCVTIMEO,
  S.SO_SNDTIMEO,
  S.SO_LINGER,
  S.SO_PASSCRED,
  S.SO_PEERCRED,
  S.SO_PEERGROUPS,
  S.SO_PEERPIDFD,
  S.SO_SNDLOWAT,
  S.SO_MARK,
]);

function mayBeSet(task: Task, name: number, value: Uint8Array): boolean {
  if (name === S.SO_BINDTODEVICE) return task.creds.hasCapability(CAP_NET_RAW);
  if (name !== S.SO_PRIORITY || value.length < 4) return true;
  const isHigh = new DataView(value.buffer, value.byteOffset, 4).getUint32(0, true) > MAX_PRIORITY;
  return !isHigh || task.creds.hasCapability(CAP_NET_ADMIN) || task.creds.hasCapability(CAP_NET_RAW);
}

function splitControl(control: Uint8Array): ControlMessage[] {
  const view = new DataView(control.buffer, control.byteOffset, control.length);
  const messages: ControlMessage[] = [];
  for (let at = 0; at + CMSG_HEADER <= control.length; ) {
    const length = view.getUint32(at, true);
    if (length < CMSG_HEADER || length > control.length - at) break;
    const bytes = control.subarray(at + CMSG_HEADER, at + length);
    messages.push({ level: view.getInt32(at + 8, true), type: view.getInt32(at + 12, true), bytes });
    at += Math.ceil(length / 8) * 8;
  }
  return messages;
}

/** A new one, or -errno. */
export function createHostSocket(
  kernel: Kernel,
  host: HostSockets,
  kind: { domain: number; type: number; protocol: number },
  flags: number,
): Socket | number {
  const fd = host.socket(kind.domain, kind.type, kind.protocol);
  return fd < 0 ? fd : new HostSocket(kernel, host, fd, O_RDWR | (flags & O_NONBLOCK), kind);
}

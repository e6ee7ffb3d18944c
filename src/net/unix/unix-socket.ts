/**
 * AF_UNIX sockets (Linux: net/unix/af_unix.c; unix(7)): stream, datagram and sequenced packets within the sandbox.
 *
 * Whoever sends puts the bytes into the receiver's inbox. Invariant: connected stream and seqpacket sockets are each other's
 * `peer` until one is closed; a datagram socket's peer need not know of it, but has it in `#senders`.
 */

import {
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  EPROTOTYPE,
} from '../../abi/errno.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/fcntl.ts';
import { FIONREAD } from '../../abi/ioctl.ts';
import { POLLERR, POLLHUP, POLLRDHUP, POLLWRBAND, READABLE, WRITABLE } from '../../abi/poll.ts';
import {
  AF_UNIX,
  AF_UNSPEC,
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SHUTDOWN_MASK,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_LISTEN,
} from '../../abi/socket.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Namespace } from '../../kernel/namespaces.ts';
import { netSettingsOf } from '../../kernel/net-settings.ts';
import type { Task } from '../../kernel/task.ts';
import type { WaitQueue } from '../../kernel/wait-queue.ts';
import type { File } from '../../vfs/file.ts';
import type { Path } from '../../vfs/path.ts';
import { type Inbox, MessageInbox, StreamInbox } from '../inbox.ts';
import { interfaceIoctl } from '../interface-ioctl.ts';
import {
  type Ancillary,
  DEFAULT_BUFFER,
  type Destination,
  NO_ANCILLARY,
  type PeerCredentials,
  Received,
  Socket,
} from '../socket.ts';
import { collectIfFew } from './in-flight.ts';
import { bindName, findName, UNNAMED, type Unbind } from './names.ts';

/** Datagrams that wait at most (/proc/sys/net/unix/max_dgram_qlen, which lets one more in). */
const MAX_DATAGRAMS = 11;
const MAX_PACKETS = 1024;
const ALL_EVENTS = READABLE | WRITABLE | POLLHUP | POLLRDHUP | POLLERR;

const ignored = new Received();

const all = new WeakMap<Namespace, Set<UnixSocket>>();

/** Every socket of a sandbox, those that wait to be accepted too. */
export function unixSocketsOf(kernel: Kernel): Set<UnixSocket> {
  let sockets = all.get(kernel.namespaces.net);
  if (sockets === undefined) {
    sockets = new Set();
    all.set(kernel.namespaces.net, sockets);
  }
  return sockets;
}

export function credentialsOf(task: Task): PeerCredentials {
  const { euid, egid, groups } = task.creds;
  return { pid: task.pid, uid: euid, gid: egid, groups };
}

/** Who sends now, as SCM_CREDENTIALS tells it: the real ids, of whichever process uses the socket. */
function senderOf(task: Task | null, owner: PeerCredentials): PeerCredentials {
  return task === null ? owner : { pid: task.pid, uid: task.creds.uid, gid: task.creds.gid };
}

export class UnixSocket extends Socket {
  readonly #kernel: Kernel;
  readonly #inbox: Inbox;
  readonly #senders = new Set<UnixSocket>();
  #peer: UnixSocket | null = null;
  #shutdown = 0;
  #isReleased = false;
  /** Connections that wait to be accepted; null when not listening. */
  #backlog: UnixSocket[] | null = null;
  #backlogLimit = 0;
  #name = UNNAMED;
  #unbind: Unbind | null = null;
  /** Who made this socket, or called listen: what the other side sees as SO_PEERCRED. */
  #owner: PeerCredentials;
  #peerOwner: PeerCredentials | null = null;

  constructor(kernel: Kernel, path: Path, flags: number, type: number, owner: PeerCredentials) {
    super(path, flags, AF_UNIX, type, 0);
    this.#kernel = kernel;
    this.#owner = owner;
    unixSocketsOf(kernel).add(this);
    if (type === SOCK_STREAM) this.#inbox = new StreamInbox(DEFAULT_BUFFER);
    else this.#inbox = new MessageInbox(DEFAULT_BUFFER, type === SOCK_DGRAM ? MAX_DATAGRAMS : MAX_PACKETS);
  }

  get isBound(): boolean {
    return this.#unbind !== null;
  }

  /** The other end; null when there is none. */
  get peer(): UnixSocket | null {
    return this.#peer;
  }

  /** Connections that wait to be accepted. */
  get waiting(): readonly UnixSocket[] {
    return this.#backlog ?? [];
  }

  get backlogLimit(): number {
    return this.#backlogLimit;
  }

  get shutdownMask(): number {
    return this.#shutdown;
  }

  /** The user who made it. */
  get ownerUid(): number {
    return this.#owner.uid;
  }

  /** TCP_* as socket diagnosis has it. */
  get stateNumber(): number {
    if (this.#backlog !== null) return TCP_LISTEN;
    return this.#peer === null ? TCP_CLOSE : TCP_ESTABLISHED;
  }

  override get isListening(): boolean {
    return this.#backlog !== null;
  }

  setName(name: Uint8Array, unbind: Unbind): void {
    this.#name = name;
    this.#unbind = unbind;
  }

  /** socketpair(2), and both ends of a new connection. */
  join(other: UnixSocket): void {
    this.#peer = other;
    other.#peer = this;
    this.#peerOwner = other.#owner;
    other.#peerOwner = this.#owner;
  }

  override bind(task: Task, address: Uint8Array): number {
    return bindName(task, this, address);
  }

  override listen(task: Task, backlog: number): number {
    if (this.type === SOCK_DGRAM) return -EOPNOTSUPP;
    if (!this.isBound || this.#peer !== null) return -EINVAL;
    this.#backlog ??= [];
    this.#backlogLimit = Math.min(backlog >>> 0, netSettingsOf(task.kernel).somaxconn);
    this.#owner = credentialsOf(task);
    return 0;
  }

  override accept(flags: number): Socket | number {
    if (this.type === SOCK_DGRAM) return -EOPNOTSUPP;
    if (this.#backlog === null) return -EINVAL;
    const connection = this.#backlog.shift();
    if (connection === undefined) return (this.#shutdown & RCV_SHUTDOWN) !== 0 ? -EINVAL : -EAGAIN;
    connection.flags = O_RDWR | (flags & O_NONBLOCK);
    this.queue.wake(WRITABLE);
    return connection;
  }

  override connect(task: Task, address: Uint8Array): number {
    if (this.type === SOCK_DGRAM) return this.#connectDatagram(task, address);
    if (this.#backlog !== null) return -EINVAL;
    if (this.#peerOwner !== null) return -EISCONN;
    const listener = findName(task, address);
    if (typeof listener === 'number') return listener;
    if (listener.type !== this.type) return -EPROTOTYPE;
    if (listener.#backlog === null || (listener.#shutdown & RCV_SHUTDOWN) !== 0) return -ECONNREFUSED;
    if (listener.#backlog.length > listener.#backlogLimit) return -EAGAIN;
    const path = this.#kernel.anonPath('socket');
    const accepted = new UnixSocket(this.#kernel, path, O_RDWR, this.type, listener.#owner);
    accepted.#name = listener.#name;
    this.#owner = credentialsOf(task);
    this.join(accepted);
    listener.#backlog.push(accepted);
    listener.queue.wake(READABLE);
    this.queue.wake(WRITABLE);
    return 0;
  }

  override connectQueue(task: Task, address: Uint8Array): WaitQueue | null {
    const listener = findName(task, address);
    return typeof listener === 'number' ? null : listener.queue;
  }

  #connectDatagram(task: Task, address: Uint8Array): number {
    if (address.length >= 2 && address[0] === AF_UNSPEC && address[1] === 0) {
      this.#setDatagramPeer(null);
      return 0;
    }
    const target = findName(task, address);
    if (typeof target === 'number') return target;
    if (target.type !== this.type) return -EPROTOTYPE;
    this.#setDatagramPeer(target);
    return 0;
  }

  #setDatagramPeer(peer: UnixSocket | null): void {
    if (this.#peer !== null) this.#peer.#senders.delete(this);
    this.#peer = peer;
    if (peer !== null) peer.#senders.add(this);
  }

  override resolve(task: Task, address: Uint8Array): Socket | number {
    if (this.type !== SOCK_DGRAM) return this.#peerOwner === null ? -EOPNOTSUPP : -EISCONN;
    const target = findName(task, address);
    if (typeof target === 'number') return target;
    return target.type === SOCK_DGRAM ? target : -EPROTOTYPE;
  }

  override localName(): Uint8Array {
    return this.#name;
  }

  override peerName(): Uint8Array | number {
    return this.#peer === null ? -ENOTCONN : this.#peer.#name;
  }

  override peerCredentials(): PeerCredentials | null {
    return this.#peerOwner;
  }

  override sendQueue(destination: Destination | null): WaitQueue {
    if (this.type !== SOCK_DGRAM) return this.queue;
    return (destination instanceof UnixSocket ? destination : (this.#peer ?? this)).queue;
  }

  override send(
    src: Uint8Array,
    at: number,
    length: number,
    ancillary: Ancillary,
    destination: Destination | null,
  ): number {
    const error = this.takeError();
    if (error < 0) return error;
    const target = destination instanceof UnixSocket ? destination : this.#peer;
    if (target === null && this.#peerOwner === null) return -ENOTCONN;
    if (target === null || (this.#shutdown & SEND_SHUTDOWN) !== 0) return -EPIPE;
    if (target.#isReleased) {
      if (destination === null) this.#setDatagramPeer(null);
      return -ECONNREFUSED;
    }
    if ((target.#shutdown & RCV_SHUTDOWN) !== 0) return -EPIPE;
    if (length === 0 && this.type === SOCK_STREAM) return 0;
    const n = target.#inbox.put(src, at, length, this.#complete(target, ancillary), this.#name);
    if (n >= 0) target.queue.wake(READABLE);
    return n;
  }

  /** The sender's credentials go along when the receiver wants them and none were given. */
  #complete(target: UnixSocket, ancillary: Ancillary): Ancillary {
    if (ancillary.credentials !== null || !(target.isPassingCredentials || this.isPassingCredentials)) return ancillary;
    return { ...ancillary, credentials: senderOf(currentTask(), this.#owner) };
  }

  /** Of datagrams and packets: the time they are taken, for no device has noted one before (Linux: __sock_recv_timestamp). */
  override get hasTimestamps(): boolean {
    return this.type !== SOCK_STREAM;
  }

  override receive(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    out.reset();
    if (this.#inbox.isEmpty) {
      if (this.type !== SOCK_DGRAM && this.#peerOwner === null) return this.type === SOCK_STREAM ? -EINVAL : -ENOTCONN;
      const error = this.takeError();
      if (error < 0) return error;
      return (this.#shutdown & RCV_SHUTDOWN) !== 0 ? 0 : -EAGAIN;
    }
    const n = this.#inbox.take(dst, at, length, isPeek, out);
    if (!isPeek) this.#tellWriters();
    return n;
  }

  #tellWriters(): void {
    if (this.type === SOCK_DGRAM) {
      // Datagram senders that are not connected sleep on this queue.
      this.queue.wake(WRITABLE);
      for (const sender of this.#senders) sender.queue.wake(WRITABLE);
    }
    this.#peer?.queue.wake(WRITABLE);
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    const n = this.receive(dst, at, length, false, ignored);
    for (const file of ignored.rights) file.unref();
    return n;
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    return this.send(src, at, length, NO_ANCILLARY, null);
  }

  override poll(): number {
    let events = 0;
    if (this.pendingError !== 0) events |= POLLERR;
    if (this.#shutdown === SHUTDOWN_MASK) events |= POLLHUP;
    if ((this.#shutdown & RCV_SHUTDOWN) !== 0) events |= POLLRDHUP | READABLE;
    if (this.#backlog !== null) return this.#backlog.length > 0 ? events | READABLE : events;
    if (!this.#inbox.isEmpty) events |= READABLE;
    if (this.type !== SOCK_DGRAM && this.#peerOwner === null) events |= POLLHUP;
    if (this.#peer === null || this.#peer.#inbox.isWritable) events |= WRITABLE | POLLWRBAND;
    return events;
  }

  override shutdown(how: number): number {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return -EINVAL;
    const bits = how === SHUT_RDWR ? SHUTDOWN_MASK : how === SHUT_RD ? RCV_SHUTDOWN : SEND_SHUTDOWN;
    this.#shutdown |= bits;
    this.queue.wake(ALL_EVENTS);
    const peer = this.#peer;
    if (peer !== null && this.type !== SOCK_DGRAM) {
      // The other side's directions are the reverse.
      if ((bits & RCV_SHUTDOWN) !== 0) peer.#shutdown |= SEND_SHUTDOWN;
      if ((bits & SEND_SHUTDOWN) !== 0) peer.#shutdown |= RCV_SHUTDOWN;
      peer.queue.wake(ALL_EVENTS);
    }
    return 0;
  }

  override availableBytes(): number {
    return this.isListening ? -EINVAL : this.#inbox.available;
  }

  override ioctl(task: Task, command: number, argument: number): number {
    if (command !== FIONREAD) return interfaceIoctl(task, command, argument);
    const n = this.availableBytes();
    return n < 0 ? n : task.mem.writeU32(argument, n);
  }

  override release(): void {
    this.#isReleased = true;
    unixSocketsOf(this.#kernel).delete(this);
    this.#unbind?.();
    this.#unbind = null;
    const peer = this.#peer;
    this.#peer = null;
    if (this.type === SOCK_DGRAM) {
      if (peer !== null) peer.#senders.delete(this);
      for (const sender of this.#senders) sender.queue.wake(ALL_EVENTS);
      this.#senders.clear();
    } else if (peer !== null) {
      peer.#peer = null;
      peer.#shutdown = SHUTDOWN_MASK;
      // Bytes nobody will read: the sender learns that they are lost.
      if (!this.#inbox.isEmpty) peer.pendingError = ECONNRESET;
      peer.queue.wake(ALL_EVENTS);
    }
    this.#inbox.clear();
    for (const connection of this.#backlog?.splice(0) ?? []) {
      if (connection.#peer !== null) connection.#peer.pendingError = ECONNRESET;
      connection.unref();
    }
    this.queue.wake(ALL_EVENTS);
    collectIfFew();
  }

  /** Files on their way to it, or to a connection that nobody has accepted. */
  *carried(): IterableIterator<File> {
    yield* this.#inbox.carried();
    for (const connection of this.#backlog ?? []) yield* connection.carried();
  }

  dropCarried(): void {
    this.#inbox.clear();
    for (const connection of this.#backlog ?? []) connection.dropCarried();
  }
}

/** The types AF_UNIX has; SOCK_RAW is taken for SOCK_DGRAM, as Linux does. 0 for another. */
export function unixSocketType(type: number): number {
  if (type === SOCK_RAW) return SOCK_DGRAM;
  return type === SOCK_STREAM || type === SOCK_DGRAM || type === SOCK_SEQPACKET ? type : 0;
}

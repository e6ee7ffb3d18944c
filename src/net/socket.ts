/**
 * What the socket calls need of any socket (Linux: struct socket, struct proto_ops). Transports are subclasses; the
 * system calls know only this.
 *
 * As with every File nothing blocks: an operation that would gives -EAGAIN, and the caller sleeps on `queue`, or on
 * `sendQueue` for a send.
 */
import { EINVAL, EOPNOTSUPP } from '../abi/errno.ts';
import { O_NONBLOCK } from '../abi/fcntl.ts';
import { POLLERR, POLLHUP, POLLPRI, READABLE, WRITABLE } from '../abi/poll.ts';
import { SO_RCVLOWAT, SOL_SOCKET } from '../abi/socket.ts';
import { AnonymousFile } from '../fs/event/anonymous-file.ts';
import type { Timespec } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';
import type { WaitQueue } from '../kernel/wait-queue.ts';
import type { File } from '../vfs/file.ts';
import type { Path } from '../vfs/path.ts';
import type { HostAddress } from './host/host-socket.ts';
import type { Endpoint } from './inet/endpoint.ts';
import { type OptionRule, optionKey } from './option-rule.ts';

/** Who sent a message, or made a connection (struct ucred). */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** SO_PEERGROUPS. */
  readonly groups?: readonly number[];
}

/** What goes with the bytes of a message. The files' references belong to whoever holds this. */
export interface Ancillary {
  readonly rights: readonly File[];
  /** null: whatever the kernel knows of the sender. */
  readonly credentials: PeerCredentials | null;
  /** The user who is charged for the files while they are in flight. */
  readonly sender: number;
  /** Of packets only; without it they are as the socket's options say. */
  readonly choice?: PacketChoice;
}

/** What a sender chooses for one packet. */
export interface PacketChoice {
  source: Endpoint | null;
  /** -1: the socket's. */
  ttl: number;
  tos: number;
  /** Control messages as they are, for a socket that is one of the host's. */
  control: Uint8Array[];
}

/** What the headers of a packet said, and when it came, if the receiver has asked for that. */
export interface PacketInfo {
  readonly destination: Endpoint;
  readonly ttl: number;
  readonly tos: number;
  readonly time: Timespec | null;
}

/** A control message that goes to a receiver. */
export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

export const NO_ANCILLARY: Ancillary = { rights: [], credentials: null, sender: 0 };

/** What a receive brought besides bytes; reset by every receive. */
export class Received {
  /** Length of the whole message, when more than what fitted was cut off. */
  fullLength = 0;
  rights: readonly File[] = [];
  credentials: PeerCredentials | null = null;
  /** The sender's sockaddr; null when there is none to tell. */
  source: Uint8Array | null = null;
  packet: PacketInfo | null = null;
  /** Control messages as they are. */
  control: Uint8Array | null = null;
  /** MSG_* beyond those that the calls find out. */
  flags = 0;

  reset(): void {
    this.fullLength = 0;
    this.rights = [];
    this.credentials = null;
    this.source = null;
    this.packet = null;
    this.control = null;
    this.flags = 0;
  }
}

/** Where a single message goes: what `resolve` has made of an address. */
export type Destination = Socket | Endpoint | HostAddress;

export const DEFAULT_BUFFER = 212992;
/** SOCK_MIN_RCVBUF and SOCK_MIN_SNDBUF. */
export const MIN_RECEIVE_BUFFER = 2304;
export const MIN_SEND_BUFFER = 4608;
export const MAX_BUFFER = 2 * DEFAULT_BUFFER;

const NO_MESSAGES: readonly ControlMessage[] = [];

export abstract class Socket extends AnonymousFile {
  readonly domain: number;
  readonly type: number;
  readonly protocol: number;
  /** SO_ERROR: taken and cleared by the next call that reports errors. */
  pendingError = 0;
  sendBuffer = DEFAULT_BUFFER;
  receiveBuffer = DEFAULT_BUFFER;
  /** SO_SNDTIMEO and SO_RCVTIMEO. */
  sendTimeoutNs = Infinity;
  receiveTimeoutNs = Infinity;
  isPassingCredentials = false;
  lingerSeconds = -1;
  /** SO_BINDTODEVICE; empty for none. */
  boundDevice = '';
  /** Options that are only remembered, by `optionKey`. */
  readonly remembered = new Map<number, number>();

  constructor(path: Path, flags: number, domain: number, type: number, protocol: number, queue?: WaitQueue) {
    super(path, flags, queue);
    this.domain = domain;
    this.type = type;
    this.protocol = protocol;
  }

  override get asyncEvents(): number {
    return READABLE | WRITABLE | POLLPRI | POLLERR | POLLHUP;
  }

  override get readTimeoutNs(): number {
    return this.receiveTimeoutNs;
  }
  override get writeTimeoutNs(): number {
    return this.sendTimeoutNs;
  }

  get isBlocking(): boolean {
    return (this.flags & O_NONBLOCK) === 0;
  }

  get isListening(): boolean {
    return false;
  }

  /** MSG_* flags of sends and receives that the transport knows; the calls refuse or answer them otherwise. */
  get ownFlags(): number {
    return 0;
  }

  /** An option that the transport answers itself, of at most `room` bytes: it, -errno, or null for one that it leaves to the calls. */
  getOption(_level: number, _name: number, _room: number): Uint8Array | number | null {
    return null;
  }

  /** The same for setting one: 0, -errno, or null. */
  setOption(_task: Task, _level: number, _name: number, _value: Uint8Array): number | null {
    return null;
  }

  /** The rule of a numeric option beyond those of every socket; undefined if the socket has no such option. */
  optionRule(_level: number, _name: number): OptionRule | undefined {
    return undefined;
  }

  /** An option that is not a plain number (TCP_INFO, ...), -errno, or null if it is none. */
  wideOption(_level: number, _name: number): Uint8Array | number | null {
    return null;
  }

  /** Sets such an option: 0, -errno, or null if it is none. */
  setWideOption(_level: number, _name: number, _value: Uint8Array): number | null {
    return null;
  }

  /** Takes a sender's control message of a protocol's level: 0, also when it is not for this protocol, or -errno. */
  takeControl(_level: number, _type: number, _data: DataView, _choice: PacketChoice): number {
    return 0;
  }

  /** What a receiver is told of a message by its protocol. */
  controlMessages(_received: Received): readonly ControlMessage[] {
    return NO_MESSAGES;
  }

  /** SO_TIMESTAMP or SO_TIMESTAMPNS, whose number is the control message's type; 0 for none. */
  timestampOption = 0;

  /** Whether messages have a time of arrival at all. */
  get hasTimestamps(): boolean {
    return false;
  }

  /** SO_RCVLOWAT: a receive that may sleep does so until this much is there. */
  get leastReceive(): number {
    return this.remembered.get(optionKey(SOL_SOCKET, SO_RCVLOWAT)) ?? 1;
  }

  /** -error and clears it, or 0. */
  takeError(): number {
    const error = this.pendingError;
    this.pendingError = 0;
    return error === 0 ? 0 : -error;
  }

  /** Addresses are whole struct sockaddr, family first. */
  abstract bind(task: Task, address: Uint8Array): number;
  /**
   * 0, -EAGAIN when the listener's backlog is full, or -errno. -EINPROGRESS when it will be known later: the caller that may sleep does
   * so on `queue` and asks again, and has -EALREADY as long as nothing is known.
   */
  abstract connect(task: Task, address: Uint8Array): number;
  abstract localName(): Uint8Array | number;
  abstract peerName(): Uint8Array | number;
  abstract shutdown(how: number): number;
  /** Bytes taken or -errno. On success the references in `ancillary` are its. */
  abstract send(
    src: Uint8Array,
    at: number,
    length: number,
    ancillary: Ancillary,
    destination: Destination | null,
    flags?: number,
  ): number;
  /** Bytes received, 0 at the end, or -errno. Of `flags` (MSG_*) only `ownFlags` are its concern. */
  abstract receive(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received, flags?: number): number;
  /** What a send to `destination` sleeps on. */
  abstract sendQueue(destination: Destination | null): WaitQueue;
  /** What `address` names for a send, or -errno. */
  abstract resolve(task: Task, address: Uint8Array): Destination | number;

  /** What a connect that gave -EAGAIN sleeps on; null when it need not. */
  connectQueue(_task: Task, _address: Uint8Array): WaitQueue | null {
    return null;
  }
  listen(_task: Task, _backlog: number): number {
    return -EOPNOTSUPP;
  }
  /** A connection, or -errno; -EAGAIN when none waits. */
  accept(_flags: number): Socket | number {
    return -EOPNOTSUPP;
  }
  /** The name accept(2) gives of a connection, which may have ended already. */
  acceptedName(): Uint8Array | number {
    return this.peerName();
  }
  /** SO_PEERCRED. */
  peerCredentials(): PeerCredentials | null {
    return null;
  }
  /** FIONREAD. */
  availableBytes(): number {
    return -EINVAL;
  }
}

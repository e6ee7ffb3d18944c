/**
 * What sockets of the internet protocols have in common (Linux: net/ipv4/af_inet.c): addresses, ports, options.
 *
 * There is one interface, the loopback, and what is sent on it arrives at once: no packets are made. The socket calls know
 * nothing of that, so that a network stack with packets can take its place.
 */

import { CAP_NET_BIND_SERVICE } from '../../abi/capability.ts';
import { EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENETUNREACH, ENOTCONN } from '../../abi/errno.ts';
import { FIONREAD, TIOCOUTQ } from '../../abi/ioctl.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IP_FREEBIND,
  IP_MTU,
  IP_OPTIONS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOL_SOCKET,
} from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { netSettingsOf } from '../../kernel/net-settings.ts';
import type { Task } from '../../kernel/task.ts';
import type { WaitQueue } from '../../kernel/wait-queue.ts';
import type { Path } from '../../vfs/path.ts';
import { interfaceIoctl } from '../interface-ioctl.ts';
import { type OptionRule, optionKey } from '../option-rule.ts';
import { type Destination, Socket } from '../socket.ts';
import {
  ANY_V4,
  ANY_V6,
  Endpoint,
  familyOf,
  formatEndpoint,
  LOOPBACK_V4,
  LOOPBACK_V6,
  parseEndpoint,
} from './endpoint.ts';
import { INET_OPTIONS } from './options.ts';
import type { Bound } from './ports.ts';

const NO_OPTIONS = new Uint8Array(0);
/** 65536, of which IP can use all but one. */
const LOOPBACK_MTU = Uint8Array.of(0xff, 0xff, 0, 0);

export abstract class InetSocket extends Socket implements Bound {
  protected readonly kernel: Kernel;
  readonly ownerUid: number;
  /** Port 0 while unbound. */
  local: Endpoint;
  remote: Endpoint | null = null;
  #isBound = false;
  #hasChosenAddress = false;
  #hasChosenPort = false;

  constructor(kernel: Kernel, path: Path, flags: number, domain: number, type: number, protocol: number, uid: number) {
    super(path, flags, domain, type, protocol);
    this.kernel = kernel;
    this.ownerUid = uid;
    this.local = new Endpoint(this.anyAddress, 0);
  }

  /** Where sockets of this protocol are found; it takes sockets of this very class. */
  protected abstract register(): number;
  protected abstract unregister(): void;
  protected abstract freePort(): number;
  abstract fit(source: Endpoint | null): number;

  get anyAddress(): string {
    return this.domain === AF_INET ? ANY_V4 : ANY_V6;
  }
  get isV6Only(): boolean {
    return this.optionValue(IPPROTO_IPV6, IPV6_V6ONLY) !== 0;
  }
  get sharesAddress(): boolean {
    return this.optionValue(SOL_SOCKET, SO_REUSEADDR) !== 0;
  }
  get sharesPort(): boolean {
    return this.optionValue(SOL_SOCKET, SO_REUSEPORT) !== 0;
  }
  get isBound(): boolean {
    return this.#isBound;
  }

  override wideOption(level: number, name: number): Uint8Array | number | null {
    if (level !== IPPROTO_IP) return null;
    if (name === IP_OPTIONS) return NO_OPTIONS;
    if (name !== IP_MTU) return null;
    return this.remote === null ? -ENOTCONN : LOOPBACK_MTU;
  }

  protected optionValue(level: number, name: number): number {
    return this.remembered.get(optionKey(level, name)) ?? 0;
  }

  override optionRule(level: number, name: number): OptionRule | undefined {
    const isOurs =
      level === IPPROTO_IP || level === this.protocol || (level === IPPROTO_IPV6 && this.domain === AF_INET6);
    return isOurs ? INET_OPTIONS.get(optionKey(level, name)) : undefined;
  }

  /** An address one may send to; the any-address means this host. -ENETUNREACH where no interface leads. */
  protected target(address: Uint8Array, domain = this.domain): Endpoint | number {
    const asked = parseEndpoint(domain, address);
    if (typeof asked === 'number') return asked;
    if (this.isV6Only && asked.isV4) return -ENETUNREACH;
    if (asked.isAny) return new Endpoint(asked.isV4 ? LOOPBACK_V4 : LOOPBACK_V6, asked.port);
    return asked.isLocal ? asked : -ENETUNREACH;
  }

  override bind(task: Task, address: Uint8Array): number {
    let asked = parseEndpoint(this.domain, address);
    if (asked === -EAFNOSUPPORT && this.domain === AF_INET && familyOf(address) === AF_UNSPEC) {
      // Old programs leave the family out for the any-address.
      const fixed = address.slice();
      fixed[0] = AF_INET;
      asked = parseEndpoint(AF_INET, fixed);
      if (typeof asked !== 'number' && !asked.isAny) return -EAFNOSUPPORT;
    }
    if (typeof asked === 'number') return asked;
    if (!asked.isAny && !asked.isLocal && this.optionValue(IPPROTO_IP, IP_FREEBIND) === 0) return -EADDRNOTAVAIL;
    if (this.isV6Only && asked.isV4) return -EINVAL;
    const { unprivilegedPortStart } = netSettingsOf(task.kernel);
    if (asked.port > 0 && asked.port < unprivilegedPortStart && !task.creds.hasCapability(CAP_NET_BIND_SERVICE)) {
      return -EACCES;
    }
    if (this.#isBound || this.remote !== null) return -EINVAL;
    const error = this.bindTo(asked);
    if (error === 0) {
      this.#hasChosenAddress = !asked.isAny;
      this.#hasChosenPort = asked.port !== 0;
    }
    return error;
  }

  /** The end of a connection: what bind(2) was not told goes with it (SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK). */
  protected forgetUnchosen(): void {
    if (!this.#hasChosenPort) this.unbind();
    const ip = this.#hasChosenAddress ? this.local.ip : this.anyAddress;
    this.local = new Endpoint(ip, this.#hasChosenPort ? this.local.port : 0);
  }

  /** Takes an address, and a free port if it names none: 0 or -errno. */
  protected bindTo(asked: Endpoint): number {
    const port = asked.port === 0 ? this.freePort() : asked.port;
    if (port < 0) return asked.port === 0 ? -EADDRINUSE : port;
    const before = this.local;
    this.local = new Endpoint(asked.ip, port);
    const error = this.register();
    if (error < 0) this.local = before;
    else this.#isBound = true;
    return error;
  }

  /** Before the first send or connect. */
  protected bindIfNeeded(): number {
    return this.#isBound ? 0 : this.bindTo(new Endpoint(this.anyAddress, 0));
  }

  /** The address that answers will come to: a socket bound to all addresses sends from the loopback's. */
  protected sourceFor(destination: Endpoint): Endpoint {
    if (!this.local.isAny) return this.local;
    return new Endpoint(destination.isV4 ? LOOPBACK_V4 : LOOPBACK_V6, this.local.port);
  }

  protected unbind(): void {
    if (this.#isBound) this.unregister();
    this.#isBound = false;
  }

  override localName(): Uint8Array {
    return formatEndpoint(this.domain, this.local);
  }

  override peerName(): Uint8Array | number {
    return this.remote === null ? -ENOTCONN : formatEndpoint(this.domain, this.remote);
  }

  override acceptedName(): Uint8Array | number {
    return this.remote === null ? -ENOTCONN : formatEndpoint(this.domain, this.remote);
  }

  override sendQueue(_destination: Destination | null): WaitQueue {
    return this.queue;
  }

  override ioctl(task: Task, command: number, argument: number): number {
    // What is sent has arrived.
    if (command === TIOCOUTQ) return this.isListening ? -EINVAL : task.mem.writeU32(argument, 0);
    if (command !== FIONREAD) return interfaceIoctl(task, command, argument);
    const n = this.availableBytes();
    return n < 0 ? n : task.mem.writeU32(argument, n);
  }
}

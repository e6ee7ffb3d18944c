/** SOCK_DGRAM of AF_INET and AF_INET6 over the loopback (udp(7)). */
import {
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
} from '../../abi/errno.ts';
import { POLLERR, POLLHUP, POLLRDHUP, READABLE, WRITABLE } from '../../abi/poll.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IPPROTO_UDP,
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SHUTDOWN_MASK,
  SOCK_DGRAM,
  TCP_CLOSE,
  TCP_ESTABLISHED,
} from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import type { Path } from '../../vfs/path.ts';
import { MessageInbox } from '../inbox.ts';
import { type Ancillary, DEFAULT_BUFFER, type Destination, NO_ANCILLARY, Received } from '../socket.ts';
import { Endpoint, familyOf, formatEndpoint } from './endpoint.ts';
import { InetSocket } from './inet-socket.ts';
import { showDatagram } from './raw-socket.ts';
import { inetStackOf } from './stack.ts';

/** 65535 less the headers of IP and UDP. */
const MAX_PAYLOAD = 65507;
const MAX_QUEUED = 1 << 16;
const ALL_EVENTS = READABLE | WRITABLE | POLLHUP | POLLRDHUP | POLLERR;

const ignored = new Received();

export class DatagramSocket extends InetSocket {
  readonly #inbox = new MessageInbox(DEFAULT_BUFFER, MAX_QUEUED);
  #shutdown = 0;

  constructor(kernel: Kernel, path: Path, flags: number, domain: number, uid: number) {
    super(kernel, path, flags, domain, SOCK_DGRAM, IPPROTO_UDP, uid);
  }

  get shutdownMask(): number {
    return this.#shutdown;
  }

  /** TCP_* as socket diagnosis has it. */
  get stateNumber(): number {
    return this.remote === null ? TCP_CLOSE : TCP_ESTABLISHED;
  }

  protected override register(): number {
    return inetStackOf(this.kernel).udp.add(this);
  }
  protected override unregister(): void {
    inetStackOf(this.kernel).udp.remove(this);
  }
  protected override freePort(): number {
    return inetStackOf(this.kernel).udp.ephemeral();
  }

  /** A connected socket hears only its peer, and before all others. */
  override fit(source: Endpoint | null): number {
    if (this.remote === null) return 0;
    return source !== null && source.ip === this.remote.ip && source.port === this.remote.port ? 4 : -1;
  }

  override connect(_task: Task, address: Uint8Array): number {
    if (familyOf(address) === AF_UNSPEC) {
      this.remote = null;
      this.forgetUnchosen();
      return 0;
    }
    const isV4OnV6 = this.#isV4OnV6(address);
    if (isV4OnV6 && this.isV6Only) return -EAFNOSUPPORT;
    const destination = isV4OnV6 ? this.target(address, AF_INET) : this.target(address);
    if (typeof destination === 'number') return destination;
    const error = this.bindIfNeeded();
    if (error < 0) return error;
    this.local = this.sourceFor(destination);
    this.remote = destination;
    return 0;
  }

  override resolve(_task: Task, address: Uint8Array): Destination | number {
    if (this.#isV4OnV6(address)) return this.target(address, AF_INET);
    const destination = this.target(address);
    return destination === -EAFNOSUPPORT && this.domain === AF_INET6 ? -EINVAL : destination;
  }

  /** UDP of IPv6 takes addresses of IPv4 in their own form too, as getaddrinfo(3) does when it sorts (__ip6_datagram_connect). */
  #isV4OnV6(address: Uint8Array): boolean {
    return this.domain === AF_INET6 && familyOf(address) === AF_INET;
  }

  override send(src: Uint8Array, at: number, length: number, ancillary: Ancillary, to: Destination | null): number {
    if (length > MAX_PAYLOAD) return -EMSGSIZE;
    const error = this.takeError();
    if (error < 0) return error;
    if ((this.#shutdown & SEND_SHUTDOWN) !== 0) return -EPIPE;
    const destination = to instanceof Endpoint ? to : this.remote;
    if (destination === null) return -EDESTADDRREQ;
    if (destination.port === 0) return -EINVAL;
    const unbound = this.bindIfNeeded();
    if (unbound < 0) return unbound;
    for (const file of ancillary.rights) file.unref();
    const source = this.sourceFor(destination);
    const stack = inetStackOf(this.kernel);
    const receiver = stack.udp.find(destination, source);
    stack.counters.countDatagram(length);
    if (stack.raw.size > 0) showDatagram(stack, source, destination, src.subarray(at, at + length), receiver !== null);
    if (receiver === null) {
      stack.counters.datagramsToNobody += 1;
      // The answer is an ICMP message, which only a connected socket is told.
      if (this.remote !== null) this.pendingError = ECONNREFUSED;
      return length;
    }
    // Whatever finds no room is lost, as everywhere in UDP.
    receiver.deliver(src, at, length, source);
    return length;
  }

  deliver(src: Uint8Array, at: number, length: number, source: Endpoint): void {
    const n = this.#inbox.put(src, at, length, NO_ANCILLARY, formatEndpoint(this.domain, source));
    if (n >= 0) this.queue.wake(READABLE);
    else inetStackOf(this.kernel).counters.datagramsWithoutRoom += 1;
  }

  override receive(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    out.reset();
    if (this.#inbox.isEmpty) {
      const error = this.takeError();
      if (error < 0) return error;
      return (this.#shutdown & RCV_SHUTDOWN) !== 0 ? 0 : -EAGAIN;
    }
    return this.#inbox.take(dst, at, length, isPeek, out);
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    return this.receive(dst, at, length, false, ignored);
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    return this.send(src, at, length, NO_ANCILLARY, null);
  }

  override accept(): number {
    return -EOPNOTSUPP;
  }

  override availableBytes(): number {
    return this.#inbox.available;
  }

  override poll(): number {
    let events = WRITABLE;
    if (this.pendingError !== 0) events |= POLLERR;
    if (this.#shutdown === SHUTDOWN_MASK) events |= POLLHUP;
    if ((this.#shutdown & RCV_SHUTDOWN) !== 0) events |= READABLE | POLLRDHUP;
    return this.#inbox.isEmpty ? events : events | READABLE;
  }

  override shutdown(how: number): number {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return -EINVAL;
    const bits = how === SHUT_RDWR ? SHUTDOWN_MASK : how === SHUT_RD ? RCV_SHUTDOWN : SEND_SHUTDOWN;
    this.#shutdown |= bits;
    this.queue.wake(ALL_EVENTS);
    return this.remote === null ? -ENOTCONN : 0;
  }

  override release(): void {
    this.#inbox.clear();
    this.unbind();
  }
}

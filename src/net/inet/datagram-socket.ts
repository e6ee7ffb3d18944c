/** SOCK_DGRAM of AF_INET and AF_INET6 over the loopback (udp(7)). */
import { EAFNOSUPPORT, ECONNREFUSED, EDESTADDRREQ, EINVAL, EMSGSIZE, EPIPE } from '../../abi/errno.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IPPROTO_UDP,
  SEND_SHUTDOWN,
  SOCK_DGRAM,
  TCP_CLOSE,
  TCP_ESTABLISHED,
} from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import type { Path } from '../../vfs/path.ts';
import type { Ancillary, Destination, PacketChoice } from '../socket.ts';
import { Endpoint, familyOf } from './endpoint.ts';
import { MessageSocket, type PacketHeader } from './message-socket.ts';
import { showDatagram } from './raw-socket.ts';
import { inetStackOf } from './stack.ts';

/** 65535 less the headers of IP and UDP. */
const MAX_PAYLOAD = 65507;

export class DatagramSocket extends MessageSocket {
  constructor(kernel: Kernel, path: Path, flags: number, domain: number, uid: number) {
    super(kernel, path, flags, domain, SOCK_DGRAM, IPPROTO_UDP, uid);
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
    if ((this.shutdownMask & SEND_SHUTDOWN) !== 0) return -EPIPE;
    const destination = to instanceof Endpoint ? to : this.remote;
    if (destination === null) return -EDESTADDRREQ;
    if (destination.port === 0) return -EINVAL;
    const unbound = this.bindIfNeeded();
    if (unbound < 0) return unbound;
    for (const file of ancillary.rights) file.unref();
    const { choice } = ancillary;
    const source = this.#sourceOf(destination, choice);
    const header = this.headerOf(destination, choice);
    const stack = inetStackOf(this.kernel);
    const receiver = stack.udp.find(destination, source);
    stack.counters.countDatagram(length);
    if (stack.raw.size > 0)
      showDatagram(stack, source, destination, header, src.subarray(at, at + length), receiver !== null);
    if (receiver === null) {
      stack.counters.datagramsToNobody += 1;
      // The answer is an ICMP message, which only a connected socket is told.
      if (this.remote !== null) this.pendingError = ECONNREFUSED;
      return length;
    }
    // Whatever finds no room is lost, as everywhere in UDP.
    receiver.deliver(src, at, length, source, destination, header);
    return length;
  }

  #sourceOf(destination: Endpoint, choice: PacketChoice | undefined): Endpoint {
    const chosen = choice?.source ?? null;
    return chosen === null ? this.sourceFor(destination) : new Endpoint(chosen.ip, this.local.port);
  }

  deliver(
    src: Uint8Array,
    at: number,
    length: number,
    source: Endpoint,
    destination: Endpoint,
    header: PacketHeader,
  ): void {
    if (!this.arrive(src, at, length, source, destination, header)) {
      inetStackOf(this.kernel).counters.datagramsWithoutRoom += 1;
    }
  }

  override release(): void {
    this.inbox.clear();
    this.unbind();
  }
}

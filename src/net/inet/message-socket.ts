/** What sockets of whole messages have in common, UDP's and raw ones: an inbox, no connections to accept, shutdown(2) of either way. */
import { EAGAIN, EINVAL, ENOTCONN, EOPNOTSUPP } from '../../abi/errno.ts';
import { POLLERR, POLLHUP, POLLRDHUP, READABLE, WRITABLE } from '../../abi/poll.ts';
import {
  IP_TOS,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SHUTDOWN_MASK,
} from '../../abi/socket.ts';
import type { Timespec } from '../../kernel/kernel.ts';
import { MessageInbox } from '../inbox.ts';
import { optionKey } from '../option-rule.ts';
import {
  type ControlMessage,
  DEFAULT_BUFFER,
  NO_ANCILLARY,
  type PacketChoice,
  type PacketInfo,
  Received,
} from '../socket.ts';
import { type Endpoint, formatEndpoint } from './endpoint.ts';
import { InetSocket } from './inet-socket.ts';
import { packetMessages, takePacketControl } from './packet-control.ts';

const CLOCK_REALTIME = 0;
export const DEFAULT_TTL = 64;
const MAX_QUEUED = 1 << 16;
const ALL_EVENTS = READABLE | WRITABLE | POLLHUP | POLLRDHUP | POLLERR;

const ignored = new Received();

/** What packets say besides addresses. */
export interface PacketHeader {
  readonly ttl: number;
  readonly tos: number;
}

export abstract class MessageSocket extends InetSocket {
  protected readonly inbox = new MessageInbox(DEFAULT_BUFFER, MAX_QUEUED);
  #shutdown = 0;

  get shutdownMask(): number {
    return this.#shutdown;
  }

  override receive(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    out.reset();
    if (!this.inbox.isEmpty) return this.inbox.take(dst, at, length, isPeek, out);
    const error = this.takeError();
    if (error < 0) return error;
    return (this.#shutdown & RCV_SHUTDOWN) !== 0 ? 0 : -EAGAIN;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    return this.receive(dst, at, length, false, ignored);
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    return this.send(src, at, length, NO_ANCILLARY, null);
  }

  override get hasTimestamps(): boolean {
    return true;
  }

  override takeControl(level: number, type: number, data: DataView, choice: PacketChoice): number {
    return takePacketControl(this.domain, level, type, data, choice);
  }

  override controlMessages({ packet }: Received): readonly ControlMessage[] {
    return packet === null ? [] : packetMessages(this.domain, (level, name) => this.optionValue(level, name), packet);
  }

  /** What a packet to `destination` says: of a sender's choices and its socket's options. */
  protected headerOf(destination: Endpoint, choice: PacketChoice | undefined): PacketHeader {
    const { isV4 } = destination;
    const ttlKey = isV4 ? optionKey(IPPROTO_IP, IP_TTL) : optionKey(IPPROTO_IPV6, IPV6_UNICAST_HOPS);
    const tosKey = isV4 ? optionKey(IPPROTO_IP, IP_TOS) : optionKey(IPPROTO_IPV6, IPV6_TCLASS);
    const ttl = choice === undefined || choice.ttl < 0 ? (this.remembered.get(ttlKey) ?? DEFAULT_TTL) : choice.ttl;
    const tos = choice === undefined || choice.tos < 0 ? (this.remembered.get(tosKey) ?? 0) : choice.tos;
    return { ttl, tos };
  }

  /** Puts a packet into the inbox: whether there was room. */
  protected arrive(
    src: Uint8Array,
    at: number,
    length: number,
    source: Endpoint,
    destination: Endpoint,
    header: PacketHeader,
  ): boolean {
    let time: Timespec | null = null;
    if (this.timestampOption !== 0) {
      time = { sec: 0, nsec: 0 };
      this.kernel.clock.read(CLOCK_REALTIME, time);
    }
    const packet: PacketInfo = { destination, ttl: header.ttl, tos: header.tos, time };
    const n = this.inbox.put(src, at, length, NO_ANCILLARY, formatEndpoint(this.domain, source), packet);
    if (n >= 0) this.queue.wake(READABLE);
    return n >= 0;
  }

  override accept(): number {
    return -EOPNOTSUPP;
  }

  override availableBytes(): number {
    return this.inbox.available;
  }

  override poll(): number {
    let events = WRITABLE;
    if (this.pendingError !== 0) events |= POLLERR;
    if (this.#shutdown === SHUTDOWN_MASK) events |= POLLHUP;
    if ((this.#shutdown & RCV_SHUTDOWN) !== 0) events |= READABLE | POLLRDHUP;
    return this.inbox.isEmpty ? events : events | READABLE;
  }

  /** Takes effect without a peer, too, and says so all the same (Linux: inet_shutdown). */
  override shutdown(how: number): number {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return -EINVAL;
    this.#shutdown |= how === SHUT_RDWR ? SHUTDOWN_MASK : how === SHUT_RD ? RCV_SHUTDOWN : SEND_SHUTDOWN;
    this.queue.wake(ALL_EVENTS);
    return this.remote === null ? -ENOTCONN : 0;
  }
}

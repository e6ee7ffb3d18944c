/**
 * SOCK_RAW of AF_INET over the loopback (raw(7)): whole IP packets of one protocol.
 *
 * TCP and UDP of this kernel make no packets, so there are none but those that raw sockets send, the answers of ICMP to them, and
 * the datagrams of UDP sockets, which are put into packets while somebody looks.
 */
import { EADDRNOTAVAIL, EDESTADDRREQ, EFAULT, EINVAL, EMSGSIZE, EPIPE } from '../../abi/errno.ts';
import {
  AF_INET,
  AF_UNSPEC,
  ICMP_FILTER,
  IP_HDRINCL,
  IPPROTO_ICMP,
  IPPROTO_IP,
  IPPROTO_RAW,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SEND_SHUTDOWN,
  SOCK_RAW,
  SOL_RAW,
} from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import type { Path } from '../../vfs/path.ts';
import { anyNumber, flag, type OptionRule, optionKey } from '../option-rule.ts';
import type { Ancillary, Destination, PacketChoice } from '../socket.ts';
import { Endpoint, familyOf, parseEndpoint, v4Bytes } from './endpoint.ts';
import { MessageSocket, type PacketHeader } from './message-socket.ts';
import * as P from './packet.ts';
import { type InetStack, inetStackOf } from './stack.ts';

const MAX_PACKET = 65535;

const HEADER_INCLUDED = flag();
const FILTER = anyNumber(0);

export class RawSocket extends MessageSocket {
  constructor(kernel: Kernel, path: Path, flags: number, protocol: number, uid: number) {
    super(kernel, path, flags, AF_INET, SOCK_RAW, protocol, uid);
    // What it shows for a port is its protocol (inet_create).
    this.local = new Endpoint(this.anyAddress, protocol);
    if (protocol === IPPROTO_RAW) this.remembered.set(optionKey(IPPROTO_IP, IP_HDRINCL), 1);
    inetStackOf(kernel).raw.add(this);
  }

  // It is found by its protocol, not by a port.
  protected override register(): number {
    return 0;
  }
  protected override unregister(): void {}
  protected override freePort(): number {
    return this.protocol;
  }
  override fit(): number {
    return -1;
  }

  override optionRule(level: number, name: number): OptionRule | undefined {
    if (level === IPPROTO_IP && name === IP_HDRINCL) return HEADER_INCLUDED;
    if (level === SOL_RAW && name === ICMP_FILTER && this.protocol === IPPROTO_ICMP) return FILTER;
    return super.optionRule(level, name);
  }

  override bind(_task: Task, address: Uint8Array): number {
    const asked = parseEndpoint(AF_INET, address);
    if (typeof asked === 'number') return asked;
    if (!asked.isAny && !asked.isLocal) return -EADDRNOTAVAIL;
    this.local = new Endpoint(asked.ip, this.protocol);
    return 0;
  }

  override connect(_task: Task, address: Uint8Array): number {
    if (familyOf(address) === AF_UNSPEC) {
      this.remote = null;
      return 0;
    }
    const destination = this.target(address);
    if (typeof destination === 'number') return destination;
    this.local = new Endpoint(this.sourceFor(destination).ip, this.protocol);
    this.remote = destination;
    return 0;
  }

  override resolve(_task: Task, address: Uint8Array): Destination | number {
    return this.target(address);
  }

  override send(src: Uint8Array, at: number, length: number, ancillary: Ancillary, to: Destination | null): number {
    if (length > MAX_PACKET) return -EMSGSIZE;
    const error = this.takeError();
    if (error < 0) return error;
    if ((this.shutdownMask & SEND_SHUTDOWN) !== 0) return -EPIPE;
    const destination = to instanceof Endpoint ? to : this.remote;
    if (destination === null) return -EDESTADDRREQ;
    const result = this.#sendTo(destination, src.slice(at, at + length), ancillary.choice);
    if (result >= 0) for (const file of ancillary.rights) file.unref();
    return result;
  }

  #sendTo(destination: Endpoint, bytes: Uint8Array, choice: PacketChoice | undefined): number {
    const source = choice?.source ?? this.sourceFor(destination);
    const stack = inetStackOf(this.kernel);
    if (this.optionValue(IPPROTO_IP, IP_HDRINCL) !== 0) return sendWithHeader(stack, bytes, source);
    // The kernel looks at type and code (raw_probe_proto_opt).
    if (this.protocol === IPPROTO_ICMP && bytes.length < 2) return -EFAULT;
    if (bytes.length + P.IP_HEADER > MAX_PACKET) return -EMSGSIZE;
    const header = this.headerOf(destination, choice);
    deliverPacket(stack, P.makePacket({ protocol: this.protocol, source, destination, ...header }, bytes));
    return bytes.length;
  }

  /** Takes a copy of a packet of its protocol if the addresses are those it wants. */
  accepts(view: P.PacketView): boolean {
    const { source, destination } = view;
    if (view.protocol !== this.protocol) return false;
    if (!this.local.isAny && this.local.ip !== destination.ip) return false;
    if (this.remote !== null && this.remote.ip !== source.ip) return false;
    if (this.protocol !== IPPROTO_ICMP || view.payload.length === 0) return true;
    // A bit that is set keeps that type away.
    const type = view.payload[0];
    return type >= 32 || ((this.optionValue(SOL_RAW, ICMP_FILTER) >>> type) & 1) === 0;
  }

  deliver(view: P.PacketView): void {
    this.arrive(view.bytes, 0, view.bytes.length, view.source, view.destination, view);
  }

  override release(): void {
    this.inbox.clear();
    inetStackOf(this.kernel).raw.delete(this);
  }
}

/** IP_HDRINCL: the kernel fills in what the sender may leave out, and what it may not choose (raw_send_hdrinc). */
function sendWithHeader(stack: InetStack, bytes: Uint8Array, source: Endpoint): number {
  if (bytes.length < P.IP_HEADER) return -EINVAL;
  const headerLength = (bytes[0] & 0xf) * 4;
  if (headerLength > bytes.length) return -EINVAL;
  if (headerLength >= P.IP_HEADER) {
    if (bytes.subarray(12, 16).every((byte) => byte === 0)) bytes.set(v4Bytes(source), 12);
    bytes[2] = bytes.length >> 8;
    bytes[3] = bytes.length & 0xff;
    P.sealHeader(bytes, headerLength);
    deliverPacket(stack, bytes);
  }
  return bytes.length;
}

/** Copies for the raw sockets: whether there was any. */
function show(stack: InetStack, view: P.PacketView): boolean {
  let isSeen = false;
  for (const socket of stack.raw) {
    if (!socket.accepts(view)) continue;
    socket.deliver(view);
    isSeen = true;
  }
  return isSeen;
}

/** A packet arrives: at raw sockets, then at its protocol, which may answer. */
function deliverPacket(stack: InetStack, bytes: Uint8Array): void {
  const view = P.PacketView.of(bytes);
  // An address of nobody's: the packet has left for no network.
  if (view?.destination.isLocal !== true) return;
  const isSeen = show(stack, view);
  switch (view.protocol) {
    case IPPROTO_ICMP: {
      const reply = P.PacketView.of(P.echoReply(view) ?? new Uint8Array(0));
      if (reply !== null) show(stack, reply);
      return;
    }
    case IPPROTO_UDP: {
      const datagram = P.udpOf(view);
      if (datagram === null) return;
      const receiver = stack.udp.find(datagram.destination, datagram.source);
      // What is behind the datagram's own end has been cut off by then.
      if (receiver === null) refuse(stack, P.cut(view, P.UDP_HEADER + datagram.payload.length), P.PORT_UNREACHABLE);
      else {
        const { payload, source, destination } = datagram;
        receiver.deliver(payload, 0, payload.length, source, destination, view);
      }
      return;
    }
    case IPPROTO_TCP:
      // Connections here are made of no segments, so none belongs to one.
      return;
    default:
      if (!isSeen) refuse(stack, view, P.PROTOCOL_UNREACHABLE);
  }
}

function refuse(stack: InetStack, view: P.PacketView | null, code: number): void {
  if (view === null) return;
  const error = P.PacketView.of(P.unreachable(view, code));
  if (error !== null) show(stack, error);
}

/** What a UDP socket has sent, for the raw sockets that look on, with the ICMP error when it reached nobody. */
export function showDatagram(
  stack: InetStack,
  source: Endpoint,
  destination: Endpoint,
  header: PacketHeader,
  payload: Uint8Array,
  isReceived: boolean,
): void {
  if (!destination.isV4 || !source.isV4) return;
  const view = P.PacketView.of(P.udpPacket(source, destination, header, payload));
  if (view === null) return;
  show(stack, view);
  if (!isReceived) refuse(stack, view, P.PORT_UNREACHABLE);
}

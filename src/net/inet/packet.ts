/** IPv4 packets with ICMP or UDP inside, built and looked into (RFC 791, 792, 768). Only raw sockets see any: see raw-socket.ts. */
import { IPPROTO_ICMP, IPPROTO_UDP } from '../../abi/socket.ts';
import { type Endpoint, endpointOfV4, v4Bytes } from './endpoint.ts';

export const IP_HEADER = 20;
export const UDP_HEADER = 8;
const ICMP_HEADER = 8;
const VERSION_4 = 0x40;
const DEFAULT_TTL = 64;
const DONT_FRAGMENT = 0x4000;
const TOS_INTERNETCONTROL = 0xc0;
export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_ECHO = 8;
export const PROTOCOL_UNREACHABLE = 2;
export const PORT_UNREACHABLE = 3;
/** What an error quotes fits the smallest packet that everybody takes, with its own headers. */
const MAX_ERROR = 576;

/** One's complement sum of 16-bit words, odd bytes padded. */
export function checksum(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
  if (bytes.length % 2 === 1) sum += bytes[bytes.length - 1] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >> 8) & 0xff;
  bytes[at + 1] = value & 0xff;
}

/** Makes the checksum of a header right. */
export function sealHeader(packet: Uint8Array, headerLength: number): void {
  put16(packet, 10, 0);
  put16(packet, 10, checksum(packet.subarray(0, headerLength)));
}

export interface HeaderFields {
  readonly protocol: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly tos?: number;
  readonly ttl?: number;
  readonly isFragmentable?: boolean;
}

/** A packet around a payload. */
export function makePacket(fields: HeaderFields, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(IP_HEADER + payload.length);
  packet[0] = VERSION_4 | (IP_HEADER / 4);
  packet[1] = fields.tos ?? 0;
  put16(packet, 2, packet.length);
  put16(packet, 6, fields.isFragmentable === true ? 0 : DONT_FRAGMENT);
  packet[8] = fields.ttl ?? DEFAULT_TTL;
  packet[9] = fields.protocol;
  packet.set(v4Bytes(fields.source), 12);
  packet.set(v4Bytes(fields.destination), 16);
  packet.set(payload, IP_HEADER);
  sealHeader(packet, IP_HEADER);
  return packet;
}

/** What a packet says of itself; null when it is none. */
export class PacketView {
  readonly bytes: Uint8Array;
  readonly headerLength: number;

  private constructor(bytes: Uint8Array, headerLength: number) {
    this.bytes = bytes;
    this.headerLength = headerLength;
  }

  static of(bytes: Uint8Array): PacketView | null {
    const headerLength = (bytes[0] & 0xf) * 4;
    const isSound = bytes.length >= IP_HEADER && (bytes[0] & 0xf0) === VERSION_4;
    return isSound && headerLength >= IP_HEADER && headerLength <= bytes.length
      ? new PacketView(bytes, headerLength)
      : null;
  }

  get protocol(): number {
    return this.bytes[9];
  }
  get tos(): number {
    return this.bytes[1];
  }
  get ttl(): number {
    return this.bytes[8];
  }
  get source(): Endpoint {
    return endpointOfV4(this.bytes, 12, 0);
  }
  get destination(): Endpoint {
    return endpointOfV4(this.bytes, 16, 0);
  }
  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerLength);
  }
}

/** The packet with no more payload than that. */
export function cut(view: PacketView, payloadLength: number): PacketView | null {
  return PacketView.of(view.bytes.subarray(0, view.headerLength + payloadLength));
}

/** A UDP datagram as one packet; its checksum is left out, as the loopback does. */
export function udpPacket(
  source: Endpoint,
  destination: Endpoint,
  { ttl, tos }: { ttl: number; tos: number },
  payload: Uint8Array,
): Uint8Array {
  const datagram = new Uint8Array(UDP_HEADER + payload.length);
  put16(datagram, 0, source.port);
  put16(datagram, 2, destination.port);
  put16(datagram, 4, datagram.length);
  datagram.set(payload, UDP_HEADER);
  return makePacket({ protocol: IPPROTO_UDP, source, destination, ttl, tos }, datagram);
}

/** The UDP datagram in a packet, or null when its length or checksum is wrong. */
export function udpOf(view: PacketView): { source: Endpoint; destination: Endpoint; payload: Uint8Array } | null {
  const { payload, bytes } = view;
  if (payload.length < UDP_HEADER) return null;
  const port = (at: number): number => (payload[at] << 8) | payload[at + 1];
  const length = port(4);
  if (length < UDP_HEADER || length > payload.length) return null;
  const datagram = payload.subarray(0, length);
  if (port(6) !== 0) {
    // The pseudo header: both addresses, the protocol, the length.
    let sum = IPPROTO_UDP + length;
    for (let i = 12; i < 20; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
    if (checksum(datagram, sum) !== 0) return null;
  }
  return {
    source: endpointOfV4(bytes, 12, port(0)),
    destination: endpointOfV4(bytes, 16, port(2)),
    payload: datagram.subarray(UDP_HEADER),
  };
}

/** The answer to an ICMP echo request, or null for any other message and for one with a wrong checksum. */
export function echoReply(view: PacketView): Uint8Array | null {
  const { payload } = view;
  if (payload.length < ICMP_HEADER || payload[0] !== ICMP_ECHO || checksum(payload) !== 0) return null;
  const reply = payload.slice();
  reply[0] = ICMP_ECHO_REPLY;
  put16(reply, 2, 0);
  put16(reply, 2, checksum(reply));
  const { source, destination } = view;
  return makePacket({ protocol: IPPROTO_ICMP, source: destination, destination: source, isFragmentable: true }, reply);
}

/** The ICMP error that answers a packet for which there is nobody. */
export function unreachable(view: PacketView, code: number): Uint8Array {
  const quoted = view.bytes.subarray(0, MAX_ERROR - IP_HEADER - ICMP_HEADER);
  const message = new Uint8Array(ICMP_HEADER + quoted.length);
  message[0] = ICMP_UNREACHABLE;
  message[1] = code;
  message.set(quoted, ICMP_HEADER);
  put16(message, 2, checksum(message));
  const { source, destination } = view;
  return makePacket(
    {
      protocol: IPPROTO_ICMP,
      source: destination,
      destination: source,
      tos: TOS_INTERNETCONTROL,
      isFragmentable: true,
    },
    message,
  );
}

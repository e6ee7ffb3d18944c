/**
 * Control messages about packets (ip(7), ipv6(7), cmsg(3)): what the headers of a received one said, for sockets that have asked for it,
 * and what a sender chooses for the one it sends (Linux: ip_cmsg_recv, ip6_datagram_recv_ctl, ip_cmsg_send, ip6_datagram_send_ctl).
 */
import { EINVAL, ENETUNREACH, ENODEV } from '../../abi/errno.ts';
import * as S from '../../abi/socket.ts';
import type { ControlMessage, PacketChoice, PacketInfo } from '../socket.ts';
import { type Endpoint, endpointBytes, endpointOfV4, endpointOfV6, formatEndpoint } from './endpoint.ts';

/** The loopback, the only interface. */
const INTERFACE = 1;
const IN_PKTINFO_SIZE = 12;
const IN6_PKTINFO_SIZE = 20;
/** Addresses of IPv4 from 224.0.0.0 on are groups' or nobody's. */
const FIRST_GROUP = 224;

type OptionValue = (level: number, name: number) => number;

function word(level: number, type: number, value: number): ControlMessage {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return { level, type, bytes };
}

/** struct in_pktinfo: interface, the address an answer should come from, and the one in the header. */
function packetInfoV4(destination: Endpoint): ControlMessage {
  const bytes = new Uint8Array(IN_PKTINFO_SIZE);
  const address = endpointBytes(S.AF_INET, destination).subarray(0, 4);
  bytes[0] = INTERFACE;
  bytes.set(address, 4);
  bytes.set(address, 8);
  return { level: S.IPPROTO_IP, type: S.IP_PKTINFO, bytes };
}

/** struct in6_pktinfo: an address of IPv4 in its mapped form. */
function packetInfoV6(destination: Endpoint): ControlMessage {
  const bytes = new Uint8Array(IN6_PKTINFO_SIZE);
  bytes.set(endpointBytes(S.AF_INET6, destination));
  bytes[16] = INTERFACE;
  return { level: S.IPPROTO_IPV6, type: S.IPV6_PKTINFO, bytes };
}

/** What a socket of `domain` is told of a packet, in Linux' order. */
export function packetMessages(domain: number, option: OptionValue, packet: PacketInfo): ControlMessage[] {
  const { destination, ttl, tos } = packet;
  const { IPPROTO_IP, IPPROTO_IPV6 } = S;
  const messages: ControlMessage[] = [];
  if (domain === S.AF_INET6 && option(IPPROTO_IPV6, S.IPV6_RECVPKTINFO) !== 0) messages.push(packetInfoV6(destination));
  if (destination.isV4) {
    if (option(IPPROTO_IP, S.IP_PKTINFO) !== 0) messages.push(packetInfoV4(destination));
    if (option(IPPROTO_IP, S.IP_RECVTTL) !== 0) messages.push(word(IPPROTO_IP, S.IP_TTL, ttl));
    if (option(IPPROTO_IP, S.IP_RECVTOS) !== 0) {
      messages.push({ level: IPPROTO_IP, type: S.IP_TOS, bytes: Uint8Array.of(tos) });
    }
    if (option(IPPROTO_IP, S.IP_RECVORIGDSTADDR) !== 0) {
      messages.push({ level: IPPROTO_IP, type: S.IP_RECVORIGDSTADDR, bytes: formatEndpoint(S.AF_INET, destination) });
    }
    return messages;
  }
  if (option(IPPROTO_IPV6, S.IPV6_RECVHOPLIMIT) !== 0) messages.push(word(IPPROTO_IPV6, S.IPV6_HOPLIMIT, ttl));
  if (option(IPPROTO_IPV6, S.IPV6_RECVTCLASS) !== 0) messages.push(word(IPPROTO_IPV6, S.IPV6_TCLASS, tos));
  return messages;
}

function takeSource(choice: PacketChoice, source: Endpoint, index: number, foreign: number): number {
  if (index !== 0 && index !== INTERFACE) return -ENODEV;
  if (source.isAny) return 0;
  if (!source.isLocal) return foreign;
  choice.source = source;
  return 0;
}

function isByte(value: number): boolean {
  return value >= 0 && value <= 255;
}

function takeV4(type: number, data: DataView, choice: PacketChoice): number {
  const value = data.byteLength === 4 ? data.getInt32(0, true) : data.byteLength === 1 ? data.getUint8(0) : -1;
  switch (type) {
    case S.IP_PKTINFO: {
      if (data.byteLength !== IN_PKTINFO_SIZE) return -EINVAL;
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      // No packet can come from a group; of other addresses none is ours (ip_route_output_key_hash_rcu).
      const foreign = bytes[4] >= FIRST_GROUP ? -EINVAL : -ENETUNREACH;
      return takeSource(choice, endpointOfV4(bytes, 4, 0), data.getInt32(0, true), foreign);
    }
    case S.IP_TTL:
      if (data.byteLength !== 4 || value === 0 || !isByte(value)) return -EINVAL;
      choice.ttl = value;
      return 0;
    case S.IP_TOS:
      if (!isByte(value)) return -EINVAL;
      choice.tos = value;
      return 0;
    default:
      return -EINVAL;
  }
}

function takeV6(type: number, data: DataView, choice: PacketChoice): number {
  if (type === S.IPV6_PKTINFO) {
    if (data.byteLength < IN6_PKTINFO_SIZE) return -EINVAL;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return takeSource(choice, endpointOfV6(bytes, 0, 0), data.getInt32(16, true), -EINVAL);
  }
  if (type !== S.IPV6_HOPLIMIT && type !== S.IPV6_TCLASS) return -EINVAL;
  const value = data.byteLength === 4 ? data.getInt32(0, true) : -2;
  if (value !== -1 && !isByte(value)) return -EINVAL;
  // -1 asks for the hop limit that the socket has; for a traffic class it is no more than a number (ip6_datagram_send_ctl).
  if (type === S.IPV6_HOPLIMIT) choice.ttl = value;
  else choice.tos = value & 0xff;
  return 0;
}

/** Takes a sender's control message: 0, also for one that is not for the protocol of this socket, or -errno. */
export function takePacketControl(
  domain: number,
  level: number,
  type: number,
  data: DataView,
  choice: PacketChoice,
): number {
  if (domain === S.AF_INET && level === S.IPPROTO_IP) return takeV4(type, data, choice);
  if (domain === S.AF_INET6 && level === S.IPPROTO_IPV6) return takeV6(type, data, choice);
  return 0;
}

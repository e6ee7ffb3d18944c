/** Internet addresses with ports, and struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)). */
import { EAFNOSUPPORT, EINVAL } from '../../abi/errno.ts';
import { AF_INET } from '../../abi/socket.ts';

const SIN_SIZE = 16;
const SIN6_SIZE = 28;
/** Without the scope, which RFC 2133 did not have. */
const SIN6_MIN = 24;
const V4_PREFIX = '00000000000000000000ffff';

export const ANY_V4 = `${V4_PREFIX}00000000`;
export const LOOPBACK_V4 = `${V4_PREFIX}7f000001`;
export const ANY_V6 = '0'.repeat(32);
export const LOOPBACK_V6 = `${'0'.repeat(31)}1`;

/** Immutable. The address is 32 hexadecimal digits, IPv4 ones in their IPv6-mapped form, so that comparing is comparing strings. */
export class Endpoint {
  readonly ip: string;
  readonly port: number;

  constructor(ip: string, port: number) {
    this.ip = ip;
    this.port = port;
  }

  get isV4(): boolean {
    return this.ip.startsWith(V4_PREFIX);
  }

  get isAny(): boolean {
    return this.ip === ANY_V4 || this.ip === ANY_V6;
  }

  /** Whether it is an address of the loopback interface, the only one there is. */
  get isLocal(): boolean {
    return this.ip === LOOPBACK_V6 || this.ip.startsWith(`${V4_PREFIX}7f`);
  }
}

function hex(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += bytes[i].toString(16).padStart(2, '0');
  return text;
}

export function familyOf(address: Uint8Array): number {
  return address.length < 2 ? -1 : address[0] | (address[1] << 8);
}

/** The endpoint in a sockaddr of a socket's domain, or -EINVAL when it is too short, -EAFNOSUPPORT when of another family. */
export function parseEndpoint(domain: number, address: Uint8Array): Endpoint | number {
  if (address.length < (domain === AF_INET ? SIN_SIZE : SIN6_MIN)) return -EINVAL;
  if (familyOf(address) !== domain) return -EAFNOSUPPORT;
  const port = (address[2] << 8) | address[3];
  return new Endpoint(domain === AF_INET ? V4_PREFIX + hex(address, 4, 8) : hex(address, 8, 24), port);
}

/** The address alone in sixteen bytes, in the order of the network; IPv4 ones in the first four for a socket of AF_INET. */
export function endpointBytes(domain: number, { ip }: Endpoint): Uint8Array {
  const bytes = new Uint8Array(16);
  const digits = domain === AF_INET ? ip.slice(V4_PREFIX.length) : ip;
  for (let i = 0; i * 2 < digits.length; i++) bytes[i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

/** The sockaddr that a socket of `domain` shows for an endpoint. */
export function formatEndpoint(domain: number, { ip, port }: Endpoint): Uint8Array {
  const bytes = new Uint8Array(domain === AF_INET ? SIN_SIZE : SIN6_SIZE);
  bytes[0] = domain;
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  const at = domain === AF_INET ? 4 : 8;
  const digits = domain === AF_INET ? ip.slice(V4_PREFIX.length) : ip;
  for (let i = 0; i * 2 < digits.length; i++) bytes[at + i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

/** The endpoint of an IPv4 address in network order at `bytes[at]`. */
export function endpointOfV4(bytes: Uint8Array, at: number, port: number): Endpoint {
  return new Endpoint(V4_PREFIX + hex(bytes, at, at + 4), port);
}

/** The endpoint of an IPv6 address in network order at `bytes[at]`. */
export function endpointOfV6(bytes: Uint8Array, at: number, port: number): Endpoint {
  return new Endpoint(hex(bytes, at, at + 16), port);
}

/** The four bytes of an IPv4 endpoint's address. */
export function v4Bytes({ ip }: Endpoint): Uint8Array {
  return Uint8Array.from(Buffer.from(ip.slice(V4_PREFIX.length), 'hex'));
}

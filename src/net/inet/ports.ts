/** Who is bound to which port of one protocol (Linux: inet_bind_bucket, udp_table). */
import { EADDRINUSE, EAGAIN } from '../../abi/errno.ts';
import { ANY_V4, ANY_V6, type Endpoint } from './endpoint.ts';

/** What the table needs to know of a bound socket. */
export interface Bound {
  readonly local: Endpoint;
  /** Of IPv6 and nothing else. */
  readonly isV6Only: boolean;
  /** SO_REUSEADDR, and in a state in which it lets others in. */
  readonly sharesAddress: boolean;
  /** SO_REUSEPORT. */
  readonly sharesPort: boolean;
  readonly ownerUid: number;
  /** Takes what arrives from `source` for its address: a higher number is a better fit, -1 none. */
  fit(source: Endpoint | null): number;
}

/** net.ipv4.ip_local_port_range. */
const FIRST_EPHEMERAL = 32768;
const LAST_EPHEMERAL = 60999;

/** Whether a packet could be for both addresses. */
function overlap(a: Bound, b: Bound): boolean {
  if (a.local.ip === b.local.ip) return true;
  const covers = (wide: Bound, other: Bound): boolean =>
    (wide.local.ip === ANY_V4 && other.local.isV4) ||
    (wide.local.ip === ANY_V6 && !(wide.isV6Only && other.local.isV4));
  return covers(a, b) || covers(b, a);
}

export class PortTable<S extends Bound> {
  readonly #ports = new Map<number, Set<S>>();
  readonly #random: () => number;
  readonly #seed: number;

  /** @param random gives numbers from 0 to 1 */
  constructor(random: () => number) {
    this.#random = random;
    this.#seed = Math.floor(random() * 2 ** 32);
  }

  /** Enters a socket that has an address with a port: 0 or -EADDRINUSE. */
  add(socket: S): number {
    const { port } = socket.local;
    const others = this.#ports.get(port);
    if (others === undefined) {
      this.#ports.set(port, new Set([socket]));
      return 0;
    }
    for (const other of others) if (this.#conflict(socket, other)) return -EADDRINUSE;
    others.add(socket);
    return 0;
  }

  #conflict(socket: S, other: S): boolean {
    if (other === socket || !overlap(socket, other)) return false;
    if (socket.sharesAddress && other.sharesAddress) return false;
    return !(socket.sharesPort && other.sharesPort && socket.ownerUid === other.ownerUid);
  }

  /** Whether the socket, which is bound, would still be let in (it has begun to listen). */
  allows(socket: S): boolean {
    for (const other of this.#ports.get(socket.local.port) ?? []) if (this.#conflict(socket, other)) return false;
    return true;
  }

  remove(socket: S): void {
    const { port } = socket.local;
    const others = this.#ports.get(port);
    if (others === undefined) return;
    others.delete(socket);
    if (others.size === 0) this.#ports.delete(port);
  }

  /** A port nobody is bound to, or -EAGAIN. */
  ephemeral(): number {
    const count = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1;
    const start = Math.floor(this.#random() * count);
    for (let i = 0; i < count; i++) {
      const port = FIRST_EPHEMERAL + ((start + i) % count);
      if (!this.#ports.has(port)) return port;
    }
    return -EAGAIN;
  }

  /**
   * Who takes what `source` sends to `destination`. Among equals (SO_REUSEPORT) the addresses decide, so that datagrams of one
   * sender stay together as long as the group does.
   */
  find(destination: Endpoint, source: Endpoint): S | null {
    let best: S[] = [];
    let bestScore = -1;
    for (const socket of this.#ports.get(destination.port) ?? []) {
      const fit = socket.fit(source);
      const exact = addressFit(socket, destination);
      if (fit < 0 || exact < 0) continue;
      const score = fit + exact;
      if (score > bestScore) best = [];
      if (score >= bestScore) best.push(socket);
      bestScore = Math.max(score, bestScore);
    }
    if (best.length <= 1) return best[0] ?? null;
    // Sockets that merely share an address: the last one bound gets it all, as on Linux.
    if (!best.every((socket) => socket.sharesPort)) return best[best.length - 1];
    return best[mix(this.#seed, source, destination) % best.length];
  }

  *all(): IterableIterator<S> {
    for (const sockets of this.#ports.values()) yield* sockets;
  }
}

/** A number that the addresses determine, spread over 32 bits (FNV-1a with a final avalanche). */
function mix(seed: number, source: Endpoint, destination: Endpoint): number {
  let hash = (seed ^ (source.port << 16) ^ destination.port) >>> 0;
  for (const text of [source.ip, destination.ip]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function addressFit(socket: Bound, destination: Endpoint): number {
  const { ip } = socket.local;
  if (ip === destination.ip) return 2;
  if (ip === ANY_V4) return destination.isV4 ? 1 : -1;
  if (ip === ANY_V6) return socket.isV6Only && destination.isV4 ? -1 : 0;
  return -1;
}

/**
 * Options of ip(7), ipv6(7) and tcp(7) that are only remembered, with what they are at first. On a loopback that loses nothing there
 * is nothing else to do about them.
 */
import * as S from '../../abi/socket.ts';
import { optionKey } from '../socket.ts';

const IP: readonly (readonly [number, number])[] = [
  [S.IP_TOS, 0],
  [S.IP_TTL, 64],
  [S.IP_PKTINFO, 0],
  [S.IP_MTU_DISCOVER, 1],
  [S.IP_RECVERR, 0],
  [S.IP_RECVTTL, 0],
  [S.IP_RECVTOS, 0],
  [S.IP_FREEBIND, 0],
  [S.IP_BIND_ADDRESS_NO_PORT, 0],
  [S.IP_MULTICAST_TTL, 1],
  [S.IP_MULTICAST_LOOP, 1],
  [S.IP_MULTICAST_ALL, 1],
];

const IPV6: readonly (readonly [number, number])[] = [
  [S.IPV6_UNICAST_HOPS, 64],
  [S.IPV6_MULTICAST_HOPS, 1],
  [S.IPV6_MULTICAST_LOOP, 1],
  [S.IPV6_MTU_DISCOVER, 1],
  [S.IPV6_RECVERR, 0],
  [S.IPV6_V6ONLY, 0],
  [S.IPV6_RECVPKTINFO, 0],
  [S.IPV6_RECVHOPLIMIT, 0],
  [S.IPV6_RECVTCLASS, 0],
  [S.IPV6_TCLASS, 0],
];

const TCP: readonly (readonly [number, number])[] = [
  [S.TCP_NODELAY, 0],
  [S.TCP_MAXSEG, 65483],
  [S.TCP_CORK, 0],
  [S.TCP_KEEPIDLE, 7200],
  [S.TCP_KEEPINTVL, 75],
  [S.TCP_KEEPCNT, 9],
  [S.TCP_SYNCNT, 6],
  [S.TCP_LINGER2, 60],
  [S.TCP_DEFER_ACCEPT, 0],
  [S.TCP_WINDOW_CLAMP, 0],
  [S.TCP_QUICKACK, 1],
  [S.TCP_USER_TIMEOUT, 0],
  [S.TCP_FASTOPEN, 0],
  [S.TCP_NOTSENT_LOWAT, 0],
];

/** By `optionKey`. */
export const INET_OPTIONS: ReadonlyMap<number, number> = new Map([
  ...IP.map(([name, value]) => [optionKey(S.IPPROTO_IP, name), value] as const),
  ...IPV6.map(([name, value]) => [optionKey(S.IPPROTO_IPV6, name), value] as const),
  ...TCP.map(([name, value]) => [optionKey(S.IPPROTO_TCP, name), value] as const),
]);

/**
 * Numeric options of ip(7), ipv6(7) and tcp(7). They are checked as Linux does and remembered; on a loopback that loses nothing and
 * waits for nobody most have nothing else to do.
 */
import * as S from '../../abi/socket.ts';
import { anyNumber, flag, natural, type OptionRule, optionKey, range, rangeOrDefault } from '../option-rule.ts';

type Rules = readonly (readonly [number, OptionRule])[];

/** TCP_MIN_MSS and MAX_TCP_WINDOW. */
const MIN_MSS = 88;
const MAX_MSS = 32767;
const MAX_KEEPIDLE = 32767;
const MAX_RETRIES = 127;
/** TCP_FIN_TIMEOUT_MAX and net.ipv4.tcp_fin_timeout, in seconds. */
const MAX_LINGER2 = 120;
const LINGER2 = 60;
/** TCP_RTO_MAX in seconds. */
const MAX_TIMEOUT = 120;

/** A time to wait for the first bytes is kept as a number of retransmissions, whose timeouts double (secs_to_retrans). */
function deferSeconds(seconds: number): number {
  if (seconds <= 0) return 0;
  let period = 1;
  for (let timeout = 1, retries = 1; seconds > period && retries < 255; retries++) {
    timeout = Math.min(2 * timeout, MAX_TIMEOUT);
    period += timeout;
  }
  return period;
}

function linger2(seconds: number): number {
  if (seconds < 0) return -1;
  return seconds === 0 ? LINGER2 : Math.min(seconds, MAX_LINGER2);
}

const IP: Rules = [
  [S.IP_TOS, { initial: 0, store: (value) => value & 0xff }],
  [S.IP_TTL, rangeOrDefault(64, 1, 255)],
  [S.IP_RECVOPTS, flag()],
  [S.IP_RETOPTS, flag()],
  [S.IP_PKTINFO, flag()],
  [S.IP_MTU_DISCOVER, range(1, 0, 5)],
  [S.IP_RECVERR, flag()],
  [S.IP_RECVTTL, flag()],
  [S.IP_RECVTOS, flag()],
  [S.IP_FREEBIND, flag()],
  [S.IP_TRANSPARENT, flag()],
  [S.IP_RECVORIGDSTADDR, flag()],
  [S.IP_MINTTL, range(0, 0, 255)],
  [S.IP_BIND_ADDRESS_NO_PORT, flag()],
  [S.IP_MULTICAST_TTL, rangeOrDefault(1, 0, 255)],
  [S.IP_MULTICAST_LOOP, flag(1)],
  [S.IP_MULTICAST_ALL, range(1, 0, 1)],
  [S.IP_UNICAST_IF, range(0, 0, 0)],
];

const IPV6: Rules = [
  [S.IPV6_UNICAST_HOPS, rangeOrDefault(64, 0, 255)],
  [S.IPV6_MULTICAST_HOPS, rangeOrDefault(1, 0, 255)],
  [S.IPV6_MULTICAST_LOOP, range(1, 0, 1)],
  [S.IPV6_MTU_DISCOVER, range(1, 0, 5)],
  [S.IPV6_RECVERR, flag()],
  [S.IPV6_V6ONLY, flag()],
  [S.IPV6_RECVPKTINFO, flag()],
  [S.IPV6_RECVHOPLIMIT, flag()],
  [S.IPV6_RECVTCLASS, flag()],
  [S.IPV6_TCLASS, rangeOrDefault(0, 0, 255)],
];

const TCP: Rules = [
  [S.TCP_NODELAY, flag()],
  [S.TCP_MAXSEG, { initial: 536, store: (value) => (value === 0 ? 536 : range(0, MIN_MSS, MAX_MSS).store(value)) }],
  [S.TCP_CORK, flag()],
  [S.TCP_KEEPIDLE, range(7200, 1, MAX_KEEPIDLE)],
  [S.TCP_KEEPINTVL, range(75, 1, MAX_KEEPIDLE)],
  [S.TCP_KEEPCNT, range(9, 1, MAX_RETRIES)],
  [S.TCP_SYNCNT, range(6, 1, MAX_RETRIES)],
  [S.TCP_LINGER2, { initial: LINGER2, store: linger2 }],
  [S.TCP_DEFER_ACCEPT, { initial: 0, store: deferSeconds }],
  [S.TCP_WINDOW_CLAMP, natural(0)],
  [S.TCP_QUICKACK, flag(1)],
  [S.TCP_THIN_LINEAR_TIMEOUTS, range(0, 0, 1)],
  [S.TCP_THIN_DUPACK, range(0, 0, 1)],
  [S.TCP_USER_TIMEOUT, natural(0)],
  // A connection cannot be taken over from another kernel.
  [S.TCP_REPAIR, range(0, 0, 0)],
  [S.TCP_FASTOPEN, natural(0)],
  [S.TCP_NOTSENT_LOWAT, anyNumber(0)],
  [S.TCP_SAVE_SYN, range(0, 0, 0)],
  [S.TCP_FASTOPEN_CONNECT, range(0, 0, 1)],
  [S.TCP_FASTOPEN_NO_COOKIE, range(0, 0, 1)],
  [S.TCP_INQ, range(0, 0, 0)],
  [S.TCP_TX_DELAY, range(0, 0, 0)],
];

/** By `optionKey`. */
export const INET_OPTIONS: ReadonlyMap<number, OptionRule> = new Map([
  ...IP.map(([name, rule]) => [optionKey(S.IPPROTO_IP, name), rule] as const),
  ...IPV6.map(([name, rule]) => [optionKey(S.IPPROTO_IPV6, name), rule] as const),
  ...TCP.map(([name, rule]) => [optionKey(S.IPPROTO_TCP, name), rule] as const),
]);

/**
 * Which options of a socket reach the host, and which control messages may go along with a message. All concern the socket alone: none
 * brings code or keys into the host's kernel, takes a connection apart or asks for a capability.
 */
import * as S from '../../abi/socket.ts';
import { optionKey } from '../option-rule.ts';

/** To be set and asked for. */
const SETTABLE: readonly (readonly [number, readonly number[]])[] = [
  [
    S.SOL_SOCKET,
    [
      S.SO_REUSEADDR,
      S.SO_REUSEPORT,
      S.SO_BROADCAST,
      S.SO_SNDBUF,
      S.SO_RCVBUF,
      S.SO_KEEPALIVE,
      S.SO_OOBINLINE,
      S.SO_DONTROUTE,
      S.SO_NO_CHECK,
      S.SO_PRIORITY,
      S.SO_RCVLOWAT,
      S.SO_BINDTODEVICE,
      S.SO_TIMESTAMP,
      S.SO_TIMESTAMPNS,
      S.SO_MAX_PACING_RATE,
      S.SO_INCOMING_CPU,
      S.SO_PEEK_OFF,
    ],
  ],
  [
    S.IPPROTO_IP,
    [
      S.IP_TOS,
      S.IP_TTL,
      S.IP_PKTINFO,
      S.IP_MTU_DISCOVER,
      S.IP_RECVERR,
      S.IP_RECVTTL,
      S.IP_RECVTOS,
      S.IP_FREEBIND,
      S.IP_RECVORIGDSTADDR,
      S.IP_MINTTL,
      S.IP_BIND_ADDRESS_NO_PORT,
      S.IP_MULTICAST_IF,
      S.IP_MULTICAST_TTL,
      S.IP_MULTICAST_LOOP,
      S.IP_MULTICAST_ALL,
      S.IP_ADD_MEMBERSHIP,
      S.IP_DROP_MEMBERSHIP,
      S.IP_ADD_SOURCE_MEMBERSHIP,
      S.IP_DROP_SOURCE_MEMBERSHIP,
      S.MCAST_JOIN_GROUP,
      S.MCAST_LEAVE_GROUP,
      S.IP_UNICAST_IF,
    ],
  ],
  [
    S.IPPROTO_IPV6,
    [
      S.IPV6_UNICAST_HOPS,
      S.IPV6_MULTICAST_IF,
      S.IPV6_MULTICAST_HOPS,
      S.IPV6_MULTICAST_LOOP,
      S.IPV6_ADD_MEMBERSHIP,
      S.IPV6_DROP_MEMBERSHIP,
      S.MCAST_JOIN_GROUP,
      S.MCAST_LEAVE_GROUP,
      S.IPV6_MTU_DISCOVER,
      S.IPV6_RECVERR,
      S.IPV6_V6ONLY,
      S.IPV6_RECVPKTINFO,
      S.IPV6_RECVHOPLIMIT,
      S.IPV6_RECVTCLASS,
      S.IPV6_TCLASS,
      S.IPV6_DONTFRAG,
    ],
  ],
  [
    S.IPPROTO_TCP,
    [
      S.TCP_NODELAY,
      S.TCP_MAXSEG,
      S.TCP_CORK,
      S.TCP_KEEPIDLE,
      S.TCP_KEEPINTVL,
      S.TCP_KEEPCNT,
      S.TCP_SYNCNT,
      S.TCP_LINGER2,
      S.TCP_DEFER_ACCEPT,
      S.TCP_WINDOW_CLAMP,
      S.TCP_QUICKACK,
      S.TCP_CONGESTION,
      S.TCP_THIN_LINEAR_TIMEOUTS,
      S.TCP_THIN_DUPACK,
      S.TCP_USER_TIMEOUT,
      S.TCP_FASTOPEN,
      S.TCP_FASTOPEN_CONNECT,
      S.TCP_NOTSENT_LOWAT,
    ],
  ],
  [S.IPPROTO_UDP, [S.UDP_CORK, S.UDP_SEGMENT, S.UDP_GRO]],
];

/** To be asked for only. */
const READABLE_ONLY: readonly (readonly [number, readonly number[]])[] = [
  [
    S.SOL_SOCKET,
    [
      S.SO_TYPE,
      S.SO_DOMAIN,
      S.SO_PROTOCOL,
      S.SO_ERROR,
      S.SO_ACCEPTCONN,
      S.SO_BUSY_POLL,
      S.SO_LOCK_FILTER,
      S.SO_SELECT_ERR_QUEUE,
      S.SO_ZEROCOPY,
    ],
  ],
  [S.IPPROTO_IP, [S.IP_MTU, S.IP_OPTIONS, S.IP_TRANSPARENT]],
  [S.IPPROTO_IPV6, [S.IPV6_MTU]],
  [S.IPPROTO_TCP, [S.TCP_INFO, S.TCP_REPAIR, S.TCP_ULP, S.TCP_SAVE_SYN, S.TCP_INQ, S.TCP_TX_DELAY]],
];

const keysOf = (lists: readonly (readonly [number, readonly number[]])[]): number[] =>
  lists.flatMap(([level, names]) => names.map((name) => optionKey(level, name)));

/** By `optionKey`. */
export const HOST_SETTABLE: ReadonlySet<number> = new Set(keysOf(SETTABLE));
export const HOST_READABLE: ReadonlySet<number> = new Set(keysOf([...SETTABLE, ...READABLE_ONLY]));

/** Control messages that a guest may send, by level and type: where a datagram is to come from, and how it is to travel. */
export const HOST_SENDABLE: ReadonlySet<number> = new Set(
  keysOf([
    [S.IPPROTO_IP, [S.IP_PKTINFO, S.IP_TTL, S.IP_TOS]],
    [S.IPPROTO_IPV6, [S.IPV6_PKTINFO, S.IPV6_HOPLIMIT, S.IPV6_TCLASS]],
    [S.IPPROTO_UDP, [S.UDP_SEGMENT]],
  ]),
);

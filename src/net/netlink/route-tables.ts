/** The routes of the loopback and the rules that choose tables (rtnetlink(7); ip-route(8), ip-rule(8)). */
import { EAFNOSUPPORT, EINVAL, ENETUNREACH } from '../../abi/errno.ts';
import { AF_INET, AF_INET6 } from '../../abi/socket.ts';
import { LOOPBACK_INDEX } from '../loopback.ts';
import { findAttribute, NLM_F_MULTI, Reply } from './message.ts';

const RTM_NEWROUTE = 24;
const RTM_NEWRULE = 32;
/** struct rtmsg. */
const RTMSG = 12;
const RTA = { DST: 1, OIF: 4, PRIORITY: 6, PREFSRC: 7, CACHEINFO: 12, TABLE: 15, UID: 25 };
const FRA = { PRIORITY: 6, SUPPRESS_PREFIXLEN: 14, TABLE: 15, PROTOCOL: 21 };
const RT_TABLE_DEFAULT = 253;
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;
const RTPROT_KERNEL = 2;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
const RTN_LOCAL = 2;
const RTN_BROADCAST = 3;
const RTM_F_CLONED = 0x200;
const RTCF_LOCAL = 0x80000000;
const FR_ACT_TO_TBL = 1;
const CACHEINFO_SIZE = 32;

const LOOPBACK4 = [127, 0, 0, 1];
const LOOPBACK6 = [...new Uint8Array(15), 1];

interface Route {
  readonly family: number;
  readonly prefix: number;
  readonly table: number;
  readonly scope: number;
  readonly type: number;
  readonly destination: readonly number[];
}

const v4 = (destination: readonly number[], prefix: number, type: number, scope: number): Route => ({
  family: AF_INET,
  prefix,
  table: RT_TABLE_LOCAL,
  scope,
  type,
  destination,
});
const v6 = (table: number, type: number): Route => ({
  family: AF_INET6,
  prefix: 128,
  table,
  scope: RT_SCOPE_UNIVERSE,
  type,
  destination: LOOPBACK6,
});

/** What Linux puts there when the loopback comes up with its addresses. */
const ROUTES: readonly Route[] = [
  v4([127, 0, 0, 0], 8, RTN_LOCAL, RT_SCOPE_HOST),
  v4(LOOPBACK4, 32, RTN_LOCAL, RT_SCOPE_HOST),
  v4([127, 255, 255, 255], 32, RTN_BROADCAST, RT_SCOPE_LINK),
  v6(RT_TABLE_LOCAL, RTN_LOCAL),
];

export function routes(family: number, sequence: number, port: number): Uint8Array[] {
  return ROUTES.filter((route) => route.family === family).map((route) => {
    const { prefix, table, scope, type, destination } = route;
    const reply = new Reply().u8(family, prefix, 0, 0, table, RTPROT_KERNEL, scope, type).u32(0);
    reply.word(RTA.TABLE, table).attribute(RTA.DST, destination);
    if (family === AF_INET) reply.attribute(RTA.PREFSRC, LOOPBACK4).word(RTA.OIF, LOOPBACK_INDEX);
    else
      reply
        .word(RTA.PRIORITY, 0)
        .word(RTA.OIF, LOOPBACK_INDEX)
        .attribute(RTA.CACHEINFO, new Uint8Array(CACHEINFO_SIZE));
    return reply.finish(RTM_NEWROUTE, NLM_F_MULTI, sequence, port);
  });
}

/** Priorities and tables: local first, then main, then (for IPv4) default. */
const RULES: readonly (readonly [number, number])[] = [
  [0, RT_TABLE_LOCAL],
  [32766, RT_TABLE_MAIN],
  [32767, RT_TABLE_DEFAULT],
];

export function rules(family: number, sequence: number, port: number): Uint8Array[] {
  return RULES.filter(([, table]) => family === AF_INET || table !== RT_TABLE_DEFAULT).map(([priority, table]) => {
    const reply = new Reply().u8(family, 0, 0, 0, table, 0, 0, FR_ACT_TO_TBL).u32(0);
    reply.word(FRA.TABLE, table).word(FRA.SUPPRESS_PREFIXLEN, 0xffffffff).attribute(FRA.PROTOCOL, [RTPROT_KERNEL]);
    if (priority !== 0) reply.word(FRA.PRIORITY, priority);
    return reply.finish(RTM_NEWRULE, NLM_F_MULTI, sequence, port);
  });
}

/** The route to one address: only those of the loopback have one. */
export function findRoute(payload: DataView, sequence: number, port: number): Uint8Array[] | number {
  if (payload.byteLength < RTMSG) return -EINVAL;
  const family = payload.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
  const view = findAttribute(payload, RTMSG, RTA.DST);
  const size = family === AF_INET ? 4 : 16;
  if (view !== null && view.byteLength < size) return -EINVAL;
  // Nowhere in particular is this host.
  const own = family === AF_INET ? LOOPBACK4 : LOOPBACK6;
  const asked = view === null ? own : [...new Uint8Array(view.buffer, view.byteOffset, size)];
  const isV4Loopback = family === AF_INET && asked[0] === LOOPBACK4[0];
  if (!isV4Loopback && !asked.every((byte, i) => byte === own[i])) return -ENETUNREACH;
  const flags = family === AF_INET ? (RTM_F_CLONED | RTCF_LOCAL) >>> 0 : 0;
  const prefix = size * 8;
  // The local table shares the storage of the main one while no rules are added (fib_unmerge), and its number.
  const table = family === AF_INET ? RT_TABLE_MAIN : RT_TABLE_LOCAL;
  const protocol = family === AF_INET ? 0 : RTPROT_KERNEL;
  const reply = new Reply().u8(family, prefix, 0, 0, table, protocol, RT_SCOPE_UNIVERSE, RTN_LOCAL).u32(flags);
  reply.word(RTA.TABLE, table).attribute(RTA.DST, asked).word(RTA.OIF, LOOPBACK_INDEX);
  reply.attribute(RTA.PREFSRC, family === AF_INET ? asked : own);
  if (family === AF_INET) reply.word(RTA.UID, 0);
  else reply.word(RTA.PRIORITY, 0);
  reply.attribute(RTA.CACHEINFO, new Uint8Array(CACHEINFO_SIZE));
  return [reply.finish(RTM_NEWROUTE, 0, sequence, port)];
}

/**
 * What NETLINK_ROUTE tells of the sandbox's network (rtnetlink(7)): one interface, the loopback, its addresses and routes. It
 * cannot be changed.
 */
import { EINVAL, ENODEV, EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { inetStackOf } from '../inet/stack.ts';
import {
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_RUNNING,
  IFF_UP,
  LOOPBACK_HARDWARE,
  LOOPBACK_INDEX,
  LOOPBACK_MTU,
  LOOPBACK_NAME,
  LOOPBACK_QUEUE_LENGTH,
  type LoopbackCounters,
} from '../loopback.ts';
import { findAttribute, NLM_F_DUMP, NLM_F_MULTI, Reply, type Request } from './message.ts';
import type { Answer } from './netlink-socket.ts';
import { findRoute, routes, rules } from './route-tables.ts';

export const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
const RTM_GETNEIGH = 30;
const RTM_GETRULE = 34;
const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;
const NETNSA_NSID = 1;
const NETNSA_PID = 2;
const NETNSA_FD = 3;
/** struct rtgenmsg with its padding. */
const RTGENMSG = 4;
export const RTM_MAX = 120;
/** struct ifinfomsg. */
const IFINFO = 16;
const IFLA = {
  ADDRESS: 1,
  BROADCAST: 2,
  IFNAME: 3,
  MTU: 4,
  QDISC: 6,
  TXQLEN: 13,
  OPERSTATE: 16,
  LINKMODE: 17,
  STATS64: 23,
  AF_SPEC: 26,
  GROUP: 27,
  PROMISCUITY: 30,
  NUM_TX_QUEUES: 31,
  NUM_RX_QUEUES: 32,
  CARRIER: 33,
  CARRIER_CHANGES: 35,
  PROTO_DOWN: 39,
  GSO_MAX_SEGS: 40,
  GSO_MAX_SIZE: 41,
  MIN_MTU: 50,
  MAX_MTU: 51,
};
const IFLA_INET6_FLAGS = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IF_READY = 0x80000000;
const GSO_MAX = 65536;
/** struct rtnl_link_stats64. */
const STATS64_SIZE = 200;
const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, CACHEINFO: 6, FLAGS: 8, PROTO: 11 };
const IFA_F_PERMANENT = 0x80;
const RT_SCOPE_HOST = 254;
const FOR_EVER = new Uint8Array(16).fill(0xff, 0, 8);

function statistics({ packets, bytes }: LoopbackCounters): Uint8Array {
  const view = new DataView(new ArrayBuffer(STATS64_SIZE));
  [packets, packets, bytes, bytes].forEach((value, i) => {
    view.setBigUint64(8 * i, BigInt(value), true);
  });
  return new Uint8Array(view.buffer);
}

function link(request: Request, port: number, flags: number, counters: LoopbackCounters): Uint8Array {
  const inet6 = new Reply().word(IFLA_INET6_FLAGS, IF_READY).attribute(IFLA_INET6_ADDR_GEN_MODE, [0]);
  return new Reply()
    .u8(AF_UNSPEC, 0)
    .u16(LOOPBACK_HARDWARE)
    .u32(LOOPBACK_INDEX)
    .u32(IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP)
    .u32(0)
    .text(IFLA.IFNAME, LOOPBACK_NAME)
    .word(IFLA.TXQLEN, LOOPBACK_QUEUE_LENGTH)
    .attribute(IFLA.OPERSTATE, [0])
    .attribute(IFLA.LINKMODE, [0])
    .word(IFLA.MTU, LOOPBACK_MTU)
    .word(IFLA.MIN_MTU, 0)
    .word(IFLA.MAX_MTU, 0)
    .word(IFLA.GROUP, 0)
    .word(IFLA.PROMISCUITY, 0)
    .word(IFLA.NUM_TX_QUEUES, 1)
    .word(IFLA.GSO_MAX_SEGS, GSO_MAX - 1)
    .word(IFLA.GSO_MAX_SIZE, GSO_MAX)
    .word(IFLA.NUM_RX_QUEUES, 1)
    .attribute(IFLA.CARRIER, [1])
    .text(IFLA.QDISC, 'noqueue')
    .word(IFLA.CARRIER_CHANGES, 0)
    .attribute(IFLA.PROTO_DOWN, [0])
    .attribute(IFLA.ADDRESS, new Uint8Array(6))
    .attribute(IFLA.BROADCAST, new Uint8Array(6))
    .attribute(IFLA.STATS64, statistics(counters))
    .nested(IFLA.AF_SPEC, new Reply().nested(AF_INET6, inet6))
    .finish(RTM_NEWLINK, flags, request.sequence, port);
}

function address(request: Request, port: number, family: number): Uint8Array {
  const isV4 = family === AF_INET;
  const bytes = isV4 ? [127, 0, 0, 1] : [...new Uint8Array(15), 1];
  const reply = new Reply().u8(family, isV4 ? 8 : 128, IFA_F_PERMANENT, RT_SCOPE_HOST).u32(LOOPBACK_INDEX);
  reply.attribute(IFA.ADDRESS, bytes);
  if (isV4) reply.attribute(IFA.LOCAL, bytes).text(IFA.LABEL, LOOPBACK_NAME);
  reply.attribute(IFA.CACHEINFO, FOR_EVER).word(IFA.FLAGS, IFA_F_PERMANENT);
  return reply.finish(RTM_NEWADDR, NLM_F_MULTI, request.sequence, port);
}

/** The interface a request means, by number or by name: 0 if it is ours, or -errno. */
function findLink(payload: DataView): number {
  if (payload.byteLength < IFINFO) return -EINVAL;
  const index = payload.getInt32(4, true);
  if (index < 0) return -EINVAL;
  if (index > 0) return index === LOOPBACK_INDEX ? 0 : -ENODEV;
  const name = findAttribute(payload, IFINFO, IFLA.IFNAME);
  if (name === null) return -EINVAL;
  const text = Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');
  return text.replace(/\0.*$/s, '') === LOOPBACK_NAME ? 0 : -ENODEV;
}

/** To set what is so already is no change; all else is refused. */
export function setLink(payload: DataView): number {
  const found = findLink(payload);
  if (found === -ENODEV) return payload.getInt32(4, true) > 0 ? -ENODEV : -EOPNOTSUPP;
  if (found < 0) return found;
  const flags = payload.getUint32(8, true);
  const change = payload.getUint32(12, true);
  const isPlain = findAttribute(payload, IFINFO, IFLA.MTU) === null;
  return isPlain && change === IFF_UP && (flags & IFF_UP) !== 0 ? 0 : -EPERM;
}

/** Whether a dump is for the family a message has. */
const matches = (asked: number, family: number): boolean => asked === AF_UNSPEC || asked === family;

export function routeAnswers(kernel: Kernel): Answer {
  const { counters } = inetStackOf(kernel);
  return (request, port) => {
    const { type, flags, payload, sequence } = request;
    if (type > RTM_MAX) return -EOPNOTSUPP;
    // Too short for a family: taken for an empty request (rtnetlink_rcv_msg).
    if (payload.byteLength < 1) return [];
    const isDump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
    const family = payload.getUint8(0);
    const families = [AF_INET, AF_INET6].filter((each) => matches(family, each));
    switch (type) {
      case RTM_NEWLINK:
      case RTM_SETLINK: {
        const result = setLink(payload);
        return result < 0 ? result : [];
      }
      case RTM_GETLINK: {
        if (isDump) return [link(request, port, NLM_F_MULTI, counters)];
        const found = findLink(payload);
        return found < 0 ? found : [link(request, port, 0, counters)];
      }
      case RTM_GETADDR:
        return isDump ? families.map((each) => address(request, port, each)) : -EOPNOTSUPP;
      case RTM_GETROUTE:
        if (isDump) return families.flatMap((each) => routes(each, sequence, port));
        return findRoute(payload, sequence, port);
      case RTM_GETRULE:
        return isDump ? families.flatMap((each) => rules(each, sequence, port)) : -EOPNOTSUPP;
      case RTM_GETNEIGH:
        return isDump ? [] : -EOPNOTSUPP;
      case RTM_GETNSID: {
        const isNamed = [NETNSA_PID, NETNSA_FD].some((each) => findAttribute(payload, RTGENMSG, each) !== null);
        if (!isNamed) return isDump ? [] : -EINVAL;
        // No namespace has been given a number here.
        const reply = new Reply().u32(AF_UNSPEC).word(NETNSA_NSID, 0xffffffff);
        return [reply.finish(RTM_NEWNSID, 0, sequence, port)];
      }
      default:
        // Types come in fours: new, delete, get, set. All but get would change something.
        return type % 4 === 2 ? -EOPNOTSUPP : -EPERM;
    }
  };
}

/** What NETLINK_ROUTE tells of the sandbox's network (rtnetlink(7)): one interface, the loopback, and its addresses. It cannot be changed. */
import { ENODEV, EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from '../../abi/socket.ts';
import { NLM_F_DUMP, NLM_F_MULTI, Reply, type Request } from './message.ts';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
const RTM_GETNEIGH = 30;
const RTM_GETRULE = 34;
const ARPHRD_LOOPBACK = 772;
const IFF_UP_LOOPBACK_RUNNING_LOWER_UP = 0x10049;
const IFLA = {
  ADDRESS: 1,
  BROADCAST: 2,
  IFNAME: 3,
  MTU: 4,
  QDISC: 6,
  TXQLEN: 13,
  OPERSTATE: 16,
  LINKMODE: 17,
  GROUP: 27,
};
const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, CACHEINFO: 6, FLAGS: 8 };
const IFA_F_PERMANENT = 0x80;
const RT_SCOPE_HOST = 254;
const LOOPBACK_INDEX = 1;
const LOOPBACK_MTU = 65536;
const FOR_EVER = new Uint8Array(16).fill(0xff, 0, 8);

function link(request: Request, port: number, flags: number): Uint8Array {
  return new Reply()
    .u8(AF_UNSPEC, 0)
    .u16(ARPHRD_LOOPBACK)
    .u32(LOOPBACK_INDEX)
    .u32(IFF_UP_LOOPBACK_RUNNING_LOWER_UP)
    .u32(0)
    .text(IFLA.IFNAME, 'lo')
    .word(IFLA.TXQLEN, 1000)
    .attribute(IFLA.OPERSTATE, [0])
    .attribute(IFLA.LINKMODE, [0])
    .word(IFLA.MTU, LOOPBACK_MTU)
    .word(IFLA.GROUP, 0)
    .attribute(IFLA.ADDRESS, new Uint8Array(6))
    .attribute(IFLA.BROADCAST, new Uint8Array(6))
    .text(IFLA.QDISC, 'noqueue')
    .finish(RTM_NEWLINK, flags, request.sequence, port);
}

function address(request: Request, port: number, family: number): Uint8Array {
  const isV4 = family === AF_INET;
  const bytes = isV4 ? [127, 0, 0, 1] : [...new Uint8Array(15), 1];
  const reply = new Reply().u8(family, isV4 ? 8 : 128, IFA_F_PERMANENT, RT_SCOPE_HOST).u32(LOOPBACK_INDEX);
  reply.attribute(IFA.ADDRESS, bytes);
  if (isV4) reply.attribute(IFA.LOCAL, bytes).text(IFA.LABEL, 'lo');
  reply.attribute(IFA.CACHEINFO, FOR_EVER).word(IFA.FLAGS, IFA_F_PERMANENT);
  return reply.finish(RTM_NEWADDR, NLM_F_MULTI, request.sequence, port);
}

/** The answer to a request: messages (a dump's are followed by the end mark that the socket adds), or -errno. */
export function answerRoute(request: Request, port: number): Uint8Array[] | number {
  const { type, flags, payload } = request;
  const isDump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
  const family = payload.byteLength > 0 ? payload.getUint8(0) : AF_UNSPEC;
  switch (type) {
    case RTM_GETLINK: {
      if (isDump) return [link(request, port, NLM_F_MULTI)];
      const index = payload.byteLength >= 8 ? payload.getInt32(4, true) : 0;
      return index === LOOPBACK_INDEX || asksForLoopback(payload) ? [link(request, port, 0)] : -ENODEV;
    }
    case RTM_GETADDR:
      if (!isDump) return -EOPNOTSUPP;
      return [AF_INET, AF_INET6]
        .filter((each) => family === AF_UNSPEC || family === each)
        .map((each) => address(request, port, each));
    case RTM_GETROUTE:
    case RTM_GETNEIGH:
    case RTM_GETRULE:
      return isDump ? [] : -EOPNOTSUPP;
    default:
      // Types come in fours: new, delete, get, set. All but get would change something.
      return type % 4 === 2 ? -EOPNOTSUPP : -EPERM;
  }
}

/** A request that names the interface: IFLA_IFNAME among the attributes. */
function asksForLoopback(payload: DataView): boolean {
  for (let at = 16; at + 4 <= payload.byteLength; ) {
    const length = payload.getUint16(at, true);
    if (length < 4 || length > payload.byteLength - at) return false;
    if (payload.getUint16(at + 2, true) === IFLA.IFNAME) {
      const name = Buffer.from(payload.buffer, payload.byteOffset + at + 4, length - 4).toString('latin1');
      return name.replace(/\0.*$/s, '') === 'lo';
    }
    at += (length + 3) & ~3;
  }
  return false;
}

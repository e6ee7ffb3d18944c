/**
 * Netlink as the host answers it: interfaces, addresses, routes, rules, neighbours (rtnetlink(7)), internet sockets (sock_diag(7)). Nothing
 * can be changed.
 */
import { EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import { AF_INET, AF_INET6 } from '../../abi/socket.ts';
import { HEADER, NLM_F_ACK, NLMSG_DONE, NLMSG_ERROR, type Request } from '../netlink/message.ts';
import type { Answer } from '../netlink/netlink-socket.ts';
import { RTM_MAX, RTM_NEWLINK, RTM_SETLINK, setLink } from '../netlink/route.ts';
import type { HostSockets } from './host-sockets.ts';

const SOCK_DIAG_BY_FAMILY = 20;
const RTM_GETLINK = 18;
const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
const RTM_GETNEIGH = 30;
const RTM_GETRULE = 34;
const ASKED: ReadonlySet<number> = new Set([RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH, RTM_GETRULE]);

/** The messages of the host's datagrams with the guest's port in them, up to an error: that, or the messages. */
function split(datagrams: readonly Uint8Array[], port: number): Uint8Array[] | number {
  const messages: Uint8Array[] = [];
  for (const datagram of datagrams) {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    for (let at = 0; at + HEADER <= datagram.length; ) {
      const length = view.getUint32(at, true);
      if (length < HEADER || length > datagram.length - at) break;
      const type = view.getUint16(at + 4, true);
      if (type === NLMSG_ERROR) return view.getInt32(at + HEADER, true);
      view.setUint32(at + 12, port, true);
      const end = at + ((length + 3) & ~3);
      if (type !== NLMSG_DONE) messages.push(datagram.slice(at, end));
      at = end;
    }
  }
  return messages;
}

function ask(host: HostSockets, about: 'route' | 'sockets', { bytes }: Request, port: number): Uint8Array[] | number {
  const request = bytes.slice();
  const view = new DataView(request.buffer);
  // The acknowledgement is the guest's socket's own.
  view.setUint16(6, view.getUint16(6, true) & ~NLM_F_ACK, true);
  view.setUint32(12, 0, true);
  const datagrams = host.ask(about, request);
  return typeof datagrams === 'number' ? datagrams : split(datagrams, port);
}

export function hostRouteAnswers(host: HostSockets): Answer {
  return (request, port) => {
    const { type, payload } = request;
    if (type > RTM_MAX) return -EOPNOTSUPP;
    // Too short for a family: taken for an empty request (rtnetlink_rcv_msg).
    if (payload.byteLength < 1) return [];
    if (type === RTM_NEWLINK || type === RTM_SETLINK) {
      const result = setLink(payload);
      return result < 0 ? result : [];
    }
    // Types come in fours: new, delete, get, set. All but get would change something.
    if (!ASKED.has(type)) return type % 4 === 2 ? -EOPNOTSUPP : -EPERM;
    return ask(host, 'route', request, port);
  };
}

/** @param own answers about sockets that are not the host's */
export function hostDiagnosisAnswers(host: HostSockets, own: Answer): Answer {
  return (request, port) => {
    const { type, payload } = request;
    const family = payload.byteLength < 1 ? 0 : payload.getUint8(0);
    const isInternet = family === AF_INET || family === AF_INET6;
    return type === SOCK_DIAG_BY_FAMILY && isInternet ? ask(host, 'sockets', request, port) : own(request, port);
  };
}

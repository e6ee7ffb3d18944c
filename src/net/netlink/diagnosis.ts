/** NETLINK_SOCK_DIAG (sock_diag(7)): the sockets of the sandbox, as ss(8) lists them. */
import { EINVAL, ENOENT } from '../../abi/errno.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV6_V6ONLY,
  TCP_CLOSE,
  TCP_CONGESTION,
  TCP_INFO,
  TCP_LISTEN,
} from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { DatagramSocket } from '../inet/datagram-socket.ts';
import { Endpoint, endpointBytes } from '../inet/endpoint.ts';
import { inetStackOf } from '../inet/stack.ts';
import { StreamSocket } from '../inet/stream-socket.ts';
import { optionKey } from '../option-rule.ts';
import { type UnixSocket, unixSocketsOf } from '../unix/unix-socket.ts';
import { NLM_F_DUMP, NLM_F_MULTI, Reply, type Request } from './message.ts';
import type { Answer } from './netlink-socket.ts';

const AF_MAX = 46;
const SOCK_DIAG_BY_FAMILY = 20;
/** struct inet_diag_req_v2 and unix_diag_req. */
const INET_REQUEST = 56;
const UNIX_REQUEST = 24;
const INET_DIAG = { MEMINFO: 1, INFO: 2, CONG: 4, TOS: 5, SKMEMINFO: 7, SHUTDOWN: 8, SKV6ONLY: 11 };
const UNIX_DIAG = { NAME: 0, PEER: 2, ICONS: 3, RQLEN: 4, SHUTDOWN: 6, UID: 7 };
const SHOW_NAME = 1;
const SHOW_PEER = 4;
const SHOW_ICONS = 8;
const SHOW_RQLEN = 0x10;
const SHOW_UID = 0x40;
/** SK_MEMINFO_*: queues are counted in bytes, nothing is in flight. */
const MEMINFO_WORDS = 9;

function words(...values: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => {
    view.setUint32(4 * i, value >>> 0, true);
  });
  return new Uint8Array(view.buffer);
}

function bigEndian16(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}

type InetDiagnosed = StreamSocket | DatagramSocket;

/** The number that tells a socket from others that had its place (sock_diag_save_cookie). */
function cookie(reply: Reply, ino: number): Reply {
  return reply.u32(ino).u32(0);
}

function inetMessage(socket: InetDiagnosed, extensions: number, request: Request, port: number): Uint8Array {
  const { local, domain } = socket;
  const remote = socket.remote ?? new Endpoint(socket.anyAddress, 0);
  const has = (attribute: number): boolean => (extensions & (1 << (attribute - 1))) !== 0;
  const queued =
    socket instanceof StreamSocket && socket.isListening
      ? socket.waitingConnections
      : Math.max(0, socket.availableBytes());
  const unsent = socket instanceof StreamSocket && socket.isListening ? socket.backlogLimit : 0;
  const reply = new Reply().u8(domain, socket.stateNumber, 0, 0);
  reply.u16(bigEndian16(local.port)).u16(bigEndian16(remote.port));
  for (const end of [local, remote]) reply.bytes(endpointBytes(domain, end));
  cookie(reply.u32(0), socket.inode.ino);
  reply.u32(0).u32(queued).u32(unsent).u32(socket.ownerUid).u32(socket.inode.ino);
  reply.attribute(INET_DIAG.SHUTDOWN, [socket.shutdownMask]);
  if (has(INET_DIAG.TOS)) reply.attribute(INET_DIAG.TOS, [0]);
  if (domain === AF_INET6 && (socket.stateNumber === TCP_LISTEN || socket.stateNumber === TCP_CLOSE)) {
    // An IPv6 address of its own makes a socket one for IPv6 only (inet6_bind).
    const isOwnAddress = !local.isAny && !local.isV4;
    const isV6Only = isOwnAddress ? 1 : (socket.remembered.get(optionKey(IPPROTO_IPV6, IPV6_V6ONLY)) ?? 0);
    reply.attribute(INET_DIAG.SKV6ONLY, [isV6Only]);
  }
  if (has(INET_DIAG.MEMINFO)) reply.attribute(INET_DIAG.MEMINFO, words(queued, 0, 0, 0));
  if (has(INET_DIAG.SKMEMINFO)) {
    const memory = new Array<number>(MEMINFO_WORDS).fill(0);
    [memory[0], memory[1], memory[3]] = [queued, socket.receiveBuffer, socket.sendBuffer];
    reply.attribute(INET_DIAG.SKMEMINFO, words(...memory));
  }
  for (const [attribute, option] of [
    [INET_DIAG.INFO, TCP_INFO],
    [INET_DIAG.CONG, TCP_CONGESTION],
  ] as const) {
    const value = has(attribute) ? socket.wideOption(IPPROTO_TCP, option) : null;
    if (value instanceof Uint8Array) reply.attribute(attribute, value);
  }
  return reply.finish(SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, request.sequence, port);
}

function inetSockets(kernel: Kernel, protocol: number): InetDiagnosed[] {
  const { tcp, udp, streams } = inetStackOf(kernel);
  if (protocol === IPPROTO_UDP) return [...udp.all()];
  if (protocol !== IPPROTO_TCP) return [];
  return [...new Set([...tcp.all(), ...streams])].filter((socket) => socket.stateNumber !== TCP_CLOSE);
}

function answerInet(kernel: Kernel, request: Request, port: number): Uint8Array[] | number {
  const { payload, flags } = request;
  if (payload.byteLength < INET_REQUEST) return -EINVAL;
  if ((flags & NLM_F_DUMP) !== NLM_F_DUMP) return -ENOENT;
  const family = payload.getUint8(0);
  const extensions = payload.getUint8(2);
  const states = payload.getUint32(4, true);
  return inetSockets(kernel, payload.getUint8(1))
    .filter((socket) => socket.domain === family && (states & (1 << socket.stateNumber)) !== 0)
    .map((socket) => inetMessage(socket, extensions, request, port));
}

function unixMessage(socket: UnixSocket, show: number, flags: number, request: Request, port: number): Uint8Array {
  const reply = new Reply().u8(AF_UNIX, socket.type, socket.stateNumber, 0).u32(socket.inode.ino);
  cookie(reply, socket.inode.ino);
  // The family is not part of what is told.
  const name = socket.localName().subarray(2);
  if ((show & SHOW_NAME) !== 0 && name.length > 0) {
    reply.attribute(UNIX_DIAG.NAME, name[0] !== 0 && name[name.length - 1] === 0 ? name.subarray(0, -1) : name);
  }
  if ((show & SHOW_PEER) !== 0 && socket.peer !== null) reply.word(UNIX_DIAG.PEER, socket.peer.inode.ino);
  if ((show & SHOW_ICONS) !== 0 && socket.isListening) {
    reply.attribute(UNIX_DIAG.ICONS, words(...socket.waiting.map((each) => each.peer?.inode.ino ?? 0)));
  }
  if ((show & SHOW_RQLEN) !== 0) {
    const lengths = socket.isListening
      ? [socket.waiting.length, socket.backlogLimit]
      : [Math.max(0, socket.availableBytes()), 0];
    reply.attribute(UNIX_DIAG.RQLEN, words(...lengths));
  }
  reply.attribute(UNIX_DIAG.SHUTDOWN, [socket.shutdownMask]);
  if ((show & SHOW_UID) !== 0) reply.word(UNIX_DIAG.UID, socket.ownerUid);
  return reply.finish(SOCK_DIAG_BY_FAMILY, flags, request.sequence, port);
}

function answerUnix(kernel: Kernel, request: Request, port: number): Uint8Array[] | number {
  const { payload, flags } = request;
  if (payload.byteLength < UNIX_REQUEST) return -EINVAL;
  const states = payload.getUint32(4, true);
  const ino = payload.getUint32(8, true);
  const show = payload.getUint32(12, true);
  const sockets = [...unixSocketsOf(kernel)];
  if ((flags & NLM_F_DUMP) === NLM_F_DUMP) {
    return sockets
      .filter((socket) => (states & (1 << socket.stateNumber)) !== 0)
      .map((socket) => unixMessage(socket, show, NLM_F_MULTI, request, port));
  }
  if (ino === 0) return -EINVAL;
  const found = sockets.find((socket) => socket.inode.ino === ino);
  return found === undefined ? -ENOENT : [unixMessage(found, show, 0, request, port)];
}

export function diagnosisAnswers(kernel: Kernel): Answer {
  return (request, port) => {
    const { type, payload } = request;
    if (type !== SOCK_DIAG_BY_FAMILY || payload.byteLength < 2) return -EINVAL;
    const family = payload.getUint8(0);
    if (family >= AF_MAX) return -EINVAL;
    if (family === AF_INET || family === AF_INET6) return answerInet(kernel, request, port);
    return family === AF_UNIX ? answerUnix(kernel, request, port) : -ENOENT;
  };
}

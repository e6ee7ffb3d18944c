/** Making and connecting sockets: socket(2), bind(2), listen(2), accept(2), connect(2) and relatives. */

import { CAP_NET_RAW } from '../abi/capability.ts';
import {
  EACCES,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  ENOTSOCK,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from '../abi/errno.ts';
import { O_RDWR } from '../abi/fcntl.ts';
import { POLLERR, POLLHUP, READABLE, WRITABLE } from '../abi/poll.ts';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_MAX,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_STREAM,
  SOCK_TYPE_MASK,
} from '../abi/socket.ts';
import {
  blockUpTo,
  comeBack,
  deadlineAfter,
  interruptedCode,
  sleepOn,
  WAKE_SIGNAL,
  WAKE_TIMEOUT,
} from '../kernel/block.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';
import type { WaitQueue } from '../kernel/wait-queue.ts';
import { hostDiagnosisAnswers, hostRouteAnswers } from '../net/host/host-netlink.ts';
import { createHostSocket } from '../net/host/host-socket.ts';
import { hostNetworkOf } from '../net/host/host-sockets.ts';
import { DatagramSocket } from '../net/inet/datagram-socket.ts';
import { RawSocket } from '../net/inet/raw-socket.ts';
import { StreamSocket } from '../net/inet/stream-socket.ts';
import { diagnosisAnswers } from '../net/netlink/diagnosis.ts';
import { connectorAnswers, genericAnswers } from '../net/netlink/generic.ts';
import { type Answer, NetlinkSocket } from '../net/netlink/netlink-socket.ts';
import { routeAnswers } from '../net/netlink/route.ts';
import type { Socket } from '../net/socket.ts';
import { credentialsOf, UnixSocket, unixSocketType } from '../net/unix/unix-socket.ts';
import { full, partial, type SyscallDef } from './define.ts';
import { installNew, installPair } from './install-file.ts';
import { readAddress, socketOf } from './socket-io.ts';
import { writeName } from './socket-message.ts';
import { streamSocketName } from './stream-socket-facts.ts';

const FAMILIES =
  'AF_UNIX; AF_INET and AF_INET6 for TCP and UDP, AF_INET for raw sockets, over the loopback interface; AF_NETLINK for ROUTE, SOCK_DIAG, GENERIC (TASKSTATS) and CONNECTOR';

const NETLINK_ROUTE = 0;
const NETLINK_SOCK_DIAG = 4;
const NETLINK_CONNECTOR = 11;
const NETLINK_GENERIC = 16;
const NETLINK_FAMILIES: ReadonlyMap<number, (kernel: Kernel) => Answer> = new Map([
  [
    NETLINK_ROUTE,
    (kernel) => {
      const host = hostNetworkOf(kernel);
      return host === undefined ? routeAnswers(kernel) : hostRouteAnswers(host);
    },
  ],
  [
    NETLINK_SOCK_DIAG,
    (kernel) => {
      const host = hostNetworkOf(kernel);
      const own = diagnosisAnswers(kernel);
      return host === undefined ? own : hostDiagnosisAnswers(host, own);
    },
  ],
  [NETLINK_CONNECTOR, connectorAnswers],
  [NETLINK_GENERIC, genericAnswers],
]);
const KNOWN_TYPE_BITS = SOCK_TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC;

function createInet(task: Task, domain: number, typeAndFlags: number, protocol: number): Socket | number {
  const type = typeAndFlags & SOCK_TYPE_MASK;
  const flags = O_RDWR | (typeAndFlags & SOCK_NONBLOCK);
  const host = hostNetworkOf(task.kernel);
  // The host is asked for these two types only: the sentry may make no others.
  if (host !== undefined && (type === SOCK_STREAM || type === SOCK_DGRAM)) {
    return createHostSocket(task.kernel, host, { domain, type, protocol }, flags);
  }
  const path = task.kernel.anonPath('socket');
  if (type === SOCK_STREAM) {
    if (protocol !== 0 && protocol !== IPPROTO_TCP) return -EPROTONOSUPPORT;
    return new StreamSocket(task.kernel, path, flags, domain, task.creds.euid);
  }
  if (type === SOCK_DGRAM) {
    // Echo sockets are for the groups in net.ipv4.ping_group_range, which has none.
    if (protocol === (domain === AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6)) return -EACCES;
    if (protocol !== 0 && protocol !== IPPROTO_UDP) return -EPROTONOSUPPORT;
    return new DatagramSocket(task.kernel, path, flags, domain, task.creds.euid);
  }
  if (type === SOCK_RAW) {
    if (protocol < 0 || protocol >= IPPROTO_MAX) return -EINVAL;
    // A number is needed: which packets it gets (inet_create).
    if (protocol === 0) return -EPROTONOSUPPORT;
    if (!task.creds.hasCapability(CAP_NET_RAW) || host !== undefined) return -EPERM;
    if (domain !== AF_INET) return -EPROTONOSUPPORT;
    return new RawSocket(task.kernel, path, flags, protocol, task.creds.euid);
  }
  return -ESOCKTNOSUPPORT;
}

function create(task: Task, domain: number, typeAndFlags: number, protocol: number): Socket | number {
  if ((typeAndFlags & ~KNOWN_TYPE_BITS) !== 0) return -EINVAL;
  if (domain === AF_INET || domain === AF_INET6) return createInet(task, domain, typeAndFlags, protocol);
  if (domain === AF_NETLINK) return createNetlink(task, typeAndFlags, protocol);
  return domain === AF_UNIX ? createUnix(task, typeAndFlags, protocol) : -EAFNOSUPPORT;
}

function createNetlink(task: Task, typeAndFlags: number, protocol: number): Socket | number {
  const type = typeAndFlags & SOCK_TYPE_MASK;
  if (type !== SOCK_RAW && type !== SOCK_DGRAM) return -ESOCKTNOSUPPORT;
  const { kernel } = task;
  const answer = NETLINK_FAMILIES.get(protocol)?.(kernel);
  if (answer === undefined) return -EPROTONOSUPPORT;
  const flags = O_RDWR | (typeAndFlags & SOCK_NONBLOCK);
  return new NetlinkSocket(kernel, kernel.anonPath('socket'), flags, type, protocol, answer);
}

function createUnix(task: Task, typeAndFlags: number, protocol: number): UnixSocket | number {
  if (protocol !== 0 && protocol !== AF_UNIX) return -EPROTONOSUPPORT;
  const type = unixSocketType(typeAndFlags & SOCK_TYPE_MASK);
  if (type === 0) return -ESOCKTNOSUPPORT;
  const flags = O_RDWR | (typeAndFlags & SOCK_NONBLOCK);
  return new UnixSocket(task.kernel, task.kernel.anonPath('socket'), flags, type, credentialsOf(task));
}

function sysSocket(task: Task, domain: number, type: number, protocol: number): number {
  const socket = create(task, domain, type, protocol);
  return typeof socket === 'number' ? socket : installNew(task, socket, (type & SOCK_CLOEXEC) !== 0);
}

function sysSocketpair(task: Task, domain: number, type: number, protocol: number, fds: number): number {
  // Internet protocols have no pairs.
  if (domain === AF_INET || domain === AF_INET6) return -EOPNOTSUPP;
  if ((type & ~KNOWN_TYPE_BITS) !== 0) return -EINVAL;
  if (domain !== AF_UNIX) return -EAFNOSUPPORT;
  const first = createUnix(task, type, protocol);
  if (typeof first === 'number') return first;
  const second = createUnix(task, type, protocol);
  if (typeof second === 'number') return second;
  first.join(second);
  return installPair(task, fds, first, second, (type & SOCK_CLOEXEC) !== 0);
}

function sysBind(task: Task, fd: number, addr: number, length: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const address = readAddress(task, addr, length);
  return typeof address === 'number' ? address : socket.bind(task, address);
}

function sysListen(task: Task, fd: number, backlog: number): number {
  const socket = socketOf(task, fd);
  return typeof socket === 'number' ? socket : socket.listen(task, backlog);
}

function sysConnect(task: Task, fd: number, addr: number, length: number): number | Promise<number> {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const address = readAddress(task, addr, length);
  if (typeof address === 'number') return address;
  const result = socket.connect(task, address);
  if (!socket.isBlocking) return result;
  if (result === -EINPROGRESS || result === -EALREADY) return waitForAnswer(task, socket, address);
  if (result !== -EAGAIN) return result;
  const queue = socket.connectQueue(task, address);
  return queue === null ? result : waitForRoom(task, socket, queue, address);
}

/** The connection is being made: sleeps until it is known what comes of it (inet_wait_for_connect). */
async function waitForAnswer(task: Task, socket: Socket, address: Uint8Array): Promise<number> {
  const deadlineNs = deadlineAfter(task, socket.sendTimeoutNs);
  const queues = [socket.queue];
  socket.ref();
  try {
    for (;;) {
      const reason = await sleepOn(task, queues, WRITABLE | POLLHUP | POLLERR, deadlineNs);
      if (!comeBack(task)) return interruptedCode(socket.sendTimeoutNs);
      const result = socket.connect(task, address);
      if (result !== -EALREADY) return result;
      if (reason === WAKE_SIGNAL) return interruptedCode(socket.sendTimeoutNs);
      if (reason === WAKE_TIMEOUT) return -EINPROGRESS;
    }
  } finally {
    socket.unref();
  }
}

/** The listener's backlog is full: sleeps until it accepts somebody (unix_wait_for_peer). */
async function waitForRoom(task: Task, socket: Socket, queue: WaitQueue, address: Uint8Array): Promise<number> {
  const deadlineNs = deadlineAfter(task, socket.sendTimeoutNs);
  const queues = [queue];
  socket.ref();
  try {
    for (;;) {
      const reason = await sleepOn(task, queues, WRITABLE | READABLE, deadlineNs);
      if (!comeBack(task)) return interruptedCode(socket.sendTimeoutNs);
      const result = socket.connect(task, address);
      if (result !== -EAGAIN) return result;
      if (reason === WAKE_SIGNAL) return interruptedCode(socket.sendTimeoutNs);
      if (reason === WAKE_TIMEOUT) return -EAGAIN;
    }
  } finally {
    socket.unref();
  }
}

function sysAccept4(task: Task, fd: number, addr: number, lengthAddr: number, flags: number): number | Promise<number> {
  if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const result = acceptOne(task, socket, addr, lengthAddr, flags);
  if (result !== -EAGAIN || !socket.isBlocking) return result;
  socket.ref();
  const attempt = (): number => acceptOne(task, socket, addr, lengthAddr, flags);
  return blockUpTo(task, socket.queue, READABLE, attempt, socket.receiveTimeoutNs).finally(() => socket.unref());
}

function acceptOne(task: Task, socket: Socket, addr: number, lengthAddr: number, flags: number): number {
  const connection = socket.accept(flags);
  if (typeof connection === 'number') return connection;
  if (addr !== 0) {
    const name = connection.acceptedName();
    const room = task.mem.readU32(lengthAddr);
    const error =
      room === null || typeof name === 'number' ? -EFAULT : writeName(task, name, addr, room | 0, lengthAddr);
    // A client that has gone already has no name; it is accepted all the same.
    if (error < 0 && typeof name !== 'number') {
      connection.unref();
      return error;
    }
  }
  return installNew(task, connection, (flags & SOCK_CLOEXEC) !== 0);
}

function sysAccept(task: Task, fd: number, addr: number, lengthAddr: number): number | Promise<number> {
  return sysAccept4(task, fd, addr, lengthAddr, 0);
}

function sysShutdown(task: Task, fd: number, how: number): number {
  const socket = socketOf(task, fd);
  return typeof socket === 'number' ? socket : socket.shutdown(how);
}

function giveName(task: Task, name: Uint8Array | number, addr: number, lengthAddr: number): number {
  if (typeof name === 'number') return name;
  const room = task.mem.readU32(lengthAddr);
  return room === null ? -EFAULT : writeName(task, name, addr, room | 0, lengthAddr);
}

function sysGetsockname(task: Task, fd: number, addr: number, lengthAddr: number): number {
  const socket = socketOf(task, fd);
  const name =
    socket === -ENOTSOCK ? streamSocketName(task, fd) : typeof socket === 'number' ? socket : socket.localName();
  return giveName(task, name, addr, lengthAddr);
}

function sysGetpeername(task: Task, fd: number, addr: number, lengthAddr: number): number {
  const socket = socketOf(task, fd);
  const name =
    socket === -ENOTSOCK ? streamSocketName(task, fd) : typeof socket === 'number' ? socket : socket.peerName();
  return giveName(task, name, addr, lengthAddr);
}

export const socketSyscalls: readonly SyscallDef[] = [
  partial(41, 'socket', ['int', 'int', 'int'], sysSocket, FAMILIES),
  full(42, 'connect', ['fd', 'ptr', 'int'], sysConnect),
  full(43, 'accept', ['fd', 'ptr', 'ptr'], sysAccept),
  full(48, 'shutdown', ['fd', 'int'], sysShutdown),
  full(49, 'bind', ['fd', 'ptr', 'int'], sysBind),
  full(50, 'listen', ['fd', 'int'], sysListen),
  full(51, 'getsockname', ['fd', 'ptr', 'ptr'], sysGetsockname),
  full(52, 'getpeername', ['fd', 'ptr', 'ptr'], sysGetpeername),
  full(53, 'socketpair', ['int', 'int', 'int', 'fdpair'], sysSocketpair),
  full(288, 'accept4', ['fd', 'ptr', 'ptr', 'flags'], sysAccept4),
];

/** Sending and receiving on sockets: send(2), recv(2) and their relatives. */
import { EAGAIN, EBADF, EFAULT, EINVAL, EMSGSIZE, ENOTSOCK, EOPNOTSUPP, EPIPE } from '../abi/errno.ts';
import { READABLE, WRITABLE } from '../abi/poll.ts';
import { SIGPIPE } from '../abi/signal.ts';
import {
  AF_INET,
  AF_INET6,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  MSG_WAITFORONE,
  SOCK_STREAM,
} from '../abi/socket.ts';
import { comeBack, deadlineAfter, interruptedCode, sleepOn, WAKE_SIGNAL, WAKE_TIMEOUT } from '../kernel/block.ts';
import type { Timespec } from '../kernel/kernel.ts';
import { raiseSignal } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { readTimespec, spanNs, writeSpan } from '../kernel/time-span.ts';
import { type Ancillary, DEFAULT_BUFFER, type Destination, NO_ANCILLARY, Received, Socket } from '../net/socket.ts';
import { full, type SyscallDef } from './define.ts';
import {
  gather,
  type IoVector,
  type MessageHeader,
  readAncillary,
  readMessageHeader,
  scatter,
  writeAncillary,
  writeName,
} from './socket-message.ts';

const MMSGHDR_SIZE = 64;
const VLEN_MAX = 1024;
const MAX_ADDRESS = 128;
/** The kernel is single-threaded and nothing here is kept across an await. */
const buffer = new Uint8Array(DEFAULT_BUFFER);

/** The socket of a descriptor, or -EBADF, -ENOTSOCK. */
export function socketOf(task: Task, fd: number): Socket | number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  return file instanceof Socket ? file : -ENOTSOCK;
}

/** A struct sockaddr of the guest, or -errno (move_addr_to_kernel). */
export function readAddress(task: Task, addr: number, length: number): Uint8Array | number {
  if (length < 0 || length > MAX_ADDRESS) return -EINVAL;
  return length === 0 ? new Uint8Array(0) : task.mem.readBytes(addr, length);
}

function drop(ancillary: Ancillary): void {
  for (const file of ancillary.rights) file.unref();
}

/** Sends all of the vectors, sleeping as often as it must. Takes over the references in `ancillary`. */
function send(
  task: Task,
  socket: Socket,
  iov: readonly IoVector[],
  total: number,
  ancillary: Ancillary,
  destination: Destination | null,
  flags: number,
): number | Promise<number> {
  if ((flags & MSG_OOB & ~socket.ownFlags) !== 0) {
    drop(ancillary);
    return -EOPNOTSUPP;
  }
  if (socket.type !== SOCK_STREAM && total > buffer.length) {
    drop(ancillary);
    return -EMSGSIZE;
  }
  let sent = 0;
  let rest = ancillary;
  /** -EAGAIN when it must sleep, else the result. */
  const attempt = (): number => {
    do {
      const n = gather(task, iov, sent, buffer, buffer.length);
      const taken = n < 0 ? n : socket.send(buffer, 0, n, rest, destination, flags);
      if (taken < 0) return taken === -EAGAIN || sent === 0 ? taken : sent;
      rest = NO_ANCILLARY;
      sent += taken;
      if (taken === 0) break;
    } while (sent < total);
    return sent;
  };
  const result = attempt();
  if (result !== -EAGAIN) return finishSend(task, socket, rest, flags, result);
  if ((flags & MSG_DONTWAIT) !== 0 || !socket.isBlocking) {
    return finishSend(task, socket, rest, flags, sent > 0 ? sent : -EAGAIN);
  }
  const deadlineNs = deadlineAfter(task, socket.sendTimeoutNs);
  const queues = [socket.sendQueue(destination)];
  socket.ref();
  const held = destination instanceof Socket ? destination.ref() : null;
  const interrupted = (done: number): number =>
    finishSend(task, socket, rest, flags, done > 0 ? done : interruptedCode(socket.sendTimeoutNs));
  return (async () => {
    try {
      for (;;) {
        const reason = await sleepOn(task, queues, WRITABLE, deadlineNs);
        if (!comeBack(task)) return interrupted(sent);
        const again = attempt();
        if (again !== -EAGAIN) return finishSend(task, socket, rest, flags, again);
        if (reason === WAKE_SIGNAL) return interrupted(sent);
        if (reason === WAKE_TIMEOUT) return finishSend(task, socket, rest, flags, sent > 0 ? sent : -EAGAIN);
      }
    } finally {
      held?.unref();
      socket.unref();
    }
  })();
}

function finishSend(task: Task, socket: Socket, unsent: Ancillary, flags: number, result: number): number {
  drop(unsent);
  if (result === -EPIPE && socket.type === SOCK_STREAM && (flags & MSG_NOSIGNAL) === 0) raiseSignal(task, SIGPIPE);
  return result;
}

function sysSendto(
  task: Task,
  fd: number,
  addr: number,
  length: number,
  flags: number,
  name: number,
  nameLength: number,
): number | Promise<number> {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  let destination: Destination | null = null;
  if (name !== 0) {
    const found = findDestination(task, socket, name, nameLength);
    if (typeof found === 'number') return found;
    destination = found;
  }
  return send(task, socket, [{ addr, length }], length, NO_ANCILLARY, destination, flags);
}

function findDestination(task: Task, socket: Socket, name: number, length: number): Destination | number {
  const address = readAddress(task, name, length);
  return typeof address === 'number' ? address : socket.resolve(task, address);
}

function sendMessage(task: Task, socket: Socket, addr: number, flags: number): number | Promise<number> {
  const header = readMessageHeader(task, addr);
  if (typeof header === 'number') return header;
  let destination: Destination | null = null;
  if (header.name !== 0 && header.nameLength > 0) {
    const found = findDestination(task, socket, header.name, Math.min(header.nameLength, MAX_ADDRESS));
    if (typeof found === 'number') return found;
    destination = found;
  }
  const ancillary = readAncillary(task, socket, header);
  if (typeof ancillary === 'number') return ancillary;
  return send(task, socket, header.iov, header.total, ancillary, destination, flags);
}

function sysSendmsg(task: Task, fd: number, addr: number, flags: number): number | Promise<number> {
  const socket = socketOf(task, fd);
  return typeof socket === 'number' ? socket : sendMessage(task, socket, addr, flags);
}

async function sysSendmmsg(task: Task, fd: number, addr: number, count: number, flags: number): Promise<number> {
  let done = 0;
  for (; done < Math.min(count, VLEN_MAX); done++) {
    const at = addr + done * MMSGHDR_SIZE;
    const result = await sysSendmsg(task, fd, at, flags);
    if (!comeBack(task)) break;
    if (result < 0) return done > 0 ? done : result;
    if (task.mem.writeU32(at + 56, result) < 0) return done > 0 ? done : -EFAULT;
  }
  return done;
}

/** Called with what one receive brought, before anything else can be received. */
type Deliver = (received: Received) => number;

/**
 * Receives into the vectors; `deliver` runs once, with the names and files of what came. Gives the number of bytes, or of the
 * whole message with MSG_TRUNC.
 */
function receive(
  task: Task,
  socket: Socket,
  iov: readonly IoVector[],
  total: number,
  flags: number,
  deliver: Deliver,
): number | Promise<number> {
  if ((flags & MSG_OOB & ~socket.ownFlags) !== 0) return -EOPNOTSUPP;
  const isInternet = socket.domain === AF_INET || socket.domain === AF_INET6;
  // Errors that came as messages (IP_RECVERR): none ever do on a loopback.
  if ((flags & MSG_ERRQUEUE & ~socket.ownFlags) !== 0 && isInternet) return -EAGAIN;
  const isPeek = (flags & MSG_PEEK) !== 0;
  const isStream = socket.type === SOCK_STREAM;
  const isWaitingForAll = (flags & MSG_WAITALL) !== 0 && isStream && !isPeek;
  const wanted = isWaitingForAll ? total : isStream && !isPeek ? Math.min(total, socket.leastReceive) : 1;
  // TCP throws the bytes away without looking where they should go (tcp(7)).
  const isDiscarding = (flags & MSG_TRUNC) !== 0 && isStream && isInternet;
  const received = new Received();
  let done = 0;
  const attempt = (): number => {
    for (;;) {
      const n = socket.receive(buffer, 0, Math.min(total - done, buffer.length), isPeek, received, flags);
      if (n < 0) return n === -EAGAIN || done === 0 ? n : done;
      const hadRights = received.rights.length > 0;
      const error = isDiscarding ? 0 : scatter(task, iov, done, buffer, n);
      const delivered = done === 0 || hadRights ? deliver(received) : 0;
      if (error < 0 || delivered < 0) return Math.min(error, delivered);
      done += n;
      if (!isStream) return (flags & MSG_TRUNC) !== 0 ? received.fullLength : n;
      if (n === 0 || done >= wanted || hadRights) return done;
    }
  };
  const result = attempt();
  if (result !== -EAGAIN) return result;
  if ((flags & MSG_DONTWAIT) !== 0 || !socket.isBlocking) return done > 0 ? done : -EAGAIN;
  const deadlineNs = deadlineAfter(task, socket.receiveTimeoutNs);
  const queues = [socket.queue];
  socket.ref();
  return (async () => {
    try {
      for (;;) {
        const reason = await sleepOn(task, queues, READABLE, deadlineNs);
        if (!comeBack(task)) return interruptedCode(socket.receiveTimeoutNs);
        const again = attempt();
        if (again !== -EAGAIN) return again;
        if (reason === WAKE_SIGNAL) return done > 0 ? done : interruptedCode(socket.receiveTimeoutNs);
        if (reason === WAKE_TIMEOUT) return done > 0 ? done : -EAGAIN;
      }
    } finally {
      socket.unref();
    }
  })();
}

const NO_NAME = new Uint8Array(0);

/** Only datagrams tell where they come from; an unbound sender has no name. */
function sourceName(socket: Socket, received: Received): Uint8Array {
  if (socket.type === SOCK_STREAM || received.source === null) return NO_NAME;
  return received.source.length > 2 ? received.source : NO_NAME;
}

function sysRecvfrom(
  task: Task,
  fd: number,
  addr: number,
  length: number,
  flags: number,
  name: number,
  nameLength: number,
): number | Promise<number> {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  return receive(task, socket, [{ addr, length }], length, flags, (received) => {
    for (const file of received.rights) file.unref();
    received.rights = [];
    if (name === 0) return 0;
    const room = task.mem.readU32(nameLength);
    if (room === null) return -EFAULT;
    return writeName(task, sourceName(socket, received), name, room | 0, nameLength);
  });
}

function receiveMessage(
  task: Task,
  socket: Socket,
  addr: number,
  header: MessageHeader,
  flags: number,
): number | Promise<number> {
  return receive(task, socket, header.iov, header.total, flags, (received) => {
    const control = writeAncillary(task, socket, header, received, flags, addr + 40);
    if (control < 0) return control;
    const isCut = received.fullLength > header.total;
    const messageFlags = control | received.flags | (isCut ? MSG_TRUNC : 0) | (flags & MSG_CMSG_CLOEXEC);
    if (task.mem.writeU32(addr + 48, messageFlags >>> 0) < 0) return -EFAULT;
    if (header.name === 0) return 0;
    return writeName(task, sourceName(socket, received), header.name, header.nameLength, addr + 8);
  });
}

function sysRecvmsg(task: Task, fd: number, addr: number, flags: number): number | Promise<number> {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const header = readMessageHeader(task, addr);
  return typeof header === 'number' ? header : receiveMessage(task, socket, addr, header, flags);
}

const limit: Timespec = { sec: 0, nsec: 0 };

/** The timeout is looked at when a message has come, and only then: a wait for one is not cut short by it (recvmmsg(2), "BUGS"). */
async function sysRecvmmsg(
  task: Task,
  fd: number,
  addr: number,
  count: number,
  flags: number,
  timeout: number,
): Promise<number> {
  const wrong = timeout === 0 ? 0 : readTimespec(task.mem, timeout, limit);
  if (wrong < 0) return wrong;
  const end = deadlineAfter(task, timeout === 0 ? Infinity : spanNs(limit));
  const done = await receiveMessages(task, fd, addr, Math.min(count, VLEN_MAX), flags, end);
  if (done <= 0 || end === Infinity || task.isExited) return done;
  return writeSpan(task.mem, timeout, end - task.kernel.clock.monotonicNs()) < 0 ? -EFAULT : done;
}

async function receiveMessages(
  task: Task,
  fd: number,
  addr: number,
  count: number,
  flags: number,
  end: number,
): Promise<number> {
  let done = 0;
  let next = flags & ~MSG_WAITFORONE;
  while (done < count) {
    const at = addr + done * MMSGHDR_SIZE;
    const result = await sysRecvmsg(task, fd, at, next);
    if (!comeBack(task)) break;
    if (result < 0) return done > 0 ? done : result;
    if (task.mem.writeU32(at + 56, result) < 0) return done > 0 ? done : -EFAULT;
    done += 1;
    if ((flags & MSG_WAITFORONE) !== 0) next |= MSG_DONTWAIT;
    if (end !== Infinity && task.kernel.clock.monotonicNs() >= end) break;
  }
  return done;
}

export const socketIoSyscalls: readonly SyscallDef[] = [
  full(44, 'sendto', ['fd', 'buf', 'size', 'flags', 'ptr', 'int'], sysSendto),
  full(45, 'recvfrom', ['fd', 'outbuf', 'size', 'flags', 'ptr', 'ptr'], sysRecvfrom),
  full(46, 'sendmsg', ['fd', 'ptr', 'flags'], sysSendmsg),
  full(47, 'recvmsg', ['fd', 'ptr', 'flags'], sysRecvmsg),
  full(299, 'recvmmsg', ['fd', 'ptr', 'uint', 'flags', 'timespec'], sysRecvmmsg),
  full(307, 'sendmmsg', ['fd', 'ptr', 'uint', 'flags'], sysSendmmsg),
];

/**
 * Descriptors over unix sockets: SCM_RIGHTS built and read as bytes (cmsg(3), unix(7)). All buffers are reused.
 */
import { must } from './host-error.ts';
import { native } from './native.ts';

const SOCKETPAIR = 53;
const SENDMSG = 46;
const RECVMSG = 47;
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
const SO_PASSCRED = 16;
const SETSOCKOPT = 54;
const MSG_NOSIGNAL = 0x4000;
const MSG_PEEK = 2;
const MSG_DONTWAIT = 0x40;
const POLL = 7;
const POLLIN = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
const CMSG_HEADER = 16;
const MAX_FDS = 16;

/** A connected pair of packet sockets; the first one attests its senders' pids. */
export function socketPair(): [number, number] {
  const fds = new Int32Array(2);
  must('socketpair for a stub', native.syscall(SOCKETPAIR, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds));
  const on = new Int32Array([1]);
  must('setsockopt SO_PASSCRED', native.syscall(SETSOCKOPT, fds[0] ?? -1, SOL_SOCKET, SO_PASSCRED, on, 4));
  return [fds[0] ?? -1, fds[1] ?? -1];
}

const payload = new Uint8Array(2048);
const payloadView = new DataView(payload.buffer);
const control = new Uint8Array(256);
const controlView = new DataView(control.buffer);
const iov = new BigUint64Array(2);
const header = new BigUint64Array(7);

function prepare(payloadLength: number, controlLength: number): void {
  iov[0] = BigInt(native.addressOf(payload));
  iov[1] = BigInt(payloadLength);
  header.fill(0n);
  header[2] = BigInt(native.addressOf(iov));
  header[3] = 1n;
  header[4] = BigInt(native.addressOf(control));
  header[5] = BigInt(controlLength);
}

/** Sends up to 16 descriptors with an eight-byte cookie (a non-negative safe integer): 0 or -errno. */
export function sendFds(socket: number, fds: readonly number[], cookie: number): number {
  const length = CMSG_HEADER + fds.length * 4;
  controlView.setUint32(0, length, true);
  controlView.setUint32(4, 0, true);
  controlView.setInt32(8, SOL_SOCKET, true);
  controlView.setInt32(12, SCM_RIGHTS, true);
  for (let i = 0; i < fds.length && i < MAX_FDS; i++) controlView.setInt32(CMSG_HEADER + i * 4, fds[i] ?? -1, true);
  payloadView.setUint32(0, cookie >>> 0, true);
  payloadView.setUint32(4, Math.floor(cookie / 2 ** 32), true);
  prepare(8, (length + 7) & ~7);
  const sent = native.syscall(SENDMSG, socket, header, MSG_NOSIGNAL);
  return Math.min(sent, 0);
}

/**
 * The pid, as this process sees it, of whoever sent the next packet, which stays where it is; 0 when none comes in time. The socket must
 * attest it.
 */
export function peekSender(socket: number, timeoutMs: number): number {
  const pollfd = new DataView(new ArrayBuffer(8));
  pollfd.setInt32(0, socket, true);
  pollfd.setInt16(4, POLLIN, true);
  if (native.syscall(POLL, pollfd, 1, timeoutMs) <= 0) return 0;
  const received = take(socket, MSG_PEEK | MSG_DONTWAIT);
  return typeof received === 'number' || received.bytes.length === 0 ? 0 : received.pid;
}

/** What `receive` took: payload bytes, descriptors, and the sender's pid when the socket attests it. */
export interface Received {
  bytes: Uint8Array;
  fds: number[];
  pid: number;
}

/** Receives one packet; -errno (-EAGAIN when `canWait` is 'no' and nothing is there). An empty packet means the peer is gone. */
export function receive(socket: number, canWait: 'yes' | 'no'): Received | number {
  return take(socket, canWait === 'no' ? MSG_DONTWAIT : 0);
}

function take(socket: number, flags: number): Received | number {
  prepare(payload.length, control.length);
  const length = native.syscall(RECVMSG, socket, header, MSG_CMSG_CLOEXEC | flags);
  if (length < 0) return length;
  const received: Received = { bytes: payload.slice(0, length), fds: [], pid: 0 };
  const controlLength = Number(header[5]);
  let at = 0;
  while (at + CMSG_HEADER <= controlLength) {
    const size = controlView.getUint32(at, true);
    if (size < CMSG_HEADER || at + size > controlLength) break;
    const type = controlView.getInt32(at + 12, true);
    if (type === SCM_RIGHTS) {
      for (let i = at + CMSG_HEADER; i + 4 <= at + size; i += 4) received.fds.push(controlView.getInt32(i, true));
    } else if (type === SCM_CREDENTIALS) {
      received.pid = controlView.getInt32(at + CMSG_HEADER, true);
    }
    at += (size + 7) & ~7;
  }
  return received;
}

/** getsockopt(2) and setsockopt(2): the socket level (socket(7)), and what the protocol knows. */

import { CAP_NET_ADMIN, CAP_NET_RAW } from '../abi/capability.ts';
import {
  EDOM,
  EFAULT,
  EINVAL,
  ENODATA,
  ENODEV,
  ENOPROTOOPT,
  ENOTSOCK,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  ESRCH,
} from '../abi/errno.ts';
import {
  AF_UNIX,
  IPPROTO_TCP,
  SO_ACCEPTCONN,
  SO_BINDTODEVICE,
  SO_DOMAIN,
  SO_ERROR,
  SO_LINGER,
  SO_MARK,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_PEERGROUPS,
  SO_PEERPIDFD,
  SO_PRIORITY,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVTIMEO,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SO_SNDLOWAT,
  SO_SNDTIMEO,
  SO_TIMESTAMP,
  SO_TIMESTAMP_NEW,
  SO_TIMESTAMPNS,
  SO_TIMESTAMPNS_NEW,
  SO_TYPE,
  SOL_SOCKET,
} from '../abi/socket.ts';
import type { Timespec } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';
import { readTimeval, spanNs } from '../kernel/time-span.ts';
import { type OptionRule, optionKey } from '../net/option-rule.ts';
import { DEFAULT_BUFFER, MAX_BUFFER, MIN_RECEIVE_BUFFER, MIN_SEND_BUFFER, type Socket } from '../net/socket.ts';
import { SOCKET_LEVEL } from '../net/socket-level.ts';
import { partial, type SyscallDef } from './define.ts';
import { openPidfd } from './pidfd.ts';
import { socketOf } from './socket-io.ts';
import { streamSocketOption } from './stream-socket-facts.ts';

const NOTE =
  'what socket(7), ip(7), ipv6(7), tcp(7) list, mostly only remembered; buffer sizes are remembered but do not change how much is buffered';
/** Priorities that need no capability. */
const MAX_PRIORITY = 6;
/** Longest option that is not a number: the name of an interface, of an algorithm. */
const MAX_WIDE = 64;
const IFNAMSIZ = 16;
const WORD = 0x1_0000_0000;

/** As long as the longest, struct tcp_info. */
const out = new Uint8Array(256);
const view = new DataView(out.buffer);
const span: Timespec = { sec: 0, nsec: 0 };

/** Linux doubles what is asked for, for its own bookkeeping. */
function bufferSize(value: number, least: number): number {
  return Math.max(least, Math.min(MAX_BUFFER, 2 * Math.min(value >>> 0, DEFAULT_BUFFER)));
}

function sysSetsockopt(task: Task, fd: number, level: number, name: number, addr: number, length: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (length < 0) return -EINVAL;
  const own = setOwnOption(task, socket, level, name, addr, length);
  if (own !== null) return own;
  if (level !== SOL_SOCKET) return setLevelOption(task, socket, level, name, addr, length);
  if (name === SO_BINDTODEVICE) return bindToDevice(task, socket, addr, length);
  if (name === SO_RCVTIMEO || name === SO_SNDTIMEO) return setTimeout(task, socket, name, addr, length);
  if (length < 4) return -EINVAL;
  const value = task.mem.readU32(addr);
  if (value === null) return -EFAULT;
  switch (name) {
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
      socket.sendBuffer = bufferSize(value, MIN_SEND_BUFFER);
      return 0;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
      socket.receiveBuffer = bufferSize(value, MIN_RECEIVE_BUFFER);
      return 0;
    case SO_PASSCRED:
      socket.isPassingCredentials = value !== 0;
      return 0;
    case SO_LINGER: {
      const seconds = length < 8 ? null : task.mem.readU32(addr + 4);
      if (seconds === null) return length < 8 ? -EINVAL : -EFAULT;
      socket.lingerSeconds = value === 0 ? -1 : seconds | 0;
      return 0;
    }
    case SO_PRIORITY:
      if (value > MAX_PRIORITY && !isNetworkAdmin(task)) return -EPERM;
      return remember(socket, SOL_SOCKET, name, SOCKET_LEVEL.get(name), value | 0);
    case SO_MARK:
      if (!isNetworkAdmin(task)) return -EPERM;
      return remember(socket, SOL_SOCKET, name, SOCKET_LEVEL.get(name), value | 0);
    case SO_TIMESTAMP:
    case SO_TIMESTAMPNS:
    case SO_TIMESTAMP_NEW:
    case SO_TIMESTAMPNS_NEW:
      socket.timestampOption = value === 0 ? 0 : name;
      return 0;
    default:
      return remember(socket, SOL_SOCKET, name, SOCKET_LEVEL.get(name), value | 0);
  }
}

/** An option that the transport knows itself: 0, -errno, or null if it is none. */
function setOwnOption(
  task: Task,
  socket: Socket,
  level: number,
  name: number,
  addr: number,
  length: number,
): number | null {
  if (socket.ownFlags === 0) return null;
  const value = task.mem.readBytes(addr, Math.min(length, out.length));
  return typeof value === 'number' ? value : socket.setOption(task, level, name, value);
}

function isNetworkAdmin(task: Task): boolean {
  return task.creds.hasCapability(CAP_NET_ADMIN) || task.creds.hasCapability(CAP_NET_RAW);
}

function remember(socket: Socket, level: number, name: number, rule: OptionRule | undefined, value: number): number {
  if (rule === undefined) return -ENOPROTOOPT;
  const stored = rule.store(value);
  if (stored === null) return -EINVAL;
  socket.remembered.set(optionKey(level, name), stored);
  return 0;
}

/** SO_BINDTODEVICE: there is one interface. */
function bindToDevice(task: Task, socket: Socket, addr: number, length: number): number {
  const bytes = task.mem.readBytes(addr, Math.min(length, IFNAMSIZ - 1));
  if (typeof bytes === 'number') return bytes;
  const name = Buffer.from(bytes).toString('latin1').replace(/\0.*$/s, '');
  if (name !== '' && name !== 'lo') return -ENODEV;
  socket.boundDevice = name;
  return 0;
}

/** Options of a protocol: one byte is taken for a number too, as Linux does for IP. */
function setLevelOption(task: Task, socket: Socket, level: number, name: number, addr: number, length: number): number {
  if (length < 1) return -EINVAL;
  const bytes = task.mem.readBytes(addr, Math.min(length, MAX_WIDE));
  if (typeof bytes === 'number') return bytes;
  const wide = socket.setWideOption(level, name, bytes);
  if (wide !== null) return wide;
  const rule = socket.optionRule(level, name);
  if (rule === undefined) return socket.domain === AF_UNIX ? -EOPNOTSUPP : -ENOPROTOOPT;
  if (length < 4 && level === IPPROTO_TCP) return -EINVAL;
  const value = length < 4 ? bytes[0] : new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
  return remember(socket, level, name, rule, value);
}

function levelOption(socket: Socket, level: number, name: number): number {
  const wide = socket.wideOption(level, name);
  if (typeof wide === 'number') return wide;
  if (wide !== null) {
    out.set(wide);
    return wide.length;
  }
  const rule = socket.optionRule(level, name);
  if (rule === undefined) return socket.domain === AF_UNIX ? -EOPNOTSUPP : -ENOPROTOOPT;
  return putInt(socket.remembered.get(optionKey(level, name)) ?? rule.initial);
}

/** Zero means for ever. */
function setTimeout(task: Task, socket: Socket, name: number, addr: number, length: number): number {
  if (length < 16) return -EINVAL;
  const error = readTimeval(task.mem, addr, span);
  if (error < 0) return error === -EINVAL ? -EDOM : error;
  const ns = spanNs(span);
  if (name === SO_RCVTIMEO) socket.receiveTimeoutNs = ns === 0 ? Infinity : ns;
  else socket.sendTimeoutNs = ns === 0 ? Infinity : ns;
  return 0;
}

function putInt(value: number): number {
  view.setInt32(0, value, true);
  return 4;
}

function putTimeout(ns: number): number {
  const sec = ns === Infinity ? 0 : Math.floor(ns / 1e9);
  const usec = ns === Infinity ? 0 : Math.floor((ns % 1e9) / 1000);
  view.setUint32(0, sec >>> 0, true);
  view.setUint32(4, Math.floor(sec / WORD), true);
  view.setUint32(8, usec, true);
  view.setUint32(12, 0, true);
  return 16;
}

/** Puts the value to `out`: its length or -errno. */
function option(socket: Socket, name: number): number {
  switch (name) {
    case SO_TYPE:
      return putInt(socket.type);
    case SO_DOMAIN:
      return putInt(socket.domain);
    case SO_PROTOCOL:
      return putInt(socket.protocol);
    case SO_ERROR:
      return putInt(-socket.takeError());
    case SO_ACCEPTCONN:
      return putInt(socket.isListening ? 1 : 0);
    case SO_SNDBUF:
      return putInt(socket.sendBuffer);
    case SO_RCVBUF:
      return putInt(socket.receiveBuffer);
    case SO_PASSCRED:
      return putInt(socket.isPassingCredentials ? 1 : 0);
    case SO_RCVTIMEO:
      return putTimeout(socket.receiveTimeoutNs);
    case SO_SNDTIMEO:
      return putTimeout(socket.sendTimeoutNs);
    case SO_LINGER:
      putInt(socket.lingerSeconds < 0 ? 0 : 1);
      view.setInt32(4, Math.max(0, socket.lingerSeconds), true);
      return 8;
    case SO_PEERCRED: {
      const peer = socket.peerCredentials();
      view.setInt32(0, peer === null ? 0 : peer.pid, true);
      view.setInt32(4, peer === null ? -1 : peer.uid, true);
      view.setInt32(8, peer === null ? -1 : peer.gid, true);
      return 12;
    }
    case SO_TIMESTAMP:
    case SO_TIMESTAMPNS:
    case SO_TIMESTAMP_NEW:
    case SO_TIMESTAMPNS_NEW:
      return putInt(socket.timestampOption === name ? 1 : 0);
    case SO_SNDLOWAT:
      return putInt(1);
    case SO_BINDTODEVICE:
      if (socket.boundDevice === '') return 0;
      return Buffer.from(out.buffer).write(`${socket.boundDevice}\0`, 'latin1');
    default: {
      const rule = SOCKET_LEVEL.get(name);
      if (rule === undefined) return -ENOPROTOOPT;
      return putInt(socket.remembered.get(optionKey(SOL_SOCKET, name)) ?? rule.initial);
    }
  }
}

/** A new descriptor of the process that made the connection. */
function peerPidfd(task: Task, socket: Socket, addr: number, room: number, lengthAddr: number): number {
  const peer = socket.peerCredentials();
  if (peer === null) return -ENODATA;
  const group = task.kernel.pids.group(peer.pid);
  if (group === undefined) return -ESRCH;
  const fd = openPidfd(task, group, 0);
  if (fd < 0) return fd;
  putInt(fd);
  const n = Math.min(room, 4);
  if (task.mem.write(addr, out, 0, n) >= 0 && task.mem.writeU32(lengthAddr, n) >= 0) return 0;
  task.files.close(fd);
  return -EFAULT;
}

/** Its supplementary groups; -ERANGE, with the length needed, when there is no room. */
function peerGroups(task: Task, socket: Socket, addr: number, room: number, lengthAddr: number): number {
  const groups = socket.peerCredentials()?.groups;
  if (groups === undefined) return -ENODATA;
  const bytes = new Uint8Array(groups.length * 4);
  const bytesView = new DataView(bytes.buffer);
  for (const [i, gid] of groups.entries()) bytesView.setUint32(i * 4, gid, true);
  if (task.mem.writeU32(lengthAddr, bytes.length) < 0) return -EFAULT;
  return bytes.length > room ? -ERANGE : task.mem.write(addr, bytes, 0, bytes.length);
}

function sysGetsockopt(task: Task, fd: number, level: number, name: number, addr: number, lengthAddr: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number' && socket !== -ENOTSOCK) return socket;
  const fact = typeof socket === 'number' ? streamSocketOption(task, fd, level, name) : 0;
  if (fact < 0) return fact;
  const room = task.mem.readU32(lengthAddr);
  if (room === null) return -EFAULT;
  if ((room | 0) < 0) return -EINVAL;
  if (typeof socket === 'number') return giveOption(task, putInt(fact), addr, room, lengthAddr);
  if (level === SOL_SOCKET && name === SO_PEERPIDFD) return peerPidfd(task, socket, addr, room, lengthAddr);
  if (level === SOL_SOCKET && name === SO_PEERGROUPS) return peerGroups(task, socket, addr, room, lengthAddr);
  const own = socket.getOption(level, name, Math.min(room, out.length));
  if (own instanceof Uint8Array) out.set(own);
  const length =
    own instanceof Uint8Array
      ? own.length
      : (own ?? (level === SOL_SOCKET ? option(socket, name) : levelOption(socket, level, name)));
  return length < 0 ? length : giveOption(task, length, addr, room, lengthAddr);
}

/** The first `length` bytes of `out`, or as many as there is room for. */
function giveOption(task: Task, length: number, addr: number, room: number, lengthAddr: number): number {
  const n = Math.min(room, length);
  return task.mem.write(addr, out, 0, n) < 0 || task.mem.writeU32(lengthAddr, n) < 0 ? -EFAULT : 0;
}

export const socketOptionSyscalls: readonly SyscallDef[] = [
  partial(54, 'setsockopt', ['fd', 'int', 'int', 'ptr', 'int'], sysSetsockopt, NOTE),
  partial(55, 'getsockopt', ['fd', 'int', 'int', 'ptr', 'ptr'], sysGetsockopt, NOTE),
];

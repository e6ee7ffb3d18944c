/** /proc/net/unix (proc_pid_net(5); Linux: unix_seq_show). */
import { SOCK_DGRAM } from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { type UnixSocket, unixSocketsOf } from './unix-socket.ts';

const HEADER = 'Num       RefCount Protocol Flags    Type St Inode Path\n';
/** __SO_ACCEPTCON. */
const ACCEPTS = 0x10000;
/** SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED. */
const UNCONNECTED = 1;
const CONNECTING = 2;
const CONNECTED = 3;

function hex(value: number, width: number): string {
  return value.toString(16).toUpperCase().padStart(width, '0');
}

/** Abstract names begin with @ in place of NUL, and NULs in them are shown so too. */
function nameText(socket: UnixSocket): string {
  const name = Buffer.from(socket.localName().subarray(2)).toString('latin1');
  if (name === '') return '';
  return ` ${name.startsWith('\0') ? name.replaceAll('\0', '@') : name.replace(/\0$/, '')}`;
}

function line(socket: UnixSocket, isAccepted: boolean): string {
  const { peer, type, isListening } = socket;
  // One more reference for the end that points here.
  const references = 2 + (peer !== null && type !== SOCK_DGRAM ? 1 : 0);
  const state = peer === null ? UNCONNECTED : isAccepted ? CONNECTED : CONNECTING;
  const flags = isListening ? ACCEPTS : 0;
  const ino = isAccepted ? socket.inode.ino : 0;
  const words = `${hex(references, 8)} ${hex(0, 8)} ${hex(flags, 8)} ${hex(type, 4)} ${hex(state, 2)}`;
  return `${hex(0, 16)}: ${words} ${String(ino).padStart(5)}${nameText(socket)}\n`;
}

export function unixSocketTable(kernel: Kernel): string {
  const sockets = [...unixSocketsOf(kernel)];
  // What nobody has accepted yet has no file, so no inode.
  const waiting = new Set(sockets.flatMap((socket) => [...socket.waiting]));
  return HEADER + sockets.map((socket) => line(socket, !waiting.has(socket))).join('');
}

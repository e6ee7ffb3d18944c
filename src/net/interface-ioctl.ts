/** ioctl(2) on a socket about network interfaces (netdevice(7)): SIOCGIF*. There is the loopback, and nothing can be changed. */
import { EADDRNOTAVAIL, EFAULT, ENODEV, ENOTTY, EOPNOTSUPP, EPERM } from '../abi/errno.ts';
import * as I from '../abi/ioctl.ts';
import { AF_INET } from '../abi/socket.ts';
import type { Task } from '../kernel/task.ts';
import {
  IFF_LOOPBACK,
  IFF_RUNNING,
  IFF_UP,
  LOOPBACK_HARDWARE,
  LOOPBACK_INDEX,
  LOOPBACK_MTU,
  LOOPBACK_NAME,
  LOOPBACK_QUEUE_LENGTH,
} from './loopback.ts';

/** struct ifreq: a name, then a union. */
const IFREQ = 40;
const NAME = 16;

function address(view: DataView, bytes: readonly number[]): void {
  view.setUint16(NAME, AF_INET, true);
  bytes.forEach((byte, i) => {
    view.setUint8(NAME + 4 + i, byte);
  });
}

/** SIOCGIFCONF: all interfaces with an IPv4 address, as many as there is room for. */
function listInterfaces(task: Task, addr: number): number {
  const room = task.mem.readU32(addr);
  const buffer = task.mem.readU64(addr + 8);
  if (room === null || buffer === null) return -EFAULT;
  // Without a buffer it is the length that is asked for.
  if (buffer === 0) return task.mem.writeU32(addr, IFREQ);
  if ((room | 0) < IFREQ) return task.mem.writeU32(addr, 0);
  const entry = new Uint8Array(IFREQ);
  entry.set(Buffer.from(LOOPBACK_NAME, 'latin1'));
  address(new DataView(entry.buffer), [127, 0, 0, 1]);
  if (task.mem.write(buffer, entry, 0, IFREQ) < 0) return -EFAULT;
  return task.mem.writeU32(addr, IFREQ);
}

/** Puts the answer into the request: 0 or -errno. */
function answer(command: number, view: DataView): number {
  view.setBigUint64(NAME, 0n);
  view.setBigUint64(NAME + 8, 0n);
  view.setBigUint64(NAME + 16, 0n);
  switch (command) {
    case I.SIOCGIFFLAGS:
      view.setUint16(NAME, IFF_UP | IFF_LOOPBACK | IFF_RUNNING, true);
      return 0;
    case I.SIOCGIFADDR:
    case I.SIOCGIFDSTADDR:
      address(view, [127, 0, 0, 1]);
      return 0;
    case I.SIOCGIFNETMASK:
      address(view, [255, 0, 0, 0]);
      return 0;
    case I.SIOCGIFBRDADDR:
      address(view, [0, 0, 0, 0]);
      return 0;
    case I.SIOCGIFMTU:
      view.setInt32(NAME, LOOPBACK_MTU, true);
      return 0;
    case I.SIOCGIFHWADDR:
      view.setUint16(NAME, LOOPBACK_HARDWARE, true);
      return 0;
    case I.SIOCGIFINDEX:
      view.setInt32(NAME, LOOPBACK_INDEX, true);
      return 0;
    case I.SIOCGIFTXQLEN:
      view.setInt32(NAME, LOOPBACK_QUEUE_LENGTH, true);
      return 0;
    case I.SIOCGIFMETRIC:
    case I.SIOCGIFMAP:
      return 0;
    case I.SIOCETHTOOL:
      return -EOPNOTSUPP;
    default:
      return -EPERM;
  }
}

/** 0 or -errno; -ENOTTY for a command that is not about interfaces. */
export function interfaceIoctl(task: Task, command: number, addr: number): number {
  if (command === I.SIOCGIFCONF) return listInterfaces(task, addr);
  const isSetting = command === I.SIOCSIFFLAGS || command === I.SIOCSIFADDR || command === I.SIOCSIFMTU;
  if (!isSetting && !I.INTERFACE_QUERIES.has(command)) return -ENOTTY;
  const bytes = task.mem.readBytes(addr, IFREQ);
  if (typeof bytes === 'number') return bytes;
  const request = bytes.slice();
  const view = new DataView(request.buffer);
  if (command === I.SIOCGIFNAME) {
    if (view.getInt32(NAME, true) !== LOOPBACK_INDEX) return -ENODEV;
    request.fill(0, 0, NAME);
    request.set(Buffer.from(LOOPBACK_NAME, 'latin1'));
    return task.mem.write(addr, request, 0, IFREQ);
  }
  const name = Buffer.from(request.subarray(0, NAME - 1))
    .toString('latin1')
    .replace(/\0.*$/s, '');
  // An alias ("lo:1") is an address, which does not exist.
  const [device, alias] = name.split(':');
  if (device !== LOOPBACK_NAME) return -ENODEV;
  if (alias !== undefined && I.ADDRESS_QUERIES.has(command)) return -EADDRNOTAVAIL;
  const failed = answer(command, view);
  return failed < 0 ? failed : task.mem.write(addr, request, 0, IFREQ);
}

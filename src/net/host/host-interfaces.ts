/** ioctl(2) about network interfaces as the host answers it (netdevice(7)). Nothing can be changed. */
import { EFAULT, ENOTTY, EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import * as I from '../../abi/ioctl.ts';
import type { Task } from '../../kernel/task.ts';
import type { HostSockets } from './host-sockets.ts';

/** struct ifreq. */
const IFREQ = 40;

/** SIOCGIFCONF: as many as there is room for. */
function listInterfaces(host: HostSockets, fd: number, task: Task, addr: number): number {
  const room = task.mem.readU32(addr);
  const buffer = task.mem.readU64(addr + 8);
  if (room === null || buffer === null) return -EFAULT;
  const all = host.interfaces(fd);
  if (typeof all === 'number') return all;
  // Without a buffer it is the length that is asked for.
  if (buffer === 0) return task.mem.writeU32(addr, all.length);
  const fits = Math.min(all.length, Math.floor(Math.max(0, room | 0) / IFREQ) * IFREQ);
  if (fits > 0 && task.mem.write(buffer, all, 0, fits) < 0) return -EFAULT;
  return task.mem.writeU32(addr, fits);
}

/** 0 or -errno; -ENOTTY for a command that is not about interfaces. */
export function hostInterfaceIoctl(host: HostSockets, fd: number, task: Task, command: number, addr: number): number {
  if (command === I.SIOCGIFCONF) return listInterfaces(host, fd, task, addr);
  if (command === I.SIOCSIFFLAGS || command === I.SIOCSIFADDR || command === I.SIOCSIFMTU) return -EPERM;
  // Its argument is a pointer to another structure.
  if (command === I.SIOCETHTOOL) return -EOPNOTSUPP;
  if (!I.INTERFACE_QUERIES.has(command)) return -ENOTTY;
  const bytes = task.mem.readBytes(addr, IFREQ);
  if (typeof bytes === 'number') return bytes;
  const request = bytes.slice();
  const failed = host.ioctl(fd, command, request);
  return failed < 0 ? failed : task.mem.write(addr, request, 0, IFREQ);
}

/** The devices every container has: their drivers, and their nodes in /dev (OCI runtime spec, "Default Devices"). */
import * as D from '../../abi/device.ts';
import { EIO } from '../../abi/errno.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { openControllingTty, type Terminal } from '../../kernel/tty.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { DevPts } from '../devpts/devpts.ts';
import { S_IFCHR } from '../pseudo/pseudo-file-system.ts';
import { DeviceRegistry } from './device-registry.ts';
import { KmsgFile } from './kmsg-file.ts';
import { FullFile, NullFile, RandomFile, ZeroFile } from './memory-devices.ts';

const NODES: readonly (readonly [string, number, number])[] = [
  ['null', D.DEVICE_NULL, 0o666],
  ['zero', D.DEVICE_ZERO, 0o666],
  ['full', D.DEVICE_FULL, 0o666],
  ['random', D.DEVICE_RANDOM, 0o666],
  ['urandom', D.DEVICE_URANDOM, 0o666],
  ['kmsg', D.DEVICE_KMSG, 0o644],
  ['tty', D.DEVICE_TTY, 0o666],
];

const LINKS: readonly (readonly [string, string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['core', '/proc/kcore'],
  ['ptmx', 'pts/ptmx'],
];

/** The drivers. `console` is the sandbox's terminal when it has one. */
export function standardDevices(kernel: Kernel, devpts: DevPts, console: () => Terminal | null): DeviceRegistry {
  const registry = new DeviceRegistry();
  const random = kernel.random.bind(kernel);
  registry.register(D.DEVICE_NULL, (inode, path, flags) => new NullFile(inode, path, flags));
  registry.register(D.DEVICE_ZERO, (inode, path, flags) => new ZeroFile(inode, path, flags));
  registry.register(D.DEVICE_FULL, (inode, path, flags) => new FullFile(inode, path, flags));
  registry.register(D.DEVICE_RANDOM, (inode, path, flags) => new RandomFile(inode, path, flags, random));
  registry.register(D.DEVICE_URANDOM, (inode, path, flags) => new RandomFile(inode, path, flags, random));
  const sinceBootNs = (): number => kernel.clock.monotonicNs() - kernel.bootNs;
  registry.register(D.DEVICE_KMSG, (inode, path, flags) => new KmsgFile(inode, path, flags, kernel.log, sinceBootNs));
  registry.register(D.DEVICE_TTY, (inode, path, flags) => openControllingTty(inode, path, flags, currentTask()));
  registry.register(D.DEVICE_CONSOLE, (inode, path, flags, creds) => {
    const terminal = console();
    // With no terminal there is nothing behind it (Linux: ENODEV without a console driver; containers see EIO).
    return terminal === null ? -EIO : terminal.open(inode, path, flags, currentTask(), creds);
  });
  registry.register(D.DEVICE_PTMX, (inode, path, flags, creds) => devpts.openMaster(inode, path, flags, creds));
  return registry;
}

/** Fills the root of a file system that is to be mounted on /dev (a tmpfs): 0 or the first failure's -errno. */
export function populateDev(root: Inode, hasConsole: boolean): number {
  const nodes = hasConsole ? [...NODES, ['console', D.DEVICE_CONSOLE, 0o620] as const] : NODES;
  for (const [name, rdev, mode] of nodes) {
    const made = root.mknod(name, S_IFCHR | mode, rdev, 0, 0);
    if (typeof made === 'number' && made < 0) return made;
  }
  for (const [name, target] of LINKS) {
    const made = root.symlink(name, target, 0, 0);
    if (typeof made === 'number' && made < 0) return made;
  }
  for (const name of ['pts', 'shm']) {
    const made = root.mkdir(name, 0o755, 0, 0);
    if (typeof made === 'number' && made < 0) return made;
  }
  return 0;
}

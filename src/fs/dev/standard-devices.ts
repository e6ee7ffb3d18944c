/** The devices every container has: their drivers, and their nodes in /dev (OCI runtime spec, "Default Devices"). */
import { EIO } from '../../abi/errno.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { openControllingTty, type Terminal } from '../../kernel/tty.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { DevPts } from '../devpts/devpts.ts';
import { S_IFCHR } from '../pseudo/pseudo-file-system.ts';
import { DeviceRegistry, makeRdev } from './device-registry.ts';
import { KmsgFile } from './kmsg-file.ts';
import { FullFile, NullFile, RandomFile, ZeroFile } from './memory-devices.ts';

const TTY = makeRdev(5, 0);
const CONSOLE = makeRdev(5, 1);
const PTMX = makeRdev(5, 2);

const NODES: readonly (readonly [string, number, number])[] = [
  ['null', makeRdev(1, 3), 0o666],
  ['zero', makeRdev(1, 5), 0o666],
  ['full', makeRdev(1, 7), 0o666],
  ['random', makeRdev(1, 8), 0o666],
  ['urandom', makeRdev(1, 9), 0o666],
  ['kmsg', makeRdev(1, 11), 0o644],
  ['tty', TTY, 0o666],
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
  registry.register(makeRdev(1, 3), (inode, path, flags) => new NullFile(inode, path, flags));
  registry.register(makeRdev(1, 5), (inode, path, flags) => new ZeroFile(inode, path, flags));
  registry.register(makeRdev(1, 7), (inode, path, flags) => new FullFile(inode, path, flags));
  registry.register(makeRdev(1, 8), (inode, path, flags) => new RandomFile(inode, path, flags, random));
  registry.register(makeRdev(1, 9), (inode, path, flags) => new RandomFile(inode, path, flags, random));
  const sinceBootNs = (): number => kernel.clock.monotonicNs() - kernel.bootNs;
  registry.register(makeRdev(1, 11), (inode, path, flags) => new KmsgFile(inode, path, flags, kernel.log, sinceBootNs));
  registry.register(TTY, (inode, path, flags) => openControllingTty(inode, path, flags, currentTask()));
  registry.register(CONSOLE, (inode, path, flags, creds) => {
    const terminal = console();
    // With no terminal there is nothing behind it (Linux: ENODEV without a console driver; containers see EIO).
    return terminal === null ? -EIO : terminal.open(inode, path, flags, currentTask(), creds);
  });
  registry.register(PTMX, (inode, path, flags, creds) => devpts.openMaster(inode, path, flags, creds));
  return registry;
}

/** Fills the root of a file system that is to be mounted on /dev (a tmpfs): 0 or the first failure's -errno. */
export function populateDev(root: Inode, hasConsole: boolean): number {
  const nodes = hasConsole ? [...NODES, ['console', CONSOLE, 0o620] as const] : NODES;
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

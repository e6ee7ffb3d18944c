/** The sandbox's mount tree: an overlay over the host's directory, proc, sysfs, devices, and the volumes. */
import { constants, openSync } from 'node:fs';
import { populateDev, standardDevices } from '../fs/dev/standard-devices.ts';
import { DevPts } from '../fs/devpts/devpts.ts';
import { HostDirectory } from '../fs/host/host-directory.ts';
import { HostFs } from '../fs/host/host-fs.ts';
import type { HostTerminal } from '../fs/host-tty/host-terminal.ts';
import { OverlayFs } from '../fs/overlay/overlay-fs.ts';
import { createProc } from '../fs/proc/proc.ts';
import { vfsView } from '../fs/proc/vfs-view.ts';
import { createSysfs } from '../fs/sys/sysfs.ts';
import { provideMemfds } from '../fs/tmpfs/memfd.ts';
import type { TmpfsHost } from '../fs/tmpfs/memory-fs.ts';
import { defaultTmpfsOptions, Tmpfs } from '../fs/tmpfs/tmpfs.ts';
import { NativeHostFiles } from '../host/host-files.ts';
import { hostMemory } from '../host/host-memory.ts';
import { rootCredentials } from '../kernel/credentials.ts';
import type { Clock, Kernel } from '../kernel/kernel.ts';
import { provideUnixPaths } from '../net/unix/names.ts';
import { allocateDev } from '../vfs/device-number.ts';
import type { FileSystem } from '../vfs/inode.ts';
import { attachMount, createMount, type Mount } from '../vfs/mount.ts';
import type { Path } from '../vfs/path.ts';
import { WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { memoryFree, readCpuInfo } from './host-facts.ts';
import type { Volume } from './sandbox-options.ts';
import { unixPaths } from './unix-paths.ts';

const O_PATH = 0o10000000;
const MS_RDONLY = 1;

/** The read-only lower layer of `root` under a memory overlay. Throws if it cannot be opened. */
export function createRoot(root: string, clock: Clock, maxBytes: number): Mount {
  const host: TmpfsHost = { clock, memory: hostMemory, devices: null };
  const lower = openHost(root, 'read-only');
  const lowerRoot = lower.root;
  if (!(lowerRoot instanceof HostDirectory)) throw new Error(`root ${root} is not a directory`);
  const overlay = new OverlayFs(host, lower, lowerRoot, { maxBytes, maxInodes: Math.ceil(maxBytes / 4096) });
  return createMount(overlay);
}

function openHost(path: string, access: 'read-only' | 'writable'): HostFs {
  const rootFd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  return new HostFs(new NativeHostFiles(), { rootFd, isWritable: access === 'writable', isExclusive: false });
}

/** The place a path names, from the root of the tree; null if there is none. */
export function findPath(root: Mount, path: string): Path | null {
  const start = { mount: root, dentry: root.root };
  const failed = walk.run(path, start, start, rootCredentials(), WALK_FOLLOW);
  return failed < 0 ? null : { mount: walk.mount, dentry: walk.dentry };
}

function mountOn(root: Mount, path: string, fs: FileSystem, flags = 0): void {
  const at = findPath(root, path);
  if (at === null) throw new Error(`cannot mount ${fs.typeName}: the sandbox has no ${path}`);
  if (attachMount(createMount(fs, flags), at) < 0) throw new Error(`cannot mount ${fs.typeName} on ${path}`);
}

/** Makes the directories of `path` that are missing, in the overlay. */
function makeDirectories(root: Mount, path: string): void {
  let made = '';
  for (const name of path.split('/').filter((part) => part !== '')) {
    const parent = findPath(root, made === '' ? '/' : made);
    made += `/${name}`;
    if (findPath(root, made) === null) parent?.dentry.inode.mkdir(name, 0o755, 0, 0);
  }
}

export interface StandardMounts {
  readonly devpts: DevPts;
}

/** Mounts what every sandbox has, then the volumes. `terminal` is asked for when /dev/console is opened. */
export function mountStandard(
  kernel: Kernel,
  cpuinfo: string,
  volumes: readonly Volume[],
  terminal: () => HostTerminal | null,
): StandardMounts {
  const root = kernel.rootMount;
  const now = { sec: 0, nsec: 0 };
  kernel.clock.read(0, now);
  const bootTimeSec = now.sec;
  const devpts = new DevPts(allocateDev(), bootTimeSec, kernel, (name) => findPath(root, `/dev/pts/${name}`));
  const devices = standardDevices(kernel, devpts, terminal);
  const host: TmpfsHost = { clock: kernel.clock, memory: hostMemory, devices };
  provideMemfds(kernel, host);
  provideUnixPaths(kernel, unixPaths);
  for (const directory of ['/proc', '/sys', '/dev']) makeDirectories(root, directory);
  const proc = createProc({
    kernel,
    dev: allocateDev(),
    bootTimeSec,
    vfs: vfsView,
    cpu: readCpuInfo(cpuinfo),
    freeMemory: memoryFree,
    residentPages: (mm) => mm.totalPages,
    net: {},
  });
  mountOn(root, '/proc', proc);
  const { cpuCount, memoryTotal } = kernel;
  mountOn(
    root,
    '/sys',
    createSysfs({ dev: allocateDev(), bootTimeSec, cpuCount, memoryTotal, freeMemory: memoryFree }),
  );
  const dev = new Tmpfs(host, { ...defaultTmpfsOptions(memoryTotal), mode: 0o755 });
  if (populateDev(dev.root, terminal() !== null) < 0) throw new Error('cannot make the nodes of /dev');
  mountOn(root, '/dev', dev);
  mountOn(root, '/dev/pts', devpts.fs);
  mountOn(root, '/dev/shm', new Tmpfs(host, defaultTmpfsOptions(memoryTotal)));
  for (const volume of volumes) {
    makeDirectories(root, volume.target);
    const fs = openHost(volume.source, volume.isReadOnly ? 'read-only' : 'writable');
    mountOn(root, volume.target, fs, volume.isReadOnly ? MS_RDONLY : 0);
  }
  return { devpts };
}

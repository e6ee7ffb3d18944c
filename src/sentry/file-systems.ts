/** The file systems of a sandbox and the mount tree it boots with. */
import { ENODEV, errnoName } from '../abi/errno.ts';
import { MS_NOATIME, MS_PER_MOUNT, MS_REC, MS_RELATIME, MS_STRICTATIME } from '../abi/mount.ts';
import { S_IFDIR, S_IFMT } from '../abi/stat.ts';
import { populateDev, standardDevices } from '../fs/dev/standard-devices.ts';
import { DevPts } from '../fs/devpts/devpts.ts';
import { HostDirectory } from '../fs/host/host-directory.ts';
import { HostFs } from '../fs/host/host-fs.ts';
import type { HostTerminal } from '../fs/host-tty/host-terminal.ts';
import { provideMqueue } from '../fs/mqueue/mqueue-fs.ts';
import { OverlayFs } from '../fs/overlay/overlay-fs.ts';
import { createProc } from '../fs/proc/proc.ts';
import { vfsView } from '../fs/proc/vfs-view.ts';
import { createSysfs } from '../fs/sys/sysfs.ts';
import type { HostMemory } from '../fs/tmpfs/host-memory.ts';
import { provideMemfds } from '../fs/tmpfs/memfd.ts';
import type { TmpfsHost } from '../fs/tmpfs/memory-fs.ts';
import { defaultTmpfsOptions, parseTmpfsOptions, Tmpfs } from '../fs/tmpfs/tmpfs.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';
import { unsubscribe } from '../kernel/task-hooks.ts';
import { HOST_TABLES, hostNetworkOf } from '../net/host/host-sockets.ts';
import { socketTables } from '../net/inet/socket-tables.ts';
import { statisticsTables } from '../net/inet/statistics.ts';
import { provideUnixPaths } from '../net/unix/names.ts';
import { unixSocketTable } from '../net/unix/socket-table.ts';
import { allocateDev } from '../vfs/device-number.ts';
import { provideFileSystems } from '../vfs/file-system-types.ts';
import type { FileSystem } from '../vfs/inode.ts';
import { attachMount, cloneMount, createMount, dropMount, listMounts, type Mount } from '../vfs/mount.ts';
import type { Path } from '../vfs/path.ts';
import { setPropagation } from '../vfs/propagation.ts';
import { makeDevice, setSysctls } from './configured-nodes.ts';
import { copyTree } from './copy-tree.ts';
import { memoryFree, readCpuInfo } from './host-facts.ts';
import type { HostTrees } from './host-trees.ts';
import { findPath, makePlace } from './places.ts';
import type { ContainerOptions, MountSource, MountSpec, RootOptions } from './sandbox-options.ts';
import { unixPaths } from './unix-paths.ts';

type HostSource = Extract<MountSource, { kind: 'host' }>;

/** The root of the tree: a host directory itself, or under a memory overlay. Throws if it cannot be opened. */
export function createRoot({ path, kind }: RootOptions, trees: HostTrees, upper: TmpfsHost, maxBytes: number): Mount {
  if (kind !== 'overlay') return createMount(trees.directory(path, 'writable'));
  const lower = trees.directory(path, 'read-only');
  return overlayMount(lower, upper, maxBytes);
}

/** A host directory whose changes are in memory; `name` is the first column of /proc/mounts. */
function overlayMount(lower: HostFs, host: TmpfsHost, maxBytes: number, name?: string): Mount {
  const { root } = lower;
  if (!(root instanceof HostDirectory)) throw new Error('an overlay over what is no directory');
  const overlay = new OverlayFs(host, lower, root, { maxBytes, maxInodes: Math.ceil(maxBytes / 4096) });
  return createMount(overlay, 0, name);
}

/** The host's tables where sockets are its. */
function internetTables(kernel: Kernel): Record<string, () => string> {
  const host = hostNetworkOf(kernel);
  if (host === undefined) return { ...socketTables(kernel), ...statisticsTables(kernel) };
  return Object.fromEntries(HOST_TABLES.map((name) => [name, () => host.table(name)]));
}

interface FileSystemParts {
  readonly kernel: Kernel;
  readonly trees: HostTrees;
  readonly memory: HostMemory;
  readonly hasTerminal: boolean;
  /** Is asked for when /dev/console is opened. */
  readonly terminal: () => HostTerminal | null;
}

/** Makes the file systems of one container: for its configuration at boot, and for mount(2) later. */
export class FileSystems {
  readonly devpts: DevPts;
  readonly #host: TmpfsHost;
  readonly #kernel: Kernel;
  readonly #proc: FileSystem;
  readonly #sysfs: FileSystem;
  readonly #mqueue: FileSystem;
  readonly #hasTerminal: boolean;
  readonly #trees: HostTrees;
  readonly #taskRelease: ((task: Task) => void)[] = [];
  readonly #onRelease = (task: Task): void => {
    for (const hook of this.#taskRelease) hook(task);
  };

  constructor({ kernel, trees, memory, hasTerminal, terminal }: FileSystemParts) {
    const root = kernel.namespaces.mnt.root;
    const now = { sec: 0, nsec: 0 };
    kernel.clock.read(0, now);
    const bootTimeSec = now.sec;
    this.#kernel = kernel;
    this.#trees = trees;
    this.#hasTerminal = hasTerminal;
    this.devpts = new DevPts(allocateDev(), bootTimeSec, kernel, (name) => findPath(root, `/dev/pts/${name}`));
    const devices = standardDevices(kernel, this.devpts, terminal);
    this.#host = { clock: kernel.clock, memory, devices };
    if (root.fs instanceof OverlayFs) root.fs.host.devices = devices;
    this.#proc = createProc({
      kernel,
      taskRelease: this.#taskRelease,
      dev: allocateDev(),
      bootTimeSec,
      vfs: vfsView,
      cpu: readCpuInfo,
      freeMemory: memoryFree,
      net: { ...internetTables(kernel), unix: () => unixSocketTable(kernel) },
    });
    const { cpuCount, memoryTotal } = kernel;
    this.#sysfs = createSysfs({ dev: allocateDev(), bootTimeSec, cpuCount, memoryTotal, freeMemory: memoryFree });
    this.#mqueue = provideMqueue(kernel, this.#host);
    provideMemfds(kernel, this.#host);
    provideUnixPaths(kernel, unixPaths);
    provideFileSystems(kernel, (type, data) => this.make(type, data));
    kernel.pids.hooks.taskRelease.push(this.#onRelease);
  }

  /** The container has ended. */
  close(): void {
    unsubscribe(this.#kernel.pids.hooks.taskRelease, this.#onRelease);
    dropMount(this.#kernel.namespaces.mnt.root);
    this.#trees.close();
  }

  /** A file system as mount(2) asks for it, or -ENODEV, -EINVAL. */
  make(type: string, data: string): FileSystem | number {
    switch (type) {
      case 'proc':
        return this.#proc;
      case 'sysfs':
        return this.#sysfs;
      case 'devpts':
        return this.devpts.fs;
      case 'tmpfs':
      case 'ramfs':
        return this.#tmpfs(type, data);
      case 'mqueue':
        return this.#mqueue;
      // There are no control groups inside: empty directories stand for them.
      case 'cgroup':
      case 'cgroup2':
        return this.#tmpfs(type, 'mode=755,size=64k');
      default:
        return -ENODEV;
    }
  }

  #tmpfs(type: string, data: string): Tmpfs | number {
    const { memoryTotal } = this.#kernel;
    const options = parseTmpfsOptions(data, defaultTmpfsOptions(memoryTotal), memoryTotal);
    return typeof options === 'number' ? options : new Tmpfs(this.#host, options, type);
  }

  /** Makes what a configuration asks for, in its order. Throws a message that names the field when that cannot be. */
  configure({ mounts, devices, sysctls, rootPropagation }: ContainerOptions): void {
    // Before what must not be written to is made so.
    setSysctls(this.#proc, sysctls);
    for (const mount of mounts) this.#named(mount);
    const { root } = this.#kernel.namespaces.mnt;
    for (const device of devices) makeDevice(root, device);
    propagate(root, rootPropagation);
  }

  #named(spec: MountSpec): void {
    try {
      this.#mount(spec);
    } catch (error) {
      if (spec.field === undefined || !(error instanceof Error)) throw error;
      throw new Error(`${spec.field}: ${error.message}`, { cause: error });
    }
  }

  #mount({ target, source, flags, propagation }: MountSpec): void {
    const { root } = this.#kernel.namespaces.mnt;
    if (source.kind === 'mask' || source.kind === 'itself') {
      const at = findPath(root, target);
      const over = at === null ? null : source.kind === 'mask' ? this.#cover(at) : cloneMount(at);
      if (at !== null && over !== null) hang(over, flags, at, target);
      return;
    }
    const made =
      source.kind === 'host'
        ? this.#mountHost(source)
        : this.#mountNew(source.type, source.data, source.name ?? source.type);
    if (typeof made === 'number') {
      const what = source.kind === 'host' ? source.path : `${source.type} with options "${source.data}"`;
      throw new Error(`cannot mount ${what} on ${target}: ${errnoName(-made)}`);
    }
    makePlace(root, target, (made.root.inode.mode & S_IFMT) === S_IFDIR ? 'directory' : 'file');
    const at = findPath(root, target);
    if (at === null) throw new Error(`cannot mount on ${target}: it is not there and cannot be made`);
    if (source.kind === 'new' && source.isCopied === true) {
      const failed = copyTree(at, { mount: made, dentry: made.root });
      if (failed < 0) throw new Error(`cannot copy what is at ${target}: ${errnoName(-failed)}`);
    }
    if (target === '/dev' && made.fs instanceof Tmpfs && populateDev(made.fs.root, this.#hasTerminal) < 0) {
      throw new Error('cannot make the nodes of /dev');
    }
    hang(made, withTimes(flags), at, target);
    for (const type of propagation ?? []) propagate(made, type);
  }

  #mountHost({ path, isWritable, isRecursive, isOverlaid }: HostSource): Mount | number {
    const reach = isRecursive ? 'all mounts' : 'one mount';
    if (isOverlaid !== true) return this.#trees.mount(path, isWritable ? 'writable' : 'read-only', reach);
    const lower = this.#trees.mount(path, 'read-only', reach);
    if (typeof lower === 'number' || !(lower.fs instanceof HostFs) || lower.root.inode !== lower.fs.root) return lower;
    return overlayMount(lower.fs, this.#host, Math.floor(this.#kernel.memoryTotal / 2), path);
  }

  #mountNew(type: string, data: string, name: string): Mount | number {
    const fs = this.make(type, data);
    return typeof fs === 'number' ? fs : createMount(fs, 0, name);
  }

  /** An empty directory, or /dev/null for a file. */
  #cover({ dentry }: Path): Mount | null {
    if ((dentry.inode.mode & S_IFMT) === S_IFDIR) {
      const empty = this.#tmpfs('tmpfs', 'mode=755,size=4k');
      return typeof empty === 'number' ? null : createMount(empty);
    }
    const nothing = findPath(this.#kernel.namespaces.mnt.root, '/dev/null');
    return nothing === null ? null : cloneMount(nothing);
  }
}

/** mount(2): times are kept lazily unless another way is asked for. */
function withTimes(flags: number): number {
  return (flags & MS_PER_MOUNT) | ((flags & (MS_NOATIME | MS_STRICTATIME)) === 0 ? MS_RELATIME : 0);
}

/** @param type one of MS_SHARED and the like, with MS_REC for all below as well; 0 for nothing */
function propagate(mount: Mount, type: number): void {
  for (const each of (type & MS_REC) === 0 ? [mount] : listMounts(mount)) setPropagation(each, type & ~MS_REC);
}

function hang(mount: Mount, flags: number, at: Path, target: string): void {
  mount.flags |= flags;
  const failed = attachMount(mount, at);
  if (failed < 0) throw new Error(`cannot mount on ${target}: ${errnoName(-failed)}`);
}

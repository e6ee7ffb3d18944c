/** The proc file system (proc(5); Linux: fs/proc). */
import { ENOENT } from '../../abi/errno.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import { type Dentry, pruneDentry } from '../../vfs/dentry.ts';
import type { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import { detachMountsOn, rootDentry } from '../../vfs/mount.ts';
import type { Path } from '../../vfs/path.ts';
import { KmsgFile } from '../dev/kmsg-file.ts';
import { changingDir, dir } from '../pseudo/pseudo-directory.ts';
import { DT_DIR, DT_REG, type Node, type Place, PseudoFileSystem, S_IFREG } from '../pseudo/pseudo-file-system.ts';
import { link, PseudoInode } from '../pseudo/pseudo-inode.ts';
import { text } from '../pseudo/text-file.ts';
import { parseId, processDirectory, TaskInodes } from './pid-directory.ts';
import type { ProcOptions } from './proc-view.ts';
import { sysctlDirectory } from './sysctl.ts';
import {
  cpuinfoText,
  DEVICES_TEXT,
  FILESYSTEMS_TEXT,
  interruptsText,
  loadavgText,
  meminfoText,
  statText,
  uptimeText,
  versionText,
} from './system-files.ts';
import { sysvipcDirectory } from './sysvipc-files.ts';

const PROC_MAGIC = 0x9fa0;

class KmsgInode extends PseudoInode {
  readonly #kernel: Kernel;

  constructor(place: Place, kernel: Kernel) {
    super(place, S_IFREG | 0o400);
    this.#kernel = kernel;
  }

  override open(path: Path, flags: number, _creds: Credentials): File | number {
    const kernel = this.#kernel;
    return new KmsgFile(this, path, flags, kernel.log, () => kernel.clock.monotonicNs() - kernel.bootNs);
  }
}

function systemNodes(options: ProcOptions): ReadonlyMap<string, Node> {
  const { kernel } = options;
  const nodes: Record<string, Node> = {
    bus: dir({}),
    cgroups: text(() => '#subsys_name\thierarchy\tnum_cgroups\tenabled\n'),
    cmdline: text(() => 'BOOT_IMAGE=/vmlinuz-tsvisor quiet\n'),
    cpuinfo: text(() => cpuinfoText(options.cpu(), kernel.cpuCount)),
    crypto: text(() => ''),
    devices: text(() => DEVICES_TEXT),
    diskstats: text(() => ''),
    driver: dir({}),
    filesystems: text(() => FILESYSTEMS_TEXT),
    fs: dir({}),
    interrupts: text(() => interruptsText(kernel.cpuCount)),
    irq: dir({}),
    kmsg: { dtype: DT_REG, build: (place) => new KmsgInode(place, kernel) },
    loadavg: text(() => loadavgText(kernel)),
    locks: text(() => ''),
    meminfo: text(() => meminfoText(kernel.memoryTotal, Math.min(kernel.memoryTotal, options.freeMemory()))),
    misc: text(() => ''),
    modules: text(() => ''),
    mounts: link(() => 'self/mounts'),
    net: link(() => 'self/net'),
    partitions: text(() => 'major minor  #blocks  name\n\n'),
    self: link(() => selfName((task) => String(task.group.pid))),
    softirqs: text(() => interruptsText(kernel.cpuCount)),
    stat: text(() => statText(options)),
    swaps: text(() => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n'),
    sys: sysctlDirectory(kernel),
    sysvipc: sysvipcDirectory(kernel),
    'thread-self': link(() => selfName((task) => `${task.group.pid}/task/${task.tid}`)),
    tty: dir({ drivers: text(() => '/dev/tty             /dev/tty        5       0 system:/dev/tty\n') }),
    uptime: text(() => uptimeText(kernel)),
    version: text(() => versionText(kernel)),
    vmstat: text(() => 'nr_free_pages 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\n'),
    zoneinfo: text(() => ''),
  };
  return new Map(Object.entries(nodes));
}

function selfName(nameOf: (task: Task) => string): string | number {
  const task = currentTask();
  return task === null ? -ENOENT : nameOf(task);
}

export function createProc(options: ProcOptions): PseudoFileSystem {
  const { pids } = options.kernel;
  const fixed = systemNodes(options);
  const processes = new TaskInodes();
  /** Inodes that do not go away, so that what they hold (settings, the boot's id) is one. */
  const built = new Map<string, Inode>();
  const keep = (name: string, node: Node): Node => ({
    dtype: node.dtype,
    build: (place) => {
      let inode = built.get(name);
      if (inode === undefined) {
        inode = node.build(place);
        built.set(name, inode);
      }
      return inode;
    },
  });
  const root = changingDir({
    find: (name) => {
      const node = fixed.get(name);
      if (node !== undefined) return keep(name, node);
      const id = parseId(name);
      if (id === 0) return null;
      // A thread's number can be looked up too, though it is not listed (proc(5)).
      const task = pids.group(id)?.leader ?? pids.task(id);
      if (task === undefined) return null;
      const { leader } = task.group;
      return processes.node(leader, () => processDirectory(leader, options));
    },
    names: () => [...fixed.keys(), ...[...pids.groups()].map((group) => String(group.pid))],
    dtypeOf: (name) => fixed.get(name)?.dtype ?? DT_DIR,
  });
  const { dev, bootTimeSec } = options;
  const fs = new PseudoFileSystem({ typeName: 'proc', magic: PROC_MAGIC, dev, bootTimeSec, root });
  options.taskRelease.push((task) => {
    for (const mountpoint of forgetNames(rootDentry(fs), task)) detachMountsOn(mountpoint);
  });
  return fs;
}

/** The name cache would keep what a task had for as long as it has room (Linux: proc_flush_pid). Gives what is mounted on. */
function forgetNames(root: Dentry, { tid, group }: Task): Dentry[] {
  const process = root.children?.get(String(group.pid));
  const ended = group.pid === tid ? process : process?.children?.get('task')?.children?.get(String(tid));
  return ended === undefined ? [] : pruneDentry(ended);
}

/** What the proc file system needs to be told: by the VFS, the platform and the network, all at construction. */
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import type { File } from '../../vfs/file.ts';
import type { Path } from '../../vfs/path.ts';

export interface Descriptor {
  readonly fd: number;
  readonly file: File;
  readonly isCloexec: boolean;
}

/** One line of /proc/PID/mountinfo. Paths are unescaped binary strings. */
export interface MountLine {
  readonly id: number;
  readonly parentId: number;
  readonly dev: number;
  /** Of the mount's root within its file system. */
  readonly root: string;
  /** Where it is, seen from the reader's root. */
  readonly target: string;
  /** Per-mount options: "rw,nosuid,relatime". */
  readonly options: string;
  /** The optional fields of mountinfo, each with a blank behind. */
  readonly propagation: string;
  readonly typeName: string;
  readonly source: string;
  /** Of the superblock: "rw,size=65536k". */
  readonly superOptions: string;
}

export interface ProcVfs {
  /** The path as text, seen from `root`, with " (deleted)" where its name is gone (Linux: d_path). */
  pathText(path: Path, root: Path): string;
  /** The mounts that can be reached from `root`. */
  mounts(root: Path): Iterable<MountLine>;
  mountId(path: Path): number;
  descriptors(task: Task): Iterable<Descriptor>;
  descriptor(task: Task, fd: number): Descriptor | null;
}

/** CPUID facts as /proc/cpuinfo shows them; the sentry reads them from the host's CPU. */
export interface CpuInfo {
  readonly vendorId: string;
  readonly family: number;
  readonly model: number;
  readonly modelName: string;
  readonly stepping: number;
  readonly mhz: number;
  readonly cacheKb: number;
  /** Names of features, separated by blanks. */
  readonly flags: string;
  readonly physicalBits: number;
  readonly virtualBits: number;
}

export interface ProcOptions {
  readonly kernel: Kernel;
  /** Where to be told of tasks that are gone (TaskHooks). */
  readonly taskRelease: ((task: Task) => void)[];
  readonly dev: number;
  /** Seconds since 1970 at boot. */
  readonly bootTimeSec: number;
  readonly vfs: ProcVfs;
  /** Asked for when somebody looks: the host takes milliseconds to tell. */
  readonly cpu: () => CpuInfo;
  /** Bytes of memory that are free, of those the guest is shown. */
  readonly freeMemory: () => number;
  /** Texts of /proc/net files that replace the empty tables. */
  readonly net: Readonly<Record<string, () => string>>;
}

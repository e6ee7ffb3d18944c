/** What tmpfs and the overlay's upper layer have in common. */
import type { Clock, Timespec } from '../../kernel/kernel.ts';
import type { FileSystem, StatFs } from '../../vfs/inode.ts';
import type { DeviceRegistry } from '../dev/device-registry.ts';
import type { HostMemory } from './host-memory.ts';
import type { Quota } from './quota.ts';

/** What file systems in memory are built with. */
export interface TmpfsHost {
  readonly clock: Clock;
  /** null: files cannot be mapped. */
  readonly memory: HostMemory | null;
  /** null: device nodes cannot be opened. That of the root is there before the devices are. */
  devices: DeviceRegistry | null;
}

/** What the inodes of a file system in memory need of it; the overlay has one too. */
export interface MemoryFileSystem extends FileSystem {
  readonly host: TmpfsHost;
  readonly quota: Quota;
  nextIno(): number;
}

export function memoryStatFs(type: number, quota: Quota): StatFs {
  const blocks = Math.floor(quota.maxBytes / 4096);
  return {
    type,
    blockSize: 4096,
    blocks,
    blocksFree: Math.max(0, blocks - Math.ceil(quota.bytes / 4096)),
    files: quota.maxInodes,
    filesFree: Math.max(0, quota.maxInodes - quota.inodes),
    nameMax: 255,
  };
}

const now: Timespec = { sec: 0, nsec: 0 };

/** The time for a file's stamps; valid until the next call. */
export function currentTime(fs: MemoryFileSystem): Timespec {
  fs.host.clock.read(5, now);
  return now;
}

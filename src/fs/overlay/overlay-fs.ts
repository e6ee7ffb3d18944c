/**
 * A writable layer in memory over a read-only directory of the host (Linux: overlayfs, Documentation/filesystems/overlayfs.rst).
 *
 * An inode of the overlay is an inode in memory that may have a lower one. While nothing of it has changed, its
 * attributes and bytes are the lower's. The first change makes it part of the upper layer ("copies it up"): it and the
 * directories above it are entered in the directories in memory, which is what makes them stay. Bytes are copied only when a file
 * is opened for writing. A directory keeps its lower one wherever it is renamed to.
 */
import { OVERLAYFS_SUPER_MAGIC } from '../../abi/stat.ts';
import { allocateDev } from '../../vfs/device-number.ts';
import { type Inode, Stat, type StatFs } from '../../vfs/inode.ts';
import type { HostDirectory } from '../host/host-directory.ts';
import type { HostFs } from '../host/host-fs.ts';
import { type MemoryFileSystem, memoryStatFs, type TmpfsHost } from '../tmpfs/memory-fs.ts';
import { Quota } from '../tmpfs/quota.ts';
import { OverlayDirectory } from './overlay-directory.ts';

/** New inodes are numbered from here, above what `HostFs.inoOf` gives. */
const FIRST_INO = 2 ** 52;

export interface OverlayOptions {
  /** Bytes the upper layer may take. */
  readonly maxBytes: number;
  readonly maxInodes: number;
}

export class OverlayFs implements MemoryFileSystem {
  readonly typeName = 'overlay';
  readonly dev = allocateDev();
  readonly host: TmpfsHost;
  readonly quota: Quota;
  readonly root: Inode;
  #ino = FIRST_INO;

  constructor(host: TmpfsHost, lower: HostFs, lowerRoot: HostDirectory, options: OverlayOptions) {
    this.host = host;
    this.quota = new Quota(options.maxBytes, options.maxInodes);
    const stat = new Stat();
    lower.root.stat(stat);
    this.root = new OverlayDirectory(this, null, lowerRoot, stat, stat.mode, stat.uid, stat.gid);
  }

  nextIno(): number {
    this.#ino += 1;
    return this.#ino;
  }

  statfs(): StatFs {
    return memoryStatFs(OVERLAYFS_SUPER_MAGIC, this.quota);
  }
}

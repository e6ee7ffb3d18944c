/**
 * A directory of the host, served to guests (gVisor: gofer; Linux: like a bind mount). Read-only below an overlay, or a volume
 * that may be written.
 *
 * Inode numbers: those of the host, with the number of the device, in order of appearance, in the high bits, so that
 * what is on different host devices stays different under one st_dev.
 */
import { EMFILE } from '../../abi/errno.ts';
import { allocateDev } from '../../vfs/device-number.ts';
import { type FileSystem, type Inode, Stat, type StatFs } from '../../vfs/inode.ts';
import { HostDirectory } from './host-directory.ts';
import type { HostFiles } from './host-files.ts';
import type { HostWatches } from './host-watches.ts';

export interface HostFsOptions {
  /** O_PATH descriptor of the directory (or the file, for a mounted file); the file system owns it. */
  rootFd: number;
  readonly isWritable: boolean;
  /** Tells of changes that others make; null for nobody who does. */
  readonly watches: HostWatches | null;
}

/** File systems on which all changes are made by this host's kernel, by statfs(2)'s numbers. */
const LOCAL_TYPES: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs
  0x2fc12fc1, // zfs
  0xca451a4e, // bcachefs
  0x73717368, // squashfs
  0xe0f5e1e2, // erofs
  0x9660, // iso9660
]);

/** Descriptors of directories kept for lookups in them. The sentry's own limit is a few thousand. */
const MAX_DIRECTORY_FDS = 2048;
const DEVICE_SHIFT = 2 ** 44;

export class HostFs implements FileSystem {
  readonly typeName = 'host';
  readonly dev = allocateDev();
  readonly files: HostFiles;
  readonly isWritable: boolean;
  readonly watches: HostWatches | null;
  rootFd: number;
  readonly root: Inode;
  readonly #devices: number[] = [];
  readonly #open = new Set<HostDirectory>();

  constructor(files: HostFiles, options: HostFsOptions) {
    this.files = files;
    this.isWritable = options.isWritable;
    this.watches = options.watches;
    this.rootFd = options.rootFd;
    const stat = new Stat();
    files.statFd(options.rootFd, stat);
    this.root = new HostDirectory(this, null, '', stat);
  }

  /** The inode number guests see. */
  inoOf(hostDev: number, hostIno: number): number {
    let index = this.#devices.indexOf(hostDev);
    if (index < 0) {
      index = this.#devices.length;
      this.#devices.push(hostDev);
    }
    return (hostIno % DEVICE_SHIFT) + (index % 256) * DEVICE_SHIFT;
  }

  /** A directory has opened its descriptor: the one unused longest is closed if there are too many. */
  noteOpen(directory: HostDirectory): void {
    this.#open.add(directory);
    if (this.#open.size <= MAX_DIRECTORY_FDS) return;
    for (const oldest of this.#open) {
      if (oldest === directory) continue;
      this.#open.delete(oldest);
      oldest.closeFd();
      return;
    }
  }

  noteUse(directory: HostDirectory): void {
    this.#open.delete(directory);
    this.#open.add(directory);
  }

  /** All cached descriptors are given up, for when the host says EMFILE. */
  dropFds(): void {
    for (const directory of this.#open) directory.closeFd();
    this.#open.clear();
  }

  /** Nobody has it mounted any more. What is still open in it keeps its own descriptor; nothing else of it is found. */
  close(): void {
    this.watches?.removeAll(this);
    this.dropFds();
    this.files.close(this.rootFd);
    this.rootFd = -1;
  }

  /** Whether nothing changes behind the back of this host's kernel in the directory. */
  isLocal(dirFd: number): boolean {
    return LOCAL_TYPES.has(this.files.fileSystemType(dirFd));
  }

  statfs(): StatFs | number {
    const numbers = this.files.statfs(this.rootFd);
    if (typeof numbers === 'number') return numbers;
    const [blockSize = 4096, blocks = 0, blocksFree = 0, files = 0, filesFree = 0] = numbers;
    return { type: 0xef53, blockSize, blocks, blocksFree, files, filesFree, nameMax: 255 };
  }

  /** Repeats an operation that ran out of descriptors once they have been given up. */
  retried(operation: () => number): number {
    const result = operation();
    if (result !== -EMFILE) return result;
    this.dropFds();
    return operation();
  }
}

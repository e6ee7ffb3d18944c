/**
 * Which driver answers for a device number (Linux: chrdevs, cdev_map in fs/char_dev.c). File systems that hold device
 * nodes ask it when one is opened.
 */
import { ENXIO } from '../../abi/errno.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import type { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';

export type DeviceKind = 'char' | 'block';

/** Opens a device: a File with refs = 1 whose inode is `inode`, or -errno. */
export type OpenDevice = (inode: Inode, path: Path, flags: number, creds: Credentials) => File | number;

export class DeviceRegistry {
  readonly #char = new Map<number, OpenDevice>();

  /** Registers a character device; there are no block devices. */
  register(rdev: number, open: OpenDevice): void {
    this.#char.set(rdev, open);
  }

  open(rdev: number, kind: DeviceKind, inode: Inode, path: Path, flags: number, creds: Credentials): File | number {
    const open = kind === 'char' ? this.#char.get(rdev) : undefined;
    return open === undefined ? -ENXIO : open(inode, path, flags, creds);
  }
}

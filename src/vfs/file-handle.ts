/**
 * Handles of files: bytes that name an inode without a path (name_to_handle_at(2); Linux: fs/exportfs). A file system that can find
 * its inodes again has a table of them.
 */
import { ESTALE } from '../abi/errno.ts';
import { Dentry } from './dentry.ts';
import { type Inode, Stat } from './inode.ts';

/** Generation and inode number, as tmpfs has them. */
export const HANDLE_SIZE = 12;
export const HANDLE_TYPE = 1;
const GENERATION = 1;
const FIRST_SWEEP = 1024;

interface Known {
  readonly inode: WeakRef<Inode>;
  /** Where it was last seen, while the name cache has that. */
  readonly dentry: WeakRef<Dentry>;
}

const scratch = new Stat();

export class HandleTable {
  readonly #known = new Map<number, Known>();
  #sweepAt = FIRST_SWEEP;

  encode(dentry: Dentry): Uint8Array {
    const { inode } = dentry;
    this.#sweep();
    this.#known.set(inode.ino, { inode: new WeakRef(inode), dentry: new WeakRef(dentry) });
    const bytes = new Uint8Array(HANDLE_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, GENERATION, true);
    view.setUint32(4, inode.ino >>> 0, true);
    view.setUint32(8, Math.floor(inode.ino / 2 ** 32), true);
    return bytes;
  }

  /** A dentry of the inode, one without a place when its name is not in the cache; -ESTALE when there is none. */
  decode(bytes: Uint8Array, type: number): Dentry | number {
    if (bytes.length < HANDLE_SIZE || type !== HANDLE_TYPE) return -ESTALE;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.getUint32(0, true) !== GENERATION) return -ESTALE;
    const known = this.#known.get(view.getUint32(4, true) + view.getUint32(8, true) * 2 ** 32);
    const inode = known?.inode.deref();
    if (inode === undefined || inode.stat(scratch) < 0 || scratch.nlink === 0) return -ESTALE;
    const dentry = known?.dentry.deref();
    return dentry !== undefined && dentry.inode === inode && !dentry.isDeleted ? dentry : new Dentry('', null, inode);
  }

  /** Inodes come and go: those that are gone are forgotten before the table doubles. */
  #sweep(): void {
    if (this.#known.size < this.#sweepAt) return;
    for (const [ino, { inode }] of this.#known) if (inode.deref() === undefined) this.#known.delete(ino);
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#known.size * 2);
  }
}

/** Symbolic links, FIFOs, sockets and device nodes in memory. */
import { ELOOP, ENXIO } from '../../abi/errno.ts';
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFLNK, S_IFMT } from '../../abi/stat.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { Pipe } from '../../kernel/pipe.ts';
import type { File } from '../../vfs/file.ts';
import type { Path } from '../../vfs/path.ts';
import { openFifo } from '../pipe/pipe-file.ts';
import type { MemoryFileSystem } from './memory-fs.ts';
import { TmpInode } from './tmp-inode.ts';

export class TmpSymlink extends TmpInode {
  readonly target: string;

  constructor(fs: MemoryFileSystem, target: string, uid: number, gid: number, ino?: number) {
    super(fs, S_IFLNK | 0o777, uid, gid, ino);
    this.target = target;
  }

  override get size(): number {
    return this.target.length;
  }

  override readlink(): string {
    return this.target;
  }

  override open(): number {
    return -ELOOP;
  }
}

export class TmpSpecial extends TmpInode {
  readonly #rdev: number;
  #pipe: Pipe | null = null;

  constructor(fs: MemoryFileSystem, mode: number, rdev: number, uid: number, gid: number, ino?: number) {
    super(fs, mode, uid, gid, ino);
    this.#rdev = rdev;
  }

  override get rdev(): number {
    return this.#rdev;
  }

  override open(path: Path, flags: number, creds: Credentials): File | number {
    const type = this.mode & S_IFMT;
    if (type === S_IFIFO) {
      if (this.#pipe === null) this.#pipe = new Pipe();
      return openFifo(this.#pipe, path, flags);
    }
    const { devices } = this.fs.host;
    if (devices === null || (type !== S_IFCHR && type !== S_IFBLK)) return -ENXIO;
    return devices.open(this.#rdev, type === S_IFCHR ? 'char' : 'block', this, path, flags, creds);
  }
}

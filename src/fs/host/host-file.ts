/** An open regular file of the host. */
import { EBADF, EINVAL } from '../../abi/errno.ts';
import { O_ACCMODE, O_APPEND, O_RDONLY, O_WRONLY } from '../../abi/fcntl.ts';
import { POLL_ALWAYS } from '../../abi/poll.ts';
import { File, type HostMapping } from '../../vfs/file.ts';
import { Stat } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { seekIn } from '../tmpfs/tmp-regular.ts';
import type { HostRegular } from './host-inode.ts';

const scratch = new Stat();

export class HostFile extends File {
  readonly #inode: HostRegular;

  constructor(path: Path, flags: number, inode: HostRegular) {
    super(path, flags);
    this.#inode = inode;
  }

  override get inode(): HostRegular {
    return this.#inode;
  }
  override get isSeekable(): boolean {
    return true;
  }
  override poll(): number {
    return POLL_ALWAYS;
  }

  override read(dst: Uint8Array, at: number, length: number, offset: number): number {
    if ((this.flags & O_ACCMODE) === O_WRONLY) return -EBADF;
    return this.#inode.fs.files.pread(this.#inode.readFd, dst, at, length, offset);
  }

  override write(src: Uint8Array, at: number, length: number, offset: number): number {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return -EBADF;
    if ((this.flags & O_APPEND) !== 0) return this.#inode.append(src, at, length, scratch);
    return this.#inode.fs.files.pwrite(this.#inode.writeFd, src, at, length, offset);
  }

  override seek(offset: number, whence: number): number {
    const failed = this.#inode.stat(scratch);
    if (failed < 0) return failed;
    const { files } = this.#inode.fs;
    return seekIn(this, scratch.size, offset, whence, (from, how) => files.seek(this.#inode.readFd, from, how));
  }

  override truncate(size: number): number {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return -EINVAL;
    return this.#inode.fs.files.truncate(this.#inode.writeFd, size);
  }

  override allocate(mode: number, offset: number, length: number): number {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return -EBADF;
    return this.#inode.fs.files.allocate(this.#inode.writeFd, mode, offset, length);
  }

  override fsync(): number {
    return this.#inode.writeFd < 0 ? 0 : this.#inode.fs.files.fsync(this.#inode.writeFd);
  }

  override mapping(isShared: boolean, isWritable: boolean): HostMapping | number {
    return { hostFd: isShared && isWritable ? this.#inode.writeFd : this.#inode.readFd };
  }

  override release(): void {
    this.#inode.release();
  }
}

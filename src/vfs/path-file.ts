/** A file opened with O_PATH: a place that is held, without access to what is there (open(2)). */
import { EBADF } from '../abi/errno.ts';
import { O_PATH } from '../abi/fcntl.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

export class PathFile extends File {
  override get inode(): Inode {
    return this.path.dentry.inode;
  }
  override poll(): number {
    return 0;
  }
  override read(): number {
    return -EBADF;
  }
  override write(): number {
    return -EBADF;
  }
  override readdir(): number {
    return -EBADF;
  }
  override seek(): number {
    return -EBADF;
  }
  override truncate(): number {
    return -EBADF;
  }
  override allocate(): number {
    return -EBADF;
  }
  override fsync(): number {
    return -EBADF;
  }
  override ioctl(): number {
    return -EBADF;
  }
  override mapping(): number {
    return -EBADF;
  }
}

export function isPathOnly(file: File): boolean {
  return (file.flags & O_PATH) !== 0;
}

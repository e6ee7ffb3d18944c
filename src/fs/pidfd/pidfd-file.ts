/** Descriptors that stand for a process (pidfd_open(2); Linux: pidfd_fops in kernel/fork.c). */

import type { ThreadGroup } from '../../kernel/thread-group.ts';
import { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';

const O_RDWR = 2;
const POLLIN = 0x1;
const POLLRDNORM = 0x40;
const POLLHUP = 0x10;

export class PidfdFile extends File {
  /** It stays this process's when the number is given to another. */
  readonly group: ThreadGroup;

  /** @param flags O_NONBLOCK or 0 */
  constructor(path: Path, group: ThreadGroup, flags: number) {
    super(path, O_RDWR | flags, group.exitQueue);
    this.group = group;
  }

  override get inode(): Inode {
    return this.path.dentry.inode;
  }

  override poll(): number {
    const { group } = this;
    if (group.isReaped) return POLLIN | POLLRDNORM | POLLHUP;
    return group.isZombie ? POLLIN | POLLRDNORM : 0;
  }
}

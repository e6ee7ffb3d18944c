/** Descriptors that stand for a process (pidfd_open(2); Linux: fs/pidfs.c, pidfd_poll). */
import { O_RDWR } from '../../abi/fcntl.ts';
import { POLLHUP, POLLIN, POLLRDNORM } from '../../abi/poll.ts';
import type { ThreadGroup } from '../../kernel/thread-group.ts';
import type { Path } from '../../vfs/path.ts';
import { AnonymousFile } from '../event/anonymous-file.ts';

export class PidfdFile extends AnonymousFile {
  /** It stays this process's when the number is given to another. */
  readonly group: ThreadGroup;

  /** @param flags O_NONBLOCK or 0 */
  constructor(path: Path, group: ThreadGroup, flags: number) {
    super(path, O_RDWR | flags, group.exitQueue);
    this.group = group;
  }

  override poll(): number {
    const { group } = this;
    if (group.isReaped) return POLLIN | POLLRDNORM | POLLHUP;
    return group.isZombie ? POLLIN | POLLRDNORM : 0;
  }
}

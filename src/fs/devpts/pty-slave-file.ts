/** An open user side of a pty: what programs have as their terminal. */
import { EIO } from '../../abi/errno.ts';
import { POLLIN, POLLOUT } from '../../abi/poll.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Task } from '../../kernel/task.ts';
import { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import type { Pty } from './pty.ts';
import { termiosIoctl } from './termios-ioctl.ts';

const O_NONBLOCK = 0o4000;

export class PtySlaveFile extends File {
  readonly terminal: Pty;
  readonly #inode: Inode;

  constructor(pty: Pty, inode: Inode, path: Path, flags: number) {
    super(path, flags, pty.slaveQueue);
    this.terminal = pty;
    this.#inode = inode;
  }

  override get inode(): Inode {
    return this.#inode;
  }

  override get asyncEvents(): number {
    return POLLIN | POLLOUT;
  }

  override poll(): number {
    return this.terminal.slavePoll();
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    const refused = this.terminal.checkAccess(currentTask(), 'read');
    if (refused < 0) return refused;
    return this.terminal.slaveRead(dst, at, length, (this.flags & O_NONBLOCK) !== 0);
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    const refused = this.terminal.checkAccess(currentTask(), 'write');
    if (refused < 0) return refused;
    return this.terminal.slaveWrite(src, at, length);
  }

  override ioctl(task: Task, command: number, argument: number): number {
    if (!this.terminal.isMasterOpen) return -EIO;
    return (
      this.terminal.commonIoctl(task, command, argument, true) ??
      termiosIoctl(task, this.terminal, command, argument, true) ??
      -EIO
    );
  }

  override release(): void {
    this.terminal.closeSlave();
  }
}

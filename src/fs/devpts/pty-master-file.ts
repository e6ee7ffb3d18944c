/** The master of a pty: what open(2) of /dev/ptmx gives (ptmx(4)). */

import { EFAULT, EIO, ENOTTY } from '../../abi/errno.ts';
import { TIOCGPKT, TIOCGPTLCK, TIOCGPTN, TIOCGPTPEER, TIOCPKT, TIOCSIG, TIOCSPTLCK } from '../../abi/ioctl.ts';
import { POLLIN, POLLOUT } from '../../abi/poll.ts';
import type { Task } from '../../kernel/task.ts';
import { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import type { Pty } from './pty.ts';
import { termiosIoctl } from './termios-ioctl.ts';

const O_CLOEXEC = 0o2000000;

/** Opens the user side for TIOCGPTPEER: the file system knows its path and inode. */
export type OpenPeer = (pty: Pty, flags: number, task: Task) => File | number;

export class PtyMasterFile extends File {
  readonly pty: Pty;
  readonly #inode: Inode;
  readonly #openPeer: OpenPeer;

  constructor(pty: Pty, inode: Inode, path: Path, flags: number, openPeer: OpenPeer) {
    super(path, flags, pty.masterQueue);
    this.pty = pty;
    this.#inode = inode;
    this.#openPeer = openPeer;
  }

  override get inode(): Inode {
    return this.#inode;
  }

  override get asyncEvents(): number {
    return POLLIN | POLLOUT;
  }

  override poll(): number {
    return this.pty.masterPoll();
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    return this.pty.masterRead(dst, at, length);
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    return this.pty.masterWrite(src, at, length);
  }

  override ioctl(task: Task, command: number, argument: number): number {
    const { pty } = this;
    switch (command) {
      case TIOCGPTN:
        return task.mem.writeU32(argument, pty.index);
      case TIOCSPTLCK: {
        const value = task.mem.readU32(argument);
        if (value === null) return -EFAULT;
        pty.isLocked = value !== 0;
        return 0;
      }
      case TIOCGPTLCK:
        return task.mem.writeU32(argument, pty.isLocked ? 1 : 0);
      case TIOCPKT: {
        const value = task.mem.readU32(argument);
        if (value === null) return -EFAULT;
        pty.isPacketMode = value !== 0;
        pty.packetStatus = 0;
        return 0;
      }
      case TIOCGPKT:
        return task.mem.writeU32(argument, pty.isPacketMode ? 1 : 0);
      case TIOCSIG:
        if (argument < 1 || argument > 64) return -EIO;
        pty.signalForeground(argument);
        return 0;
      case TIOCGPTPEER: {
        const peer = this.#openPeer(pty, argument & ~O_CLOEXEC, task);
        return typeof peer === 'number' ? peer : task.files.install(peer, (argument & O_CLOEXEC) !== 0);
      }
      default:
        return (
          pty.commonIoctl(task, command, argument, false) ??
          termiosIoctl(task, pty, command, argument, false) ??
          -ENOTTY
        );
    }
  }

  override release(): void {
    this.pty.closeMaster();
  }
}

/**
 * What all terminals have in common (Linux: struct tty_struct, drivers/tty/tty_jobctrl.c and tty_io.c): the session and
 * foreground process group, the window size, job control and the ioctls about them.
 *
 * Pseudo terminals (fs/devpts) and the host's terminal (fs/host-tty) are its two kinds.
 */

import { CAP_SYS_ADMIN } from '../abi/capability.ts';
import { EBADF, EBUSY, EFAULT, EINVAL, EIO, ENOTTY, ENXIO, EPERM, ESRCH } from '../abi/errno.ts';
import {
  TIOCEXCL,
  TIOCGETD,
  TIOCGPGRP,
  TIOCGSID,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCNXCL,
  TIOCSCTTY,
  TIOCSETD,
  TIOCSPGRP,
  TIOCSTI,
  TIOCSWINSZ,
} from '../abi/ioctl.ts';
import { SIGCONT, SIGHUP, SIGWINCH } from '../abi/signal.ts';
import type { File } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';
import type { Path } from '../vfs/path.ts';
import type { Credentials } from './credentials.ts';
import { checkTtyAccess, type TtyAccess } from './job-control.ts';
import type { ControllingTty, ProcessGroup, Session } from './session.ts';
import { sendSignalToProcessGroup } from './signal.ts';
import type { Task } from './task.ts';

const O_ACCMODE = 3;
const O_WRONLY = 1;
const O_NOCTTY = 0o400;

export abstract class Terminal implements ControllingTty {
  foreground: ProcessGroup | null = null;
  session: Session | null = null;
  isExclusive = false;
  /** Its st_rdev, which /proc/PID/stat shows as tty_nr; the file system that shows it sets it. */
  deviceNumber = 0;
  /** struct winsize: rows, columns, and pixels. */
  readonly #winsize = new Uint16Array(4);

  abstract get isTostop(): boolean;
  /** A File over its user side, for open(2) of its node or of /dev/tty. */
  abstract openUserSide(inode: Inode, path: Path, flags: number): File | number;

  onSessionEnd(): void {}

  /** tty_open: checks, opens, and makes it the controlling terminal of a session leader without one. */
  open(inode: Inode, path: Path, flags: number, task: Task | null, creds: Credentials): File | number {
    if (this.isExclusive && !creds.hasCapability(CAP_SYS_ADMIN)) return -EBUSY;
    const file = this.openUserSide(inode, path, flags & ~O_NOCTTY);
    if (typeof file === 'number' || task === null) return file;
    const { session } = task.group;
    const isReadable = (flags & O_ACCMODE) !== O_WRONLY;
    const mayTake = session.leader === task.group && session.tty === null && this.session === null;
    if ((flags & O_NOCTTY) === 0 && isReadable && mayTake) this.control(session, task.group.processGroup);
    return file;
  }

  /** Becomes the controlling terminal of `session`. */
  control(session: Session, foreground: ProcessGroup | null): void {
    session.tty = this;
    this.session = session;
    this.foreground = foreground;
  }

  /** Lets go of its session. */
  leaveSession(): void {
    if (this.session !== null && this.session.tty === this) this.session.tty = null;
    this.session = null;
    this.foreground = null;
  }

  isControllingOf(task: Task): boolean {
    return task.group.session.tty === this;
  }

  /** Whether the task may use it so now: 0, -EIO, or -ERESTARTSYS after its process group was sent SIGTTIN or SIGTTOU. */
  checkAccess(task: Task | null, access: TtyAccess): number {
    return task === null ? 0 : checkTtyAccess(task, this, access);
  }

  signalForeground(signo: number): void {
    if (this.foreground !== null) sendSignalToProcessGroup(this.foreground, signo);
  }

  /** The line went away: the session's leader and the foreground are told, and lose it (Linux: __tty_hangup). */
  hangUpSession(): void {
    const { session, foreground } = this;
    this.leaveSession();
    const leaderGroup = session?.leader?.processGroup ?? null;
    for (const group of new Set([leaderGroup, foreground])) {
      if (group === null) continue;
      sendSignalToProcessGroup(group, SIGHUP);
      sendSignalToProcessGroup(group, SIGCONT);
    }
  }

  get winsize(): Uint8Array {
    return new Uint8Array(this.#winsize.buffer);
  }

  /** Sets the window's size; the foreground gets SIGWINCH when it is another than before. */
  setWinsize(bytes: Uint8Array): void {
    const old = this.winsize;
    if (old.every((byte, i) => byte === bytes[i])) return;
    old.set(bytes.subarray(0, 8));
    this.signalForeground(SIGWINCH);
  }

  /**
   * The ioctls of sessions and windows; null when `command` is none of them.
   * @param isUserSide false on a pty's master, which need not be anybody's controlling terminal
   */
  commonIoctl(task: Task, command: number, argument: number, isUserSide: boolean): number | null {
    switch (command) {
      case TIOCGWINSZ:
        return task.mem.write(argument, this.winsize, 0, 8);
      case TIOCSWINSZ: {
        const bytes = task.mem.readBytes(argument, 8);
        if (typeof bytes === 'number') return bytes;
        this.setWinsize(bytes);
        return 0;
      }
      case TIOCGPGRP:
        if (isUserSide && !this.isControllingOf(task)) return -ENOTTY;
        return task.mem.writeU32(argument, this.foreground === null ? 0 : this.foreground.pgid);
      case TIOCSPGRP:
        return this.#setForeground(task, argument);
      case TIOCGSID:
        if ((isUserSide && !this.isControllingOf(task)) || this.session === null) return -ENOTTY;
        return task.mem.writeU32(argument, this.session.sid);
      case TIOCSCTTY:
        return isUserSide ? this.#take(task, argument) : -EINVAL;
      case TIOCNOTTY:
        return this.#giveUp(task);
      case TIOCSTI:
        // Typing for others is refused, as with dev.tty.legacy_tiocsti = 0.
        return -EIO;
      case TIOCEXCL:
        this.isExclusive = true;
        return 0;
      case TIOCNXCL:
        this.isExclusive = false;
        return 0;
      case TIOCGETD:
        return task.mem.writeU32(argument, 0);
      case TIOCSETD: {
        const wanted = task.mem.readU32(argument);
        return wanted === null ? -EFAULT : wanted === 0 ? 0 : -EINVAL;
      }
      default:
        return null;
    }
  }

  #setForeground(task: Task, argument: number): number {
    const refused = this.checkAccess(task, 'control');
    if (refused === -EIO) return -ENOTTY;
    if (refused < 0) return refused;
    if (!this.isControllingOf(task)) return -ENOTTY;
    const pgid = task.mem.readU32(argument);
    if (pgid === null) return -EFAULT;
    if ((pgid | 0) < 0) return -EINVAL;
    const group = task.kernel.pids.processGroup(pgid);
    if (group === undefined) return -ESRCH;
    if (group.session !== task.group.session) return -EPERM;
    this.foreground = group;
    return 0;
  }

  #take(task: Task, argument: number): number {
    const { group } = task;
    const { session } = group;
    if (session.leader === group && session.tty === this) return 0;
    if (session.leader !== group || session.tty !== null) return -EPERM;
    if (this.session !== null) {
      if (argument !== 1 || !task.creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
      this.leaveSession();
    }
    this.control(session, group.processGroup);
    return 0;
  }

  #giveUp(task: Task): number {
    if (!this.isControllingOf(task)) return -ENOTTY;
    if (task.group.session.leader !== task.group) return 0;
    const { foreground } = this;
    this.leaveSession();
    if (foreground !== null) {
      sendSignalToProcessGroup(foreground, SIGHUP);
      sendSignalToProcessGroup(foreground, SIGCONT);
    }
    return 0;
  }
}

/** open(2) of /dev/tty: the caller's controlling terminal. */
export function openControllingTty(inode: Inode, path: Path, flags: number, task: Task | null): File | number {
  if (task === null) return -EBADF;
  const { tty } = task.group.session;
  return tty instanceof Terminal ? tty.openUserSide(inode, path, flags) : -ENXIO;
}

/** Terminals of the host that are made for a container (pty(7)). */
import { must } from './host-error.ts';
import { native } from './native.ts';

const OPEN = 2;
const CLOSE = 3;
const IOCTL = 16;
const O_RDWR_NOCTTY_CLOEXEC = 0o2 | 0o400 | 0o2000000;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TIOCGPTPEER = 0x5441;
const TIOCSWINSZ = 0x5414;
const TIOCSCTTY = 0x540e;
const TCGETS = 0x5401;

export interface PtyPair {
  readonly master: number;
  readonly slave: number;
  /** The slave's path on the host. */
  readonly name: string;
}

export interface ConsoleSize {
  readonly height: number;
  readonly width: number;
}

/** Throws a HostError when the host gives none. */
export function openPty(size: ConsoleSize | null): PtyPair {
  const path = new TextEncoder().encode('/dev/ptmx\0');
  const master = must('open /dev/ptmx', native.syscall(OPEN, path, O_RDWR_NOCTTY_CLOEXEC, 0));
  const word = new Int32Array(1);
  must('unlocking a terminal', native.syscall(IOCTL, master, TIOCSPTLCK, word));
  must('numbering a terminal', native.syscall(IOCTL, master, TIOCGPTN, word));
  const slave = must('opening a terminal', native.syscall(IOCTL, master, TIOCGPTPEER, O_RDWR_NOCTTY_CLOEXEC));
  if (size !== null) {
    const winsize = new Uint16Array([size.height, size.width, 0, 0]);
    must('sizing a terminal', native.syscall(IOCTL, slave, TIOCSWINSZ, winsize));
  }
  return { master, slave, name: `/dev/pts/${word[0]}` };
}

export function closeFd(fd: number): void {
  native.syscall(CLOSE, fd);
}

/** Makes the terminal this session's, so that its keyboard's signals come here. The caller leads a session without one. */
export function takeTerminal(fd: number): void {
  must('taking the terminal', native.syscall(IOCTL, fd, TIOCSCTTY, 0));
}

const settings = new Uint8Array(64);

/** isatty(3). Node's own loads its networking for the answer. */
export function isTerminal(fd: number): boolean {
  return native.syscall(IOCTL, fd, TCGETS, settings) === 0;
}

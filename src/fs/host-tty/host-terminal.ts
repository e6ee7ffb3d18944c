/**
 * The terminal the sandbox was started from. Its line discipline is the host's: settings, input and output go straight
 * through. Sessions and job control are the guest's own, and the keyboard's signals reach the sentry and are handed on.
 */

import { EFAULT, EINVAL, EIO, ENOTTY } from '../../abi/errno.ts';
import { FIONREAD, TCFLSH, TCGETS, TCSBRK, TCSETS, TCXONC, TIOCGWINSZ, TIOCOUTQ, TIOCSWINSZ } from '../../abi/ioctl.ts';
import { POLLIN, POLLOUT } from '../../abi/poll.ts';
import { SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGWINCH } from '../../abi/signal.ts';
import type { HostStream } from '../../host/host-stream.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Task } from '../../kernel/task.ts';
import { TERMIOS_SIZE, TOSTOP } from '../../kernel/termios.ts';
import { Terminal } from '../../kernel/tty.ts';
import { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { isTermiosFlush, isTermiosSet, termiosSize } from '../devpts/termios-ioctl.ts';
import { ReadinessQueue } from '../host-stream/readiness-queue.ts';

const HUNG_UP = 0x15d;
const FORWARDED = new Set([SIGINT, SIGQUIT, SIGTSTP, SIGWINCH, SIGHUP]);

export class HostTerminal extends Terminal {
  readonly stream: HostStream;
  /** One for all its Files: the host descriptor has one registration. */
  readonly queue: ReadinessQueue;
  /** Settings as they were, for `restore`. */
  readonly #saved = new Uint8Array(TERMIOS_SIZE);
  readonly #hasSaved: boolean;
  #isHungUp = false;
  #files = 0;
  /** Called when nothing has it open any more; the terminal of an `exec` goes then. */
  onUnused: () => void = () => {};

  constructor(stream: HostStream) {
    super();
    this.stream = stream;
    this.queue = new ReadinessQueue(stream);
    this.#hasSaved = stream.ioctl(TCGETS, this.#saved) === 0;
  }

  get isHungUp(): boolean {
    return this.#isHungUp;
  }

  override get isTostop(): boolean {
    const settings = new Uint8Array(TERMIOS_SIZE);
    if (this.stream.ioctl(TCGETS, settings) < 0) return false;
    return (new DataView(settings.buffer).getUint32(12, true) & TOSTOP) !== 0;
  }

  override openUserSide(inode: Inode, path: Path, flags: number): File | number {
    if (this.#isHungUp) return -EIO;
    return new HostTerminalFile(this, inode, path, flags);
  }

  fileOpened(): void {
    this.#files += 1;
  }

  fileReleased(): void {
    this.#files -= 1;
    if (this.#files === 0) this.onUnused();
  }

  /** A signal the host's terminal sent to the sentry: the guest's foreground gets it. */
  signalFromHost(signo: number): void {
    if (!FORWARDED.has(signo)) return;
    if (signo === SIGHUP) {
      this.#isHungUp = true;
      this.hangUpSession();
      this.queue.wake(HUNG_UP);
      return;
    }
    this.signalForeground(signo);
  }

  /** Gives the host's terminal back the settings it had. Safe to call more than once and at any exit. */
  restore(): void {
    if (this.#hasSaved) this.stream.ioctl(TCSETS, this.#saved);
  }
}

class HostTerminalFile extends File {
  readonly terminal: HostTerminal;
  readonly #inode: Inode;

  constructor(terminal: HostTerminal, inode: Inode, path: Path, flags: number) {
    super(path, flags, terminal.queue);
    this.terminal = terminal;
    this.#inode = inode;
    terminal.fileOpened();
  }

  override get inode(): Inode {
    return this.#inode;
  }

  override get asyncEvents(): number {
    return POLLIN | POLLOUT;
  }

  override release(): void {
    this.terminal.fileReleased();
  }

  override poll(): number {
    if (this.terminal.isHungUp) return HUNG_UP;
    const events = this.terminal.stream.pollNow();
    this.terminal.queue.rearm();
    return events;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    if (this.terminal.isHungUp) return 0;
    const refused = this.terminal.checkAccess(currentTask(), 'read');
    if (refused < 0) return refused;
    const n = this.terminal.stream.readNow(dst, at, length);
    this.terminal.queue.rearm();
    return n;
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    if (this.terminal.isHungUp) return -EIO;
    // Asking the host for TOSTOP is a call more per write, so it is asked only from the background.
    const task = currentTask();
    if (task !== null && this.terminal.foreground !== task.group.processGroup) {
      const refused = this.terminal.checkAccess(task, 'write');
      if (refused < 0) return refused;
    }
    const n = this.terminal.stream.writeNow(src, at, length);
    this.terminal.queue.rearm();
    return n;
  }

  override ioctl(task: Task, command: number, argument: number): number {
    const { terminal } = this;
    if (terminal.isHungUp) return -EIO;
    const size = termiosSize(command);
    if (size > 0)
      return isTermiosSet(command)
        ? this.#set(task, command, argument, size)
        : this.#get(task, command, argument, size);
    switch (command) {
      case TIOCGWINSZ:
        return this.#get(task, command, argument, 8);
      case TIOCSWINSZ:
        return this.#set(task, command, argument, 8);
      case FIONREAD:
      case TIOCOUTQ:
        return this.#get(task, command, argument, 4);
      case TCFLSH:
      case TCSBRK:
      case TCXONC: {
        const refused = terminal.checkAccess(task, 'control');
        if (refused < 0) return refused;
        // tcdrain(3) and breaks would make the sentry wait for the terminal; what was written is on its way.
        if (command === TCSBRK) return 0;
        return argument <= 3 ? terminal.stream.ioctl(command, argument) : -EINVAL;
      }
      default:
        return terminal.commonIoctl(task, command, argument, true) ?? -ENOTTY;
    }
  }

  #get(task: Task, command: number, argument: number, size: number): number {
    const bytes = new Uint8Array(size);
    const result = this.terminal.stream.ioctl(command, bytes);
    return result < 0 ? result : task.mem.write(argument, bytes, 0, size);
  }

  #set(task: Task, command: number, argument: number, size: number): number {
    const refused = command === TIOCSWINSZ ? 0 : this.terminal.checkAccess(task, 'control');
    if (refused < 0) return refused;
    const bytes = task.mem.readBytes(argument, size);
    if (typeof bytes === 'number') return -EFAULT;
    if (command !== TIOCSWINSZ && isTermiosFlush(command)) this.terminal.stream.ioctl(TCFLSH, 0);
    return this.terminal.stream.ioctl(withoutDrain(command), bytes);
  }
}

/** TCSETSW and TCSETSF wait for output to drain, which a stopped terminal never does; the sentry must not wait with it. */
function withoutDrain(command: number): number {
  if (command === TIOCSWINSZ) return command;
  const base = command & ~0xff;
  const low = command & 0xff;
  if (low >= 0x02 && low <= 0x04) return base | 0x02;
  if (low >= 0x06 && low <= 0x08) return base | 0x06;
  return base | 0x2b;
}

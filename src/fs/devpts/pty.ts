/**
 * A pseudo terminal pair (pty(7); Linux: drivers/tty/pty.c): a terminal emulator's side, the master, and the programs' side,
 * with a line discipline between them.
 */
import { EAGAIN, EIO } from '../../abi/errno.ts';
import type { Clock } from '../../kernel/kernel.ts';
import { LineDiscipline } from '../../kernel/line-discipline.ts';
import { ICANON, IXON, type Termios, TOSTOP, VMIN, VSTART, VSTOP, VTIME } from '../../kernel/termios.ts';
import type { Timer, Timers } from '../../kernel/timers.ts';
import { Terminal } from '../../kernel/tty.ts';
import { WaitQueue } from '../../kernel/wait-queue.ts';
import type { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { PtySlaveFile } from './pty-slave-file.ts';

export const POLLIN = 0x41;
export const POLLPRI = 0x2;
export const POLLOUT = 0x104;
export const POLLERR = 0x8;
export const POLLHUP = 0x10;

/** ioctl_tty(2), packet mode: what the master is told of. */
export const PACKET_FLUSHREAD = 1;
export const PACKET_FLUSHWRITE = 2;
const PACKET_STOP = 4;
const PACKET_START = 8;
const PACKET_NOSTOP = 16;
const PACKET_DOSTOP = 32;

/** Tenths of a second, as VTIME counts. */
const DECISECOND_NS = 1e8;

export interface PtyHost {
  readonly clock: Clock;
  readonly timers: Timers;
}

export interface PtyEvents {
  /** Nobody can open its user side any more. */
  masterClosed(pty: Pty): void;
  /** Both sides are closed: its number is free. */
  allClosed(pty: Pty): void;
}

export class Pty extends Terminal {
  readonly index: number;
  readonly discipline: LineDiscipline;
  readonly masterQueue = new WaitQueue();
  readonly slaveQueue = new WaitQueue();
  /** unlockpt(3) has not been called. */
  isLocked = true;
  isMasterOpen = true;
  slaveCount = 0;
  /** A slave was open, and the last one is closed: the master reads EIO. */
  isSlaveGone = false;
  isPacketMode = false;
  packetStatus = 0;
  readonly #host: PtyHost;
  readonly #events: PtyEvents;
  #readTimer: Timer | null = null;
  #hasReadTimedOut = false;
  #available = 0;

  constructor(index: number, host: PtyHost, events: PtyEvents) {
    super();
    this.index = index;
    this.#host = host;
    this.#events = events;
    this.discipline = new LineDiscipline({
      signal: (signo) => this.signalForeground(signo),
      flow: (isStopped) => this.#onFlow(isStopped),
      flushed: () => this.notePacket(PACKET_FLUSHREAD | PACKET_FLUSHWRITE),
    });
  }

  override get isTostop(): boolean {
    return (this.discipline.termios.lflag & TOSTOP) !== 0;
  }

  override openUserSide(inode: Inode, path: Path, flags: number): File | number {
    if (this.isLocked || !this.isMasterOpen) return -EIO;
    this.slaveCount += 1;
    this.isSlaveGone = false;
    return new PtySlaveFile(this, inode, path, flags);
  }

  setTermios(next: Termios): void {
    const old = this.discipline.termios;
    this.discipline.setTermios(next);
    if (this.isPacketMode) {
      const couldStop = (old.iflag & IXON) !== 0 && old.cc[VSTOP] === 19 && old.cc[VSTART] === 17;
      const canStop = (next.iflag & IXON) !== 0 && next.cc[VSTOP] === 19 && next.cc[VSTART] === 17;
      if (couldStop !== canStop) this.notePacket(canStop ? PACKET_DOSTOP : PACKET_NOSTOP);
    }
    this.slaveQueue.wake(POLLIN | POLLOUT);
    this.masterQueue.wake(POLLIN | POLLOUT);
  }

  notePacket(status: number): void {
    if (!this.isPacketMode) return;
    this.packetStatus |= status;
    if ((status & PACKET_NOSTOP) !== 0) this.packetStatus &= ~PACKET_DOSTOP;
    if ((status & PACKET_DOSTOP) !== 0) this.packetStatus &= ~PACKET_NOSTOP;
    this.masterQueue.wake(POLLIN | POLLPRI);
  }

  masterWrite(src: Uint8Array, at: number, length: number): number {
    if (length === 0) return 0;
    if (this.slaveCount === 0 && this.isSlaveGone) return -EIO;
    const n = this.discipline.receive(src, at, length);
    if (this.discipline.isReadable) this.slaveQueue.wake(POLLIN);
    if (this.discipline.output.length > 0) this.masterQueue.wake(POLLIN);
    return n === 0 ? -EAGAIN : n;
  }

  masterRead(dst: Uint8Array, at: number, length: number): number {
    if (length === 0) return 0;
    const { output, isStopped } = this.discipline;
    if (this.isPacketMode && this.packetStatus !== 0) {
      dst[at] = this.packetStatus;
      this.packetStatus = 0;
      return 1;
    }
    if (output.length === 0 || isStopped) return this.isSlaveGone && output.length === 0 ? -EIO : -EAGAIN;
    const header = this.isPacketMode ? 1 : 0;
    if (header === 1) dst[at] = 0;
    const n = output.take(dst, at + header, length - header);
    this.slaveQueue.wake(POLLOUT);
    return n + header;
  }

  masterPoll(): number {
    let events = 0;
    const { output, inputRoom, isStopped } = this.discipline;
    if (this.isPacketMode && this.packetStatus !== 0) events |= POLLIN | POLLPRI;
    if (output.length > 0 && !isStopped) events |= POLLIN;
    if (this.isSlaveGone) events |= POLLHUP;
    if (inputRoom > 0) events |= POLLOUT;
    return events;
  }

  slaveWrite(src: Uint8Array, at: number, length: number): number {
    if (!this.isMasterOpen) return -EIO;
    const n = this.discipline.write(src, at, length);
    if (n > 0) this.masterQueue.wake(POLLIN);
    return n;
  }

  /** read(2) with VMIN and VTIME (termios(3), "noncanonical mode"); the timer wakes the queue, and the retry ends the read. */
  slaveRead(dst: Uint8Array, at: number, length: number, isNonblocking: boolean): number {
    if (length === 0) return 0;
    if (!this.isMasterOpen) return 0;
    const { discipline } = this;
    const { lflag, cc } = discipline.termios;
    const available = discipline.readableBytes;
    if ((lflag & ICANON) === 0 && !isNonblocking && available < Math.min(cc[VMIN], length)) {
      if (!this.#hasReadTimedOut) {
        if (cc[VTIME] > 0 && available > 0) this.#armReadTimer(cc[VTIME], available);
        return -EAGAIN;
      }
    }
    const n = discipline.read(dst, at, length);
    if (n === -EAGAIN && (lflag & ICANON) === 0 && cc[VMIN] === 0 && !isNonblocking) {
      if (cc[VTIME] > 0 && !this.#hasReadTimedOut) {
        this.#armReadTimer(cc[VTIME], 0);
        return -EAGAIN;
      }
      this.#disarmReadTimer();
      return 0;
    }
    this.#disarmReadTimer();
    if (n > 0) {
      this.masterQueue.wake(POLLOUT);
      // One line was taken; others may be waiting for the next.
      if (discipline.output.length > 0) this.masterQueue.wake(POLLIN);
    }
    return n;
  }

  slavePoll(): number {
    if (!this.isMasterOpen) return POLLIN | POLLOUT | POLLERR | POLLHUP;
    let events = 0;
    if (this.discipline.isReadable) events |= POLLIN;
    if (!this.discipline.isStopped && this.discipline.output.room > 0) events |= POLLOUT;
    return events;
  }

  closeSlave(): void {
    this.slaveCount -= 1;
    if (this.slaveCount > 0) return;
    this.isSlaveGone = true;
    this.isExclusive = false;
    this.masterQueue.wake(POLLIN | POLLOUT | POLLHUP);
    if (!this.isMasterOpen) this.#events.allClosed(this);
  }

  /** The emulator is gone: programs on the other side are hung up (tty_vhangup from pty_close). */
  closeMaster(): void {
    this.isMasterOpen = false;
    this.#disarmReadTimer();
    this.hangUpSession();
    this.discipline.flushInput();
    this.discipline.flushOutput();
    this.slaveQueue.wake(POLLIN | POLLOUT | POLLERR | POLLHUP);
    this.#events.masterClosed(this);
    if (this.slaveCount === 0) this.#events.allClosed(this);
  }

  #onFlow(isStopped: boolean): void {
    this.notePacket(isStopped ? PACKET_STOP : PACKET_START);
    if (isStopped) return;
    this.slaveQueue.wake(POLLOUT);
    if (this.discipline.output.length > 0) this.masterQueue.wake(POLLIN);
  }

  #armReadTimer(deciseconds: number, available: number): void {
    // Between bytes the time starts anew with each of them.
    if (this.#readTimer !== null && this.#available === available) return;
    if (this.#readTimer !== null) this.#host.timers.cancel(this.#readTimer);
    this.#available = available;
    const deadline = this.#host.clock.monotonicNs() + deciseconds * DECISECOND_NS;
    this.#readTimer = this.#host.timers.add(deadline, () => {
      this.#readTimer = null;
      this.#hasReadTimedOut = true;
      this.slaveQueue.wake(POLLIN);
    });
  }

  #disarmReadTimer(): void {
    if (this.#readTimer !== null) this.#host.timers.cancel(this.#readTimer);
    this.#readTimer = null;
    this.#hasReadTimedOut = false;
    this.#available = 0;
  }
}

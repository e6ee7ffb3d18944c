/**
 * The line discipline of terminals (Linux: N_TTY, drivers/tty/n_tty.c; termios(3)): what becomes of typed bytes until a
 * program reads them, and of written bytes until the other side sees them. It has no I/O, no clock and no tasks: those who
 * own it move bytes in and out and are told of signals.
 *
 * Invariants: tail <= canonHead <= head, head - tail <= 4096; ends of lines are marked in `#marks` at their position.
 */
import { EAGAIN } from '../abi/errno.ts';
import { SIGINT, SIGQUIT, SIGTSTP } from '../abi/signal.ts';
import { ByteQueue } from './byte-queue.ts';
import {
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ECHONL,
  ECHOPRT,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IUCLC,
  IXANY,
  IXON,
  NOFLSH,
  PARMRK,
  Termios,
  VEOF,
  VEOL,
  VEOL2,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VMIN,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VTIME,
  VWERASE,
} from './termios.ts';
import { isContinuation, isControl, TtyOutput } from './tty-output.ts';

/** N_TTY_BUF_SIZE. */
const BUFFER = 4096;
const MASK = BUFFER - 1;
/** What may wait to be processed or to be seen, as the flip buffers of a Linux pty hold. */
const QUEUE = 65536;
const BS = 8;
const HT = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
/** An end of file in the buffer: never copied out. */
const DISABLED = 0;

export interface LineDisciplineEvents {
  /** A signal character was typed. */
  signal(signo: number): void;
  /** Output was stopped (^S) or started again. */
  flow(isStopped: boolean): void;
  /** Input or output waiting was thrown away because of a signal character. */
  flushed(): void;
}

/** isalnum of the kernel's Latin-1 character table, and '_': what a word is for VWERASE. */
function isWord(c: number): boolean {
  return (
    (c >= 48 && c <= 57) ||
    (c >= 65 && c <= 90) ||
    (c >= 97 && c <= 122) ||
    c === 95 ||
    (c >= 192 && c !== 215 && c !== 247)
  );
}

/** tolower of the kernel's Latin-1 character table. */
function toLower(c: number): number {
  return (c >= 65 && c <= 90) || (c >= 0xc0 && c <= 0xde && c !== 0xd7) ? c + 32 : c;
}

export class LineDiscipline {
  readonly #events: LineDisciplineEvents;
  #termios = new Termios();
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #marks = new Uint8Array(BUFFER);
  /** Positions that only grow; the place in the buffer is `& MASK`. */
  #head = 0;
  #tail = 0;
  #canonHead = 0;
  readonly #backlog = new ByteQueue(QUEUE);
  /** What the other side will see. */
  readonly output = new ByteQueue(QUEUE);
  readonly #out = new TtyOutput(this.output);
  /** Echo made while output is stopped. */
  readonly #heldEcho: number[] = [];
  #isStopped = false;
  #isNextLiteral = false;
  #isErasing = false;
  /** Output there was before the bytes being received made their echo. */
  #outputBefore = 0;

  constructor(events: LineDisciplineEvents) {
    this.#events = events;
  }

  get termios(): Termios {
    return this.#termios;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Takes on other settings; what was typed stays readable when ICANON changes (n_tty_set_termios). */
  setTermios(next: Termios): void {
    const old = this.#termios;
    this.#termios = next;
    if (((old.lflag ^ next.lflag) & ICANON) !== 0) {
      this.#marks.fill(0);
      if ((next.lflag & ICANON) === 0 || this.#head === this.#tail) {
        this.#canonHead = this.#tail;
      } else {
        this.#marks[(this.#head - 1) & MASK] = 1;
        this.#canonHead = this.#head;
      }
      this.#isErasing = false;
      this.#isNextLiteral = false;
    }
    if ((next.iflag & IXON) === 0 && (old.iflag & IXON) !== 0 && this.#isStopped) this.start();
    this.#process();
  }

  /** Bytes from the keyboard's side: how many were taken, 0 when there is no room. */
  receive(src: Uint8Array, at: number, length: number): number {
    const taken = this.#backlog.append(src, at, length);
    this.#outputBefore = this.output.length;
    this.#process();
    return taken;
  }

  get inputRoom(): number {
    return this.#backlog.room;
  }

  /** Bytes a program writes, processed to `output`: how many were taken, -EAGAIN when none. */
  write(src: Uint8Array, at: number, length: number): number {
    if (length === 0) return 0;
    if (this.#isStopped) return -EAGAIN;
    for (let i = 0; i < length; i++) {
      if (!this.#out.put(src[at + i], this.#termios)) return i > 0 ? i : -EAGAIN;
    }
    return length;
  }

  /** Whether poll(2) says POLLIN (input_available_p). */
  get isReadable(): boolean {
    if ((this.#termios.lflag & ICANON) !== 0) return this.#canonHead !== this.#tail;
    const { cc } = this.#termios;
    const amount = cc[VTIME] === 0 && cc[VMIN] > 0 ? cc[VMIN] : 1;
    return this.#head - this.#tail >= amount;
  }

  /** FIONREAD (inq_canon): end-of-file marks do not count. */
  get readableBytes(): number {
    if ((this.#termios.lflag & ICANON) === 0) return this.#head - this.#tail;
    let count = 0;
    for (let i = this.#tail; i < this.#canonHead; i++) {
      if (this.#marks[i & MASK] === 0 || this.#buffer[i & MASK] !== DISABLED) count += 1;
    }
    return count;
  }

  /** At most one line, or what there is in raw mode; -EAGAIN when there is nothing. VMIN and VTIME are the caller's. */
  read(dst: Uint8Array, at: number, length: number): number {
    if ((this.#termios.lflag & ICANON) !== 0) {
      if (this.#canonHead === this.#tail) return -EAGAIN;
      return this.#finishRead(this.#readLine(dst, at, length));
    }
    const n = Math.min(length, this.#head - this.#tail);
    if (n === 0) return length === 0 ? 0 : -EAGAIN;
    for (let i = 0; i < n; i++) dst[at + i] = this.#buffer[(this.#tail + i) & MASK];
    this.#tail += n;
    this.#canonHead = this.#tail;
    return this.#finishRead(n);
  }

  /** Stops output (^S, TCOOFF). */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#events.flow(true);
  }

  /** Lets output go on (^Q, TCOON). */
  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    for (const byte of this.#heldEcho.splice(0)) this.#out.put(byte, this.#termios);
    this.#events.flow(false);
  }

  /** TCIFLUSH. */
  flushInput(): void {
    this.#head = this.#tail = this.#canonHead = 0;
    this.#marks.fill(0);
    this.#backlog.clear();
    this.#isNextLiteral = false;
    this.#isErasing = false;
  }

  /** TCOFLUSH. */
  flushOutput(): void {
    this.output.clear();
    this.#heldEcho.length = 0;
  }

  #finishRead(n: number): number {
    this.#process();
    return n;
  }

  #readLine(dst: Uint8Array, at: number, length: number): number {
    if (length === 0) return 0;
    // One more than asked for is looked at, so that an end of file right behind a full buffer is used up.
    const limit = Math.min(length + 1, this.#canonHead - this.#tail);
    let end = 0;
    while (end < limit && this.#marks[(this.#tail + end) & MASK] === 0) end += 1;
    const hasMark = end < limit;
    const isEof = hasMark && this.#buffer[(this.#tail + end) & MASK] === DISABLED;
    const copied = isEof ? end : Math.min(length, hasMark ? end + 1 : end);
    const used = isEof ? end + 1 : copied;
    for (let i = 0; i < copied; i++) dst[at + i] = this.#buffer[(this.#tail + i) & MASK];
    for (let i = 0; i < used; i++) this.#marks[(this.#tail + i) & MASK] = 0;
    this.#tail += used;
    return copied;
  }

  /** Moves waiting input through, as far as the buffer has room (n_tty_receive_buf_common). */
  #process(): void {
    while (this.#backlog.length > 0) {
      let room = BUFFER - (this.#head - this.#tail);
      if ((this.#termios.iflag & PARMRK) !== 0) room = Math.ceil(room / 3);
      room -= 1;
      if (room <= 0) {
        const isOverlong = (this.#termios.lflag & ICANON) !== 0 && this.#canonHead === this.#tail;
        if (!isOverlong) return;
        // A line longer than the buffer: its last byte is written over until the end of the line comes.
        if (room < 0) this.#head -= 1;
      }
      this.#receiveByte(this.#backlog.shift());
    }
  }

  #receiveByte(byte: number): void {
    const { iflag, lflag } = this.#termios;
    let c = byte;
    if (this.#isNextLiteral) {
      this.#isNextLiteral = false;
      if ((iflag & ISTRIP) !== 0) c &= 0x7f;
      this.#ordinary(c);
      return;
    }
    if ((iflag & ISTRIP) !== 0) c &= 0x7f;
    if ((iflag & IUCLC) !== 0 && (lflag & IEXTEN) !== 0) c = toLower(c);
    if (c !== 0 && (this.#flowChar(c) || this.#interruptChar(c))) return;
    if (this.#isStopped && (iflag & IXON) !== 0 && (iflag & IXANY) !== 0) this.start();
    if (c === CR) {
      if ((iflag & IGNCR) !== 0) return;
      if ((iflag & ICRNL) !== 0) c = LF;
    } else if (c === LF && (iflag & INLCR) !== 0) {
      c = CR;
    }
    if ((lflag & ICANON) !== 0 && this.#editLine(c)) return;
    this.#ordinary(c);
  }

  #flowChar(c: number): boolean {
    const { iflag, cc } = this.#termios;
    if ((iflag & IXON) === 0) return false;
    if (c === cc[VSTART]) this.start();
    else if (c === cc[VSTOP]) this.stop();
    else return false;
    return true;
  }

  #interruptChar(c: number): boolean {
    const { lflag, cc } = this.#termios;
    if ((lflag & ISIG) === 0) return false;
    const signo = c === cc[VINTR] ? SIGINT : c === cc[VQUIT] ? SIGQUIT : c === cc[VSUSP] ? SIGTSTP : 0;
    if (signo === 0) return false;
    this.#signalChar(signo, c);
    return true;
  }

  /** Canonical mode's special characters; false when `c` is none. */
  #editLine(c: number): boolean {
    const { lflag, cc } = this.#termios;
    const isExtended = (lflag & IEXTEN) !== 0;
    const isEchoing = (lflag & ECHO) !== 0;
    if (c === LF) {
      if ((lflag & (ECHO | ECHONL)) !== 0) this.#echoRaw(LF);
      this.#endLine(LF);
      return true;
    }
    if (c === 0) return false;
    if (c === cc[VERASE] || c === cc[VKILL] || (isExtended && c === cc[VWERASE])) {
      this.#erase(c);
      return true;
    }
    if (isExtended && c === cc[VLNEXT]) {
      this.#isNextLiteral = true;
      if (isEchoing) {
        this.#finishErasing();
        if ((lflag & ECHOCTL) !== 0) {
          this.#echoRaw(94);
          this.#echoRaw(BS);
        }
      }
      return true;
    }
    if (isExtended && isEchoing && c === cc[VREPRINT]) {
      this.#finishErasing();
      this.#echo(c);
      this.#echoRaw(LF);
      // A reader that is not there is told no more than it has room for.
      for (let i = this.#canonHead; i < this.#head && this.#hasEchoRoom; i++) this.#echo(this.#buffer[i & MASK]);
      return true;
    }
    if (c === cc[VEOF]) {
      this.#endLine(DISABLED);
      return true;
    }
    if (c === cc[VEOL] || (isExtended && c === cc[VEOL2])) {
      if (isEchoing) {
        if (this.#canonHead === this.#head) this.#out.canonColumn = this.#out.column;
        this.#echo(c);
      }
      if (c === 0xff && (this.#termios.iflag & PARMRK) !== 0) this.#store(c);
      this.#endLine(c);
      return true;
    }
    return false;
  }

  #ordinary(c: number): void {
    const { lflag, iflag } = this.#termios;
    if ((lflag & ECHO) !== 0) {
      this.#finishErasing();
      if (this.#canonHead === this.#head) this.#out.canonColumn = this.#out.column;
      this.#echo(c);
    }
    if (c === 0xff && (iflag & PARMRK) !== 0) this.#store(c);
    this.#store(c);
  }

  #store(c: number): void {
    if (this.#head - this.#tail >= BUFFER) return;
    this.#buffer[this.#head & MASK] = c;
    this.#marks[this.#head & MASK] = 0;
    this.#head += 1;
  }

  #endLine(c: number): void {
    if (this.#head - this.#tail >= BUFFER) this.#head -= 1;
    this.#buffer[this.#head & MASK] = c;
    this.#marks[this.#head & MASK] = 1;
    this.#head += 1;
    this.#canonHead = this.#head;
  }

  #signalChar(signo: number, c: number): void {
    const { lflag, iflag } = this.#termios;
    this.#events.signal(signo);
    if ((lflag & NOFLSH) === 0) {
      // What was typed after the signal character is in the backlog and stays, as does what the other side's own buffer
      // has taken already (pty_flush_buffer drops the rest).
      this.output.truncate(Math.min(this.#outputBefore, BUFFER));
      this.#heldEcho.length = 0;
      this.#head = this.#tail = this.#canonHead = 0;
      this.#marks.fill(0);
      this.#isErasing = false;
      this.#events.flushed();
    }
    if ((iflag & IXON) !== 0) this.start();
    if ((lflag & ECHO) !== 0) this.#echo(c);
  }

  #erase(c: number): void {
    const { lflag, cc } = this.#termios;
    if (this.#head === this.#canonHead) return;
    const isEchoing = (lflag & ECHO) !== 0;
    const isWordErase = c !== cc[VERASE] && c !== cc[VKILL];
    const isKill = c !== cc[VERASE] && c === cc[VKILL];
    if (isKill) {
      if (!isEchoing) {
        this.#head = this.#canonHead;
        return;
      }
      if ((lflag & ECHOK) === 0 || (lflag & ECHOKE) === 0 || (lflag & ECHOE) === 0) {
        this.#head = this.#canonHead;
        this.#finishErasing();
        this.#echo(cc[VKILL]);
        if ((lflag & ECHOK) !== 0) this.#echoRaw(LF);
        return;
      }
    }
    let hasSeenWord = false;
    while (this.#head !== this.#canonHead) {
      let head = this.#head;
      let erased: number;
      do {
        head -= 1;
        erased = this.#buffer[head & MASK];
      } while (isContinuation(erased, this.#termios) && head !== this.#canonHead);
      if (isContinuation(erased, this.#termios)) break;
      if (isWordErase) {
        if (isWord(erased)) hasSeenWord = true;
        else if (hasSeenWord) break;
      }
      const count = this.#head - head;
      this.#head = head;
      if (isEchoing) this.#echoErased(erased, head, count, !isWordErase && !isKill);
      if (!isWordErase && !isKill) break;
    }
    if (this.#head === this.#canonHead && isEchoing) this.#finishErasing();
  }

  #echoErased(erased: number, head: number, count: number, isSingle: boolean): void {
    const { lflag, cc } = this.#termios;
    if ((lflag & ECHOPRT) !== 0) {
      if (!this.#isErasing) {
        this.#echoRaw(92);
        this.#isErasing = true;
      }
      this.#echo(erased);
      for (let i = 1; i < count; i++) this.#echoRaw(this.#buffer[(head + i) & MASK]);
      return;
    }
    if (isSingle && (lflag & ECHOE) === 0) {
      this.#echo(cc[VERASE]);
      return;
    }
    if (erased === HT) {
      this.#echoErasedTab();
      return;
    }
    const hasCaret = isControl(erased) && (lflag & ECHOCTL) !== 0;
    const times = hasCaret ? 2 : isControl(erased) ? 0 : 1;
    for (let i = 0; i < times; i++) {
      this.#echoRaw(BS);
      this.#echoRaw(SPACE);
      this.#echoRaw(BS);
    }
  }

  /** Moves back over a tab: how wide it was depends on what stands before it in the line. */
  #echoErasedTab(): void {
    let columns = 0;
    let isAfterTab = false;
    for (let i = this.#head - 1; i >= this.#canonHead; i--) {
      const c = this.#buffer[i & MASK];
      if (c === HT) {
        isAfterTab = true;
        break;
      }
      if (isControl(c)) columns += (this.#termios.lflag & ECHOCTL) !== 0 ? 2 : 0;
      else if (!isContinuation(c, this.#termios)) columns += 1;
    }
    if (!isAfterTab) columns += this.#out.canonColumn;
    for (let backs = 8 - (columns & 7); backs > 0; backs--) this.#echoRaw(BS);
  }

  #finishErasing(): void {
    if (!this.#isErasing) return;
    this.#echoRaw(47);
    this.#isErasing = false;
  }

  get #hasEchoRoom(): boolean {
    return this.#isStopped ? this.#heldEcho.length < BUFFER : this.#out.queue.room > 0;
  }

  /** Echoes a typed byte; control characters as ^X when ECHOCTL. */
  #echo(c: number): void {
    if ((this.#termios.lflag & ECHOCTL) !== 0 && isControl(c) && c !== HT) {
      this.#echoRaw(94);
      this.#echoRaw(c ^ 0x40);
    } else {
      this.#echoRaw(c);
    }
  }

  #echoRaw(c: number): void {
    if (!this.#isStopped) this.#out.put(c, this.#termios);
    else if (this.#heldEcho.length < BUFFER) this.#heldEcho.push(c);
  }
}

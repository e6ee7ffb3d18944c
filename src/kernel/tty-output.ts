/**
 * Output processing of a terminal (Linux: do_output_char in drivers/tty/n_tty.c): what OPOST makes of written bytes, and
 * the column the cursor is in, which erasing a tab needs.
 */
import type { ByteQueue } from './byte-queue.ts';
import { IUTF8, OCRNL, OLCUC, ONLCR, ONLRET, ONOCR, OPOST, TABDLY, type Termios, XTABS } from './termios.ts';

const BS = 8;
const HT = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;

export function isControl(c: number): boolean {
  return c < 32 || c === 127;
}

/** Whether it is a later byte of a UTF-8 character, which takes no column and is erased with the first. */
export function isContinuation(c: number, termios: Termios): boolean {
  return (termios.iflag & IUTF8) !== 0 && (c & 0xc0) === 0x80;
}

/** toupper of the kernel's Latin-1 character table. */
function toUpper(c: number): number {
  return (c >= 97 && c <= 122) || (c >= 0xe0 && c <= 0xfe && c !== 0xf7) ? c - 32 : c;
}

export class TtyOutput {
  column = 0;
  /** Where the line being typed began. */
  canonColumn = 0;
  readonly queue: ByteQueue;

  constructor(queue: ByteQueue) {
    this.queue = queue;
  }

  /** Puts one byte as OPOST says; false when there is no room for all it becomes. */
  put(byte: number, termios: Termios): boolean {
    if ((termios.oflag & OPOST) === 0) return this.queue.push(byte);
    let c = byte;
    const { oflag } = termios;
    switch (c) {
      case LF:
        if ((oflag & ONLRET) !== 0) this.column = 0;
        if ((oflag & ONLCR) !== 0) {
          if (this.queue.room < 2) return false;
          this.column = 0;
          this.canonColumn = 0;
          this.queue.push(CR);
          return this.queue.push(LF);
        }
        this.canonColumn = this.column;
        break;
      case CR:
        if ((oflag & ONOCR) !== 0 && this.column === 0) return true;
        if ((oflag & OCRNL) !== 0) {
          c = LF;
          if ((oflag & ONLRET) !== 0) this.column = this.canonColumn = 0;
          break;
        }
        this.column = this.canonColumn = 0;
        break;
      case HT: {
        const spaces = 8 - (this.column & 7);
        if ((oflag & TABDLY) === XTABS) {
          if (this.queue.room < spaces) return false;
          this.column += spaces;
          for (let i = 0; i < spaces; i++) this.queue.push(SPACE);
          return true;
        }
        if (this.queue.room === 0) return false;
        this.column += spaces;
        break;
      }
      case BS:
        if (this.queue.room === 0) return false;
        if (this.column > 0) this.column -= 1;
        break;
      default:
        if (this.queue.room === 0) return false;
        if (!isControl(c)) {
          if ((oflag & OLCUC) !== 0) c = toUpper(c);
          if (!isContinuation(c, termios)) this.column += 1;
        }
    }
    return this.queue.push(c);
  }
}

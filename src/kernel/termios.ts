/** Terminal settings (Linux: struct ktermios; termios(3)) and their layouts for the guest. */

export const IGNBRK = 0o1;
export const PARMRK = 0o10;
export const ISTRIP = 0o40;
export const INLCR = 0o100;
export const IGNCR = 0o200;
export const ICRNL = 0o400;
export const IUCLC = 0o1000;
export const IXON = 0o2000;
export const IXANY = 0o4000;
export const IUTF8 = 0o40000;

export const OPOST = 0o1;
export const OLCUC = 0o2;
export const ONLCR = 0o4;
export const OCRNL = 0o10;
export const ONOCR = 0o20;
export const ONLRET = 0o40;
export const TABDLY = 0o14000;
export const XTABS = 0o14000;

export const ISIG = 0o1;
export const ICANON = 0o2;
export const ECHO = 0o10;
export const ECHOE = 0o20;
export const ECHOK = 0o40;
export const ECHONL = 0o100;
export const NOFLSH = 0o200;
export const TOSTOP = 0o400;
export const ECHOCTL = 0o1000;
export const ECHOPRT = 0o2000;
export const ECHOKE = 0o4000;
export const IEXTEN = 0o100000;
export const EXTPROC = 0o200000;

export const VINTR = 0;
export const VQUIT = 1;
export const VERASE = 2;
export const VKILL = 3;
export const VEOF = 4;
export const VTIME = 5;
export const VMIN = 6;
export const VSTART = 8;
export const VSTOP = 9;
export const VSUSP = 10;
export const VEOL = 11;
export const VREPRINT = 12;
export const VWERASE = 14;
export const VLNEXT = 15;
export const VEOL2 = 16;

const NCCS = 19;
/** Sizes of struct termio, termios and termios2 (asm-generic/termbits.h). */
export const TERMIO_SIZE = 18;
export const TERMIOS_SIZE = 36;
export const TERMIOS2_SIZE = 44;

export class Termios {
  iflag = ICRNL | IXON;
  oflag = OPOST | ONLCR;
  /** B38400 | CS8 | CREAD. */
  cflag = 0o277;
  lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
  line = 0;
  /** INIT_C_CC: ^C ^\ DEL ^U ^D, TIME 0, MIN 1, ^Q ^S ^Z, ^R ^O ^W ^V. */
  readonly cc = Uint8Array.of(3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0);
  ispeed = 38400;
  ospeed = 38400;

  clone(): Termios {
    const copy = new Termios();
    copy.decode(this.encode(TERMIOS2_SIZE));
    return copy;
  }

  /** As struct termio, termios or termios2, by its size. */
  encode(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    if (size === TERMIO_SIZE) {
      view.setUint16(0, this.iflag & 0xffff, true);
      view.setUint16(2, this.oflag & 0xffff, true);
      view.setUint16(4, this.cflag & 0xffff, true);
      view.setUint16(6, this.lflag & 0xffff, true);
      bytes[8] = this.line;
      bytes.set(this.cc.subarray(0, 8), 9);
      return bytes;
    }
    view.setUint32(0, this.iflag, true);
    view.setUint32(4, this.oflag, true);
    view.setUint32(8, this.cflag, true);
    view.setUint32(12, this.lflag, true);
    bytes[16] = this.line;
    bytes.set(this.cc, 17);
    if (size === TERMIOS2_SIZE) {
      view.setUint32(36, this.ispeed, true);
      view.setUint32(40, this.ospeed, true);
    }
    return bytes;
  }

  /** Takes the settings from one of the three layouts; termio leaves the upper halves of the flags as they are. */
  decode(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length === TERMIO_SIZE) {
      this.iflag = ((this.iflag & 0xffff0000) | view.getUint16(0, true)) >>> 0;
      this.oflag = ((this.oflag & 0xffff0000) | view.getUint16(2, true)) >>> 0;
      this.cflag = ((this.cflag & 0xffff0000) | view.getUint16(4, true)) >>> 0;
      this.lflag = ((this.lflag & 0xffff0000) | view.getUint16(6, true)) >>> 0;
      this.line = bytes[8];
      this.cc.set(bytes.subarray(9, 17));
      return;
    }
    this.iflag = view.getUint32(0, true);
    this.oflag = view.getUint32(4, true);
    this.cflag = view.getUint32(8, true);
    this.lflag = view.getUint32(12, true);
    this.line = bytes[16];
    this.cc.set(bytes.subarray(17, 17 + NCCS));
    if (bytes.length === TERMIOS2_SIZE) {
      this.ispeed = view.getUint32(36, true);
      this.ospeed = view.getUint32(40, true);
    }
  }
}

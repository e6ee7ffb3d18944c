/**
 * Files whose text is made when they are read (Linux: seq_file, sysctl, kernfs attributes).
 *
 * A read at offset 0 makes the text anew, so a program that keeps the descriptor and rewinds (top, node) sees fresh
 * numbers; later offsets continue in the text as it was, so a reader with a small buffer never sees a mixture.
 */
import { EACCES, EINVAL, EIO, ESRCH } from '../../abi/errno.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { DT_REG, type Node, type Place, S_IFREG } from './pseudo-file-system.ts';
import { PseudoInode } from './pseudo-inode.ts';

const POLL_ALWAYS = 0x145;
const O_ACCMODE = 3;
/** One write is one value; longer ones are cut as proc_dostring cuts them. */
const MAX_WRITE = 4096;

/** The text as a binary string or as bytes, or -errno. */
export type Produce = () => string | Uint8Array | number;
/** Takes the text of one write: 0 or -errno. `creds` are the opener's. */
export type Accept = (text: string, creds: Credentials) => number;

export interface TextRules {
  readonly produce: Produce;
  readonly accept?: Accept;
  /** Called at open: 0, or why `creds` may not (-EACCES, -ESRCH). */
  readonly check?: (creds: Credentials) => number;
  readonly permissions: number;
  /** st_size, as sysfs shows 4096; 0 as in proc. */
  readonly size?: number;
}

class TextInode extends PseudoInode {
  readonly rules: TextRules;

  constructor(place: Place, rules: TextRules) {
    super(place, S_IFREG | rules.permissions);
    this.rules = rules;
  }

  override get size(): number {
    return this.rules.size ?? 0;
  }

  override open(path: Path, flags: number, creds: Credentials): File | number {
    const refused = this.rules.check?.(creds) ?? 0;
    if (refused < 0) return refused;
    // Root passes the mode check of the VFS, but there is nothing a write could do (proc_reg_write: EIO at write(2)).
    if ((flags & O_ACCMODE) !== 0 && this.rules.accept === undefined && (this.rules.permissions & 0o222) === 0) {
      return -EACCES;
    }
    return new TextFile(path, flags, this, creds);
  }
}

/** Bytes of text that all open files together keep; beyond it the oldest text is made anew when it is read on. */
const TEXT_BUDGET = 32 * 1024 * 1024;
const textHolders = new Map<TextFile, number>();
let textBytes = 0;

function holdText(file: TextFile, length: number): void {
  dropText(file);
  textHolders.set(file, length);
  textBytes += length;
  for (const [holder, held] of textHolders) {
    if (textBytes <= TEXT_BUDGET || holder === file) return;
    textHolders.delete(holder);
    textBytes -= held;
    holder.forgetText();
  }
}

function dropText(file: TextFile): void {
  textBytes -= textHolders.get(file) ?? 0;
  textHolders.delete(file);
}

class TextFile extends File {
  readonly #inode: TextInode;
  readonly #creds: Credentials;
  #text: Uint8Array | null = null;

  constructor(path: Path, flags: number, inode: TextInode, creds: Credentials) {
    super(path, flags);
    this.#inode = inode;
    this.#creds = creds;
  }

  override get inode(): Inode {
    return this.#inode;
  }

  override get isSeekable(): boolean {
    return true;
  }

  override poll(): number {
    return POLL_ALWAYS;
  }

  override read(dst: Uint8Array, at: number, length: number, offset: number): number {
    if (this.#inode.owner.isGone) return -ESRCH;
    if (offset === 0 || this.#text === null) {
      const made = this.#inode.rules.produce();
      if (typeof made === 'number') return made;
      this.#text = typeof made === 'string' ? Buffer.from(made, 'latin1') : made;
      holdText(this, this.#text.length);
    }
    const text = this.#text;
    if (offset >= text.length) return 0;
    const n = Math.min(length, text.length - offset);
    dst.set(text.subarray(offset, offset + n), at);
    return n;
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    const accept = this.#inode.rules.accept;
    if (accept === undefined) return -EIO;
    if (this.#inode.owner.isGone) return -ESRCH;
    const end = at + Math.min(length, MAX_WRITE);
    const result = accept(Buffer.from(src.subarray(at, end)).toString('latin1'), this.#creds);
    return result < 0 ? result : length;
  }

  override seek(offset: number, whence: number): number {
    const target = whence === 0 ? offset : whence === 1 ? this.position + offset : -1;
    return Number.isSafeInteger(target) && target >= 0 ? target : -EINVAL;
  }

  override truncate(_size: number): number {
    return 0;
  }

  override fsync(): number {
    return 0;
  }

  forgetText(): void {
    this.#text = null;
  }

  override release(): void {
    dropText(this);
    this.#text = null;
  }
}

export function textFile(rules: TextRules): Node {
  return { dtype: DT_REG, build: (place) => new TextInode(place, rules) };
}

/** A file that can only be read. */
export function text(produce: Produce, permissions = 0o444): Node {
  return textFile({ produce, permissions });
}

/** A file that can be read and written. */
export function control(produce: Produce, accept: Accept, permissions = 0o644): Node {
  return textFile({ produce, accept, permissions });
}

/** A decimal number as sysctl and oom_score_adj take it: surrounding blanks are ignored. Null when it is none. */
export function parseDecimal(value: string): number | null {
  const match = /^[ \t\n]*(-?[0-9]{1,16})[ \t\n\0]*$/.exec(value);
  return match === null ? null : Number(match[1]);
}

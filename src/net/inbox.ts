/** What a socket has received and nobody has read (Linux: sk_receive_queue): bytes with marks, or whole messages. */
import { EAGAIN, EMSGSIZE } from '../abi/errno.ts';
import { ByteRing } from '../kernel/byte-ring.ts';
import type { File } from '../vfs/file.ts';
import { type Ancillary, NO_ANCILLARY, type Received } from './socket.ts';
import { dropInFlight, land, takeOff } from './unix/in-flight.ts';

export interface Inbox {
  readonly isEmpty: boolean;
  /** Bytes a FIONREAD tells: all of a stream, those of the next message. */
  readonly available: number;
  readonly isWritable: boolean;
  /** Bytes taken, or -EAGAIN, -EMSGSIZE. */
  put(src: Uint8Array, at: number, length: number, ancillary: Ancillary, source: Uint8Array): number;
  /** Bytes given; only when not empty. */
  take(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number;
  /** Lets go of everything, carried files too. */
  clear(): void;
  /** The files that are in it. */
  carried(): IterableIterator<File>;
}

/** Gives out what came with a message: a peek leaves it there and gives references of its own. */
function give(ancillary: Ancillary, isPeek: boolean, out: Received): void {
  out.rights = isPeek ? ancillary.rights.map((file) => file.ref()) : ancillary.rights;
  if (!isPeek) land(ancillary);
  out.credentials = ancillary.credentials;
}

/** A byte of the stream at which a write with ancillary data began, and where it ended. */
interface Mark {
  start: number;
  readonly end: number;
  ancillary: Ancillary;
}

export class StreamInbox implements Inbox {
  readonly #ring: ByteRing;
  readonly #marks: Mark[] = [];
  /** Bytes ever taken out: marks are positions in the whole stream. */
  #position = 0;

  constructor(capacity: number) {
    this.#ring = new ByteRing(capacity);
  }

  get isEmpty(): boolean {
    return this.#ring.length === 0;
  }

  get available(): number {
    return this.#ring.length;
  }

  /** unix_writable: a quarter is in use at most. */
  get isWritable(): boolean {
    return this.#ring.length * 4 <= this.#ring.capacity;
  }

  put(src: Uint8Array, at: number, length: number, ancillary: Ancillary): number {
    const start = this.#position + this.#ring.length;
    const n = this.#ring.push(src, at, length);
    if (n === 0) return -EAGAIN;
    if (ancillary !== NO_ANCILLARY) {
      takeOff(ancillary);
      this.#marks.push({ start, end: start + n, ancillary });
    }
    return n;
  }

  /** A read never joins the bytes of a marked write with others, so that descriptors arrive with their bytes (unix(7)). */
  take(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    const mark = this.#marks[0];
    let limit = length;
    if (mark !== undefined) {
      const isInside = this.#position >= mark.start;
      limit = Math.min(length, (isInside ? mark.end : mark.start) - this.#position);
      if (isInside) give(mark.ancillary, isPeek, out);
    }
    const n = this.#ring.peek(dst, at, limit);
    out.fullLength = n;
    if (isPeek) return n;
    this.#ring.drop(n);
    this.#position += n;
    if (mark !== undefined && this.#position > mark.start) {
      // What was given is not given again with the rest of the bytes; who sent them stays known.
      mark.ancillary = { ...mark.ancillary, rights: [] };
      if (this.#position >= mark.end) this.#marks.shift();
    }
    return n;
  }

  clear(): void {
    this.#ring.clear();
    for (const mark of this.#marks.splice(0)) dropInFlight(mark.ancillary);
  }

  *carried(): IterableIterator<File> {
    for (const mark of this.#marks) yield* mark.ancillary.rights;
  }
}

interface Message {
  readonly bytes: Uint8Array;
  readonly ancillary: Ancillary;
  readonly source: Uint8Array;
}

/** What a message costs besides its bytes, so that empty ones cannot pile up. */
const MESSAGE_COST = 512;

export class MessageInbox implements Inbox {
  readonly #messages: Message[] = [];
  readonly #capacity: number;
  readonly #maxMessages: number;
  #cost = 0;

  constructor(capacity: number, maxMessages: number) {
    this.#capacity = capacity;
    this.#maxMessages = maxMessages;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  get available(): number {
    return this.#messages.length === 0 ? 0 : this.#messages[0].bytes.length;
  }

  get isWritable(): boolean {
    return this.#messages.length < this.#maxMessages && this.#cost * 4 <= this.#capacity;
  }

  put(src: Uint8Array, at: number, length: number, ancillary: Ancillary, source: Uint8Array): number {
    const cost = length + MESSAGE_COST;
    if (cost > this.#capacity) return -EMSGSIZE;
    if (this.#messages.length >= this.#maxMessages || this.#cost + cost > this.#capacity) return -EAGAIN;
    takeOff(ancillary);
    this.#messages.push({ bytes: src.slice(at, at + length), ancillary, source });
    this.#cost += cost;
    return length;
  }

  take(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    const message = this.#messages[0];
    const n = Math.min(length, message.bytes.length);
    dst.set(message.bytes.subarray(0, n), at);
    out.fullLength = message.bytes.length;
    out.source = message.source;
    give(message.ancillary, isPeek, out);
    if (isPeek) return n;
    this.#messages.shift();
    this.#cost -= message.bytes.length + MESSAGE_COST;
    return n;
  }

  clear(): void {
    for (const message of this.#messages.splice(0)) dropInFlight(message.ancillary);
    this.#cost = 0;
  }

  *carried(): IterableIterator<File> {
    for (const message of this.#messages) yield* message.ancillary.rights;
  }
}

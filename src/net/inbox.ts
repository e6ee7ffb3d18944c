/** What a socket has received and nobody has read (Linux: sk_receive_queue): bytes with marks, or whole messages. */
import { EAGAIN, EMSGSIZE } from '../abi/errno.ts';
import { ByteRing } from '../kernel/byte-ring.ts';
import type { File } from '../vfs/file.ts';
import { type Ancillary, NO_ANCILLARY, type PacketInfo, type PeerCredentials, type Received } from './socket.ts';
import { dropInFlight, land, takeOff } from './unix/in-flight.ts';

export interface Inbox {
  readonly isEmpty: boolean;
  /** Bytes a FIONREAD tells: all of a stream, those of the next message. */
  readonly available: number;
  readonly isWritable: boolean;
  /** Bytes taken, or -EAGAIN, -EMSGSIZE. */
  put(
    src: Uint8Array,
    at: number,
    length: number,
    ancillary: Ancillary,
    source: Uint8Array,
    packet?: PacketInfo | null,
  ): number;
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

function isSameSender(a: PeerCredentials | null, b: PeerCredentials | null): boolean {
  return a === b || (a !== null && b !== null && a.pid === b.pid && a.uid === b.uid && a.gid === b.gid);
}

/** A byte of the stream at which a write with ancillary data began, and where it ended. */
interface Mark {
  readonly start: number;
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

  /**
   * A read ends behind a write that carries descriptors, and before bytes of another sender whose credentials are told (Linux:
   * unix_stream_read_generic).
   */
  take(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    const end = Math.min(this.#position + length, this.#position + this.#ring.length);
    let to = this.#position;
    let sender: PeerCredentials | null = null;
    let carrier: Mark | null = null;
    for (let i = 0; to < end && carrier === null; ) {
      const mark = this.#marks[i];
      const isInside = mark !== undefined && to >= mark.start;
      const credentials = isInside ? mark.ancillary.credentials : null;
      if (to === this.#position) sender = credentials;
      else if (!isSameSender(sender, credentials)) break;
      to = Math.min(end, mark === undefined ? end : isInside ? mark.end : mark.start);
      if (!isInside) continue;
      if (mark.ancillary.rights.length > 0) carrier = mark;
      i += 1;
    }
    if (carrier !== null) give(carrier.ancillary, isPeek, out);
    out.credentials = sender;
    const n = this.#ring.peek(dst, at, to - this.#position);
    out.fullLength = n;
    if (isPeek) return n;
    this.#ring.drop(n);
    this.#position += n;
    // What was given is not given again with the rest of the bytes; who sent them stays known.
    if (carrier !== null) carrier.ancillary = { ...carrier.ancillary, rights: [] };
    while (this.#marks.length > 0 && this.#marks[0].end <= this.#position) this.#marks.shift();
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
  readonly packet: PacketInfo | null;
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

  put(
    src: Uint8Array,
    at: number,
    length: number,
    ancillary: Ancillary,
    source: Uint8Array,
    packet: PacketInfo | null = null,
  ): number {
    const cost = length + MESSAGE_COST;
    if (cost > this.#capacity) return -EMSGSIZE;
    if (this.#messages.length >= this.#maxMessages || this.#cost + cost > this.#capacity) return -EAGAIN;
    takeOff(ancillary);
    this.#messages.push({ bytes: src.slice(at, at + length), ancillary, source, packet });
    this.#cost += cost;
    return length;
  }

  take(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    const message = this.#messages[0];
    const n = Math.min(length, message.bytes.length);
    dst.set(message.bytes.subarray(0, n), at);
    out.fullLength = message.bytes.length;
    out.source = message.source;
    out.packet = message.packet;
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

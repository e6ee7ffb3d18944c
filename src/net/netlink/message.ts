/** Netlink messages and their attributes (netlink(7), rtnetlink(7); linux/netlink.h, linux/rtnetlink.h). */

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
/** Below are the kernel's own. */
export const NLMSG_MIN_TYPE = 16;
export const NLM_F_REQUEST = 1;
export const NLM_F_MULTI = 2;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
export const HEADER = 16;

export interface Request {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the header. */
  readonly payload: DataView;
  /** The whole message, for the error that quotes it. */
  readonly bytes: Uint8Array;
}

const align = (length: number): number => (length + 3) & ~3;

/** The messages in a datagram; a length that leads nowhere ends them. */
export function* parseRequests(bytes: Uint8Array): Generator<Request> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || length > bytes.length - at) break;
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: new DataView(bytes.buffer, bytes.byteOffset + at + HEADER, length - HEADER),
      bytes: bytes.slice(at, at + length),
    };
    at += align(length);
  }
}

/** The first attribute of a type among those that begin at `start`; null if there is none. */
export function findAttribute(payload: DataView, start: number, type: number): DataView | null {
  for (let at = start; at + 4 <= payload.byteLength; ) {
    const length = payload.getUint16(at, true);
    if (length < 4 || length > payload.byteLength - at) return null;
    if (payload.getUint16(at + 2, true) === type) {
      return new DataView(payload.buffer, payload.byteOffset + at + 4, length - 4);
    }
    at += align(length);
  }
  return null;
}

/** Builds one message: a fixed part, then attributes. */
export class Reply {
  readonly #parts: number[] = [];

  u8(...values: number[]): this {
    for (const value of values) this.#parts.push(value & 0xff);
    return this;
  }
  u16(value: number): this {
    return this.u8(value, value >> 8);
  }
  u32(value: number): this {
    return this.u8(value, value >> 8, value >> 16, value >>> 24);
  }
  bytes(values: Iterable<number>): this {
    for (const value of values) this.#parts.push(value & 0xff);
    return this;
  }
  attribute(type: number, value: Iterable<number>): this {
    const bytes = [...value];
    this.u16(4 + bytes.length)
      .u16(type)
      .bytes(bytes);
    while (this.#parts.length % 4 !== 0) this.#parts.push(0);
    return this;
  }
  /** An attribute made of attributes. */
  nested(type: number, inner: Reply): this {
    return this.attribute(type, inner.#parts);
  }
  text(type: number, value: string): this {
    return this.attribute(type, [...Buffer.from(`${value}\0`, 'latin1')]);
  }
  word(type: number, value: number): this {
    return this.attribute(type, [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24]);
  }

  /** @param port whom it is for */
  finish(type: number, flags: number, sequence: number, port: number): Uint8Array {
    const header = new Reply()
      .u32(HEADER + this.#parts.length)
      .u16(type)
      .u16(flags)
      .u32(sequence)
      .u32(port);
    return Uint8Array.from([...header.#parts, ...this.#parts]);
  }
}

/** Netlink messages and their attributes (netlink(7), rtnetlink(7); linux/netlink.h, linux/rtnetlink.h). */

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
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
export function parseRequests(bytes: Uint8Array): Request[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const requests: Request[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || length > bytes.length - at) break;
    requests.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: new DataView(bytes.buffer, bytes.byteOffset + at + HEADER, length - HEADER),
      bytes: bytes.slice(at, at + length),
    });
    at += align(length);
  }
  return requests;
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
    return this.u8(...values);
  }
  attribute(type: number, value: Iterable<number>): this {
    const bytes = [...value];
    this.u16(4 + bytes.length)
      .u16(type)
      .u8(...bytes);
    while (this.#parts.length % 4 !== 0) this.#parts.push(0);
    return this;
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

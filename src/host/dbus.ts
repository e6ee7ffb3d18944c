/**
 * As much of D-Bus as it takes to ask systemd for something: one call after the other on a connection of our own, each waiting for its
 * answer (D-Bus specification, "Message Protocol", "Authentication Protocol").
 */
import { HostError } from './host-error.ts';
import { native } from './native.ts';
import { connectTo } from './unix-stream.ts';

const READ = 0;
const WRITE = 1;
const CLOSE = 3;
const POLL = 7;
const POLLIN = 1;
const ETIMEDOUT = 110;
const METHOD_CALL = 1;
const METHOD_RETURN = 2;
const ERROR = 3;
const FIELD = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5, destination: 6, signature: 8 } as const;
const TIMEOUT_MS = 25_000;
/** The specification's own is 128 MiB; nothing we ask for is near this. */
const MAX_MESSAGE = 1 << 20;
const MAX_LINE = 1024;
const FIXED_HEADER = 16;
const LITTLE_ENDIAN = 'l'.charCodeAt(0);

export interface Variant {
  readonly signature: string;
  readonly value: DbusValue;
}

/** Structures and arrays are both lists: the signature tells. */
export type DbusValue = string | number | bigint | boolean | readonly DbusValue[] | Variant;

/** The answer of a call that failed. */
export class DbusError extends Error {
  readonly errorName: string;

  constructor(errorName: string, message: string) {
    super(message === '' ? errorName : message);
    this.errorName = errorName;
  }
}

/** The first complete type of a signature. */
function firstType(signature: string): string {
  if (signature.startsWith('a')) return `a${firstType(signature.slice(1))}`;
  if (!signature.startsWith('(')) return signature.slice(0, 1);
  let depth = 0;
  for (let i = 0; i < signature.length; i++) {
    if (signature[i] === '(') depth += 1;
    if (signature[i] === ')') depth -= 1;
    if (depth === 0) return signature.slice(0, i + 1);
  }
  throw new Error(`a D-Bus signature without an end: ${signature}`);
}

const ALIGNMENT: Readonly<Record<string, number>> = { y: 1, g: 1, v: 1, '(': 8, t: 8 };

function isVariant(value: DbusValue): value is Variant {
  return typeof value === 'object' && !Array.isArray(value);
}

class Writer {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }
  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0);
  }

  #word(value: number | bigint, size: number): void {
    this.align(size);
    let rest = BigInt(value);
    for (let i = 0; i < size; i++, rest >>= 8n) this.#bytes.push(Number(rest & 255n));
  }

  put(type: string, value: DbusValue): void {
    if (type.startsWith('a') && Array.isArray(value)) this.#array(type.slice(1), value);
    else if (type.startsWith('(') && Array.isArray(value)) {
      this.align(8);
      this.putAll(type.slice(1, -1), value);
    } else if (type === 'v' && isVariant(value)) {
      this.put('g', value.signature);
      this.put(value.signature, value.value);
    } else if (type === 't' && (typeof value === 'number' || typeof value === 'bigint')) this.#word(value, 8);
    else if (type === 'y') this.#word(Number(value), 1);
    else if (type === 'u' || type === 'b') this.#word(Number(value), 4);
    else if (typeof value === 'string') {
      const text = Buffer.from(value);
      this.#word(text.length, type === 'g' ? 1 : 4);
      this.#bytes.push(...text, 0);
    } else throw new Error(`no D-Bus value of type ${type}`);
  }

  putAll(signature: string, values: readonly DbusValue[]): void {
    let rest = signature;
    for (const value of values) {
      const type = firstType(rest);
      this.put(type, value);
      rest = rest.slice(type.length);
    }
  }

  #array(type: string, values: readonly DbusValue[]): void {
    this.#word(0, 4);
    const at = this.#bytes.length - 4;
    this.align(ALIGNMENT[type.slice(0, 1)] ?? 4);
    const start = this.#bytes.length;
    for (const value of values) this.put(type, value);
    const length = this.#bytes.length - start;
    for (let i = 0; i < 4; i++) this.#bytes[at + i] = (length >>> (8 * i)) & 255;
  }
}

interface Reply {
  readonly type: number;
  readonly replySerial: number;
  readonly errorName: string;
  readonly body: Buffer;
}

function parse(message: Buffer): Reply {
  const end = FIXED_HEADER + message.readUInt32LE(12);
  let replySerial = 0;
  let errorName = '';
  for (let at = FIXED_HEADER; at < end; ) {
    at = (at + 7) & ~7;
    if (at + 8 > end) break;
    const code = message.readUInt8(at);
    const type = String.fromCharCode(message.readUInt8(at + 2));
    at += 4;
    // Of the types that fields have, signatures alone are not aligned to words.
    if (type === 'g') {
      at += message.readUInt8(at) + 2;
      continue;
    }
    const word = message.readUInt32LE(at);
    if (code === FIELD.replySerial) replySerial = word;
    if (code === FIELD.errorName) errorName = message.toString('latin1', at + 4, at + 4 + word);
    at += type === 'u' ? 4 : word + 5;
  }
  return { type: message.readUInt8(1), replySerial, errorName, body: message.subarray((end + 7) & ~7) };
}

export class DbusConnection {
  readonly #fd: number;
  #serial = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Throws when nobody listens at `path`, or does not let us in. @param kind whether it is a bus or one peer */
  static open(path: string, kind: 'bus' | 'peer'): DbusConnection {
    const fd = connectTo(path);
    if (fd < 0) throw new HostError(`connecting to D-Bus at ${path}`, fd);
    const connection = new DbusConnection(fd);
    try {
      const uid = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
      connection.#write(Buffer.from(`\0AUTH EXTERNAL ${uid}\r\n`));
      const answer = connection.#line();
      if (!answer.startsWith('OK ')) throw new Error(`D-Bus at ${path} does not let us in: ${answer}`);
      connection.#write(Buffer.from('BEGIN\r\n'));
      if (kind === 'bus')
        connection.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'Hello');
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  close(): void {
    native.syscall(CLOSE, this.#fd);
  }

  /** Waits for the answer; throws a DbusError if it is one. */
  call(
    destination: string,
    path: string,
    interfaceName: string,
    member: string,
    signature = '',
    values: readonly DbusValue[] = [],
  ): void {
    const body = new Writer();
    body.putAll(signature, values);
    this.#serial += 1;
    const text = (code: number, type: string, value: string): DbusValue => [code, { signature: type, value }];
    const fields: DbusValue[] = [
      text(FIELD.path, 'o', path),
      text(FIELD.interface, 's', interfaceName),
      text(FIELD.member, 's', member),
      text(FIELD.destination, 's', destination),
      ...(signature === '' ? [] : [text(FIELD.signature, 'g', signature)]),
    ];
    const header = new Writer();
    header.putAll('yyyyuua(yv)', [LITTLE_ENDIAN, METHOD_CALL, 0, 1, body.length, this.#serial, fields]);
    header.align(8);
    this.#write(Buffer.concat([header.bytes, body.bytes]));
    for (;;) {
      const reply = this.#message();
      if (reply.replySerial !== this.#serial) continue;
      if (reply.type === METHOD_RETURN) return;
      if (reply.type !== ERROR) continue;
      const length = reply.body.length < 4 ? 0 : reply.body.readUInt32LE(0);
      throw new DbusError(reply.errorName, reply.body.toString('utf8', 4, 4 + length));
    }
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const written = native.syscall(WRITE, this.#fd, bytes.subarray(at), bytes.length - at);
      if (written <= 0) throw new HostError('writing to D-Bus', written);
      at += written;
    }
  }

  #read(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    const pollfd = new DataView(new ArrayBuffer(8));
    pollfd.setInt32(0, this.#fd, true);
    pollfd.setInt16(4, POLLIN, true);
    for (let at = 0; at < length; ) {
      if (native.syscall(POLL, pollfd, 1, TIMEOUT_MS) <= 0) throw new HostError('waiting for D-Bus', -ETIMEDOUT);
      const n = native.syscall(READ, this.#fd, bytes.subarray(at), length - at);
      if (n <= 0) throw new HostError('reading from D-Bus', n);
      at += n;
    }
    return bytes;
  }

  #line(): string {
    let line = '';
    while (!line.endsWith('\r\n') && line.length < MAX_LINE) line += this.#read(1).toString('latin1');
    return line.trim();
  }

  #message(): Reply {
    const fixed = this.#read(FIXED_HEADER);
    const length = ((fixed.readUInt32LE(12) + 7) & ~7) + fixed.readUInt32LE(4);
    if (fixed.readUInt8(0) !== LITTLE_ENDIAN || length > MAX_MESSAGE) throw new Error('D-Bus sent what makes no sense');
    return parse(Buffer.concat([fixed, this.#read(length)]));
  }
}

/** As much of the client of Kubernetes' CRI (runtime.v1.RuntimeService) as a test needs: gRPC over a unix socket, messages by field number. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';

/** A message: values by their field numbers in api.proto. */
export type Message = { readonly [field: number]: Value };
export type Value = string | number | boolean | Uint8Array | Message | readonly (string | Message)[];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

function encodeField(field: number, value: Value): Buffer {
  if (typeof value === 'number' || typeof value === 'boolean')
    return Buffer.from([...varint(field * 8), ...varint(Number(value))]);
  if (Array.isArray(value)) return Buffer.concat(value.map((each: string | Message) => encodeField(field, each)));
  const bytes = typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? value : encode(value);
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes]);
}

export function encode(message: Message | Value): Buffer {
  return Buffer.concat(
    Object.entries(message).map(([field, value]: [string, Value]) => encodeField(Number(field), value)),
  );
}

/** The fields of a message: numbers, and bytes for what has a length. */
export class Decoded {
  readonly #fields = new Map<number, (number | Buffer)[]>();

  constructor(bytes: Buffer) {
    let at = 0;
    const number = (): number => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes[at++] ?? 0;
        value |= BigInt(byte & 127) << shift;
        if (byte < 128) return Number(BigInt.asIntN(64, value));
      }
    };
    while (at < bytes.length) {
      const key = number();
      const isBytes = key % 8 === 2;
      const value = number();
      if (isBytes) at += value;
      const field = Math.floor(key / 8);
      this.#fields.set(field, [...(this.#fields.get(field) ?? []), isBytes ? bytes.subarray(at - value, at) : value]);
    }
  }

  text(field: number): string {
    return String(this.#fields.get(field)?.[0] ?? '');
  }
  number(field: number): number {
    return Number(this.#fields.get(field)?.[0] ?? 0);
  }
  message(field: number): Decoded {
    const value = this.#fields.get(field)?.[0];
    return new Decoded(Buffer.isBuffer(value) ? value : Buffer.alloc(0));
  }
}

export class CriClient {
  readonly #session: ClientHttp2Session;

  constructor(socket: string) {
    this.#session = connect('http://localhost', { createConnection: () => connectSocket(socket) });
  }

  close(): void {
    this.#session.close();
  }

  /** Throws the server's words when it refuses. */
  call(method: string, message: Message): Promise<Decoded> {
    const body = encode(message);
    const header = Buffer.alloc(5);
    header.writeUInt32BE(body.length, 1);
    return new Promise((resolve, reject) => {
      const request = this.#session.request({
        ':method': 'POST',
        ':path': `/runtime.v1.RuntimeService/${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const chunks: Buffer[] = [];
      let failure = '';
      const look = (headers: Record<string, unknown>): void => {
        const status = headers['grpc-status'];
        if (status !== undefined && status !== '0') failure = decodeURIComponent(String(headers['grpc-message']));
      };
      request.on('response', look);
      request.on('trailers', look);
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('error', reject);
      request.on('end', () => {
        if (failure !== '') reject(new Error(`${method}: ${failure}`));
        else resolve(new Decoded(Buffer.concat(chunks).subarray(5)));
      });
      request.end(Buffer.concat([header, body]));
    });
  }
}

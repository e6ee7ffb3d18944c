/** The verbs' end of a container's control socket (see sentry/control-server.ts). */
import { read } from 'node:fs';
import { closeFd } from '../host/pty.ts';
import { connectTo, send, shutDown } from '../host/unix-stream.ts';
import { Fields } from '../wire/json-fields.ts';
import { ContainerError } from './state-directory.ts';

const REPLY_TIMEOUT_MS = 10_000;

/** As performance.now(), whose module takes a millisecond to load. */
const nowMs = (): number => process.uptime() * 1000;

/** What `ok` holds of an answer. Throws a ContainerError with the sandbox's own words if it refuses. */
export function contentOf(reply: Fields): Fields {
  const error = reply.string('error');
  if (error !== undefined) throw new ContainerError(error);
  return reply.object('ok') ?? reply.refuse('ok', 'is missing');
}

/** Not by node:net, which takes 3 ms to load. */
export class ControlClient {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(65536);
  readonly #decoder = new TextDecoder();
  #input = '';
  readonly #lines: string[] = [];
  #isReading = false;
  #isClosed = false;
  #isEnded = false;
  #wake: () => void = () => {};

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** null when nobody listens there: the sandbox has ended, or is about to. */
  static connect(path: string): ControlClient | null {
    const fd = connectTo(path);
    return fd < 0 ? null : new ControlClient(fd);
  }

  /** Sends a request; descriptors only with the first one. */
  send(message: object, fds: readonly number[] = []): void {
    let bytes: Uint8Array = new TextEncoder().encode(`${JSON.stringify(message)}\n`);
    for (let toPass = fds; bytes.length > 0; toPass = []) {
      const sent = send(this.#fd, bytes, toPass);
      // Whoever reads the answer finds the connection closed.
      if (sent < 0) break;
      bytes = bytes.subarray(sent);
    }
    if (!this.#isReading && !this.#isEnded) this.#read();
  }

  /** Sends a request and gives what `ok` holds. Throws a ContainerError with the sandbox's own words if it refuses. */
  async request(message: object, fds: readonly number[] = [], timeoutMs = REPLY_TIMEOUT_MS): Promise<Fields> {
    this.send(message, fds);
    const reply = await this.next(timeoutMs);
    if (reply === null) throw new ContainerError('the sandbox ended before it answered');
    return contentOf(reply);
  }

  /** The next message, or null when the sandbox has closed the connection. Throws a ContainerError when none comes in time. */
  async next(timeoutMs = Infinity): Promise<Fields | null> {
    const deadline = nowMs() + timeoutMs;
    while (this.#lines.length === 0 && !this.#isEnded) {
      const left = deadline - nowMs();
      if (left <= 0) throw new ContainerError(`the sandbox does not answer within ${timeoutMs / 1000} s`);
      await this.#more(left);
    }
    const line = this.#lines.shift();
    return line === undefined ? null : new Fields(JSON.parse(line), '', 'reply');
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Who reads comes to the end, and closes.
    if (this.#isReading) shutDown(this.#fd);
    else closeFd(this.#fd);
  }

  #more(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === Infinity ? undefined : setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Waits for bytes in a thread of Node's. */
  #read(): void {
    this.#isReading = true;
    read(this.#fd, this.#buffer, 0, this.#buffer.length, null, (error, length) => {
      this.#isReading = false;
      // What went wrong with the connection shows in its end.
      this.#isEnded = error !== null || length === 0;
      const parts = (this.#input + this.#decoder.decode(this.#buffer.subarray(0, length), { stream: true })).split(
        '\n',
      );
      this.#input = parts.pop() ?? '';
      this.#lines.push(...parts);
      if (this.#isClosed) closeFd(this.#fd);
      else if (!this.#isEnded) this.#read();
      if (parts.length > 0 || this.#isEnded) this.#wake();
    });
  }
}

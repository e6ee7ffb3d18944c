/** The verbs' end of a container's control socket (see sentry/control-server.ts). */
import { Socket } from 'node:net';
import { connectTo, send } from '../host/unix-stream.ts';
import { Fields } from '../wire/json-fields.ts';
import { ContainerError } from './state-directory.ts';

const REPLY_TIMEOUT_MS = 10_000;

export class ControlClient {
  readonly #fd: number;
  #socket: Socket | null = null;
  #input = '';
  readonly #lines: string[] = [];
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
    if (this.#socket !== null) {
      this.#socket.write(bytes);
      return;
    }
    for (let toPass = fds; bytes.length > 0; toPass = []) {
      const sent = send(this.#fd, bytes, toPass);
      // Whoever reads the answer finds the connection closed.
      if (sent < 0) break;
      bytes = bytes.subarray(sent);
    }
    this.#listen();
  }

  /** Sends a request and gives what `ok` holds. Throws a ContainerError with the sandbox's own words if it refuses. */
  async request(message: object, fds: readonly number[] = [], timeoutMs = REPLY_TIMEOUT_MS): Promise<Fields> {
    this.send(message, fds);
    const reply = await this.next(timeoutMs);
    if (reply === null) throw new ContainerError('the sandbox ended before it answered');
    const error = reply.string('error');
    if (error !== undefined) throw new ContainerError(error);
    return reply.object('ok') ?? reply.refuse('ok', 'is missing');
  }

  /** The next message, or null when the sandbox has closed the connection. Throws a ContainerError when none comes in time. */
  async next(timeoutMs = Infinity): Promise<Fields | null> {
    const deadline = performance.now() + timeoutMs;
    while (this.#lines.length === 0 && !this.#isEnded) {
      const left = deadline - performance.now();
      if (left <= 0) throw new ContainerError(`the sandbox does not answer within ${timeoutMs / 1000} s`);
      await this.#more(left);
    }
    const line = this.#lines.shift();
    return line === undefined ? null : new Fields(JSON.parse(line), '', 'reply');
  }

  close(): void {
    this.#listen().destroy();
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

  #listen(): Socket {
    if (this.#socket !== null) return this.#socket;
    const socket = new Socket({ fd: this.#fd, readable: true, writable: true });
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const parts = (this.#input + text).split('\n');
      this.#input = parts.pop() ?? '';
      this.#lines.push(...parts);
      if (parts.length > 0) this.#wake();
    });
    const ended = (): void => {
      this.#isEnded = true;
      this.#wake();
    };
    socket.on('close', ended);
    // What went wrong with the connection shows in its end.
    socket.on('error', ended);
    return socket;
  }
}

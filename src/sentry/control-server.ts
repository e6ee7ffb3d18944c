/**
 * The sentry's end of the control socket: lines of JSON, descriptors beside them. Whoever reaches the socket owns the container's
 * state directory, so it is trusted with the container; bounds are here all the same, for a bug must not take the kernel down.
 */
import { EAGAIN } from '../abi/errno.ts';
import { native } from '../host/native.ts';
import { accept, receive, send } from '../host/unix-stream.ts';
import { ConfigError, Fields } from '../wire/json-fields.ts';
import { EPOLLIN, EPOLLOUT, type EventLoop } from './event-loop.ts';

const CLOSE = 3;
/** A line holds a process with its environment, which Linux bounds at about this much (MAX_ARG_STRLEN, ARG_MAX). */
const MAX_LINE = 8 << 20;
const MAX_CONNECTIONS = 1024;
const CHUNK = 1 << 16;

const chunk = new Uint8Array(CHUNK);

/** Gets each request; what it throws is the answer. */
export type RequestHandler = (request: Fields, connection: ControlConnection) => void;

export class ControlConnection {
  readonly #loop: EventLoop;
  readonly #fd: number;
  /** Changed by an `exec`, after which the connection is about that process. */
  onRequest: RequestHandler;
  readonly #onGone: () => void;
  #input: Uint8Array[] = [];
  #inputLength = 0;
  #output: Uint8Array[] = [];
  #fds: number[] = [];
  #isClosed = false;
  /** The peer has gone. */
  onClose: () => void = () => {};

  constructor(loop: EventLoop, fd: number, onRequest: RequestHandler, onGone: () => void) {
    this.#loop = loop;
    this.#fd = fd;
    this.onRequest = onRequest;
    this.#onGone = onGone;
    this.#watch();
  }

  /** The descriptors that have come and were not taken yet; they are the taker's to close. */
  takeFds(): number[] {
    const fds = this.#fds;
    this.#fds = [];
    return fds;
  }

  send(message: object): void {
    if (this.#isClosed) return;
    this.#output.push(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
    this.#flush();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#loop.remove(this.#fd);
    native.syscall(CLOSE, this.#fd);
    for (const fd of this.#fds) native.syscall(CLOSE, fd);
    this.#onGone();
    this.onClose();
  }

  #watch(): void {
    this.#loop.add(this.#fd, EPOLLIN | (this.#output.length > 0 ? EPOLLOUT : 0), (events) => {
      if ((events & EPOLLOUT) !== 0) this.#flush();
      if ((events & ~EPOLLOUT) !== 0) this.#read();
    });
  }

  #flush(): void {
    const hadToWait = this.#output.length > 1;
    while (this.#output.length > 0) {
      const first = this.#output[0];
      const sent = send(this.#fd, first);
      if (sent === -EAGAIN) break;
      if (sent < 0) {
        this.#output = [];
        break;
      }
      if (sent < first.length) this.#output[0] = first.subarray(sent);
      else this.#output.shift();
    }
    if (!this.#isClosed && (hadToWait || this.#output.length > 0)) this.#watch();
  }

  #read(): void {
    const length = receive(this.#fd, chunk, this.#fds);
    if (length === -EAGAIN) return;
    if (length <= 0 || this.#inputLength + length > MAX_LINE) {
      this.close();
      return;
    }
    let rest = chunk.slice(0, length);
    for (let end = rest.indexOf(10); end >= 0 && !this.#isClosed; end = rest.indexOf(10)) {
      const line = Buffer.concat([...this.#input, rest.subarray(0, end)]).toString('utf8');
      this.#input = [];
      this.#inputLength = 0;
      rest = rest.subarray(end + 1);
      this.#handle(line);
    }
    if (rest.length === 0) return;
    this.#input.push(rest);
    this.#inputLength += rest.length;
  }

  #handle(line: string): void {
    try {
      this.onRequest(new Fields(JSON.parse(line), '', 'request'), this);
    } catch (error) {
      // A SyntaxError or ConfigError is the client's mistake, anything else ours; both are told and hurt nobody else.
      const isMistake = error instanceof SyntaxError || error instanceof ConfigError;
      const message = error instanceof Error ? error.message : String(error);
      this.send({ error: isMistake ? message : `the sandbox failed: ${message}` });
    }
  }
}

export class ControlServer {
  readonly #loop: EventLoop;
  readonly #listener: number;
  readonly #connections = new Set<ControlConnection>();

  /** @param listener a socket that listens and does not block; ours to close from now on */
  constructor(loop: EventLoop, listener: number, onRequest: RequestHandler) {
    this.#loop = loop;
    this.#listener = listener;
    loop.add(listener, EPOLLIN, () => {
      const fd = accept(listener);
      if (fd < 0) return;
      if (this.#connections.size >= MAX_CONNECTIONS) {
        native.syscall(CLOSE, fd);
        return;
      }
      const connection: ControlConnection = new ControlConnection(loop, fd, onRequest, () => {
        this.#connections.delete(connection);
      });
      this.#connections.add(connection);
    });
  }

  close(): void {
    this.#loop.remove(this.#listener);
    native.syscall(CLOSE, this.#listener);
    for (const connection of [...this.#connections]) connection.close();
  }
}

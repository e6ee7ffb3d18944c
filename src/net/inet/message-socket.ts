/** What sockets of whole messages have in common, UDP's and raw ones: an inbox, no connections to accept, shutdown(2) of either way. */
import { EAGAIN, EINVAL, ENOTCONN, EOPNOTSUPP } from '../../abi/errno.ts';
import { POLLERR, POLLHUP, POLLRDHUP, READABLE, WRITABLE } from '../../abi/poll.ts';
import { RCV_SHUTDOWN, SEND_SHUTDOWN, SHUT_RD, SHUT_RDWR, SHUT_WR, SHUTDOWN_MASK } from '../../abi/socket.ts';
import { MessageInbox } from '../inbox.ts';
import { DEFAULT_BUFFER, NO_ANCILLARY, Received } from '../socket.ts';
import { InetSocket } from './inet-socket.ts';

const MAX_QUEUED = 1 << 16;
const ALL_EVENTS = READABLE | WRITABLE | POLLHUP | POLLRDHUP | POLLERR;

const ignored = new Received();

export abstract class MessageSocket extends InetSocket {
  protected readonly inbox = new MessageInbox(DEFAULT_BUFFER, MAX_QUEUED);
  #shutdown = 0;

  get shutdownMask(): number {
    return this.#shutdown;
  }

  override receive(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    out.reset();
    if (!this.inbox.isEmpty) return this.inbox.take(dst, at, length, isPeek, out);
    const error = this.takeError();
    if (error < 0) return error;
    return (this.#shutdown & RCV_SHUTDOWN) !== 0 ? 0 : -EAGAIN;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    return this.receive(dst, at, length, false, ignored);
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    return this.send(src, at, length, NO_ANCILLARY, null);
  }

  override accept(): number {
    return -EOPNOTSUPP;
  }

  override availableBytes(): number {
    return this.inbox.available;
  }

  override poll(): number {
    let events = WRITABLE;
    if (this.pendingError !== 0) events |= POLLERR;
    if (this.#shutdown === SHUTDOWN_MASK) events |= POLLHUP;
    if ((this.#shutdown & RCV_SHUTDOWN) !== 0) events |= READABLE | POLLRDHUP;
    return this.inbox.isEmpty ? events : events | READABLE;
  }

  /** Takes effect without a peer, too, and says so all the same (Linux: inet_shutdown). */
  override shutdown(how: number): number {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return -EINVAL;
    this.#shutdown |= how === SHUT_RDWR ? SHUTDOWN_MASK : how === SHUT_RD ? RCV_SHUTDOWN : SEND_SHUTDOWN;
    this.queue.wake(ALL_EVENTS);
    return this.remote === null ? -ENOTCONN : 0;
  }
}

/**
 * A wait queue over a host descriptor: the host is asked to tell of readiness only while somebody waits, so that an idle
 * terminal costs nothing.
 *
 * The host's loop is level-triggered. An event that was told is masked until the file is used or asked again, else a
 * terminal that is always writable would call back without end while an epoll of the guest stays on the queue.
 */
import type { HostStream } from '../../host/host-stream.ts';
import { type Waiter, WaitQueue } from '../../kernel/wait-queue.ts';

const POLLIN = 0x1;
const POLLPRI = 0x2;
const POLLOUT = 0x4;
const POLLERR = 0x8;
const POLLHUP = 0x10;
const POLLRDNORM = 0x40;
const POLLWRNORM = 0x100;
const POLLRDHUP = 0x2000;
const WATCHABLE = POLLIN | POLLPRI | POLLOUT | POLLRDHUP;

export class ReadinessQueue extends WaitQueue {
  readonly #stream: HostStream;
  readonly #wanted = new Map<Waiter, number>();
  readonly #onReady = (events: number): void => this.#ready(events);
  #told = 0;
  #watched = 0;

  constructor(stream: HostStream) {
    super();
    this.#stream = stream;
  }

  override add(waiter: Waiter, mask: number): void {
    super.add(waiter, mask);
    this.#wanted.set(waiter, mask);
    this.rearm();
  }

  override addExclusive(waiter: Waiter, mask: number): void {
    super.addExclusive(waiter, mask);
    this.#wanted.set(waiter, mask);
    this.rearm();
  }

  override remove(waiter: Waiter): void {
    super.remove(waiter);
    this.#wanted.delete(waiter);
    this.#update();
  }

  /** The file was read, written or polled: events told before may be told again. */
  rearm(): void {
    if (this.#wanted.size === 0) return;
    this.#told = 0;
    this.#update();
  }

  #update(): void {
    let events = 0;
    for (const mask of this.#wanted.values()) events |= mask;
    if (events & POLLRDNORM) events |= POLLIN;
    if (events & POLLWRNORM) events |= POLLOUT;
    // A waiter for errors alone (poll(2) with events = 0) still needs the registration: RDHUP is harmless.
    if (this.#wanted.size > 0) events |= POLLRDHUP;
    events &= WATCHABLE & ~this.#told;
    if (events === this.#watched) return;
    if (this.#watched !== 0) this.#stream.unwatch();
    this.#watched = events;
    if (events !== 0) this.#stream.watch(events, this.#onReady);
  }

  #ready(events: number): void {
    let told = events;
    if (told & (POLLERR | POLLHUP)) {
      // Neither reads nor writes block any more, and these two bits cannot be masked at the host.
      told |= WATCHABLE;
      this.#told = WATCHABLE;
    }
    this.#told |= told;
    this.#update();
    this.wake(told | (told & POLLIN ? POLLRDNORM : 0) | (told & POLLOUT ? POLLWRNORM : 0));
  }
}

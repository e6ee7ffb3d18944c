/** One file that an epoll watches (Linux: struct epitem), and the list of those that may be ready. */
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP, POLLERR, POLLHUP } from '../../abi/poll.ts';
import type { Waiter } from '../../kernel/wait-queue.ts';
import type { File } from '../../vfs/file.ts';

/** The flags among an item's events, which are no readiness (Linux: EP_PRIVATE_BITS). */
export const PRIVATE_BITS = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;

/** What is told when an item may have become ready. */
export interface ReadyListener {
  itemReady(item: EpollItem): void;
}

export class EpollItem implements Waiter {
  readonly file: File;
  readonly fd: number;
  /** EPOLL* bits asked for, as a signed word; no readiness bits after a one-shot has fired. */
  events = 0;
  /** epoll_data_t as two words: it may be any 64-bit pointer. */
  dataLo = 0;
  dataHi = 0;
  /** Its place in the ready list. */
  isListed = false;
  next: EpollItem | null = null;
  previous: EpollItem | null = null;
  readonly #listener: ReadyListener;

  constructor(file: File, fd: number, listener: ReadyListener) {
    this.file = file;
    this.fd = fd;
    this.#listener = listener;
  }

  get isDisabled(): boolean {
    return (this.events & ~PRIVATE_BITS) === 0;
  }

  setEvents(events: number, dataLo: number, dataHi: number): void {
    this.events = events | POLLERR | POLLHUP;
    this.dataLo = dataLo;
    this.dataHi = dataHi;
  }

  /** What of it holds now. */
  poll(): number {
    return this.isDisabled ? 0 : this.file.poll() & this.events & ~PRIVATE_BITS;
  }

  watch(): void {
    const mask = this.events & ~PRIVATE_BITS;
    if ((this.events & EPOLLEXCLUSIVE) !== 0) this.file.queue.addExclusive(this, mask);
    else this.file.queue.add(this, mask);
  }

  unwatch(): void {
    this.file.queue.remove(this);
  }

  notify(_events: number): void {
    if (!this.isDisabled) this.#listener.itemReady(this);
  }
}

/** Intrusive, so that taking an item out is O(1) and allocates nothing. */
export class ReadyList {
  first: EpollItem | null = null;
  last: EpollItem | null = null;
  length = 0;

  append(item: EpollItem): void {
    if (item.isListed) return;
    item.isListed = true;
    item.previous = this.last;
    item.next = null;
    if (this.last === null) this.first = item;
    else this.last.next = item;
    this.last = item;
    this.length += 1;
  }

  remove(item: EpollItem): void {
    if (!item.isListed) return;
    item.isListed = false;
    if (item.previous === null) this.first = item.next;
    else item.previous.next = item.next;
    if (item.next === null) this.last = item.previous;
    else item.next.previous = item.previous;
    item.next = null;
    item.previous = null;
    this.length -= 1;
  }
}

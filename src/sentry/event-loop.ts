/**
 * Host descriptors the sentry waits for: one epoll instance with Node's own loop inside it. Timers are the kernel's
 * (kernel/timers.ts): those of Node itself are only looked at when one of its descriptors is ready, so nothing in here uses them.
 *
 * Level-triggered: what is not consumed is told again, so a caller registers only while somebody waits.
 */
import { must } from '../host/host-error.ts';
import { native } from '../host/native.ts';
import { beginTurn } from '../kernel/current.ts';

const EPOLL_CREATE1 = 291;
const EPOLL_CTL = 233;
const EPOLL_PWAIT2 = 441;
const EPOLL_CLOEXEC = 0x80000;
const CTL_ADD = 1;
const CTL_DEL = 2;
const CTL_MOD = 3;
const MAX_EVENTS = 64;
const EVENT_SIZE = 12;
export const EPOLLIN = 1;
export const EPOLLOUT = 4;

export type OnReady = (events: number) => void;

export class EventLoop {
  readonly #epoll: number;
  readonly #callbacks = new Map<number, OnReady>();
  readonly #event = new DataView(new ArrayBuffer(EVENT_SIZE));
  readonly #events = new DataView(new ArrayBuffer(MAX_EVENTS * EVENT_SIZE));
  readonly #timeout = new DataView(new ArrayBuffer(16));
  /** A descriptor of Node's own loop is ready: it must be given a turn. */
  isNodeReady = false;
  constructor() {
    this.#epoll = must('epoll_create1', native.syscall(EPOLL_CREATE1, EPOLL_CLOEXEC));
    this.add(native.uvBackendFd(), EPOLLIN, () => {
      this.isNodeReady = true;
    });
  }

  /**
   * Gives Node's loop a turn, to be called when `isNodeReady`. All promises that are resolved by then have been seen to.
   */
  turn(): Promise<void> {
    this.isNodeReady = false;
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** Calls `onReady` while the descriptor has one of `events` (EPOLL*), or has hung up. */
  add(fd: number, events: number, onReady: OnReady): void {
    this.#event.setUint32(0, events, true);
    this.#event.setInt32(4, fd, true);
    const operation = this.#callbacks.has(fd) ? CTL_MOD : CTL_ADD;
    must(`epoll_ctl of descriptor ${fd}`, native.syscall(EPOLL_CTL, this.#epoll, operation, fd, this.#event));
    this.#callbacks.set(fd, onReady);
  }

  remove(fd: number): void {
    if (!this.#callbacks.delete(fd)) return;
    native.syscall(EPOLL_CTL, this.#epoll, CTL_DEL, fd, this.#event);
  }

  /** Waits at most `timeoutNs` (0 polls, Infinity waits for ever) and calls back what is ready: how much that is, or -errno. */
  wait(timeoutNs: number): number {
    const isForever = timeoutNs === Infinity;
    if (!isForever) {
      const sec = Math.floor(timeoutNs / 1e9);
      this.#timeout.setUint32(0, sec >>> 0, true);
      this.#timeout.setUint32(4, Math.floor(sec / 2 ** 32), true);
      this.#timeout.setUint32(8, Math.floor(timeoutNs % 1e9), true);
    }
    const timeout = isForever ? 0 : this.#timeout;
    const count = native.syscall(EPOLL_PWAIT2, this.#epoll, this.#events, MAX_EVENTS, timeout, 0, 8);
    if (count > 0) beginTurn();
    for (let i = 0; i < count; i++) {
      const fd = this.#events.getInt32(i * EVENT_SIZE + 4, true);
      // An earlier callback of this round may have removed it.
      this.#callbacks.get(fd)?.(this.#events.getUint32(i * EVENT_SIZE, true));
    }
    return count;
  }
}

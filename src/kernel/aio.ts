/**
 * Contexts of asynchronous I/O (Linux: struct kioctx in fs/aio.c; io_setup(2)): requests under way, and events of those that are done.
 *
 * Reads and writes are done when they are submitted, as Linux does them for files with a page cache; polls wait here.
 * Invariant: requests under way and events together are at most `slots`, so nothing grows without bound.
 */
import { POLLERR, POLLHUP, READABLE } from '../abi/poll.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { File } from '../vfs/file.ts';
import type { Kernel } from './kernel.ts';
import { type Waiter, WaitQueue } from './wait-queue.ts';

/** /proc/sys/fs/aio-max-nr: what all contexts together may have been made for. */
export const AIO_MAX_NR = 65536;

/** What io_getevents(2) gives: `data` and the place of the iocb as the guest gave them. */
export interface AioEvent {
  readonly dataLo: number;
  readonly dataHi: number;
  readonly iocb: number;
  readonly result: number;
}

/** The parts of a request that outlive its submission. */
export interface AioRequest {
  readonly dataLo: number;
  readonly dataHi: number;
  readonly iocb: number;
  /** Tells an eventfd that it is done; null if none was asked for. */
  readonly signal: (() => void) | null;
}

/** IOCB_CMD_POLL: waits once for any of `events`. */
class PollRequest implements Waiter {
  readonly request: AioRequest;
  readonly file: File;
  readonly #context: AioContext;
  readonly #events: number;

  constructor(context: AioContext, request: AioRequest, file: File, events: number) {
    this.#context = context;
    this.request = request;
    this.file = file.ref();
    this.#events = events;
    file.queue.add(this, events | POLLERR | POLLHUP);
  }

  notify(events: number): void {
    this.finish(events & (this.#events | POLLERR | POLLHUP));
  }

  finish(result: number): void {
    this.file.queue.remove(this);
    this.#context.finishPoll(this, result);
  }
}

export class AioContext {
  /** Where its ring is in the guest's memory: what io_setup gives. The ring is never filled: libaio then asks the kernel. */
  readonly address: number;
  readonly length: number;
  /** What it was made for, which counts against `AIO_MAX_NR`. */
  readonly wanted: number;
  readonly slots: number;
  readonly events: AioEvent[] = [];
  /** Woken (READABLE) when an event comes and when it is destroyed. */
  readonly queue = new WaitQueue();
  isDestroyed = false;
  readonly #polls = new Set<PollRequest>();
  /** Files of polls that are done. Whoever tells us of readiness may be in the middle of the file's work, so they are let go of later. */
  readonly #finished: File[] = [];
  /** Reads and writes that wait in io_submit. */
  #waiting = 0;

  constructor(address: number, length: number, wanted: number, slots: number) {
    this.address = address;
    this.length = length;
    this.wanted = wanted;
    this.slots = slots;
  }

  get isFull(): boolean {
    return this.events.length + this.#polls.size + this.#waiting >= this.slots;
  }

  beginWait(): void {
    this.#waiting += 1;
  }

  endWait(): void {
    this.#waiting -= 1;
  }

  complete(request: AioRequest, result: number): void {
    const { dataLo, dataHi, iocb } = request;
    this.events.push({ dataLo, dataHi, iocb, result });
    request.signal?.();
    this.queue.wake(READABLE);
  }

  poll(request: AioRequest, file: File, events: number): void {
    const ready = file.poll() & (events | POLLERR | POLLHUP);
    if (ready !== 0) this.complete(request, ready);
    else this.#polls.add(new PollRequest(this, request, file, events));
  }

  finishPoll(poll: PollRequest, result: number): void {
    this.#polls.delete(poll);
    this.#finished.push(poll.file);
    this.complete(poll.request, result);
  }

  /** io_cancel(2): whether there was such a request; its event comes with the result 0. */
  cancel(iocb: number): boolean {
    for (const poll of this.#polls) {
      if (poll.request.iocb !== iocb) continue;
      poll.finish(0);
      return true;
    }
    return false;
  }

  /** Takes out the oldest events and lets go of the files of what is done. */
  take(count: number): void {
    this.events.splice(0, count);
    for (const file of this.#finished.splice(0)) file.unref();
  }

  destroy(): void {
    this.isDestroyed = true;
    for (const poll of [...this.#polls]) poll.finish(0);
    this.take(this.events.length);
    this.queue.wake(READABLE);
  }
}

/** The contexts of each address space, which end with it, and what those of all are made for. */
const contexts = new WeakMap<AddressSpace, Map<number, AioContext>>();
const wantedOf = new WeakMap<Kernel, number>();

export function findAioContext(mm: AddressSpace, address: number): AioContext | undefined {
  return contexts.get(mm)?.get(address);
}

export function aioWanted(kernel: Kernel): number {
  return wantedOf.get(kernel) ?? 0;
}

export function addAioContext(kernel: Kernel, mm: AddressSpace, context: AioContext): void {
  let mine = contexts.get(mm);
  if (mine === undefined) {
    mine = new Map();
    contexts.set(mm, mine);
    mm.onRelease.push(() => {
      for (const one of contexts.get(mm)?.values() ?? []) removeAioContext(kernel, mm, one);
    });
  }
  mine.set(context.address, context);
  wantedOf.set(kernel, aioWanted(kernel) + context.wanted);
}

export function removeAioContext(kernel: Kernel, mm: AddressSpace, context: AioContext): void {
  if (contexts.get(mm)?.delete(context.address) !== true) return;
  wantedOf.set(kernel, aioWanted(kernel) - context.wanted);
  context.destroy();
}

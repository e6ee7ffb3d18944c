/**
 * The sentry's view of all mailboxes: one reserved range, of which chunks are mapped over by the stubs' shared memory.
 *
 * One ArrayBuffer over everything keeps the polling loop monomorphic and its indexes small integers.
 */
import { must } from '../host/host-error.ts';
import { native } from '../host/native.ts';
import { MAILBOX_STRIDE, THREAD_LIMIT } from './layout.ts';
import { mapShared, sharedMemory } from './zygote.ts';

/** Addresses only: what is not mapped over takes no memory. Halved until the host's rules of overcommitting allow it. */
const MAX_WINDOW_SIZE = 2 ** 32;
const MIN_WINDOW_SIZE = 2 ** 26;
const PAGE = 4096;
/** Mailboxes mapped at a time: most processes have one thread, few have many. */
export const CHUNK_SLOTS = 16;
const CHUNK_SIZE = CHUNK_SLOTS * MAILBOX_STRIDE;
const MMAP = 9;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS_NORESERVE_FIXED = 0x4032;

/** Shared, for V8 takes four gigabytes of any other buffer for memory in use, and collects garbage at once. */
function reserveWindow(): SharedArrayBuffer {
  for (let size = MAX_WINDOW_SIZE; ; size /= 2) {
    try {
      return new SharedArrayBuffer(size);
    } catch (error) {
      if (!(error instanceof RangeError) || size === MIN_WINDOW_SIZE) throw error;
    }
  }
}

export class MailboxWindow {
  readonly buffer: SharedArrayBuffer;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  /** The same bytes, for their text decoder. */
  readonly text: Buffer;
  readonly address: number;
  readonly #free: number[] = [];
  /** Where unused address space begins: on a page of the host, which an index need not be. */
  #used: number;

  constructor() {
    this.buffer = reserveWindow();
    this.i32 = new Int32Array(this.buffer);
    this.u8 = new Uint8Array(this.buffer);
    this.text = Buffer.from(this.buffer);
    const address = native.addressOf(this.u8);
    this.#used = -address & (PAGE - 1);
    this.address = address;
  }

  /** Shared memory for the mailboxes of one process. */
  createMemory(): number {
    return sharedMemory('tsvisor-mailboxes', MAILBOX_STRIDE * THREAD_LIMIT);
  }

  /** Maps chunk `chunk` of a process' memory: its byte offset in the window, or -1 when the window is full. */
  map(memoryFd: number, chunk: number): number {
    let at = this.#free.pop();
    if (at === undefined) {
      if (this.#used + CHUNK_SIZE > this.buffer.byteLength) return -1;
      at = this.#used;
      this.#used += CHUNK_SIZE;
    }
    mapShared(memoryFd, this.address + at, CHUNK_SIZE, chunk * CHUNK_SIZE);
    return at;
  }

  /** Gives a chunk back; its place becomes private memory that nobody shares. */
  unmap(at: number): void {
    const flags = MAP_PRIVATE_ANONYMOUS_NORESERVE_FIXED;
    must('unmapping mailboxes', native.syscall(MMAP, this.address + at, CHUNK_SIZE, PROT_READ_WRITE, flags, -1, 0));
    this.#free.push(at);
  }
}

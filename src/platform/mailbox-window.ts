/**
 * The sentry's view of all mailboxes: one reserved range, of which chunks are mapped over by the stubs' shared memory.
 *
 * One ArrayBuffer over everything keeps the polling loop monomorphic and its indexes small integers.
 */
import { must } from '../host/host-error.ts';
import { native } from '../host/native.ts';
import { MAILBOX_STRIDE, THREAD_LIMIT } from './layout.ts';
import { mapShared, sharedMemory } from './zygote.ts';

const WINDOW_SIZE = 2 ** 32;
/** Mailboxes mapped at a time: most processes have one thread, few have many. */
export const CHUNK_SLOTS = 16;
const CHUNK_SIZE = CHUNK_SLOTS * MAILBOX_STRIDE;
const MMAP = 9;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS_NORESERVE_FIXED = 0x4032;

export class MailboxWindow {
  readonly buffer: ArrayBuffer;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  /** The same bytes, for their text decoder. */
  readonly text: Buffer;
  readonly address: number;
  readonly #free: number[] = [];
  #used = 0;

  constructor() {
    this.buffer = native.reserve(WINDOW_SIZE);
    this.i32 = new Int32Array(this.buffer);
    this.u8 = new Uint8Array(this.buffer);
    this.text = Buffer.from(this.buffer);
    this.address = native.addressOf(this.buffer);
  }

  /** Shared memory for the mailboxes of one process. */
  createMemory(): number {
    return sharedMemory('tsvisor-mailboxes', MAILBOX_STRIDE * THREAD_LIMIT);
  }

  /** Maps chunk `chunk` of a process' memory: its byte offset in the window, or -1 when the window is full. */
  map(memoryFd: number, chunk: number): number {
    let at = this.#free.pop();
    if (at === undefined) {
      if (this.#used + CHUNK_SIZE > WINDOW_SIZE) return -1;
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

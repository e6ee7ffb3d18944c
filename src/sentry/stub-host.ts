/**
 * An address space's host: mapping operations become commands in the answer to the guest thread whose call is being handled.
 *
 * Commands of one process take effect in the order they were queued: while an answer with commands is on its way, `busy` says
 * so and the sentry handles no other call of the process.
 */
import { ENOMEM } from '../abi/errno.ts';
import { sendFds } from '../host/sockets.ts';
import type { AddressSpaceHost } from '../mm/address-space-host.ts';
import { ACTION_RESUME, COMMAND_LIMIT, OP_CLOSE_FDS, OP_RECEIVE_FDS, RECEIVED_FD_BASE } from '../platform/layout.ts';
import type { StubProcess, StubThread } from '../platform/stub-process.ts';

const MMAP = 9;
const MPROTECT = 10;
const MUNMAP = 11;
const MREMAP = 25;
const MADVISE = 28;

interface Operation {
  readonly nr: number;
  readonly args: readonly number[];
  readonly hostFd: number;
}

/** How `flush` waits for a thread to have carried out its commands. */
export type AwaitDone = (thread: StubThread) => Promise<void>;

export class StubHost implements AddressSpaceHost {
  readonly process: StubProcess;
  /** The thread whose call is being handled; it carries out what is queued. */
  current: StubThread | null = null;
  readonly #awaitDone: AwaitDone;
  readonly #queue: Operation[] = [];

  constructor(process: StubProcess, awaitDone: AwaitDone) {
    this.process = process;
    this.#awaitDone = awaitDone;
  }

  get hasQueued(): boolean {
    return this.#queue.length > 0;
  }

  mmap(addr: number, length: number, prot: number, flags: number, hostFd: number, offset: number): void {
    this.#queue.push({ nr: MMAP, args: [addr, length, prot, flags, hostFd, offset], hostFd });
  }
  munmap(addr: number, length: number): void {
    this.#queue.push({ nr: MUNMAP, args: [addr, length], hostFd: -1 });
  }
  mprotect(addr: number, length: number, prot: number): void {
    this.#queue.push({ nr: MPROTECT, args: [addr, length, prot], hostFd: -1 });
  }
  mremap(oldAddr: number, oldLength: number, newLength: number, flags: number, newAddr: number): void {
    this.#queue.push({ nr: MREMAP, args: [oldAddr, oldLength, newLength, flags, newAddr], hostFd: -1 });
  }
  madvise(addr: number, length: number, advice: number): void {
    this.#queue.push({ nr: MADVISE, args: [addr, length, advice], hostFd: -1 });
  }

  /** Moves as much of the queue as fits into the current thread's commands: whether all of it fitted. */
  issue(): boolean {
    const thread = this.current;
    if (thread === null) return this.#queue.length === 0;
    let issued = 0;
    for (const { nr, args, hostFd } of this.#queue) {
      if (thread.commandCount + 3 > COMMAND_LIMIT) break;
      const [a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0] = args;
      if (hostFd < 0) {
        thread.command(nr, a0, a1, a2, a3, a4, a5);
      } else {
        sendFds(this.process.control, [hostFd], 0);
        thread.command(OP_RECEIVE_FDS);
        thread.command(nr, a0, a1, a2, a3, RECEIVED_FD_BASE, a5);
        thread.command(OP_CLOSE_FDS);
      }
      issued += 1;
    }
    this.#queue.splice(0, issued);
    return this.#queue.length === 0;
  }

  async flush(): Promise<number> {
    const thread = this.current;
    if (thread === null) return this.#queue.length === 0 ? 0 : -ENOMEM;
    for (;;) {
      const isAll = this.issue();
      const count = thread.commandCount;
      if (count > 0) {
        thread.reply(ACTION_RESUME, 0, 1);
        await this.#awaitDone(thread);
        const failure = thread.failure(count);
        if (failure < 0) {
          this.#queue.length = 0;
          return failure;
        }
      }
      if (isAll) return 0;
    }
  }

  readMemory(addr: number, dst: Uint8Array, at: number, length: number): number {
    return this.process.readMemory(addr, dst, at, length);
  }

  writeMemory(addr: number, src: Uint8Array, at: number, length: number): number {
    return this.process.writeMemory(addr, src, at, length);
  }
}

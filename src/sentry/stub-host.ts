/**
 * An address space's host: mapping operations become commands in the answer to the guest thread whose call is being handled.
 *
 * Commands of one process take effect in the order they were queued: a flush begins when the one before it has ended.
 */
import { ENOMEM } from '../abi/errno.ts';
import { sendFds } from '../host/sockets.ts';
import type { AddressSpaceHost, HostOperation } from '../mm/address-space-host.ts';
import { COMMAND_LIMIT, OP_CLOSE_FDS, OP_RECEIVE_FDS, RECEIVED_FD_BASE } from '../platform/layout.ts';
import type { Patcher, PatchHost } from '../platform/patcher.ts';
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

export class StubHost implements AddressSpaceHost, PatchHost {
  readonly process: StubProcess;
  /** The thread whose call is being handled; it carries out what is queued. */
  current: StubThread | null = null;
  /** Told of mappings that are not there after all: the address space's `onHostFailure`. */
  onFailure: ((operation: HostOperation, addr: number, length: number) => void) | null = null;
  /** Null before the first exec. */
  patcher: Patcher | null = null;
  readonly #awaitDone: AwaitDone;
  readonly #queue: Operation[] = [];
  #tail: Promise<unknown> = Promise.resolve();
  #underWay = 0;

  constructor(process: StubProcess, awaitDone: AwaitDone) {
    this.process = process;
    this.#awaitDone = awaitDone;
  }

  get hasQueued(): boolean {
    return this.#queue.length > 0;
  }

  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  /** A host call or command of the stub. */
  queue(nr: number, ...args: number[]): void {
    this.#queue.push({ nr, args, hostFd: -1 });
  }
  mmap(addr: number, length: number, prot: number, flags: number, hostFd: number, offset: number): void {
    this.#queue.push({ nr: MMAP, args: [addr, length, prot, flags, hostFd, offset], hostFd });
  }
  munmap(addr: number, length: number): void {
    this.queue(MUNMAP, addr, length);
  }
  mprotect(addr: number, length: number, prot: number): void {
    this.queue(MPROTECT, addr, length, prot);
  }
  mremap(oldAddr: number, oldLength: number, newLength: number, flags: number, newAddr: number): void {
    this.queue(MREMAP, oldAddr, oldLength, newLength, flags, newAddr);
  }
  madvise(addr: number, length: number, advice: number): void {
    this.queue(MADVISE, addr, length, advice);
  }

  /** Carries out what is queued, by `current`, after all that was queued before: 0 or the -errno of what failed. */
  flush(): Promise<number> {
    const thread = this.current;
    const operations = this.#queue.splice(0);
    return this.exclusively(async () => (thread === null ? -ENOMEM : this.#carryOut(thread, operations)));
  }

  /** Runs `job` when all that was asked of this process before has been done, and before whatever comes later. */
  exclusively<T>(job: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    const done = this.#tail.then(job).finally(() => {
      this.#underWay -= 1;
    });
    // Whoever asked hears of a failure; those behind only need it to be over.
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #carryOut(thread: StubThread, operations: readonly Operation[]): Promise<number> {
    let next = 0;
    while (next < operations.length) {
      const lastCommand: number[] = [];
      const first = next;
      while (next < operations.length && thread.commandCount + 3 <= COMMAND_LIMIT) {
        this.#issue(thread, operations[next]);
        lastCommand.push(thread.commandCount - 1);
        next += 1;
      }
      const count = thread.commandCount;
      const done = this.#awaitDone(thread);
      thread.replyCommands();
      await done;
      const failure = thread.failure(count);
      if (failure < 0) {
        const at = lastCommand.findIndex((command) => thread.failedCommand <= command);
        for (const { nr, args } of operations.slice(first + Math.max(at, 0))) {
          if (nr === MMAP) this.onFailure?.('mmap', args[0], args[1]);
        }
        return failure;
      }
    }
    return 0;
  }

  #issue(thread: StubThread, { nr, args, hostFd }: Operation): void {
    const [a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0] = args;
    if (hostFd < 0) {
      thread.command(nr, a0, a1, a2, a3, a4, a5);
      return;
    }
    sendFds(this.process.control, [hostFd], 0);
    thread.command(OP_RECEIVE_FDS);
    thread.command(nr, a0, a1, a2, a3, RECEIVED_FD_BASE, a5);
    thread.command(OP_CLOSE_FDS);
  }

  readMemory(addr: number, dst: Uint8Array, at: number, length: number): number {
    return this.process.readMemory(addr, dst, at, length);
  }

  writeMemory(addr: number, src: Uint8Array, at: number, length: number): number {
    return this.process.writeMemory(addr, src, at, length);
  }
}

/**
 * An address space's host: mapping operations become commands in the answer to the guest thread whose call is being handled.
 *
 * Commands of one process take effect in the order they were queued: a flush begins when the one before it has ended.
 */
import { EFAULT, EINVAL, ENOMEM } from '../abi/errno.ts';
import { sendFds } from '../host/sockets.ts';
import type { AddressSpaceHost, HostOperation, WordExchange } from '../mm/address-space-host.ts';
import {
  COMMAND_LIMIT,
  OP_CLOSE_FDS,
  OP_COMPARE_EXCHANGE,
  OP_RECEIVE_FDS,
  RECEIVED_FD_BASE,
} from '../platform/layout.ts';
import type { Patcher, PatchHost } from '../platform/patcher.ts';
import type { StubProcess } from '../platform/stub-process.ts';
import type { StubThread } from '../platform/stub-thread.ts';

const MMAP = 9;
const MPROTECT = 10;
const MUNMAP = 11;
const MREMAP = 25;
const MINCORE = 27;
const MADVISE = 28;
const MEMBARRIER = 324;
/** At most: closing a descriptor, receiving the next, the operation. One more closes the last descriptor. */
const COMMANDS_PER_OPERATION = 3;

interface Operation {
  readonly nr: number;
  readonly args: readonly number[];
  readonly hostFd: number;
}

/** Operations given to a thread. */
interface Batch {
  readonly operations: readonly Operation[];
  /** The command of each of the first of them; the rest had no room. */
  readonly commands: readonly number[];
  /** How many commands the thread has with these. */
  readonly end: number;
  /** -errno if the file of the one after those could not be handed over. */
  readonly refused: number;
}

const NOTHING: Batch = { operations: [], commands: [], end: 0, refused: 0 };

/** Whose threads they are. */
export interface ThreadKeeper {
  /** The next report of a thread that is about to be answered with commands: false when its process is gone instead. */
  nextReport(thread: StubThread): Promise<boolean>;
  /** Keeps a thread from being taken away until the returned function is called. */
  hold(thread: StubThread): () => void;
}

export class StubHost implements AddressSpaceHost, PatchHost {
  readonly process: StubProcess;
  /** The thread whose call is being handled; it carries out what is queued. */
  current: StubThread | null = null;
  /** Told of mappings that are not there after all: the address space's `onHostFailure`. */
  onFailure: ((operation: HostOperation, addr: number, length: number) => void) | null = null;
  /** Null before the first exec. */
  patcher: Patcher | null = null;
  readonly #keeper: ThreadKeeper;
  readonly #queue: Operation[] = [];
  /** What went along with the last answer of the only thread. */
  #sentAlong = NOTHING;
  #tail: Promise<unknown> = Promise.resolve();
  #underWay = 0;

  constructor(process: StubProcess, keeper: ThreadKeeper) {
    this.process = process;
    this.#keeper = keeper;
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
  mincore(addr: number, length: number, vec: number): void {
    this.queue(MINCORE, addr, length, vec);
  }
  membarrier(command: number): void {
    this.queue(MEMBARRIER, command, 0, 0);
  }

  announceFutex(addr: number, delta: 1 | -1): void {
    this.process.announceFutex(addr, delta);
  }

  wordExchange(): WordExchange {
    const thread = this.current;
    if (thread === null) return () => Promise.resolve(-EFAULT);
    return (addr, expected, next) => {
      const release = this.#keeper.hold(thread);
      return this.exclusively(() => this.#exchange(thread, addr, expected, next)).finally(release);
    };
  }

  async #exchange(thread: StubThread, addr: number, expected: number, next: number): Promise<number> {
    if (this.process.isGone) return -EFAULT;
    const command = thread.command(OP_COMPARE_EXCHANGE, addr, expected, next);
    const report = this.#keeper.nextReport(thread);
    thread.replyCommands();
    if (!(await report)) return -EFAULT;
    // Whatever the stub says it was: of that, 32 bits.
    return thread.failure(command + 1) < 0 ? -EFAULT : thread.commandResult(command) % 2 ** 32;
  }

  /** Carries out what is queued, by `current`, after all that was queued before: 0 or the -errno of what failed. */
  flush(): Promise<number> {
    const thread = this.current;
    const operations = this.#queue.splice(0);
    if (thread === null) return Promise.resolve(-ENOMEM);
    const release = this.#keeper.hold(thread);
    return this.exclusively(() => this.#carryOut(thread, operations)).finally(release);
  }

  /**
   * Lets `thread` carry out what is queued with its next answer, without a report of success: true if that can be. It can when the
   * process has no other thread, whose operations would have to wait for the end of these.
   */
  sendAlong(thread: StubThread): boolean {
    const room = COMMAND_LIMIT - thread.commandCount - 1;
    if (this.isBusy || this.process.threadCount > 1 || this.#queue.length * COMMANDS_PER_OPERATION > room) return false;
    const along = this.#issue(thread, this.#queue.splice(0));
    this.#sentAlong = along;
    this.#tellMissing(along.operations.slice(along.commands.length));
    return true;
  }

  /** The thread has reported that what went along failed: the -errno. */
  failedAlong(thread: StubThread): number {
    const along = this.#sentAlong;
    this.#sentAlong = NOTHING;
    return along === NOTHING ? -EINVAL : this.#failure(thread, along);
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
    let rest = operations;
    while (rest.length > 0) {
      if (this.process.isGone) return -ENOMEM;
      const batch = this.#issue(thread, rest);
      rest = rest.slice(batch.commands.length);
      const report = this.#keeper.nextReport(thread);
      thread.replyCommands();
      if (!(await report)) return -ENOMEM;
      const failure = this.#failure(thread, batch);
      if (failure < 0 || batch.refused < 0) {
        this.#tellMissing(rest);
        return failure < 0 ? failure : batch.refused;
      }
    }
    return 0;
  }

  /** Puts as many operations as have room into the thread's commands. Neighbours with one file share its descriptor. */
  #issue(thread: StubThread, operations: readonly Operation[]): Batch {
    const commands: number[] = [];
    let held = -1;
    let refused = 0;
    for (const { nr, args, hostFd } of operations) {
      if (thread.commandCount + COMMANDS_PER_OPERATION >= COMMAND_LIMIT) break;
      if (hostFd >= 0 && hostFd !== held) {
        if (held >= 0) thread.command(OP_CLOSE_FDS);
        held = -1;
        refused = sendFds(this.process.control, [hostFd], 0);
        // A stub that is told to receive waits until something comes.
        if (refused < 0) break;
        thread.command(OP_RECEIVE_FDS);
        held = hostFd;
      }
      const [a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0] = args;
      commands.push(thread.command(nr, a0, a1, a2, a3, hostFd < 0 ? a4 : RECEIVED_FD_BASE, a5));
    }
    if (held >= 0) thread.command(OP_CLOSE_FDS);
    return { operations, commands, end: thread.commandCount, refused };
  }

  /** After a report: 0, or the -errno of the first command that failed. */
  #failure(thread: StubThread, { operations, commands, end }: Batch): number {
    const failure = thread.failure(end);
    if (failure < 0) {
      const at = commands.findIndex((command) => thread.failedCommand <= command);
      this.#tellMissing(operations.slice(Math.max(at, 0), commands.length));
    }
    return failure;
  }

  #tellMissing(operations: readonly Operation[]): void {
    for (const { nr, args } of operations) if (nr === MMAP) this.onFailure?.('mmap', args[0], args[1]);
  }

  readMemory(addr: number, dst: Uint8Array, at: number, length: number): number {
    return this.process.readMemory(addr, dst, at, length);
  }

  writeMemory(addr: number, src: Uint8Array, at: number, length: number): number {
    return this.process.writeMemory(addr, src, at, length);
  }
}

/**
 * One host process that carries a guest address space: its mailboxes' memory, its control socket, and what makes it and ends it.
 */
import { ENOMEM } from '../abi/errno.ts';
import { type SIGCONT, SIGKILL, type SIGSTOP } from '../abi/signal.ts';
import { native } from '../host/native.ts';
import { receive, sendFds, socketPair } from '../host/sockets.ts';
import type { CloneGate } from './clone-gate.ts';
import * as L from './layout.ts';
import { CHUNK_SLOTS, type MailboxWindow } from './mailbox-window.ts';
import { StubThread } from './stub-thread.ts';
import { requestStub, type Zygote } from './zygote.ts';

const CLOSE = 3;
const PIDFD_OPEN = 434;
const PIDFD_SEND_SIGNAL = 424;
const PROCESS_VM_READV = 310;
const PROCESS_VM_WRITEV = 311;
const SHUTDOWN = 48;
const SHUT_RD = 0;
const USER_END = 2 ** 47;
/** Host threads kept of those that have ended, for each process: making one costs ten times as much as waking one. */
const MAX_PARKED = 8;

/** Flags of the clones that stubs make (see native/stub-commands.h). */
export const CLONE_STUB = 0x01000000 | 17;
export const CLONE_FORK = 0x01000000 | 0x8000;
export const CLONE_THREAD = 0x01000000 | 0x200000 | 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000;

/** The buffer of the last transfer, and where it is: to ask costs a tenth of a transfer. */
let lastBuffer: Uint8Array | null = null;
let lastAddress = 0;

export class StubProcess {
  readonly window: MailboxWindow;
  readonly gate: CloneGate;
  /** Our end; it hangs up when the process is gone, and its first packet attests the pid. */
  readonly control: number;
  readonly memoryFd: number;
  readonly #chunks: number[] = [];
  readonly #freeSlots: number[] = [];
  /** Slots whose host threads wait to be taken up again, or will. */
  readonly #parked: number[] = [];
  #slots = 0;
  #pid = 0;
  #pidfd = -1;
  /** The stub's end of the control socket, until it has it. */
  #theirs = -1;
  isGone = false;
  /** Called once when it is gone: those who wait for one of its threads to report. */
  readonly waiters = new Set<() => void>();

  constructor(window: MailboxWindow, gate: CloneGate, control: number, memoryFd: number) {
    this.window = window;
    this.gate = gate;
    this.control = control;
    this.memoryFd = memoryFd;
  }

  /** A fresh process from the zygote. Its first thread reports with KIND_STARTED: the thread, or -errno. */
  static spawn(window: MailboxWindow, gate: CloneGate, zygote: Zygote): StubThread | number {
    const [ours, theirs] = socketPair();
    const process = new StubProcess(window, gate, ours, window.createMemory());
    const thread = process.addThread(0);
    if (typeof thread === 'number') {
      native.syscall(CLOSE, theirs);
      process.destroy();
      return thread;
    }
    thread.cookie = gate.expect(CLONE_STUB);
    const sent = requestStub(zygote, process.memoryFd, theirs, thread.cookie);
    native.syscall(CLOSE, theirs);
    if (sent >= 0) return thread;
    thread.forgetClone();
    process.destroy();
    return sent;
  }

  /** A thread in slot `slot`, or in any free one: -ENOMEM when there is none. */
  addThread(slot = -1): StubThread | number {
    const again = slot < 0 ? this.#takeParked() : undefined;
    const at = slot >= 0 ? slot : (again ?? this.#takeFreeSlot() ?? this.#slots);
    if (at >= L.THREAD_LIMIT) return -ENOMEM;
    this.#slots = Math.max(this.#slots, at + 1);
    // The first has what all threads share, whatever slot a forked one begins in.
    if (this.#mapChunk(0) < 0) return -ENOMEM;
    const base = this.#mapChunk(Math.floor(at / CHUNK_SLOTS));
    if (base < 0) return -ENOMEM;
    return new StubThread(this, at, base + (at % CHUNK_SLOTS) * L.MAILBOX_STRIDE, again !== undefined);
  }

  #mapChunk(chunk: number): number {
    let base = this.#chunks[chunk];
    if (base === undefined) {
      base = this.window.map(this.memoryFd, chunk);
      if (base >= 0) this.#chunks[chunk] = base;
    }
    return base;
  }

  /** Counts the words with waiters for the stub's threads, which need not ask for a wake where there are none. */
  announceFutex(addr: number, delta: 1 | -1): void {
    if (this.isGone) return;
    const at = Math.floor(addr / 4) % L.FUTEX_TABLE_WORDS;
    Atomics.add(this.window.i32, ((this.#chunks[0] + L.MB_FUTEX_TABLE) >> 2) + at, delta);
  }

  /** The thread has been told to exit; its slot is used again once the host kernel says that it has. */
  removeThread(thread: StubThread): void {
    this.#freeSlots.push(thread.slot);
  }

  /** What was to be made of the thread will not be. */
  giveBack(thread: StubThread): void {
    if (!thread.isAgain) {
      this.removeThread(thread);
      return;
    }
    this.window.i32[thread.word] = L.STATE_IDLE;
    this.#parked.push(thread.slot);
  }

  /** Ends the thread, which waits for an answer; its host thread may be kept for the next. */
  endThread(thread: StubThread): void {
    if (thread.isNamed || this.#parked.length >= MAX_PARKED) {
      thread.reply(L.ACTION_EXIT_THREAD, 0);
      this.removeThread(thread);
      return;
    }
    thread.reply(L.ACTION_PARK_THREAD, 0);
    this.#parked.push(thread.slot);
  }

  /** Threads that have not been told to end. */
  get threadCount(): number {
    return this.#slots - this.#freeSlots.length - this.#parked.length;
  }

  /** The last that has done with its end. */
  #takeParked(): number | undefined {
    for (let i = this.#parked.length - 1; i >= 0; i--) {
      const slot = this.#parked[i];
      if (this.window.i32[(this.#baseOf(slot) + L.MB_STATE) >> 2] !== L.STATE_IDLE) continue;
      this.#parked.splice(i, 1);
      return slot;
    }
    return undefined;
  }

  #baseOf(slot: number): number {
    return this.#chunks[Math.floor(slot / CHUNK_SLOTS)] + (slot % CHUNK_SLOTS) * L.MAILBOX_STRIDE;
  }

  #takeFreeSlot(): number | undefined {
    for (let i = 0; i < this.#freeSlots.length; i++) {
      const slot = this.#freeSlots[i];
      const base = this.#baseOf(slot);
      if (this.window.i32[(base + L.MB_TID) >> 2] !== 0) continue;
      this.#freeSlots.splice(i, 1);
      this.window.i32[base >> 2] = L.STATE_IDLE;
      return slot;
    }
    return undefined;
  }

  /** The process that a fork by `thread` will make: the thread in it, which reports with KIND_STARTED; -errno. */
  forkTarget(thread: StubThread): StubThread | number {
    const [ours, theirs] = socketPair();
    const child = new StubProcess(this.window, this.gate, ours, this.window.createMemory());
    child.#theirs = theirs;
    const childThread = child.addThread(thread.slot);
    if (typeof childThread === 'number') child.destroy();
    return childThread;
  }

  /** Queues the fork that makes `target` in the thread's mailbox, which reports with KIND_DONE: 0 or -errno. */
  commandFork(thread: StubThread, target: StubThread): number {
    if (this.isGone) return -ENOMEM;
    const child = target.process;
    target.cookie = this.gate.expect(CLONE_FORK);
    const sent = sendFds(this.control, [child.memoryFd, child.#theirs], target.cookie);
    child.#closeTheirs();
    if (sent < 0) {
      target.forgetClone();
      return sent;
    }
    thread.command(L.OP_RECEIVE_FDS);
    thread.command(L.OP_FORK);
    return 0;
  }

  #closeTheirs(): void {
    if (this.#theirs >= 0) native.syscall(CLOSE, this.#theirs);
    this.#theirs = -1;
  }

  /**
   * Prepares a new thread in this process on behalf of `parent`: queues the command and gives the thread, which reports with
   * KIND_STARTED and starts with the register set of the answer; the parent reports with KIND_DONE. A thread that keeps the
   * parent's fs base (`isFsShared`) cannot be told from it by that.
   */
  prepareThread(parent: StubThread, isFsShared: boolean): StubThread | number {
    const thread = this.addThread();
    if (typeof thread !== 'number') this.commandThread(parent, thread, isFsShared);
    return thread;
  }

  /** Queues the making of `thread` in the parent's mailbox. */
  commandThread(parent: StubThread, thread: StubThread, isFsShared: boolean): void {
    if (!thread.isAgain) thread.cookie = this.gate.expect(CLONE_THREAD);
    parent.command(thread.isAgain ? L.OP_THREAD_AGAIN : L.OP_THREAD, thread.slot, thread.cookie, isFsShared ? 1 : 0);
  }

  /** The kernel-attested pid, as the host sees it; 0 while the process has not come up, or if it never has. */
  get pid(): number {
    // Once it is gone the descriptor may be another's, whose word is not for us.
    if (this.#pid === 0 && !this.isGone) {
      const hello = receive(this.control, 'no');
      if (typeof hello !== 'number' && hello.pid > 0) {
        this.#pid = hello.pid;
        this.#pidfd = native.syscall(PIDFD_OPEN, hello.pid, 0);
      }
    }
    return this.#pid;
  }

  /** Ends the process at once, whatever it is doing. One that has not come up sees that nobody hears it, and ends. */
  kill(): void {
    // From here on it cannot say that it has come up without being told.
    native.syscall(SHUTDOWN, this.control, SHUT_RD);
    this.signal(SIGKILL);
  }

  /** Sends the host process a signal: to end it, or to have the host stop and continue it. */
  signal(signo: typeof SIGKILL | typeof SIGSTOP | typeof SIGCONT): void {
    if (this.pid > 0 && this.#pidfd >= 0) native.syscall(PIDFD_SEND_SIGNAL, this.#pidfd, signo, 0, 0);
  }

  /** Guest memory to `dst[at..]`: bytes copied, fewer at the first fault, or -errno when none. */
  readMemory(addr: number, dst: Uint8Array, at: number, length: number): number {
    return this.#transfer(PROCESS_VM_READV, addr, dst, at, length);
  }

  writeMemory(addr: number, src: Uint8Array, at: number, length: number): number {
    return this.#transfer(PROCESS_VM_WRITEV, addr, src, at, length);
  }

  /** Frees what the sentry holds for it. */
  destroy(): void {
    if (this.isGone) return;
    this.isGone = true;
    for (const base of this.#chunks) if (base !== undefined) this.window.unmap(base);
    native.syscall(CLOSE, this.control);
    native.syscall(CLOSE, this.memoryFd);
    this.#closeTheirs();
    if (this.#pidfd >= 0) native.syscall(CLOSE, this.#pidfd);
    for (const waiter of this.waiters) waiter();
    this.waiters.clear();
  }

  #transfer(nr: number, addr: number, buffer: Uint8Array, at: number, length: number): number {
    const EFAULT = 14;
    // Its number may be another process' by now.
    if (this.isGone) return -EFAULT;
    if (!(addr >= 0 && addr + length <= USER_END) || at + length > buffer.length) return -EFAULT;
    if (buffer !== lastBuffer) {
      lastAddress = native.addressOf(buffer);
      lastBuffer = buffer;
    }
    return native.transfer(nr, this.pid, lastAddress + at, addr, length);
  }
}

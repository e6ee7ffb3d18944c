/**
 * One host process that carries a guest address space, and its threads with their mailboxes.
 *
 * Everything read from a mailbox is the guest's to forge: each word is read once, offsets are masked or bounded.
 */
import { EFAULT, EINVAL, ENOMEM } from '../abi/errno.ts';
import { type SIGCONT, SIGKILL, SIGSEGV, type SIGSTOP } from '../abi/signal.ts';
import { hostThreadId } from '../host/host-thread.ts';
import { native } from '../host/native.ts';
import { receive, sendFds, socketPair } from '../host/sockets.ts';
import type { CloneGate } from './clone-gate.ts';
import { REG } from './guest-thread.ts';
import * as L from './layout.ts';
import { CHUNK_SLOTS, type MailboxWindow } from './mailbox-window.ts';
import { requestStub, type Zygote } from './zygote.ts';

const CLOSE = 3;
const FUTEX = 202;
const FUTEX_WAKE = 1;
const PIDFD_OPEN = 434;
const PIDFD_SEND_SIGNAL = 424;
const PROCESS_VM_READV = 310;
const PROCESS_VM_WRITEV = 311;
const TGKILL = 234;
const SHUTDOWN = 48;
const SHUT_RD = 0;
const FAULT_SIGNALS: ReadonlySet<number> = new Set([4, 5, 7, 8, SIGSEGV]);
const USER_END = 2 ** 47;

/** Flags of the clones that stubs make (see native/stub.c). */
export const CLONE_STUB = 0x01000000 | 17;
export const CLONE_FORK = 0x01000000 | 0x8000;
export const CLONE_THREAD = 0x01000000 | 0x200000 | 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000;

/** struct iovec, each half of a word by itself: no BigInt on the way of every copy. */
const vmLocal = new Uint32Array(4);
const vmRemote = new Uint32Array(4);

function setIovec(iovec: Uint32Array, addr: number, length: number): void {
  iovec[0] = addr;
  iovec[1] = Math.floor(addr / 2 ** 32);
  iovec[2] = length;
  iovec[3] = Math.floor(length / 2 ** 32);
}

export class StubProcess {
  readonly window: MailboxWindow;
  readonly gate: CloneGate;
  /** Our end; it hangs up when the process is gone, and its first packet attests the pid. */
  readonly control: number;
  readonly memoryFd: number;
  readonly #chunks: number[] = [];
  readonly #freeSlots: number[] = [];
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
    let at = slot;
    if (at < 0) at = this.#takeFreeSlot() ?? this.#slots;
    if (at >= L.THREAD_LIMIT) return -ENOMEM;
    this.#slots = Math.max(this.#slots, at + 1);
    const chunk = Math.floor(at / CHUNK_SLOTS);
    let base = this.#chunks[chunk];
    if (base === undefined) {
      base = this.window.map(this.memoryFd, chunk);
      if (base < 0) return -ENOMEM;
      this.#chunks[chunk] = base;
    }
    return new StubThread(this, at, base + (at % CHUNK_SLOTS) * L.MAILBOX_STRIDE);
  }

  /** The thread has been told to exit; its slot is used again once the host kernel says that it has. */
  removeThread(thread: StubThread): void {
    this.#freeSlots.push(thread.slot);
  }

  /** Threads that have not been told to exit. */
  get threadCount(): number {
    return this.#slots - this.#freeSlots.length;
  }

  #takeFreeSlot(): number | undefined {
    for (let i = 0; i < this.#freeSlots.length; i++) {
      const slot = this.#freeSlots[i];
      const base = this.#chunks[Math.floor(slot / CHUNK_SLOTS)] + (slot % CHUNK_SLOTS) * L.MAILBOX_STRIDE;
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
    thread.cookie = this.gate.expect(CLONE_THREAD);
    parent.command(L.OP_THREAD, thread.slot, thread.cookie, isFsShared ? 1 : 0);
  }

  /** The kernel-attested pid, as the host sees it; 0 while the process has not come up. */
  get pid(): number {
    if (this.#pid === 0) {
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
    setIovec(vmLocal, native.addressOf(buffer) + at, length);
    setIovec(vmRemote, addr, length);
    return native.syscall(nr, this.pid, vmLocal, 1, vmRemote, 1, 0);
  }
}

/** Whoever answers a thread. */
export interface ThreadOwner {
  /** The thread has asked something and is not watched any more. */
  onRequest(): void;
}

/**
 * What a thread has asked, read once from its mailbox. When the process is gone its mailboxes' places belong to others: nothing
 * is read or written any more.
 */
export class StubThread {
  owner: ThreadOwner | null = null;
  readonly process: StubProcess;
  readonly slot: number;
  /** Byte offset of its mailbox in the window, and the same in words. */
  readonly base: number;
  readonly word: number;
  readonly registers: DataView;
  readonly #i32: Int32Array;
  #hostTid = 0;
  readonly #precopyAddr = new Float64Array(L.PRECOPY_LIMIT).fill(-1);
  readonly #precopyLength = new Float64Array(L.PRECOPY_LIMIT);
  readonly #precopyOffset = new Float64Array(L.PRECOPY_LIMIT);
  #commands = 0;
  #copyouts = 0;
  #dataUsed = 0;
  /** Lets the clone through that makes it; see CloneGate. */
  cookie = 0;

  constructor(process: StubProcess, slot: number, base: number) {
    this.process = process;
    this.slot = slot;
    this.base = base;
    this.word = base >> 2;
    this.#i32 = process.window.i32;
    this.registers = new DataView(process.window.buffer, base + L.MB_REGS, 18 * 8);
  }

  /** The clone that was to make it will not come. */
  forgetClone(): void {
    this.process.gate.forget(this.cookie);
  }

  /** Whether it has asked something that has not been answered. */
  get hasRequest(): boolean {
    const state = Atomics.load(this.#i32, this.word);
    return state === L.STATE_REQUEST || state === L.STATE_SLEEPING;
  }

  get kind(): number {
    return this.#i32[this.word + (L.MB_KIND >> 2)];
  }

  /** Reads what the stub has copied ahead, once: what is out of bounds is ignored. Call before anything else of a request. */
  takeRequest(): void {
    const count = Math.min(this.#i32[this.word + (L.MB_PRECOPIES >> 2)] >>> 0, L.PRECOPY_LIMIT);
    let used = 0;
    for (let i = 0; i < L.PRECOPY_LIMIT; i++) {
      const at = this.word + ((L.MB_PRECOPY_TABLE + i * 16) >> 2);
      const length = this.#i32[at + 2] >>> 0;
      const offset = this.#i32[at + 3] >>> 0;
      const isValid = i < count && offset <= L.MB_DATA_SIZE && length <= L.MB_DATA_SIZE - offset;
      this.#precopyAddr[i] = isValid ? (this.#i32[at] >>> 0) + (this.#i32[at + 1] >>> 0) * 2 ** 32 : -1;
      this.#precopyLength[i] = length;
      this.#precopyOffset[i] = offset;
      if (isValid) used = Math.max(used, offset + length);
    }
    this.#dataUsed = Math.min((used + 63) & ~63, L.MB_DATA_SIZE);
  }

  /** Where in the window the `length` bytes at guest address `addr` have been copied ahead; -1 if they have not. */
  precopied(addr: number, length: number): number {
    if (this.process.isGone) return -1;
    for (let i = 0; i < L.PRECOPY_LIMIT; i++) {
      if (this.#precopyAddr[i] === addr && this.#precopyLength[i] >= length) {
        return this.base + L.MB_DATA + this.#precopyOffset[i];
      }
    }
    return -1;
  }

  /** How many bytes were copied ahead from `addr`; 0 for none. */
  precopiedLength(addr: number): number {
    if (this.process.isGone) return 0;
    for (let i = 0; i < L.PRECOPY_LIMIT; i++) if (this.#precopyAddr[i] === addr) return this.#precopyLength[i];
    return 0;
  }

  /** Where in the window `length` bytes for the guest can be put (then `queueCopyOut`); -1 when there is no room. */
  reserve(length: number): number {
    if (this.process.isGone || this.#copyouts >= L.COPYOUT_LIMIT || length > L.MB_DATA_SIZE - this.#dataUsed) return -1;
    return this.base + L.MB_DATA + this.#dataUsed;
  }

  /** Queues the bytes put at the last `reserve` for the stub to copy to the guest. */
  queueCopyOut(addr: number, length: number): void {
    const entry = this.word + ((L.MB_COPYOUT_TABLE + this.#copyouts * 16) >> 2);
    this.#put(entry, addr);
    this.#i32[entry + 2] = this.#dataUsed;
    this.#i32[entry + 3] = length;
    this.#copyouts += 1;
    this.#dataUsed = Math.min(this.#dataUsed + ((length + 63) & ~63), L.MB_DATA_SIZE);
  }

  /** The host's id of the thread; 0 when it is not there. */
  get hostTid(): number {
    if (this.#hostTid === 0) this.#hostTid = hostThreadId(this.process.pid, this.#i32[this.word + (L.MB_TID >> 2)]);
    return this.#hostTid;
  }

  /** Where in the window bytes queued for guest address `addr` are, for those who look on; -1 when they are not all there. */
  pendingCopyOut(addr: number, length: number): number {
    for (let i = this.#copyouts - 1; i >= 0; i--) {
      const entry = this.word + ((L.MB_COPYOUT_TABLE + i * 16) >> 2);
      const start = (this.#i32[entry] >>> 0) + (this.#i32[entry + 1] >>> 0) * 2 ** 32;
      const offset = this.#i32[entry + 2] >>> 0;
      const end = start + (this.#i32[entry + 3] >>> 0);
      const at = this.base + L.MB_DATA + offset + (addr - start);
      if (addr >= start && addr + length <= end && offset + (addr - start) + length <= L.MB_DATA_SIZE) return at;
    }
    return -1;
  }

  get number(): number {
    return this.#i32[this.word + (L.MB_NR >> 2)];
  }

  /** The lower half of an argument, signed, which is all that Linux looks at where a parameter is an int; or its upper half. */
  argumentWord(i: number, half = 0): number {
    return this.#i32[this.word + (L.MB_ARGS >> 2) + i * 2 + half];
  }

  /** The arguments are those in the registers, which a tracer may have changed; what was copied ahead is of no use then. */
  takeArguments(): void {
    const order = [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9];
    for (const [i, register] of order.entries()) {
      const at = this.word + (L.MB_ARGS >> 2) + i * 2;
      this.#i32[at] = this.registers.getInt32(register * 8, true);
      this.#i32[at + 1] = this.registers.getInt32(register * 8 + 4, true);
    }
    this.#precopyAddr.fill(-1);
  }

  /** After a report that copy-outs were to come before: 0, or -EFAULT if one faulted. */
  get copyOutResult(): number {
    return Math.min(0, this.#i32[this.word + (L.MB_RESULT >> 2)]) === 0 ? 0 : -EFAULT;
  }

  /** The upper half of an argument, unsigned. */
  argumentHighWord(i: number): number {
    return this.#i32[this.word + (L.MB_ARGS >> 2) + i * 2 + 1] >>> 0;
  }

  /** An argument as an unsigned number, exact below 2^53. */
  argument(i: number): number {
    const at = this.word + (L.MB_ARGS >> 2) + i * 2;
    return (this.#i32[at] >>> 0) + (this.#i32[at + 1] >>> 0) * 2 ** 32;
  }

  /** An argument as a signed number, exact within 2^53. */
  signedArgument(i: number): number {
    const at = this.word + (L.MB_ARGS >> 2) + i * 2;
    return (this.#i32[at] >>> 0) + this.#i32[at + 1] * 2 ** 32;
  }

  /** After KIND_FAULT: what the host's kernel said of it. */
  fault(): { signo: number; code: number; address: number; trap: number; error: number } {
    const at = this.word + (L.MB_FAULT >> 2);
    const number = (i: number): number => (this.#i32[at + i] >>> 0) + (this.#i32[at + i + 1] >>> 0) * 2 ** 32;
    // Only the signals a CPU raises, whatever the mailbox says.
    const signo = FAULT_SIGNALS.has(this.#i32[at]) ? this.#i32[at] : SIGSEGV;
    return { signo, code: this.#i32[at + 1], address: number(2), trap: number(4), error: number(6) };
  }

  /** Result of command `i`, after KIND_DONE. */
  commandResult(i: number): number {
    const at = this.word + ((L.MB_COMMAND_TABLE + i * L.COMMAND_SIZE + 56) >> 2);
    return (this.#i32[at] >>> 0) + this.#i32[at + 1] * 2 ** 32;
  }

  /** Commands queued for the next answer. */
  get commandCount(): number {
    return this.#commands;
  }

  /** After KIND_DONE: 0 if all of the `count` commands worked, or the -errno of the one that did not. */
  failure(count: number): number {
    if (this.#i32[this.word + (L.MB_NR >> 2)] === 0) return 0;
    const failed = this.#i32[this.word + (L.MB_FAULT >> 2)] >>> 0;
    // A stub that names no command of ours, or calls success failure, is lying: it gets an error all the same.
    return failed < count ? Math.min(-1, Math.max(-4095, this.commandResult(failed))) : -EINVAL;
  }

  /** After a failure: which command it was. */
  get failedCommand(): number {
    return this.#i32[this.word + (L.MB_FAULT >> 2)] >>> 0;
  }

  /** Whether the next answer has bytes for the guest. */
  get hasCopyOuts(): boolean {
    return this.#copyouts > 0;
  }

  /** Queues a command for the next answer: its index, or -1 when the table is full. */
  command(op: number, a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0): number {
    if (this.process.isGone || this.#commands >= L.COMMAND_LIMIT) return -1;
    const at = this.word + ((L.MB_COMMAND_TABLE + this.#commands * L.COMMAND_SIZE) >> 2);
    this.#i32[at] = op;
    this.#put(at + 2, a0);
    this.#put(at + 4, a1);
    this.#put(at + 6, a2);
    this.#put(at + 8, a3);
    this.#put(at + 10, a4);
    this.#put(at + 12, a5);
    return this.#commands++;
  }

  /** Queues bytes for the stub to copy to the guest: false when they do not fit. */
  copyOut(addr: number, src: Uint8Array, at: number, length: number): boolean {
    const to = this.reserve(length);
    if (to < 0) return false;
    const window = this.process.window.u8;
    if (length <= 16) for (let i = 0; i < length; i++) window[to + i] = src[at + i];
    else window.set(src.subarray(at, at + length), to);
    this.queueCopyOut(addr, length);
    return true;
  }

  /**
   * Makes the thread leave guest code: it reports with KIND_INTERRUPT. Nothing happens if it is in the kernel, where signals are
   * looked for anyway.
   */
  interrupt(): void {
    if (this.hasRequest || this.process.pid === 0) return;
    if (this.hostTid !== 0) native.syscall(TGKILL, this.process.pid, this.hostTid, L.KICK_SIGNAL);
  }

  /** Tells the thread to sleep: its call blocks. */
  block(): void {
    if (this.process.isGone) return;
    Atomics.compareExchange(this.#i32, this.word, L.STATE_REQUEST, L.STATE_BLOCKED);
  }

  /** Answers, with the commands queued before. */
  reply(action: number, result: number, wantsAck: 0 | 1 = 0): void {
    if (this.process.isGone) return;
    const word = this.word;
    const i32 = this.#i32;
    i32[word + (L.MB_ACTION >> 2)] = action;
    this.#put(word + (L.MB_RESULT >> 2), result);
    i32[word + (L.MB_COPYOUTS >> 2)] = this.#copyouts;
    this.#copyouts = 0;
    this.#dataUsed = 0;
    this.#send(wantsAck);
  }

  /** Has the queued commands carried out, after which the thread reports; copy-outs wait for the answer proper. */
  replyCommands(): void {
    if (this.process.isGone) return;
    this.#i32[this.word + (L.MB_ACTION >> 2)] = L.ACTION_RESUME;
    this.#i32[this.word + (L.MB_COPYOUTS >> 2)] = 0;
    this.#send(1);
  }

  #send(wantsAck: 0 | 1): void {
    const word = this.word;
    const i32 = this.#i32;
    i32[word + (L.MB_COMMANDS >> 2)] = this.#commands;
    i32[word + (L.MB_ACK >> 2)] = wantsAck;
    this.#commands = 0;
    if (Atomics.exchange(i32, word, L.STATE_REPLY) === L.STATE_SLEEPING) {
      native.syscall(FUTEX, this.process.window.address + this.base, FUTEX_WAKE, 1, 0, 0, 0);
    }
  }

  /** Answers with the register set in `registers`. */
  replyRegisters(fpu: typeof L.FPU_KEEP | typeof L.FPU_RESET): void {
    if (this.process.isGone) return;
    this.#put(this.word + (L.MB_FPU >> 2), fpu);
    this.reply(L.ACTION_SET_REGS, 0);
  }

  #put(at: number, value: number): void {
    this.#i32[at] = value >>> 0;
    this.#i32[at + 1] = Math.floor(value / 2 ** 32);
  }
}

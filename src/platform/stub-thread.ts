/**
 * One thread of a stub, seen through its mailbox: what it asks, and the answers.
 *
 * Everything read from a mailbox is the guest's to forge: each word is read once, offsets are masked or bounded.
 */
import { EFAULT, EINVAL } from '../abi/errno.ts';
import { SIGSEGV } from '../abi/signal.ts';
import { hostThreadId } from '../host/host-thread.ts';
import { native } from '../host/native.ts';
import { REG } from './guest-thread.ts';
import * as L from './layout.ts';
import type { StubProcess } from './stub-process.ts';

const FUTEX = 202;
const FUTEX_WAKE = 1;
const TGKILL = 234;
/** In place of the seconds of MB_CPU_BEGIN. */
const NOT_BEGUN = 0xffff_ffff;
const FAULT_SIGNALS: ReadonlySet<number> = new Set([4, 5, 7, 8, SIGSEGV]);

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
  /** Its host thread is one that has been another before. */
  readonly isAgain: boolean;
  /** Its host thread has a name of its own, which another is not to have. */
  isNamed = false;
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
  #isLocal = false;
  /** Whose identity the mailbox has, and as what; see `setIdentity`. */
  identityOf: object | null = null;
  identity: object | null = null;

  constructor(process: StubProcess, slot: number, base: number, isAgain = false) {
    this.process = process;
    this.slot = slot;
    this.base = base;
    this.word = base >> 2;
    this.#i32 = process.window.i32;
    this.registers = new DataView(process.window.buffer, base + L.MB_REGS, 18 * 8);
    this.isAgain = isAgain;
    this.#i32[this.word + (L.MB_LOCAL >> 2)] = 0;
    this.#put(this.word + (L.MB_CPU_BEGIN >> 2), isAgain ? NOT_BEGUN : 0);
    this.#put(this.word + (L.MB_CPU_BEGIN >> 2) + 2, 0);
  }

  /** The clone that was to make it has done so, or will not come. */
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

  /** CPU time that its host thread had used before it was this thread; Infinity when it is not yet. */
  get cpuBeginNs(): number {
    const at = this.word + (L.MB_CPU_BEGIN >> 2);
    const seconds = this.#i32[at] >>> 0;
    return seconds === NOT_BEGUN ? Infinity : seconds * 1e9 + (this.#i32[at + 2] >>> 0);
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
    if (this.process.isGone || this.hasRequest || this.process.pid === 0) return;
    if (this.hostTid !== 0) native.syscall(TGKILL, this.process.pid, this.hostTid, L.KICK_SIGNAL);
  }

  /** Whether the stub may answer calls by itself: nobody is to see them all. */
  setLocal(isLocal: boolean): void {
    if (this.#isLocal === isLocal || this.process.isGone) return;
    this.#isLocal = isLocal;
    this.#i32[this.word + (L.MB_LOCAL >> 2)] = isLocal ? 1 : 0;
  }

  /** Who runs on the thread, for the calls that the stub answers: pid, tid, uid, euid, gid and egid. */
  setIdentity(pid: number, tid: number, uid: number, euid: number, gid: number, egid: number): void {
    if (this.process.isGone) return;
    const at = this.word + (L.MB_IDENTITY >> 2);
    this.#i32[at] = pid;
    this.#i32[at + 1] = tid;
    this.#i32[at + 2] = uid;
    this.#i32[at + 3] = euid;
    this.#i32[at + 4] = gid;
    this.#i32[at + 5] = egid;
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

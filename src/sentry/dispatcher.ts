/**
 * From a guest's request to its answer: system calls, faults, interrupts, signals, restarts.
 *
 * The way of a call that neither blocks nor meets a signal is `#syscall` → handler → `complete` → `resume`.
 */
import { ENOSYS, Errno } from '../abi/errno.ts';
import type { SigInfo } from '../abi/siginfo.ts';
import { SIGKILL, SIGSEGV, SIGTRAP } from '../abi/signal.ts';
import { setCurrentTask } from '../kernel/current.ts';
import { exitGroup } from '../kernel/exit.ts';
import { beginSyscallStop } from '../kernel/ptrace.ts';
import { forceSegvForFrame, forceSignal } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { hasGrown } from '../mm/stack-growth.ts';
import { REG } from '../platform/guest-thread.ts';
import * as L from '../platform/layout.ts';
import type { SyscallDef } from '../syscalls/define.ts';
import { decodeArguments, widthOf } from './argument-widths.ts';
import { checkCall, INSTEAD, PROCEED } from './call-checks.ts';
import { grown, growsForCall, growsTo } from './grow-stack.ts';
import type { CloneUnderWay, Guest, GuestHandler } from './guest.ts';
import { FLAG_TF, KernelExit } from './kernel-exit.ts';
import type { Scheduler } from './scheduler.ts';
import { NO_FAULT, putRegister, readRegister, signedRegister } from './signal-frame.ts';
import { whileTraced } from './traced-stop.ts';

/** How many of the bytes that the stub copies around a site are before the return address. */
const SITE_BYTES_BEFORE = 16;
/** Trap number of int3. */
const TRAP_BREAKPOINT = 3;
/** Trap number of a single step. */
const TRAP_DEBUG = 1;
/** Si_code of a single step. */
const TRAP_TRACE_CODE = 2;
const TRAP_PAGE_FAULT = 14;
const SEGV_MAPERR = 1;
const MAX_RESTART = -512;
const MIN_RESTART = -516;
/** A handler that has answered its thread itself, or will. */
export const NO_ANSWER = -1_000_000;
/** Si_code of a fault the host's kernel could not explain. */
const SI_KERNEL = 128;

function isRestart(result: number): boolean {
  return result <= MAX_RESTART && result >= MIN_RESTART;
}

/** Who wants to know of every call. */
export interface Tracer {
  enter(guest: Guest, def: SyscallDef, args: Float64Array): void;
  exit(guest: Guest, def: SyscallDef, args: Float64Array, result: number): void;
  /** A handler is about to run for it. */
  signal(task: Task, info: SigInfo): void;
}

export interface DispatcherParts {
  readonly table: readonly (SyscallDef | undefined)[];
  readonly scheduler: Scheduler;
  readonly xstateSize: number;
  /** A thread reported whose task has ended. */
  onDeadThread(guest: Guest): void;
  /** What a guest was told it had made could not be made: the result of its call after all. */
  onFailedClone(guest: Guest, clone: CloneUnderWay): number;
  /** Called after each request: tasks may have ended. */
  reap(): void;
  /** A call that this kernel does not have. */
  onUnimplemented(nr: number): void;
  /** An exception that is no errno: a defect of ours, which must not reach beyond the call. */
  onDefect(name: string, error: unknown): void;
}

export class Dispatcher implements GuestHandler {
  readonly #parts: DispatcherParts;
  readonly #widths: readonly (Uint8Array | undefined)[];
  readonly #args = new Float64Array(6);
  tracer: Tracer | null = null;
  readonly exit: KernelExit;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.exit = new KernelExit({
      scheduler: parts.scheduler,
      xstateSize: parts.xstateSize,
      isSeen: () => this.tracer !== null,
      onSignal: (task, info) => this.#trace((tracer) => tracer.signal(task, info)),
      track: (guest, promise) => this.track(guest, promise),
    });
    this.#widths = parts.table.map((def) => (def === undefined ? undefined : Uint8Array.from(def.args, widthOf)));
  }

  /** How a call is declared. */
  find(nr: number): SyscallDef | undefined {
    return this.#parts.table[nr];
  }

  onGuestRequest(guest: Guest, kind: number): void {
    try {
      this.#request(guest, kind);
    } catch (error) {
      this.#endByDefect(guest, error);
    }
    this.#parts.reap();
  }

  onGuestFree(guest: Guest): void {
    this.#parts.onDeadThread(guest);
  }

  #request(guest: Guest, kind: number): void {
    const wasAhead = guest.answeredAhead;
    guest.answeredAhead = false;
    const { frameSignal } = guest;
    guest.frameSignal = 0;
    const { cloneUnderWay } = guest;
    guest.cloneUnderWay = null;
    cloneUnderWay?.made.thread.forgetClone();
    if (guest.isDead) {
      this.#parts.onDeadThread(guest);
    } else if (wasAhead && kind === L.KIND_DONE) {
      // Only a failure is reported: it becomes the result after all.
      this.complete(guest, guest.host.failedAlong(guest.thread));
    } else if (kind === L.KIND_DONE && cloneUnderWay !== null) {
      this.complete(guest, this.#parts.onFailedClone(guest, cloneUnderWay));
    } else if (kind === L.KIND_DONE && frameSignal !== 0) {
      // The stub could not write the FPU image of the frame that went along with the last answer.
      forceSegvForFrame(guest.task, frameSignal);
      guest.nr = -1;
      this.exit.leave(guest, 0, NO_FAULT);
    } else if (kind === L.KIND_TRAP || kind === L.KIND_PATCHED) {
      this.#syscall(guest);
    } else if (kind === L.KIND_FAULT) {
      this.#fault(guest);
    } else {
      // An interrupt; or a report nobody waits for, which only a guest that plays with its stub can make.
      guest.nr = -1;
      this.exit.leave(guest, 0, NO_FAULT);
    }
  }

  /** Keeps the loop turning until the promise is through, which continues a request of the guest, or of none. */
  track(guest: Guest | null, promise: Promise<void>): void {
    this.#parts.scheduler.pending += 1;
    if (guest !== null) guest.continuations += 1;
    const done = (): void => {
      this.#parts.scheduler.pending -= 1;
      if (guest !== null) guest.continuations -= 1;
      this.#parts.reap();
    };
    promise.then(done, (error: unknown) => {
      this.#endByDefect(guest, error);
      done();
    });
  }

  /** Nobody knows any more how to answer the guest: its process ends, and the others go on. */
  #endByDefect(guest: Guest | null, error: unknown): void {
    this.#parts.onDefect('a continuation', error);
    if (guest !== null) exitGroup(guest.task.group, SIGKILL);
  }

  #syscall(guest: Guest): void {
    const { thread, task } = guest;
    thread.takeRequest();
    guest.nr = thread.number;
    guest.hotSite = thread.kind === L.KIND_TRAP && task.trace === null ? this.#hotSite(guest) : 0;
    if (task.trace?.mode === 'syscall') this.track(guest, this.#tracedCall(guest));
    else this.#make(guest);
  }

  /** Makes the call whose number is in `guest.nr`. */
  #make(guest: Guest): void {
    const { task, nr } = guest;
    if (task.checks.isActive) {
      const verdict = checkCall(guest);
      if (verdict !== PROCEED) {
        this.#refuse(guest, verdict);
        return;
      }
    }
    const def = this.#parts.table[nr];
    if (def === undefined) {
      this.#parts.onUnimplemented(nr);
      this.complete(guest, -ENOSYS);
      return;
    }
    if (growsForCall(guest)) {
      this.track(
        guest,
        grown(guest).then(() => this.#call(guest, def)),
      );
      return;
    }
    this.#call(guest, def);
  }

  #call(guest: Guest, def: SyscallDef): void {
    const { thread, task } = guest;
    if (guest.isDead) return;
    const args = decodeArguments(guest.thread, this.#widths[def.nr], this.#args);
    guest.host.current = thread;
    setCurrentTask(task);
    const traced = this.tracer === null ? null : args.slice();
    if (traced !== null) this.#trace((tracer) => tracer.enter(guest, def, traced));
    let result: number | Promise<number>;
    try {
      result = def.handler(task, args[0], args[1], args[2], args[3], args[4], args[5]);
    } catch (error) {
      result = this.#errorResult(def.name, error);
    }
    if (typeof result === 'number') {
      if (traced !== null) this.#trace((tracer) => tracer.exit(guest, def, traced, result));
      this.complete(guest, result);
      return;
    }
    const settled = result.catch((error: unknown) => this.#errorResult(def.name, error));
    this.track(
      guest,
      settled.then((value) => {
        if (traced !== null) this.#trace((tracer) => tracer.exit(guest, def, traced, value));
        this.complete(guest, value);
      }),
    );
  }

  /** A look on must not change what is looked at, even when it fails. */
  #trace(look: (tracer: Tracer) => void): void {
    if (this.tracer === null) return;
    try {
      look(this.tracer);
    } catch (error) {
      this.#parts.onDefect('strace', error);
    }
  }

  /** The call is not made: it has a result all the same, or a signal is delivered as if it had not been tried. */
  #refuse(guest: Guest, verdict: number): void {
    guest.hotSite = 0;
    if (verdict !== INSTEAD) {
      this.complete(guest, verdict);
      return;
    }
    guest.nr = -1;
    if (!guest.isDead) this.exit.leave(guest, 0, NO_FAULT);
  }

  /** The return address of the call when its site is to be patched, else 0. */
  #hotSite(guest: Guest): number {
    const { thread, host } = guest;
    if (host.patcher === null) return 0;
    const rip = readRegister(thread, REG.rip);
    const { u8 } = thread.process.window;
    return host.patcher.isHot(rip, u8, thread.base + L.MB_SITE_BYTES + SITE_BYTES_BEFORE, guest.nr) ? rip : 0;
  }

  #patch(guest: Guest, result: number): void {
    const { host, hotSite } = guest;
    guest.hotSite = 0;
    if (host.patcher === null || !host.patcher.patch(hotSite, guest.nr)) {
      this.complete(guest, result);
      return;
    }
    host.current = guest.thread;
    this.track(
      guest,
      host.flush().then((failure) => {
        if (failure < 0) host.patcher?.forget(hotSite);
        this.complete(guest, result);
      }),
    );
  }

  #errorResult(name: string, error: unknown): number {
    if (error instanceof Errno) return -error.code;
    this.#parts.onDefect(name, error);
    return -ENOSYS;
  }

  /** Ends a system call: memory operations first, then signals, then the answer. */
  complete(guest: Guest, result: number): void {
    if (result === NO_ANSWER || guest.isDead) return;
    if (guest.host.hasQueued) {
      if (this.#isPlain(guest, result) && guest.host.sendAlong(guest.thread)) {
        guest.answeredAhead = true;
        this.exit.resume(guest, result);
        return;
      }
      guest.host.current = guest.thread;
      this.track(
        guest,
        guest.host.flush().then((failure) => this.complete(guest, failure < 0 ? failure : result)),
      );
      return;
    }
    if (guest.hotSite !== 0) {
      this.#patch(guest, result);
      return;
    }
    if (guest.task.trace !== null && guest.nr >= 0) {
      this.track(guest, this.#tracedReturn(guest, result));
      return;
    }
    if (isRestart(result) || guest.task.hasSignalToDeliver()) {
      this.exit.leave(guest, result, NO_FAULT);
      return;
    }
    this.exit.resume(guest, result);
  }

  /** Whether the result can be given before the memory operations have been carried out: nothing else is to come in between. */
  #isPlain(guest: Guest, result: number): boolean {
    if (guest.task.trace !== null || guest.hotSite !== 0) return false;
    return !guest.thread.hasCopyOuts && !isRestart(result) && !guest.task.hasSignalToDeliver();
  }

  /** After rt_sigreturn or exec: the registers are in the mailbox; signals may come in between. */
  leaveWithRegisters(guest: Guest, fpu: typeof L.FPU_KEEP | typeof L.FPU_RESET): void {
    const { trace } = guest.task;
    if (trace?.mode === 'syscall' && guest.nr >= 0) {
      this.track(guest, this.#tracedLeave(guest, fpu));
      return;
    }
    guest.nr = -1;
    if (guest.task.hasSignalToDeliver()) this.exit.leave(guest, 0, NO_FAULT);
    else this.exit.resumeRegisters(guest, fpu);
  }

  #fault(guest: Guest): void {
    const { thread, task } = guest;
    guest.nr = -1;
    const fault = thread.fault();
    if (fault.trap === TRAP_BREAKPOINT) {
      const addr = readRegister(thread, REG.rip) - 1;
      if (guest.host.patcher?.isOurBreakpoint(addr)) {
        putRegister(guest.thread, REG.rip, addr);
        this.exit.resumeRegisters(guest, L.FPU_KEEP);
        return;
      }
    }
    if (fault.signo === SIGSEGV && fault.code === SEGV_MAPERR && fault.trap === TRAP_PAGE_FAULT) {
      if (growsTo(guest, fault.address) || hasGrown(task.mm, fault.address)) {
        this.track(
          guest,
          grown(guest).then(() => this.#resumeAfterGrowth(guest)),
        );
        return;
      }
    }
    // The step is over: the flag that asked for it is not the guest's.
    if (fault.trap === TRAP_DEBUG && task.trace !== null) {
      putRegister(guest.thread, REG.rflags, readRegister(thread, REG.rflags) & ~FLAG_TF);
    }
    forceSignal(task, fault.signo, fault.code > 0 ? fault.code : SI_KERNEL, fault.address);
    this.exit.leave(guest, 0, fault);
  }

  #resumeAfterGrowth(guest: Guest): void {
    if (guest.isDead) return;
    if (guest.task.hasSignalToDeliver()) this.exit.leave(guest, 0, NO_FAULT);
    else this.exit.resumeRegisters(guest, L.FPU_KEEP);
  }

  /** The stop before a call: the tracer may change it, or make it none. */
  async #tracedCall(guest: Guest): Promise<void> {
    const { task, thread } = guest;
    putRegister(guest.thread, REG.rax, -ENOSYS);
    beginSyscallStop(task, 'entry');
    await whileTraced(guest, this.#parts.scheduler);
    if (guest.isDead || task.isExited) return;
    thread.takeArguments();
    if (guest.nr >= 0) this.#make(guest);
    else await this.#tracedReturn(guest, signedRegister(thread, REG.rax));
  }

  /** The end of a call of a tracee: its result is in its registers from here on. */
  async #tracedReturn(guest: Guest, result: number): Promise<void> {
    const { task, thread } = guest;
    let last = result;
    const mode = task.trace?.mode;
    if (mode === 'syscall') {
      putRegister(guest.thread, REG.rax, result);
      beginSyscallStop(task, 'exit');
      const fault = await whileTraced(guest, this.#parts.scheduler);
      if (guest.isDead || task.isExited) return;
      last = fault < 0 ? fault : signedRegister(thread, REG.rax);
    } else if (mode === 'step') {
      // The step was the call.
      forceSignal(task, SIGTRAP, TRAP_TRACE_CODE, readRegister(thread, REG.rip));
    }
    this.exit.leave(guest, last, NO_FAULT);
  }

  async #tracedLeave(guest: Guest, fpu: typeof L.FPU_KEEP | typeof L.FPU_RESET): Promise<void> {
    beginSyscallStop(guest.task, 'exit');
    await whileTraced(guest, this.#parts.scheduler);
    guest.nr = -1;
    if (!guest.isDead && !guest.task.isExited) this.leaveWithRegisters(guest, fpu);
  }
}

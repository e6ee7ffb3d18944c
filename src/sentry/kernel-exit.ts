/**
 * A guest's way out of the kernel: the signals that are pending, the restart of its call, the answer to its thread.
 */
import type { SigInfo } from '../abi/siginfo.ts';
import { SA_RESTART } from '../abi/signal.ts';
import { waitWhileStopped } from '../kernel/group-stop.ts';
import { forceSegvForFrame } from '../kernel/signal.ts';
import { nextSignal } from '../kernel/signal-delivery.ts';
import { RESTART_BLOCK, RESTART_EINTR, RESTART_NO, RESTART_SAME, restartAction } from '../kernel/signal-policy.ts';
import type { Task } from '../kernel/task.ts';
import { REG } from '../platform/guest-thread.ts';
import * as L from '../platform/layout.ts';
import { grown, growsForFrame } from './grow-stack.ts';
import type { Guest } from './guest.ts';
import type { Scheduler } from './scheduler.ts';
import { type FaultContext, pushFrame, putRegister, readRegister, signedRegister } from './signal-frame.ts';
import { whileTraced } from './traced-stop.ts';

const EINTR = 4;
const RESTART_SYSCALL = 219;
const SYSCALL_LENGTH = 2;
/** The flag that asks for a trap after each instruction. */
export const FLAG_TF = 0x100;

export interface KernelExitParts {
  readonly scheduler: Scheduler;
  readonly xstateSize: number;
  /** Whether somebody wants to know of every call. */
  isSeen(): boolean;
  /** A handler is about to run for it. */
  onSignal(task: Task, info: SigInfo): void;
  /** Keeps the loop turning until the promise is through. */
  track(guest: Guest, promise: Promise<void>): void;
}

/** One guest on its way. */
interface Leaving {
  /** Of the call; it may ask for a restart. */
  result: number;
  readonly fault: FaultContext;
  /** The registers are those to go on with, but for signal frames. */
  isDecided: boolean;
  /** Signal frames written. */
  frames: number;
  /** It was traced when it began to leave: its registers are the tracer's to change. */
  readonly isTraced: boolean;
}

export class KernelExit {
  readonly #parts: KernelExitParts;

  constructor(parts: KernelExitParts) {
    this.#parts = parts;
  }

  /** Answers with a result and looks for the thread's next request. */
  resume(guest: Guest, result: number): void {
    guest.leaveKernel(this.#parts.isSeen());
    guest.thread.reply(L.ACTION_RESULT, result);
    this.#parts.scheduler.watch(guest.thread);
  }

  /** Answers with the register set in the mailbox. */
  resumeRegisters(guest: Guest, fpu: typeof L.FPU_KEEP | typeof L.FPU_RESET): void {
    if (guest.task.trace?.mode === 'step') {
      putRegister(guest.thread, REG.rflags, readRegister(guest.thread, REG.rflags) | FLAG_TF);
    }
    guest.leaveKernel(this.#parts.isSeen());
    guest.thread.replyRegisters(fpu);
    this.#parts.scheduler.watch(guest.thread);
  }

  /** Delivers what signals are pending, decides on a restart, and lets the guest go on, if it still is to. */
  leave(guest: Guest, result: number, fault: FaultContext): void {
    const isDecided = guest.nr < 0;
    const isTraced = guest.task.trace !== null;
    if (isTraced && !isDecided) putRegister(guest.thread, REG.rax, result);
    this.#deliver(guest, { result, fault, isDecided, frames: 0, isTraced });
  }

  #deliver(guest: Guest, exit: Leaving): void {
    const { task, thread } = guest;
    if (guest.isDead) return;
    for (;;) {
      if (thread.commandCount >= L.COMMAND_LIMIT) {
        this.#parts.track(guest, this.#makeRoom(guest, exit));
        return;
      }
      if (growsForFrame(guest, this.#parts.xstateSize)) {
        this.#parts.track(
          guest,
          grown(guest).then(() => this.#deliver(guest, exit)),
        );
        return;
      }
      const signal = nextSignal(task);
      if (task.isExited) return;
      if (task.trace !== null && task.trace.stop !== null) {
        this.#parts.track(guest, this.#deliverTraced(guest, exit));
        return;
      }
      if (task.signals.isStopped) {
        const isOver = waitWhileStopped(task);
        this.#parts.track(
          guest,
          isOver.then(() => this.#deliver(guest, exit)),
        );
        return;
      }
      if (signal === null) break;
      this.#parts.onSignal(task, signal.info);
      if (!exit.isDecided) {
        this.#restart(guest, exit.result, restartAction(exit.result, true, (signal.flags & SA_RESTART) !== 0));
        exit.isDecided = true;
      }
      if (pushFrame(task, thread, signal, exit.fault, this.#parts.xstateSize) < 0) {
        forceSegvForFrame(task, signal.signo);
        continue;
      }
      exit.frames += 1;
      guest.frameSignal = signal.signo;
    }
    this.#resumeAfter(guest, exit);
  }

  /** The tracer has its say, and may give the call another result. */
  async #deliverTraced(guest: Guest, exit: Leaving): Promise<void> {
    await whileTraced(guest, this.#parts.scheduler);
    if (guest.isDead) return;
    if (!exit.isDecided) exit.result = signedRegister(guest.thread, REG.rax);
    this.#deliver(guest, exit);
  }

  /** More frames than commands fit into an answer: has those so far written. */
  async #makeRoom(guest: Guest, exit: Leaving): Promise<void> {
    const { task, thread, frameSignal } = guest;
    const commands = thread.commandCount;
    const release = guest.hold();
    const report = guest.nextReport();
    thread.reply(L.ACTION_RESUME, 0, 1);
    this.#parts.scheduler.watch(thread);
    await report;
    release();
    if (guest.isDead) return;
    if (thread.failure(commands) < 0) forceSegvForFrame(task, frameSignal);
    this.#deliver(guest, exit);
  }

  #resumeAfter(guest: Guest, { result, isDecided, frames, isTraced }: Leaving): void {
    if (frames > 0) {
      this.resumeRegisters(guest, L.FPU_RESET);
      return;
    }
    if (isDecided) {
      this.resumeRegisters(guest, L.FPU_KEEP);
      return;
    }
    const action = restartAction(result, false, false);
    if (action === RESTART_NO && !isTraced) {
      this.resume(guest, result);
      return;
    }
    this.#restart(guest, result, action);
    this.resumeRegisters(guest, L.FPU_KEEP);
  }

  /** Sets the registers so that the call is made again, or has its result. */
  #restart(guest: Guest, result: number, action: number): void {
    if (action === RESTART_SAME || action === RESTART_BLOCK) {
      putRegister(guest.thread, REG.rax, action === RESTART_BLOCK ? RESTART_SYSCALL : guest.nr);
      putRegister(guest.thread, REG.rip, readRegister(guest.thread, REG.rip) - SYSCALL_LENGTH);
    } else {
      putRegister(guest.thread, REG.rax, action === RESTART_EINTR ? -EINTR : result);
    }
  }
}

/**
 * A guest task's side of the platform: which host thread runs it, and what is to happen when that thread reports.
 *
 * A host thread is lent by a vfork(2) parent to its child until the child execs or ends; `lender` is whose it is then.
 */
import { SIGKILL } from '../abi/signal.ts';
import { exitGroup } from '../kernel/exit.ts';
import { deadlySignal } from '../kernel/signal-delivery.ts';
import type { Task } from '../kernel/task.ts';
import type { Timer } from '../kernel/timers.ts';
import type { GuestThread } from '../platform/guest-thread.ts';
import { KIND_DONE, KIND_STARTED } from '../platform/layout.ts';
import type { StubThread, ThreadOwner } from '../platform/stub-thread.ts';
import { PR_SET_NAME, PRCTL } from './host-title.ts';
import type { StubHost } from './stub-host.ts';

/** How long after an interrupt a thread that has not come is asked again; doubled each time up to the second. */
const KICK_AGAIN_NS = 1e6;
const KICK_AGAIN_MAX_NS = 64e6;

/** A clone that the guest has been told of before the host has made it. */
export interface CloneUnderWay {
  readonly child: Task;
  readonly made: Guest;
}

/** What a guest's thread tells the sentry. */
export interface GuestHandler {
  onGuestRequest(guest: Guest, kind: number): void;
  /** Nobody holds the thread of an ended task any more. */
  onGuestFree(guest: Guest): void;
}

export class Guest implements GuestThread, ThreadOwner {
  readonly handler: GuestHandler;
  thread: StubThread;
  host: StubHost;
  #task: Task | null = null;
  #report: ((isThere: boolean) => void) | null = null;
  #kickAgain: Timer | null = null;
  /** Reasons to leave the thread alone although its task has ended: commands under way, or a child that has it on loan. */
  #holds = 0;
  /** Whose thread it runs on, before exec. */
  lender: Guest | null = null;
  /** Takes the lent thread back: the borrower has left it, and it is in the kernel. */
  onThreadBack: (() => void) | null = null;
  /** The task has ended; its thread is to go when it next reports. */
  isDead = false;
  /** The thread has been told to go, or has been given back. */
  hasLeft = false;
  /** The thread waits for an answer. */
  isInKernel = true;
  /** What its call has begun and is not through with: above 0 it waits for something. */
  continuations = 0;
  /** It waits for a child of vfork(2). */
  awaitsChild = false;
  /** Number of the system call being handled; -1 for a fault or an interrupt. */
  nr = -1;
  /** Its last result was given before the memory operations of the call were carried out: it reports if one fails. */
  answeredAhead = false;
  /** What the clone makes that went along with the last answer: its thread reports if it failed. */
  cloneUnderWay: CloneUnderWay | null = null;
  /** The signal whose frame went along with the last answer: its thread reports if the frame could not be written; else 0. */
  frameSignal = 0;
  /** Where the call returns to when its site is to be patched before that; else 0. */
  hotSite = 0;

  constructor(handler: GuestHandler, thread: StubThread, host: StubHost) {
    this.handler = handler;
    this.thread = thread;
    this.host = host;
  }

  get task(): Task {
    if (this.#task === null) throw new Error('a guest without a task was asked for it');
    return this.#task;
  }
  set task(task: Task) {
    this.#task = task;
  }

  get registers(): DataView {
    return this.thread.registers;
  }

  /**
   * Makes a guest that runs enter the kernel. One that is to be killed is not asked: it could stay for ever in the stub's text,
   * where an interrupt does nothing, or wait in a call for what never comes.
   */
  interrupt(): void {
    if (this.isDead || (this.isInKernel && this.continuations === 0)) return;
    const { group, signals } = this.task;
    const isKilled = group.pending.has(SIGKILL) || signals.pending.has(SIGKILL);
    const deadly = this.awaitsChild ? deadlySignal(this.task) : isKilled ? SIGKILL : 0;
    if (deadly !== 0) exitGroup(group, deadly);
    else if (!this.isInKernel) this.kick();
  }

  /** Waits for a child of vfork(2). What is to kill this guest does so meanwhile (Linux: wait_for_vfork_done). */
  async awaitChild(isOver: Promise<void>): Promise<void> {
    this.awaitsChild = true;
    this.interrupt();
    await isOver;
    this.awaitsChild = false;
  }

  sleep(): void {
    if (this.isInKernel) this.thread.block();
  }

  nameFrom(addr: number): void {
    this.thread.isNamed = true;
    this.host.queue(PRCTL, PR_SET_NAME, addr);
  }

  /** Its thread is about to be answered and to run guest code. Its stub may answer calls if nobody is to see each of them. */
  leaveKernel(isSeen: boolean): void {
    this.isInKernel = false;
    const { task, thread } = this;
    const { creds } = task;
    if (thread.identityOf !== task || thread.identity !== creds) {
      thread.identityOf = task;
      thread.identity = creds;
      thread.setIdentity(task.group.pid, task.tid, creds.uid, creds.euid, creds.gid, creds.egid);
    }
    thread.setLocal(!isSeen && task.trace === null && !task.checks.isActive);
  }

  callsAreChecked(): void {
    this.thread.setLocal(false);
  }

  /**
   * Makes the thread report. On its way out of the stub it does not notice, so it is asked again until it has come or there is
   * no reason any more.
   */
  kick(delayNs = KICK_AGAIN_NS): void {
    this.thread.interrupt();
    const { kernel } = this.task;
    if (this.#kickAgain !== null) kernel.timers.cancel(this.#kickAgain);
    this.#kickAgain = kernel.timers.add(kernel.clock.monotonicNs() + delayNs, () => {
      this.#kickAgain = null;
      if (this.isInKernel || this.thread.process.isGone) return;
      if (this.isDead || this.task.hasSignalToDeliver()) this.kick(Math.min(delayNs * 2, KICK_AGAIN_MAX_NS));
    });
  }

  /** The thread has carried out its commands, or has started: true; or its process is gone: false. */
  nextReport(): Promise<boolean> {
    const { process } = this.thread;
    if (process.isGone) return Promise.resolve(false);
    return new Promise((resolve) => {
      const lose = (): void => this.#report?.(false);
      process.waiters.add(lose);
      this.#report = (isThere) => {
        this.#report = null;
        process.waiters.delete(lose);
        resolve(isThere);
      };
    });
  }

  /** There will be no report after all. */
  cancelReport(): void {
    this.#report?.(false);
  }

  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** Keeps the thread until the returned function is called, once. */
  hold(): () => void {
    this.#holds += 1;
    return () => {
      this.#holds -= 1;
      if (this.#holds === 0 && this.isDead) this.handler.onGuestFree(this);
    };
  }

  onRequest(): void {
    this.isInKernel = true;
    if (this.#kickAgain !== null) {
      this.task.kernel.timers.cancel(this.#kickAgain);
      this.#kickAgain = null;
    }
    const { kind } = this.thread;
    const report = this.#report;
    if (report !== null && (kind === KIND_DONE || kind === KIND_STARTED)) {
      report(true);
      return;
    }
    this.handler.onGuestRequest(this, kind);
  }
}

/**
 * A guest task's side of the platform: which host thread runs it, and what is to happen when that thread reports.
 *
 * A host thread is lent by a vfork(2) parent to its child until the child execs or ends; `lender` is whose it is then.
 */
import { SIGKILL } from '../abi/signal.ts';
import { exitGroup } from '../kernel/exit.ts';
import type { Task } from '../kernel/task.ts';
import type { GuestThread } from '../platform/guest-thread.ts';
import { KIND_DONE, KIND_STARTED } from '../platform/layout.ts';
import type { StubThread, ThreadOwner } from '../platform/stub-process.ts';
import type { StubHost } from './stub-host.ts';

/** What a guest's thread tells the sentry. */
export interface GuestHandler {
  onGuestRequest(guest: Guest, kind: number): void;
}

export class Guest implements GuestThread, ThreadOwner {
  readonly handler: GuestHandler;
  thread: StubThread;
  host: StubHost;
  #task: Task | null = null;
  #report: (() => void) | null = null;
  /** Whose thread it runs on, before exec. */
  lender: Guest | null = null;
  /** Takes the lent thread back: the borrower has left it, and it is in the kernel. */
  onThreadBack: (() => void) | null = null;
  /** The task has ended; its thread is to go when it next reports. */
  isDead = false;
  /** The thread waits for an answer. */
  isInKernel = true;
  /** Number of the system call being handled; -1 for a fault or an interrupt. */
  nr = -1;
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
   * where an interrupt does nothing.
   */
  interrupt(): void {
    if (this.isInKernel) return;
    const { group, signals } = this.task;
    if (group.pending.has(SIGKILL) || signals.pending.has(SIGKILL)) exitGroup(group, SIGKILL);
    else this.thread.interrupt();
  }

  /** Resolves when the thread has carried out its commands, or has started. */
  nextReport(): Promise<void> {
    return new Promise((resolve) => {
      this.#report = resolve;
    });
  }

  onRequest(): void {
    this.isInKernel = true;
    const { kind } = this.thread;
    const report = this.#report;
    if (report !== null && (kind === KIND_DONE || kind === KIND_STARTED)) {
      this.#report = null;
      report();
      return;
    }
    this.handler.onGuestRequest(this, kind);
  }
}

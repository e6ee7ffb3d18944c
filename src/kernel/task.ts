/**
 * A task: one guest thread (Linux: struct task_struct).
 *
 * What its threads share hangs off it by reference, as clone(2) shares it: memory, files, fs context, signal handlers,
 * thread group. Where the guest's registers are and how the thread is made to run is the platform's business
 * (`thread`).
 */
import type { AddressSpace } from '../mm/address-space.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { GuestThread } from '../platform/guest-thread.ts';
import type { FdTable } from '../vfs/fd-table.ts';
import type { FsContext } from '../vfs/fs-context.ts';
import { isCapabilitySubset } from './capability-set.ts';
import type { Credentials } from './credentials.ts';
import type { Kernel } from './kernel.ts';
import type { Namespaces } from './namespaces.ts';
import type { EndedTracee, Trace } from './ptrace.ts';
import { CallChecks } from './seccomp.ts';
import { TaskSignals } from './task-signals.ts';
import type { ThreadGroup } from './thread-group.ts';
import { Usage } from './usage.ts';

/** comm holds 16 bytes with its NUL (TASK_COMM_LEN). */
export const TASK_NAME_MAX = 15;

/** SCHED_DEADLINE: so much run time in each period, before its deadline (sched(7)). */
export interface DeadlineParameters {
  readonly runtimeNs: number;
  readonly deadlineNs: number;
  readonly periodNs: number;
  /** SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN. */
  readonly flags: number;
}

export interface TaskInit {
  readonly kernel: Kernel;
  readonly tid: number;
  readonly group: ThreadGroup;
  readonly mm: AddressSpace;
  readonly mem: UserMemory;
  readonly thread: GuestThread;
  readonly files: FdTable;
  readonly fs: FsContext;
  readonly creds: Credentials;
  /** They count it as a user. */
  readonly namespaces: Namespaces;
  readonly name: string;
}

/** Stands in for the host thread of a task that does not have one yet, or no longer. */
export const NO_THREAD: GuestThread = {
  registers: new DataView(new ArrayBuffer(18 * 8)),
  interrupt(): void {},
  sleep(): void {},
  nameFrom(): void {},
  callsAreChecked(): void {},
};

export class Task {
  readonly kernel: Kernel;
  /** Thread id; the leader's equals the thread group's id. Only exec changes it (see `beginExec`). */
  tid: number;
  group: ThreadGroup;
  mm: AddressSpace;
  mem: UserMemory;
  thread: GuestThread;
  files: FdTable;
  fs: FsContext;
  creds: Credentials;
  namespaces: Namespaces;
  readonly signals: TaskSignals;
  /** comm: at most 15 bytes, a binary string. */
  name: string;
  /** While the task sleeps in `sleepOn`: ends the sleep because a signal came. */
  wakeFromSleep: (() => void) | null = null;
  /** What restart_syscall(2) runs, set by a handler that gave -ERESTART_RESTARTBLOCK. */
  restart: (() => number | Promise<number>) | null = null;
  /** set_tid_address(2), CLONE_CHILD_CLEARTID: zeroed and futex-woken when the task ends; 0 for none. */
  clearChildTid = 0;
  /** set_robust_list(2). */
  robustList = 0;
  /** What a vfork(2) parent waits for; exit.ts runs it at the task's end, the loader when exec has left the address space. */
  onVforkDone: (() => void) | null = null;
  /** Its exit has begun; nothing written through `mem` reaches the guest any more. */
  isExiting = false;
  isExited = false;
  /** PR_SET_NO_NEW_PRIVS. */
  hasNoNewPrivs = false;
  /** PR_SET_PDEATHSIG; 0 for none. */
  parentDeathSignal = 0;
  /** Set while it is traced. */
  trace: Trace | null = null;
  /** Whom it traces, and the threads among them that have ended. */
  readonly tracees = new Set<Task>();
  readonly endedTracees: EndedTracee[] = [];
  /** seccomp(2) and the like. */
  readonly checks = new CallChecks();
  /** personality(2). */
  personality = 0;
  /** setpriority(2). */
  nice = 0;
  /** sched_setscheduler(2): SCHED_OTHER 0. */
  schedPolicy = 0;
  schedPriority = 0;
  isSchedResetOnFork = false;
  /** null but with SCHED_DEADLINE. */
  deadline: DeadlineParameters | null = null;
  /** sched_setaffinity(2), one bit per CPU; null for all. */
  affinity: Uint8Array | null = null;
  /** ioprio_set(2). */
  ioPriority = 0;
  /** PR_MCE_KILL: PR_MCE_KILL_DEFAULT unless set. */
  memoryErrorPolicy = 2;
  /** PR_SET_IO_FLUSHER. */
  isIoFlusher = false;
  /** PR_SET_TIMERSLACK. */
  timerSlackNs = 50000;
  readonly usage = new Usage();
  /** When it was made, monotonic ns. */
  readonly startNs: number;

  constructor(init: TaskInit) {
    this.kernel = init.kernel;
    this.tid = init.tid;
    this.group = init.group;
    this.mm = init.mm;
    this.mem = init.mem;
    this.thread = init.thread;
    this.files = init.files;
    this.fs = init.fs;
    this.creds = init.creds;
    this.namespaces = init.namespaces;
    this.signals = new TaskSignals(init.kernel.pids.users);
    this.name = init.name.slice(0, TASK_NAME_MAX);
    this.startNs = init.kernel.clock.monotonicNs();
  }

  /** The task sleeps until its call is woken; a signal ends the sleep by `wake`. */
  beginSleep(wake: () => void): void {
    this.wakeFromSleep = wake;
    this.thread.sleep();
  }

  get pid(): number {
    return this.group.pid;
  }

  /** Whether the kernel has something to do before the guest goes on: `nextSignal` finds out what. */
  hasSignalToDeliver(): boolean {
    return this.signals.isDeliverable;
  }

  /** Takes on other credentials (Linux: commit_creds). */
  setCredentials(next: Credentials): void {
    const old = this.creds;
    this.creds = next;
    if (old.uid !== next.uid) {
      this.kernel.pids.users.addTasks(old.uid, -1);
      this.kernel.pids.users.addTasks(next.uid, 1);
    }
    const isOther =
      old.euid !== next.euid ||
      old.egid !== next.egid ||
      old.fsuid !== next.fsuid ||
      old.fsgid !== next.fsgid ||
      !isCapabilitySubset(next.caps.permitted, old.caps.permitted);
    if (isOther) {
      this.group.dumpable = 0;
      this.parentDeathSignal = 0;
    }
  }
}

/**
 * A process: what the threads of one thread group share (Linux: struct signal_struct and the group leader's task_struct).
 */
import { SIGCHLD } from '../abi/signal.ts';
import type { Path } from '../vfs/path.ts';
import type { ResourceLimits } from './limits.ts';
import { PendingSignals } from './pending-signals.ts';
import type { ProcessTimers } from './process-timers.ts';
import type { ProcessGroup, Session } from './session.ts';
import type { SignalHandlers } from './signal-handlers.ts';
import type { Task } from './task.ts';
import { Usage } from './usage.ts';
import type { UserCounts } from './user-counts.ts';
import { WaitQueue } from './wait-queue.ts';

/** What the queues of a process are woken with (POLLIN). */
export const STATE_CHANGE = 1;

export class ThreadGroup {
  /** The process id; its leader's tid. */
  readonly pid: number;
  /** The thread whose tid is the pid; it stays, exited, until the last thread is gone. */
  leader!: Task;
  /** Threads that have not exited, in order of creation. */
  readonly tasks: Task[] = [];
  /** null for the first process and for those the runtime starts from outside. */
  parent: ThreadGroup | null = null;
  /** The thread of `parent` that counts as the maker (__WNOTHREAD, PR_SET_PDEATHSIG). */
  parentTask: Task | null = null;
  readonly children = new Set<ThreadGroup>();
  processGroup: ProcessGroup;
  handlers: SignalHandlers;
  /** Signals for the process, which any thread may take. */
  readonly pending: PendingSignals;
  limits: ResourceLimits;
  /** The executable, for /proc/PID/exe. */
  exe: Path | null = null;
  /** What the parent gets at the end; 0 for nothing. */
  exitSignal = SIGCHLD;
  /** The parent's `execCount` when this was forked: after an exec the parent gets only SIGCHLD. */
  parentExecCount = 0;
  execCount = 0;
  /** It has called execve since fork: setpgid(2) of it gives EACCES. */
  hasExeced = false;
  /** exit_group or a fatal signal has begun; `exitStatus` is valid. */
  isExiting = false;
  /** All threads have exited, and nobody has waited for it yet. */
  isZombie = false;
  /** It is gone from the tables. */
  isReaped = false;
  /** As wait(2) gives it: code << 8, or the signal. */
  exitStatus = 0;
  /** PID 1: spared signals it has no handler for; its end is the sandbox's. */
  isInit = false;
  /** PR_SET_CHILD_SUBREAPER. */
  isSubreaper = false;
  /** PR_SET_DUMPABLE: 0 no, 1 yes, 2 root only. */
  dumpable = 1;
  /** The signal that stopped it or is stopping it; 0 when it runs. */
  stopSignal = 0;
  /** All threads have stopped. */
  isStopped = false;
  /** There is a stop, or a continuation, that no waiter has taken yet. */
  isStopReportable = false;
  isContinueReportable = false;
  /** Usage of its threads that have exited, and of its children that were waited for. */
  readonly exitedUsage = new Usage();
  readonly childrenUsage = new Usage();
  /** When it was forked, monotonic ns. */
  readonly startNs: number;
  /** Woken (POLLIN) when a child changes state, for wait(2). */
  readonly childQueue = new WaitQueue();
  /** Woken (POLLIN) when it ends, for pidfds. */
  readonly exitQueue = new WaitQueue();
  /** Woken (POLLIN) when a signal is queued for it or one of its threads, for signalfds. */
  readonly signalQueue = new WaitQueue();
  /** null until it has one (see timersOf). */
  timers: ProcessTimers | null = null;
  /** /proc/PID/oom_score_adj. */
  oomScoreAdj = 0;
  /** PR_SET_THP_DISABLE. */
  isThpDisabled = false;

  constructor(
    pid: number,
    processGroup: ProcessGroup,
    handlers: SignalHandlers,
    limits: ResourceLimits,
    counts: UserCounts,
    startNs: number,
  ) {
    this.pid = pid;
    this.processGroup = processGroup;
    this.handlers = handlers;
    this.limits = limits;
    this.pending = new PendingSignals(counts);
    this.startNs = startNs;
  }

  get session(): Session {
    return this.processGroup.session;
  }

  /** getppid(2): 0 when the parent is outside. */
  get parentPid(): number {
    return this.parent === null ? 0 : this.parent.pid;
  }

  /** The usage of all its threads, ended or not (RUSAGE_SELF). */
  usage(): Usage {
    if (this.tasks.length > 0) this.leader.kernel.pids.hooks.updateUsage(this);
    const total = new Usage();
    total.add(this.exitedUsage);
    for (const task of this.tasks) total.add(task.usage);
    return total;
  }
}

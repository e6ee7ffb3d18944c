/** Timers of a process that send signals: setitimer(2)'s three, and those of timer_create(2). */
import { RLIMIT_CPU } from '../abi/resource.ts';
import { SigInfo } from '../abi/siginfo.ts';
import { SI_KERNEL, SI_TIMER, SIGALRM, SIGKILL, SIGPROF, SIGVTALRM, SIGXCPU } from '../abi/signal.ts';
import { IntervalTimer, monotonicClock, type TimerClock } from './interval-timer.ts';
import { sendSignalToGroup, sendSignalToTask } from './signal.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

export const ITIMER_REAL = 0;
export const ITIMER_VIRTUAL = 1;
export const ITIMER_PROF = 2;
export type IntervalKind = typeof ITIMER_REAL | typeof ITIMER_VIRTUAL | typeof ITIMER_PROF;

const NS_PER_S = 1e9;
const SIGNALS = [SIGALRM, SIGVTALRM, SIGPROF] as const;
/** How long a timer rests whose signals are ignored, or already pending: nobody would note more of them. */
const UNNOTED_NS = 1e6;

/** CPU time of all threads of a process. */
export function processCpuClock(group: ThreadGroup): TimerClock {
  return {
    nowNs: () => {
      const usage = group.usage();
      return usage.userNs + usage.systemNs;
    },
    maxRate: () => group.tasks.length,
  };
}

/** CPU time of one thread. */
export function threadCpuClock(task: Task): TimerClock {
  return {
    nowNs: () => {
      task.kernel.pids.hooks.updateThreadUsage(task);
      return task.usage.userNs + task.usage.systemNs;
    },
    maxRate: () => 1,
  };
}

export interface PosixTimerOptions {
  readonly clock: TimerClock;
  readonly kind: 'wall' | 'cpu';
  /** 0 for none (SIGEV_NONE). */
  readonly signo: number;
  /** The thread to signal (SIGEV_THREAD_ID); null for the process. */
  readonly target: Task | null;
  readonly valueLo: number;
  readonly valueHi: number;
}

/** A timer of timer_create(2). */
export class PosixTimer {
  readonly id: number;
  readonly clockId: number;
  readonly timer: IntervalTimer;
  readonly isSilent: boolean;
  /** Expirations that the last signal taken stood for, beyond the first (timer_getoverrun(2)). */
  overrun = 0;
  readonly #info: SigInfo;

  constructor(group: ThreadGroup, id: number, clockId: number, options: PosixTimerOptions) {
    this.id = id;
    this.clockId = clockId;
    this.isSilent = options.signo === 0;
    const info = new SigInfo(options.signo, SI_TIMER);
    info.timerId = id;
    info.valueLo = options.valueLo;
    info.valueHi = options.valueHi;
    info.onTaken = () => this.#noted(0);
    this.#info = info;
    this.timer = new IntervalTimer(group.leader.kernel, options.clock, options.kind, () => {
      if (this.isSilent) return;
      if (!info.isQueued) {
        if (options.target === null) sendSignalToGroup(group, info);
        else if (!options.target.isExited) sendSignalToTask(options.target, info);
      }
      if (!info.isQueued) this.#noted(UNNOTED_NS);
    });
  }

  delete(group: ThreadGroup): void {
    this.timer.set(Infinity, 0);
    if (!this.#info.isQueued) return;
    group.pending.withdraw(this.#info);
    for (const task of group.tasks) task.signals.pending.withdraw(this.#info);
  }

  #noted(minimumNs: number): void {
    this.overrun = Math.max(0, this.timer.forward(minimumNs) - 1);
    this.#info.overrun = this.overrun;
  }
}

export class ProcessTimers {
  readonly #group: ThreadGroup;
  readonly #intervals: (IntervalTimer | undefined)[] = [];
  #cpuLimit: IntervalTimer | null = null;
  readonly posix = new Map<number, PosixTimer>();
  #nextId = 0;

  constructor(group: ThreadGroup) {
    this.#group = group;
  }

  interval(which: IntervalKind): IntervalTimer {
    const known = this.#intervals[which];
    if (known !== undefined) return known;
    const group = this.#group;
    const { kernel } = group.leader;
    const clock = which === ITIMER_REAL ? monotonicClock(kernel) : processCpuClock(group);
    const timer = new IntervalTimer(kernel, clock, which === ITIMER_REAL ? 'wall' : 'cpu', () => {
      const info = new SigInfo(SIGNALS[which], SI_KERNEL);
      info.onTaken = () => timer.forward();
      sendSignalToGroup(group, info);
      if (!info.isQueued) timer.forward(UNNOTED_NS);
    });
    this.#intervals[which] = timer;
    return timer;
  }

  /** To be called when RLIMIT_CPU may have become finite: SIGXCPU each second from the soft limit on, SIGKILL at the hard one. */
  watchCpuLimit(): void {
    const group = this.#group;
    const soft = group.limits.soft(RLIMIT_CPU);
    this.#cpuLimit ??= new IntervalTimer(group.leader.kernel, processCpuClock(group), 'cpu', () => {
      const isOver = (this.#cpuLimit?.nowNs ?? 0) >= group.limits.hard(RLIMIT_CPU) * NS_PER_S;
      sendSignalToGroup(group, new SigInfo(isOver ? SIGKILL : SIGXCPU, SI_KERNEL));
      this.#cpuLimit?.forward();
    });
    // A limit of 0 counts as one second (setrlimit(2), C library/kernel differences aside: Linux update_rlimit_cpu).
    this.#cpuLimit.set(soft === Infinity ? Infinity : Math.max(1, soft) * NS_PER_S, NS_PER_S);
  }

  create(clockId: number, options: PosixTimerOptions): PosixTimer {
    const timer = new PosixTimer(this.#group, this.#nextId, clockId, options);
    this.posix.set(timer.id, timer);
    this.#nextId += 1;
    return timer;
  }

  /** The id that the next timer will have, which is its signal's value unless the caller says otherwise. */
  get nextId(): number {
    return this.#nextId;
  }

  deletePosix(): void {
    for (const timer of this.posix.values()) timer.delete(this.#group);
    this.posix.clear();
  }

  /** The process has ended. */
  end(): void {
    this.deletePosix();
    for (const timer of this.#intervals) timer?.set(Infinity, 0);
    this.#cpuLimit?.set(Infinity, 0);
  }
}

export function timersOf(group: ThreadGroup): ProcessTimers {
  group.timers ??= new ProcessTimers(group);
  return group.timers;
}

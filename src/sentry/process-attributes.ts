/**
 * What the `process` object of a configuration says of scheduling and memory pressure (config.md, "Linux Process"): process.scheduler,
 * ioPriority, execCPUAffinity and oomScoreAdj. They are given before the process has lost any capability, as runc does.
 */
import * as S from '../abi/sched.ts';
import { deadlineParameters, hasRoom } from '../kernel/deadline.ts';
import type { DeadlineParameters, Task } from '../kernel/task.ts';
import type { Fields } from '../wire/json-fields.ts';

const OOM_SCORE_MAX = 1000;
/** Linux: NR_CPUS of distributions. */
const MAX_CPU = 8191;
const MAX_IO_PRIORITY = 7;
const IO_CLASS_SHIFT = 13;

const POLICIES: Readonly<Record<string, number>> = {
  SCHED_OTHER: S.SCHED_OTHER,
  SCHED_FIFO: S.SCHED_FIFO,
  SCHED_RR: S.SCHED_RR,
  SCHED_BATCH: S.SCHED_BATCH,
  SCHED_IDLE: S.SCHED_IDLE,
  SCHED_DEADLINE: S.SCHED_DEADLINE,
};
const FLAGS: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: S.SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_RECLAIM: S.SCHED_FLAG_RECLAIM,
  SCHED_FLAG_DL_OVERRUN: S.SCHED_FLAG_DL_OVERRUN,
  SCHED_FLAG_KEEP_POLICY: S.SCHED_FLAG_KEEP_POLICY,
  SCHED_FLAG_KEEP_PARAMS: S.SCHED_FLAG_KEEP_PARAMS,
};
const IO_CLASSES: Readonly<Record<string, number>> = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 };

interface SchedulerOptions {
  readonly policy: number;
  readonly nice: number;
  readonly priority: number;
  /** SCHED_FLAG_*. */
  readonly flags: number;
  readonly deadline: DeadlineParameters | null;
}

export interface ProcessAttributes {
  readonly scheduler: SchedulerOptions | null;
  /** As ioprio_set(2) has it; 0 for none. */
  readonly ioPriority: number;
  readonly oomScoreAdj: number;
  /** For a process that is added with `exec`; null for all. */
  readonly execCpus: readonly number[] | null;
}

export const NO_ATTRIBUTES: ProcessAttributes = { scheduler: null, ioPriority: 0, oomScoreAdj: 0, execCpus: null };

function known(table: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function deadlineOf(fields: Fields, policy: number, flags: number): DeadlineParameters | null {
  const [runtime, deadline, period] = ['runtime', 'deadline', 'period'].map(
    (name) => fields.number(name, 2 ** 64) ?? 0,
  );
  if (policy !== S.SCHED_DEADLINE) {
    const given = (['runtime', 'deadline', 'period'] as const).find(
      (name) => (fields.number(name, 2 ** 64) ?? 0) !== 0,
    );
    return given === undefined ? null : fields.refuse(given, 'goes with SCHED_DEADLINE only');
  }
  const parameters = deadlineParameters(runtime, deadline, period, flags);
  return parameters ?? fields.refuse('runtime', 'and deadline and period are none that SCHED_DEADLINE can have');
}

function schedulerOf(fields: Fields | undefined): SchedulerOptions | null {
  if (fields === undefined) return null;
  const name = fields.needString('policy');
  const policy = known(POLICIES, name) ?? fields.refuse('policy', `is not there in this kernel: ${name}`);
  const flags = fields.strings('flags').reduce((all, flag, i) => {
    return all | (known(FLAGS, flag) ?? fields.refuse(`flags[${i}]`, `is not there in this kernel: ${flag}`));
  }, 0);
  const nice = fields.integer('nice', S.MIN_NICE, S.MAX_NICE) ?? 0;
  const priority = fields.integer('priority', 0, 99) ?? 0;
  if (nice !== 0 && policy !== S.SCHED_OTHER && policy !== S.SCHED_BATCH)
    fields.refuse('nice', `does not go with ${name}`);
  const isRealTime = policy === S.SCHED_FIFO || policy === S.SCHED_RR;
  if (isRealTime !== priority > 0) {
    fields.refuse('priority', isRealTime ? `is not from 1 to 99 for ${name}` : `does not go with ${name}`);
  }
  return { policy, nice, priority, flags, deadline: deadlineOf(fields, policy, flags) };
}

function ioPriorityOf(fields: Fields | undefined): number {
  if (fields === undefined) return 0;
  const name = fields.needString('class');
  const ioClass = known(IO_CLASSES, name) ?? fields.refuse('class', `is none that is known: ${name}`);
  return (ioClass << IO_CLASS_SHIFT) | (fields.number('priority', MAX_IO_PRIORITY) ?? 0);
}

/** "0-3,7" (cpuset(7), "List format"); undefined for nothing. */
function cpuList(fields: Fields | undefined, name: string): number[] | undefined {
  const text = fields?.string(name) ?? '';
  if (fields === undefined || text === '') return undefined;
  const cpus = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
    const first = Number(match?.[1] ?? -1);
    const last = Number(match?.[2] ?? first);
    if (first < 0 || last < first || last > MAX_CPU) fields.refuse(name, `is no list of CPUs: ${text}`);
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus];
}

/** Throws a ConfigError that names the field. */
export function readAttributes(process: Fields): ProcessAttributes {
  const affinity = process.object('execCPUAffinity');
  const initial = cpuList(affinity, 'initial');
  return {
    scheduler: schedulerOf(process.object('scheduler')),
    ioPriority: ioPriorityOf(process.object('ioPriority')),
    oomScoreAdj: process.integer('oomScoreAdj', -OOM_SCORE_MAX, OOM_SCORE_MAX) ?? 0,
    execCpus: cpuList(affinity, 'final') ?? initial ?? null,
  };
}

function setScheduler(task: Task, { policy, nice, priority, flags, deadline }: SchedulerOptions): string | null {
  if (deadline !== null && !hasRoom(task, deadline)) return 'process.scheduler.runtime is more than the CPUs have left';
  task.isSchedResetOnFork = (flags & S.SCHED_FLAG_RESET_ON_FORK) !== 0;
  if ((flags & S.SCHED_FLAG_KEEP_PARAMS) === 0) task.nice = nice;
  if ((flags & S.SCHED_FLAG_KEEP_POLICY) !== 0) return null;
  task.schedPolicy = policy;
  task.schedPriority = priority;
  task.deadline = deadline;
  return null;
}

/** For a process that has just been made: null, or what is wrong, for people. */
export function setAttributes(task: Task, { scheduler, ioPriority, oomScoreAdj }: ProcessAttributes): string | null {
  task.ioPriority = ioPriority;
  task.group.oomScoreAdj = oomScoreAdj;
  return scheduler === null ? null : setScheduler(task, scheduler);
}

/** process.execCPUAffinity: null, or what is wrong, for people. */
export function setExecCpus(task: Task, { execCpus }: ProcessAttributes): string | null {
  if (execCpus === null) return null;
  const there = execCpus.filter((cpu) => cpu < task.kernel.cpuCount);
  if (there.length === 0) return 'process.execCPUAffinity names no CPU that the container has';
  const mask = new Uint8Array(Math.ceil(task.kernel.cpuCount / 64) * 8);
  for (const cpu of there) mask[cpu >> 3] |= 1 << (cpu & 7);
  task.affinity = mask;
  return null;
}

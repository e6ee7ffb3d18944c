/** What SCHED_DEADLINE promises (Linux: __checkparam_dl and sched_dl_overflow in kernel/sched/deadline.c). */
import { SCHED_DEADLINE_FLAGS } from '../abi/sched.ts';
import type { DeadlineParameters, Task } from './task.ts';

const MIN_RUNTIME_NS = 1024;
/** kernel.sched_deadline_period_min_us and _max_us. */
const MIN_PERIOD_NS = 100e3;
const MAX_PERIOD_NS = 4194304e3;
/** What sched_rt_runtime_us leaves for deadlines of each CPU. */
const BANDWIDTH = 0.95;

/** The parameters, or null when they make no sense; without a period it is the deadline. */
export function deadlineParameters(
  runtimeNs: number,
  deadlineNs: number,
  period: number,
  flags: number,
): DeadlineParameters | null {
  const periodNs = period || deadlineNs;
  const isSensible =
    runtimeNs >= MIN_RUNTIME_NS &&
    runtimeNs <= deadlineNs &&
    deadlineNs <= periodNs &&
    periodNs >= MIN_PERIOD_NS &&
    periodNs <= MAX_PERIOD_NS;
  return isSensible ? { runtimeNs, deadlineNs, periodNs, flags: flags & SCHED_DEADLINE_FLAGS } : null;
}

/** Admission: what is promised to all must fit the CPUs. */
export function hasRoom(target: Task, wanted: DeadlineParameters): boolean {
  const { pids, cpuCount } = target.kernel;
  let used = wanted.runtimeNs / wanted.periodNs;
  for (const { deadline } of [...pids.tasks()].filter((each) => each !== target)) {
    if (deadline !== null) used += deadline.runtimeNs / deadline.periodNs;
  }
  return used <= cpuCount * BANDWIDTH;
}

/** Which clocks there are, and those that count CPU time (Linux: posix-cpu-timers.c; clock_getcpuclockid(3)). */
import { EINVAL } from '../abi/errno.ts';
import type { Task } from './task.ts';

const CLOCK_PROCESS_CPUTIME_ID = 2;
const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_BOOTTIME = 7;
export const CLOCK_TAI = 11;
const LAST_HOST_CLOCK = 11;
/** A dynamic clock id is ~pid << 3, with this bit for a thread and the kind in the two lowest. */
const PER_THREAD = 4;
const KIND_MASK = 3;
const COARSE_NS = 4_000_000;

/** Clocks the host is asked for: all with a positive id but those of CPU time and the two unused numbers. */
export function isHostClock(clockId: number): boolean {
  if (clockId < 0 || clockId > LAST_HOST_CLOCK) return false;
  return clockId !== CLOCK_PROCESS_CPUTIME_ID && clockId !== CLOCK_THREAD_CPUTIME_ID && clockId !== 10;
}

/** CPU time in ns by a clock of this task or, with a dynamic id, of another of the sandbox; -EINVAL for no such clock. */
export function readCpuClock(task: Task, clockId: number): number {
  if (clockId === CLOCK_PROCESS_CPUTIME_ID) return processNs(task);
  if (clockId === CLOCK_THREAD_CPUTIME_ID) return threadNs(task);
  if (clockId >= 0 || (clockId & KIND_MASK) === KIND_MASK) return -EINVAL;
  const pid = ~(clockId >> 3);
  const { pids } = task.kernel;
  if ((clockId & PER_THREAD) !== 0) {
    const thread = pid === 0 ? task : pids.task(pid);
    return thread === undefined || thread.group !== task.group ? -EINVAL : threadNs(thread);
  }
  const group = pid === 0 ? task.group : pids.group(pid);
  return group === undefined ? -EINVAL : processNs(group.leader);
}

function threadNs(task: Task): number {
  task.kernel.pids.hooks.updateThreadUsage(task);
  return task.usage.userNs + task.usage.systemNs;
}

function processNs(task: Task): number {
  const usage = task.group.usage();
  return usage.userNs + usage.systemNs;
}

export function resolutionNs(clockId: number): number {
  return clockId === 5 || clockId === 6 ? COARSE_NS : 1;
}

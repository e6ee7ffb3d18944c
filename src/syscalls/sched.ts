/**
 * Scheduling attributes (sched(7), setpriority(2), ioprio_set(2), sched_setaffinity(2)). The host schedules the guest's
 * threads, so all of them are kept and told, and none has an effect.
 */
import { CAP_SYS_ADMIN, CAP_SYS_NICE } from '../abi/capability.ts';
import { EACCES, EBUSY, EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import { RLIMIT_NICE, RLIMIT_RTPRIO } from '../abi/resource.ts';
import {
  MAX_NICE,
  MIN_NICE,
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_IDLE,
  SCHED_OTHER,
  SCHED_RR,
} from '../abi/sched.ts';
import type { Task } from '../kernel/task.ts';
import { full, partial, type SyscallDef } from './define.ts';

const SCHED_RESET_ON_FORK = 0x40000000;

const PRIO_PROCESS = 0;
const PRIO_PGRP = 1;
const PRIO_USER = 2;

export const NOT_ENFORCED = 'kept, without effect';

export function findTask(task: Task, tid: number): Task | undefined {
  return tid === 0 ? task : task.kernel.pids.task(tid);
}

/** The caller's effective user is the target's real or effective one, or it may do so with anybody's. */
function mayChange(task: Task, target: Task): boolean {
  const { euid } = task.creds;
  return euid === target.creds.euid || euid === target.creds.uid || task.creds.hasCapability(CAP_SYS_NICE);
}

/** Bytes of a full CPU mask: whole 64-bit words. */
function maskSize(task: Task): number {
  return Math.ceil(task.kernel.cpuCount / 64) * 8;
}

function allCpus(task: Task): Uint8Array {
  const mask = new Uint8Array(maskSize(task));
  for (let cpu = 0; cpu < task.kernel.cpuCount; cpu++) mask[cpu >> 3] |= 1 << (cpu & 7);
  return mask;
}

function sysSchedGetaffinity(task: Task, tid: number, length: number, addr: number): number {
  if (length * 8 < task.kernel.cpuCount || length % 8 !== 0) return -EINVAL;
  const target = tid < 0 ? undefined : findTask(task, tid);
  if (target === undefined) return -ESRCH;
  const mask = target.affinity ?? allCpus(task);
  const size = Math.min(length, mask.length);
  return task.mem.write(addr, mask, 0, size) < 0 ? -EFAULT : size;
}

function sysSchedSetaffinity(task: Task, tid: number, length: number, addr: number): number {
  const mask = allCpus(task);
  const given = new Uint8Array(mask.length);
  if (task.mem.readInto(addr, given, 0, Math.min(length, mask.length)) < 0) return -EFAULT;
  const target = tid < 0 ? undefined : findTask(task, tid);
  if (target === undefined) return -ESRCH;
  if (!mayChange(task, target)) return -EPERM;
  let isEmpty = true;
  for (let i = 0; i < mask.length; i++) {
    mask[i] &= given[i];
    if (mask[i] !== 0) isEmpty = false;
  }
  if (isEmpty) return -EINVAL;
  // Its bandwidth was promised on all of them (Linux: dl_task_check_affinity).
  if (target.deadline !== null && !mask.every((byte, i) => byte === allCpus(task)[i])) return -EBUSY;
  target.affinity = mask;
  return 0;
}

export function isRealTime(policy: number): boolean {
  return policy === SCHED_FIFO || policy === SCHED_RR;
}

/** Sets policy and priority as __sched_setscheduler checks them: 0 or -errno. */
export function setScheduler(task: Task, target: Task, policy: number, priority: number): number {
  const isKnown = isRealTime(policy) || policy === SCHED_OTHER || policy === SCHED_BATCH || policy === SCHED_IDLE;
  if (!isKnown) return -EINVAL;
  if (isRealTime(policy) ? priority < 1 || priority > 99 : priority !== 0) return -EINVAL;
  if (!task.creds.hasCapability(CAP_SYS_NICE)) {
    const limit = target.group.limits.soft(RLIMIT_RTPRIO);
    if (isRealTime(policy) && policy !== target.schedPolicy && limit === 0) return -EPERM;
    if (isRealTime(policy) && priority > target.schedPriority && priority > limit) return -EPERM;
    if (!mayChange(task, target)) return -EPERM;
  }
  target.schedPolicy = policy;
  target.schedPriority = priority;
  target.deadline = null;
  return 0;
}

function sysSchedSetscheduler(task: Task, tid: number, policy: number, paramAddr: number): number {
  if (policy < 0 || tid < 0 || paramAddr === 0) return -EINVAL;
  const priority = task.mem.readU32(paramAddr);
  if (priority === null) return -EFAULT;
  const target = findTask(task, tid);
  if (target === undefined) return -ESRCH;
  const result = setScheduler(task, target, policy & ~SCHED_RESET_ON_FORK, priority | 0);
  if (result === 0) target.isSchedResetOnFork = (policy & SCHED_RESET_ON_FORK) !== 0;
  return result;
}

function sysSchedSetparam(task: Task, tid: number, paramAddr: number): number {
  if (tid < 0 || paramAddr === 0) return -EINVAL;
  const priority = task.mem.readU32(paramAddr);
  if (priority === null) return -EFAULT;
  const target = findTask(task, tid);
  return target === undefined ? -ESRCH : setScheduler(task, target, target.schedPolicy, priority | 0);
}

function sysSchedGetscheduler(task: Task, tid: number): number {
  if (tid < 0) return -EINVAL;
  const target = findTask(task, tid);
  if (target === undefined) return -ESRCH;
  return target.schedPolicy | (target.isSchedResetOnFork ? SCHED_RESET_ON_FORK : 0);
}

function sysSchedGetparam(task: Task, tid: number, paramAddr: number): number {
  if (tid < 0 || paramAddr === 0) return -EINVAL;
  const target = findTask(task, tid);
  return target === undefined ? -ESRCH : task.mem.writeU32(paramAddr, target.schedPriority);
}

function priorityBound(policy: number, realTime: number): number {
  if (isRealTime(policy)) return realTime;
  return policy === SCHED_OTHER || policy === SCHED_BATCH || (policy >= SCHED_IDLE && policy <= SCHED_DEADLINE)
    ? 0
    : -EINVAL;
}

function sysSchedRrGetInterval(task: Task, tid: number, addr: number): number {
  if (tid < 0) return -EINVAL;
  const target = findTask(task, tid);
  if (target === undefined) return -ESRCH;
  // The default slices of Linux: 100 ms for SCHED_RR, none for SCHED_FIFO and SCHED_DEADLINE, 3 ms for the fair class.
  const slices = [3e6, 0, 1e8, 3e6, 3e6, 3e6, 0];
  if (task.mem.writeU64(addr, 0) < 0) return -EFAULT;
  return task.mem.writeU64(addr + 8, slices[target.schedPolicy] ?? 3e6);
}

/** RLIMIT_NICE counts from 1 (nice 19) to 40 (nice -20). */
export function mayRaiseTo(task: Task, target: Task, nice: number): boolean {
  return 20 - nice <= target.group.limits.soft(RLIMIT_NICE) || task.creds.hasCapability(CAP_SYS_NICE);
}

/** The tasks that which and who name (getpriority(2), ioprio_get(2) with its own numbers), or null for a wrong `which`. */
function selectTasks(task: Task, which: number, who: number): Task[] | null {
  const { pids } = task.kernel;
  switch (which) {
    case PRIO_PROCESS: {
      const target = findTask(task, who);
      return target === undefined ? [] : [target];
    }
    case PRIO_PGRP: {
      const processGroup = who === 0 ? task.group.processGroup : pids.processGroup(who);
      return processGroup === undefined ? [] : [...processGroup.members].flatMap((member) => member.tasks);
    }
    case PRIO_USER: {
      const uid = who === 0 ? task.creds.uid : who >>> 0;
      return [...pids.tasks()].filter((each) => each.creds.uid === uid && !each.isExited);
    }
    default:
      return null;
  }
}

/** The raw call gives 20 - nice, 1 to 40, so that no result looks like an error. */
function sysGetpriority(task: Task, which: number, who: number): number {
  const tasks = selectTasks(task, which, who);
  if (tasks === null) return -EINVAL;
  if (tasks.length === 0) return -ESRCH;
  return tasks.reduce((highest, each) => Math.max(highest, 20 - each.nice), 1);
}

function sysSetpriority(task: Task, which: number, who: number, value: number): number {
  const tasks = selectTasks(task, which, who);
  if (tasks === null) return -EINVAL;
  const nice = Math.min(MAX_NICE, Math.max(MIN_NICE, value));
  let result = -ESRCH;
  for (const target of tasks) {
    if (!mayChange(task, target)) {
      result = -EPERM;
    } else if (nice < target.nice && !mayRaiseTo(task, target, nice)) {
      result = -EACCES;
    } else {
      if (result === -ESRCH) result = 0;
      target.nice = nice;
    }
  }
  return result;
}

const IOPRIO_CLASS_RT = 1;
const IOPRIO_CLASS_IDLE = 3;

function sysIoprioSet(task: Task, which: number, who: number, priority: number): number {
  const ioClass = priority >> 13;
  if (ioClass < 0 || ioClass > IOPRIO_CLASS_IDLE || (ioClass === 0 && (priority & 7) !== 0)) return -EINVAL;
  const isPrivileged = task.creds.hasCapability(CAP_SYS_ADMIN) || task.creds.hasCapability(CAP_SYS_NICE);
  if (ioClass === IOPRIO_CLASS_RT && !isPrivileged) return -EPERM;
  const tasks = selectTasks(task, which - 1, who);
  if (tasks === null) return -EINVAL;
  if (tasks.length === 0) return -ESRCH;
  for (const target of tasks) {
    if (!mayChange(task, target)) return -EPERM;
    target.ioPriority = priority;
  }
  return 0;
}

function sysIoprioGet(task: Task, which: number, who: number): number {
  const tasks = selectTasks(task, which - 1, who);
  if (tasks === null) return -EINVAL;
  return tasks.length === 0 ? -ESRCH : tasks[0].ioPriority;
}

export const schedSyscalls: readonly SyscallDef[] = [
  full(24, 'sched_yield', [], () => 0),
  full(140, 'getpriority', ['int', 'int'], sysGetpriority),
  partial(141, 'setpriority', ['int', 'int', 'int'], sysSetpriority, NOT_ENFORCED),
  partial(142, 'sched_setparam', ['pid', 'ptr'], sysSchedSetparam, NOT_ENFORCED),
  full(143, 'sched_getparam', ['pid', 'ptr'], sysSchedGetparam),
  partial(144, 'sched_setscheduler', ['pid', 'int', 'ptr'], sysSchedSetscheduler, NOT_ENFORCED),
  full(145, 'sched_getscheduler', ['pid'], sysSchedGetscheduler),
  full(146, 'sched_get_priority_max', ['int'], (_task, policy) => priorityBound(policy, 99)),
  full(147, 'sched_get_priority_min', ['int'], (_task, policy) => priorityBound(policy, 1)),
  full(148, 'sched_rr_get_interval', ['pid', 'timespec'], sysSchedRrGetInterval),
  partial(203, 'sched_setaffinity', ['pid', 'uint', 'ptr'], sysSchedSetaffinity, NOT_ENFORCED),
  full(204, 'sched_getaffinity', ['pid', 'uint', 'ptr'], sysSchedGetaffinity),
  partial(251, 'ioprio_set', ['int', 'int', 'int'], sysIoprioSet, NOT_ENFORCED),
  full(252, 'ioprio_get', ['int', 'int'], sysIoprioGet),
];

/** sched_setattr(2) and sched_getattr(2) (Linux: __sched_setscheduler in kernel/sched/syscalls.c, __checkparam_dl in deadline.c). */
import { CAP_SYS_NICE } from '../abi/capability.ts';
import { E2BIG, EBUSY, EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import { MAX_NICE, MIN_NICE, SCHED_DEADLINE, SCHED_DEADLINE_FLAGS, SCHED_FLAG_RESET_ON_FORK } from '../abi/sched.ts';
import { deadlineParameters, hasRoom } from '../kernel/deadline.ts';
import type { Task } from '../kernel/task.ts';
import { full, partial, type SyscallDef } from './define.ts';
import { findTask, isRealTime, mayRaiseTo, setScheduler } from './sched.ts';

/** sizeof(struct sched_attr) as first published and now. */
const SIZE_0 = 48;
const SIZE = 56;
const WORD = 2 ** 32;

const attr = new Uint8Array(SIZE);
const view = new DataView(attr.buffer);

const getLong = (at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * WORD;

function putLong(at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / WORD), true);
}

function sysSchedGetattr(task: Task, tid: number, addr: number, size: number, flags: number): number {
  if (tid < 0 || addr === 0 || flags !== 0 || size < SIZE_0 || size > 4096) return -EINVAL;
  const target = findTask(task, tid);
  if (target === undefined) return -ESRCH;
  const { deadline } = target;
  const length = Math.min(size, SIZE);
  attr.fill(0);
  view.setUint32(0, length, true);
  view.setUint32(4, target.schedPolicy, true);
  view.setUint32(8, (target.isSchedResetOnFork ? SCHED_FLAG_RESET_ON_FORK : 0) | (deadline?.flags ?? 0), true);
  if (deadline !== null) {
    putLong(24, deadline.runtimeNs);
    putLong(32, deadline.deadlineNs);
    putLong(40, deadline.periodNs);
  } else {
    view.setInt32(16, isRealTime(target.schedPolicy) ? 0 : target.nice, true);
    view.setUint32(20, target.schedPriority, true);
  }
  return task.mem.write(addr, attr, 0, length);
}

function setDeadline(task: Task, target: Task, flags: number, priority: number): number {
  const wanted = deadlineParameters(getLong(24), getLong(32), getLong(40), flags);
  if (wanted === null || priority !== 0) return -EINVAL;
  if (!task.creds.hasCapability(CAP_SYS_NICE) || target.affinity?.some((byte, i) => byte !== cpuByte(task, i)) === true)
    return -EPERM;
  if (!hasRoom(target, wanted)) return -EBUSY;
  target.schedPolicy = SCHED_DEADLINE;
  target.schedPriority = 0;
  target.deadline = wanted;
  return 0;
}

/** A byte of the mask of all CPUs. */
function cpuByte(task: Task, index: number): number {
  return 2 ** Math.max(0, Math.min(8, task.kernel.cpuCount - index * 8)) - 1;
}

function sysSchedSetattr(task: Task, tid: number, addr: number, flags: number): number {
  if (tid < 0 || addr === 0 || flags !== 0) return -EINVAL;
  const size = task.mem.readU32(addr);
  if (size === null) return -EFAULT;
  // A size of 0 means the first version of the struct (sched_setattr(2)).
  if (size !== 0 && (size < SIZE_0 || size > 4096)) return task.mem.writeU32(addr, SIZE) < 0 ? -EFAULT : -E2BIG;
  if (task.mem.readInto(addr, attr, 0, SIZE_0) < 0) return -EFAULT;
  const attrFlags = view.getUint32(8, true);
  if ((attrFlags & ~(SCHED_FLAG_RESET_ON_FORK | SCHED_DEADLINE_FLAGS)) !== 0 || view.getUint32(12, true) !== 0)
    return -EINVAL;
  const policy = view.getUint32(4, true);
  const nice = view.getInt32(16, true);
  const priority = view.getUint32(20, true);
  const target = findTask(task, tid);
  if (target === undefined) return -ESRCH;
  if (policy === SCHED_DEADLINE) {
    const result = setDeadline(task, target, attrFlags, priority);
    if (result === 0) target.isSchedResetOnFork = (attrFlags & SCHED_FLAG_RESET_ON_FORK) !== 0;
    return result;
  }
  if (nice < MIN_NICE || nice > MAX_NICE) return -EINVAL;
  if (!isRealTime(policy) && nice < target.nice && !mayRaiseTo(task, target, nice)) return -EPERM;
  const result = setScheduler(task, target, policy, priority);
  if (result < 0) return result;
  target.isSchedResetOnFork = (attrFlags & SCHED_FLAG_RESET_ON_FORK) !== 0;
  if (!isRealTime(policy)) target.nice = nice;
  return 0;
}

export const schedAttrSyscalls: readonly SyscallDef[] = [
  partial(
    314,
    'sched_setattr',
    ['pid', 'ptr', 'flags'],
    sysSchedSetattr,
    'kept, without effect; no utilisation clamps',
  ),
  full(315, 'sched_getattr', ['pid', 'ptr', 'uint', 'flags'], sysSchedGetattr),
];

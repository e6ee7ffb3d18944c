/** Resource limits and usage (getrlimit(2), getrusage(2)). */
import { CAP_SYS_RESOURCE } from '../abi/capability.ts';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import {
  RLIM_NLIMITS,
  RLIMIT_CPU,
  RLIMIT_NOFILE,
  RUSAGE_CHILDREN,
  RUSAGE_SELF,
  RUSAGE_THREAD,
} from '../abi/resource.ts';
import { NR_OPEN } from '../kernel/limits.ts';
import { timersOf } from '../kernel/process-timers.ts';
import type { Task } from '../kernel/task.ts';
import { encodeUsage, RUSAGE_SIZE, type Usage } from '../kernel/usage.ts';
import { full, partial, type SyscallDef } from './define.ts';

const RLIMIT_SIZE = 16;
const scratch = new Uint8Array(RLIMIT_SIZE);
const view = new DataView(scratch.buffer);

/** What cannot be told from "no limit" (see kernel/limits.ts) is no limit. */
function readLimit(at: number): number {
  const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
  return value >= Number.MAX_SAFE_INTEGER ? Infinity : value;
}

function writeLimit(at: number, value: number): void {
  const isInfinite = value === Infinity;
  view.setUint32(at, isInfinite ? 0xffffffff : value >>> 0, true);
  view.setUint32(at + 4, isInfinite ? 0xffffffff : Math.floor(value / 0x1_0000_0000), true);
}

/** Linux: check_prlimit_permission. */
function mayChange(task: Task, target: Task): boolean {
  if (task.group === target.group || task.creds.hasCapability(CAP_SYS_RESOURCE)) return true;
  const { uid, gid } = task.creds;
  const other = target.creds;
  const isSameUser = uid === other.uid && uid === other.euid && uid === other.suid;
  return isSameUser && gid === other.gid && gid === other.egid && gid === other.sgid;
}

function setLimit(task: Task, target: Task, resource: number, soft: number, hard: number): number {
  const { limits } = target.group;
  if (soft > hard) return -EINVAL;
  if (resource === RLIMIT_NOFILE && hard > NR_OPEN) return -EPERM;
  if (hard > limits.hard(resource) && !task.creds.hasCapability(CAP_SYS_RESOURCE)) return -EPERM;
  limits.set(resource, soft, hard);
  if (resource === RLIMIT_CPU) timersOf(target.group).watchCpuLimit();
  if (resource === RLIMIT_NOFILE) for (const thread of target.group.tasks) thread.files.limit = soft;
  return 0;
}

function sysPrlimit64(task: Task, pid: number, resource: number, newAddr: number, oldAddr: number): number {
  if (resource >= RLIM_NLIMITS) return -EINVAL;
  if (newAddr !== 0 && task.mem.readInto(newAddr, scratch, 0, RLIMIT_SIZE) < 0) return -EFAULT;
  const newSoft = readLimit(0);
  const newHard = readLimit(8);
  const target = pid === 0 ? task : task.kernel.pids.task(pid);
  if (target === undefined) return -ESRCH;
  if (!mayChange(task, target)) return -EPERM;
  const soft = target.group.limits.soft(resource);
  const hard = target.group.limits.hard(resource);
  if (newAddr !== 0) {
    const result = setLimit(task, target, resource, newSoft, newHard);
    if (result < 0) return result;
  }
  if (oldAddr === 0) return 0;
  writeLimit(0, soft);
  writeLimit(8, hard);
  return task.mem.write(oldAddr, scratch, 0, RLIMIT_SIZE);
}

function sysGetrlimit(task: Task, resource: number, addr: number): number {
  if (resource >= RLIM_NLIMITS) return -EINVAL;
  writeLimit(0, task.group.limits.soft(resource));
  writeLimit(8, task.group.limits.hard(resource));
  return task.mem.write(addr, scratch, 0, RLIMIT_SIZE);
}

function sysSetrlimit(task: Task, resource: number, addr: number): number {
  if (addr === 0) return -EFAULT;
  return sysPrlimit64(task, 0, resource, addr, 0);
}

function usageOf(task: Task, who: number): Usage | null {
  const { hooks } = task.kernel.pids;
  if (who !== RUSAGE_CHILDREN) hooks.updateMemory(task.group);
  switch (who) {
    case RUSAGE_SELF:
      return task.group.usage();
    case RUSAGE_THREAD:
      hooks.updateThreadUsage(task);
      return task.usage;
    case RUSAGE_CHILDREN:
      return task.group.childrenUsage;
    default:
      return null;
  }
}

function sysGetrusage(task: Task, who: number, addr: number): number {
  const usage = usageOf(task, who);
  if (usage === null) return -EINVAL;
  return task.mem.write(addr, encodeUsage(usage), 0, RUSAGE_SIZE);
}

const UNENFORCED = 'RTTIME is kept and not enforced';

export const limitsSyscalls: readonly SyscallDef[] = [
  partial(97, 'getrlimit', ['uint', 'rlimit'], sysGetrlimit, UNENFORCED),
  full(98, 'getrusage', ['int', 'ptr'], sysGetrusage),
  partial(160, 'setrlimit', ['uint', 'rlimit'], sysSetrlimit, UNENFORCED),
  partial(302, 'prlimit64', ['pid', 'resource', 'rlimit', 'outrlimit'], sysPrlimit64, UNENFORCED),
];

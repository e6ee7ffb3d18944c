/** Calls that send signals (kill(2), tkill(2), rt_sigqueueinfo(2)). */
import { EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import { decodeSiginfo, SIGINFO_SIZE, SigInfo } from '../abi/siginfo.ts';
import { NSIG, SI_TKILL, SI_USER } from '../abi/signal.ts';
import { sendSignalToGroup, sendSignalToTask } from '../kernel/signal.ts';
import { checkKillPermission } from '../kernel/signal-permission.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import { full, type SyscallDef } from './define.ts';

const INT_MIN = -0x80000000;

function isSignalNumber(signo: number): boolean {
  return signo >= 0 && signo <= NSIG;
}

function killGroup(task: Task, group: ThreadGroup, signo: number): number {
  const allowed = checkKillPermission(task, group.leader, signo);
  if (allowed < 0 || signo === 0) return allowed;
  return sendSignalToGroup(group, new SigInfo(signo, SI_USER, task.pid, task.creds.uid));
}

/** kill(-pgid): it succeeds if it does for one (Linux: __kill_pgrp_info). */
function killProcessGroup(task: Task, pgid: number, signo: number): number {
  const processGroup = task.kernel.pids.processGroup(pgid);
  if (processGroup === undefined) return -ESRCH;
  let result = -ESRCH;
  let hasSucceeded = false;
  for (const member of [...processGroup.members]) {
    result = killGroup(task, member, signo);
    if (result === 0) hasSucceeded = true;
  }
  return hasSucceeded ? 0 : result;
}

/** kill(-1): all but PID 1 and the caller (Linux: kill_something_info). */
function killAll(task: Task, signo: number): number {
  let result = 0;
  let count = 0;
  for (const group of [...task.kernel.pids.groups()]) {
    if (group.isInit || group === task.group) continue;
    const one = killGroup(task, group, signo);
    count += 1;
    if (one !== -EPERM) result = one;
  }
  return count === 0 ? -ESRCH : result;
}

function sysKill(task: Task, pid: number, signo: number): number {
  if (!isSignalNumber(signo)) return -EINVAL;
  if (pid > 0) {
    const target = task.kernel.pids.task(pid);
    return target === undefined ? -ESRCH : killGroup(task, target.group, signo);
  }
  if (pid === INT_MIN) return -ESRCH;
  if (pid === -1) return killAll(task, signo);
  return killProcessGroup(task, pid === 0 ? task.group.processGroup.pgid : -pid, signo);
}

/** @param tgid the process it must belong to, 0 for any */
function findThread(task: Task, tgid: number, tid: number): Task | undefined {
  const target = task.kernel.pids.task(tid);
  if (target === undefined || (tgid !== 0 && target.group.pid !== tgid)) return undefined;
  return target;
}

function killThread(task: Task, tgid: number, tid: number, signo: number): number {
  if (!isSignalNumber(signo)) return -EINVAL;
  const target = findThread(task, tgid, tid);
  if (target === undefined) return -ESRCH;
  const allowed = checkKillPermission(task, target, signo);
  if (allowed < 0 || signo === 0) return allowed;
  return sendSignalToTask(target, new SigInfo(signo, SI_TKILL, task.pid, task.creds.uid));
}

function sysTkill(task: Task, tid: number, signo: number): number {
  return tid <= 0 ? -EINVAL : killThread(task, 0, tid, signo);
}

function sysTgkill(task: Task, tgid: number, tid: number, signo: number): number {
  return tgid <= 0 || tid <= 0 ? -EINVAL : killThread(task, tgid, tid, signo);
}

/** The caller's own siginfo; one that looks like kill's or the kernel's is only for itself. */
export function readSiginfo(task: Task, targetId: number, signo: number, infoAddr: number): SigInfo | number {
  const bytes = task.mem.readBytes(infoAddr, SIGINFO_SIZE);
  if (typeof bytes === 'number') return -EFAULT;
  const info = decodeSiginfo(bytes, signo);
  if ((info.code >= 0 || info.code === SI_TKILL) && targetId !== task.group.pid) return -EPERM;
  return info;
}

function sysRtSigqueueinfo(task: Task, pid: number, signo: number, infoAddr: number): number {
  const info = readSiginfo(task, pid, signo, infoAddr);
  if (typeof info === 'number') return info;
  if (!isSignalNumber(signo)) return -EINVAL;
  const target = pid > 0 ? task.kernel.pids.task(pid) : undefined;
  if (target === undefined) return -ESRCH;
  const allowed = checkKillPermission(task, target, signo);
  if (allowed < 0 || signo === 0) return allowed;
  return sendSignalToGroup(target.group, info);
}

function sysRtTgsigqueueinfo(task: Task, tgid: number, tid: number, signo: number, infoAddr: number): number {
  if (tgid <= 0 || tid <= 0) return -EINVAL;
  const info = readSiginfo(task, tid, signo, infoAddr);
  if (typeof info === 'number') return info;
  if (!isSignalNumber(signo)) return -EINVAL;
  const target = findThread(task, tgid, tid);
  if (target === undefined) return -ESRCH;
  const allowed = checkKillPermission(task, target, signo);
  if (allowed < 0 || signo === 0) return allowed;
  return sendSignalToTask(target, info);
}

export const killSyscalls: readonly SyscallDef[] = [
  full(62, 'kill', ['pid', 'signal'], sysKill),
  full(129, 'rt_sigqueueinfo', ['pid', 'signal', 'ptr'], sysRtSigqueueinfo),
  full(200, 'tkill', ['pid', 'signal'], sysTkill),
  full(234, 'tgkill', ['pid', 'pid', 'signal'], sysTgkill),
  full(297, 'rt_tgsigqueueinfo', ['pid', 'pid', 'signal', 'ptr'], sysRtTgsigqueueinfo),
];

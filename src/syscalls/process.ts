/** Process numbers, process groups, sessions, and the end of tasks (credentials(7), setpgid(2), setsid(2), _exit(2)). */
import { EACCES, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import { exitedStatus, exitGroup, exitTask } from '../kernel/exit.ts';
import { beginExitStop, waitWhileTraced } from '../kernel/ptrace.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import { full, type SyscallDef } from './define.ts';

function sysGetpid(task: Task): number {
  return task.group.pid;
}

function sysGettid(task: Task): number {
  return task.tid;
}

function sysGetppid(task: Task): number {
  return task.group.parentPid;
}

function sysGetpgrp(task: Task): number {
  return task.group.processGroup.pgid;
}

/** The process of a pid or tid argument, 0 for the caller's. */
function findGroup(task: Task, pid: number): ThreadGroup | undefined {
  return pid === 0 ? task.group : task.kernel.pids.task(pid)?.group;
}

function sysGetpgid(task: Task, pid: number): number {
  return findGroup(task, pid)?.processGroup.pgid ?? -ESRCH;
}

function sysGetsid(task: Task, pid: number): number {
  return findGroup(task, pid)?.session.sid ?? -ESRCH;
}

function sysSetpgid(task: Task, pid: number, pgid: number): number {
  const { pids } = task.kernel;
  const targetPid = pid === 0 ? task.group.pid : pid;
  const wanted = pgid === 0 ? targetPid : pgid;
  if (wanted < 0) return -EINVAL;
  const target = pids.task(targetPid);
  if (target === undefined) return -ESRCH;
  const { group } = target;
  if (target !== group.leader) return -EINVAL;
  if (group.parent === task.group) {
    if (group.session !== task.group.session) return -EPERM;
    if (group.hasExeced) return -EACCES;
  } else if (group !== task.group) {
    return -ESRCH;
  }
  if (group.session.leader === group) return -EPERM;
  let processGroup = pids.processGroup(wanted);
  if (wanted !== targetPid && (processGroup === undefined || processGroup.session !== group.session)) return -EPERM;
  processGroup ??= pids.createProcessGroup(wanted, group.session);
  pids.moveToProcessGroup(group, processGroup);
  return 0;
}

function sysSetsid(task: Task): number {
  const { group, kernel } = task;
  const { pids } = kernel;
  // A process group of this number may outlive the time the caller was its leader.
  if (group.session.leader === group || pids.processGroup(group.pid) !== undefined) return -EPERM;
  pids.moveToProcessGroup(group, pids.createSession(group, group.pid));
  return group.pid;
}

/** Ends the task or its process, when its tracer has seen it. */
function leave(task: Task, code: number, isGroup: boolean): number | Promise<number> {
  const status = exitedStatus(code);
  const end = (): number => {
    if (isGroup) exitGroup(task.group, status);
    else exitTask(task, status);
    return 0;
  };
  return beginExitStop(task, status) ? waitWhileTraced(task).then(end) : end();
}

function sysSetTidAddress(task: Task, address: number): number {
  task.clearChildTid = address;
  return task.tid;
}

export const processSyscalls: readonly SyscallDef[] = [
  full(39, 'getpid', [], sysGetpid),
  full(60, 'exit', ['int'], (task, code) => leave(task, code, false)),
  full(109, 'setpgid', ['pid', 'pid'], sysSetpgid),
  full(110, 'getppid', [], sysGetppid),
  full(111, 'getpgrp', [], sysGetpgrp),
  full(112, 'setsid', [], sysSetsid),
  full(121, 'getpgid', ['pid'], sysGetpgid),
  full(124, 'getsid', ['pid'], sysGetsid),
  full(186, 'gettid', [], sysGettid),
  full(218, 'set_tid_address', ['int*'], sysSetTidAddress),
  full(231, 'exit_group', ['int'], (task, code) => leave(task, code, true)),
];

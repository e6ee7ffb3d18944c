/**
 * Who may look into a process (ptrace(2), "Ptrace access mode checking"; Linux: __ptrace_may_access with
 * PTRACE_MODE_READ_FSCREDS), and whom its files belong to.
 */

import { CAP_SYS_PTRACE } from '../../abi/capability.ts';
import { EACCES, ESRCH } from '../../abi/errno.ts';
import { isCapabilitySubset } from '../../kernel/capability-set.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Task } from '../../kernel/task.ts';
import type { Owner } from '../pseudo/pseudo-file-system.ts';

/** 0, -EACCES, or -ESRCH when the task is gone. */
export function checkInspect(task: Task, creds: Credentials): number {
  if (task.isExited) return -ESRCH;
  if (currentTask()?.group === task.group || creds.hasCapability(CAP_SYS_PTRACE)) return 0;
  const target = task.creds;
  const isSameUser =
    creds.fsuid === target.uid &&
    creds.fsuid === target.euid &&
    creds.fsuid === target.suid &&
    creds.fsgid === target.gid &&
    creds.fsgid === target.egid &&
    creds.fsgid === target.sgid;
  if (!isSameUser || task.group.dumpable !== 1) return -EACCES;
  return isCapabilitySubset(target.caps.permitted, creds.caps.permitted) ? 0 : -EACCES;
}

/** The effective user, or root for a process that is not dumpable (proc(5), "/proc/pid"). */
export function ownerOf(task: Task, isGone: () => boolean): Owner {
  return {
    get isGone() {
      return isGone();
    },
    get uid() {
      return task.group.dumpable === 1 ? task.creds.euid : 0;
    },
    get gid() {
      return task.group.dumpable === 1 ? task.creds.egid : 0;
    },
  };
}

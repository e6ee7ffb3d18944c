/** Who may look into, and change, another process (ptrace(2), "Ptrace access mode checking"; Linux: __ptrace_may_access). */
import { CAP_SYS_PTRACE } from '../abi/capability.ts';
import { isCapabilitySubset } from './capability-set.ts';
import type { Task } from './task.ts';

/** PTRACE_MODE_ATTACH_REALCREDS, and READ_REALCREDS, which differs in what security modules say only. */
export function mayAccess(task: Task, target: Task): boolean {
  if (task.group === target.group || task.creds.hasCapability(CAP_SYS_PTRACE)) return true;
  const { uid, gid, caps } = task.creds;
  const theirs = target.creds;
  return (
    target.group.dumpable === 1 &&
    uid === theirs.euid &&
    uid === theirs.suid &&
    uid === theirs.uid &&
    gid === theirs.egid &&
    gid === theirs.sgid &&
    gid === theirs.gid &&
    isCapabilitySubset(theirs.caps.permitted, caps.permitted)
  );
}

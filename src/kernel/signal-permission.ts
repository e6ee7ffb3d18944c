/** Who may send a signal to whom (kill(2); Linux: check_kill_permission). */
import { CAP_KILL } from '../abi/capability.ts';
import { EPERM } from '../abi/errno.ts';
import { SIGCONT } from '../abi/signal.ts';
import type { Task } from './task.ts';

/** 0 or -EPERM. */
export function checkKillPermission(sender: Task, target: Task, signo: number): number {
  if (sender.group === target.group) return 0;
  const { euid, uid } = sender.creds;
  const { suid: targetSuid, uid: targetUid } = target.creds;
  if (euid === targetSuid || euid === targetUid || uid === targetSuid || uid === targetUid) return 0;
  if (sender.creds.hasCapability(CAP_KILL)) return 0;
  return signo === SIGCONT && sender.group.session === target.group.session ? 0 : -EPERM;
}

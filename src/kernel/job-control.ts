/**
 * Job control: orphaned process groups, and who may use the terminal (Linux: will_become_orphaned_pgrp in kernel/exit.c,
 * drivers/tty/tty_jobctrl.c; POSIX.1-2017 3.14, 11.1.4).
 */
import { EIO, ERESTARTSYS } from '../abi/errno.ts';
import { SIG_IGN, SIGCONT, SIGHUP, SIGTTIN, SIGTTOU } from '../abi/signal.ts';
import type { ControllingTty, ProcessGroup } from './session.ts';
import { isSignalBlocked, sendSignalToProcessGroup } from './signal.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

/**
 * Whether no member's parent is in another process group of the same session. Members that have ended do not count,
 * nor does `leaving`.
 */
export function isProcessGroupOrphaned(processGroup: ProcessGroup, leaving: ThreadGroup | null): boolean {
  for (const member of processGroup.members) {
    if (member === leaving || member.isZombie) continue;
    const { parent } = member;
    if (parent === null) continue;
    if (parent.processGroup !== processGroup && parent.session === processGroup.session) return false;
  }
  return true;
}

function hasStoppedMember(processGroup: ProcessGroup): boolean {
  for (const member of processGroup.members) if (member.isStopped) return true;
  return false;
}

/**
 * `group` ends or loses `parent`: a process group that it kept from being orphaned, and that has a stopped member, gets SIGHUP and
 * SIGCONT (POSIX.1-2017 _Exit; Linux: kill_orphaned_pgrp).
 *
 * @param parent whose end it is, or null when `group` itself ends
 */
export function hangUpOrphans(group: ThreadGroup, parent: ThreadGroup | null): void {
  const { processGroup } = group;
  const leaving = parent === null ? group : null;
  const formerParent = parent ?? group.parent;
  if (formerParent === null) return;
  if (formerParent.processGroup === processGroup || formerParent.session !== processGroup.session) return;
  if (!isProcessGroupOrphaned(processGroup, leaving) || !hasStoppedMember(processGroup)) return;
  sendSignalToProcessGroup(processGroup, SIGHUP);
  sendSignalToProcessGroup(processGroup, SIGCONT);
}

/** The leader of a session has ended: its terminal is free, and the foreground is told (Linux: disassociate_ctty). */
export function endSession(leader: ThreadGroup): void {
  const { session } = leader;
  if (session.leader !== leader) return;
  session.leader = null;
  const { tty } = session;
  if (tty === null) return;
  const { foreground } = tty;
  session.tty = null;
  tty.foreground = null;
  tty.session = null;
  if (foreground !== null) {
    sendSignalToProcessGroup(foreground, SIGHUP);
    sendSignalToProcessGroup(foreground, SIGCONT);
  }
  tty.onSessionEnd();
}

export type TtyAccess = 'read' | 'write' | 'control';

/**
 * Whether the task may use its controlling terminal now: 0, -EIO, or -ERESTARTSYS with SIGTTIN or SIGTTOU sent to its process
 * group. A write needs leave only with TOSTOP; `control` is tcsetattr, tcsetpgrp and the like.
 */
export function checkTtyAccess(task: Task, tty: ControllingTty, access: TtyAccess): number {
  const { processGroup, session, handlers } = task.group;
  if (session.tty !== tty || tty.foreground === null || tty.foreground === processGroup) return 0;
  if (access === 'write' && !tty.isTostop) return 0;
  const signo = access === 'read' ? SIGTTIN : SIGTTOU;
  if (isSignalBlocked(task, signo) || handlers.action(signo).handler === SIG_IGN) return access === 'read' ? -EIO : 0;
  if (isProcessGroupOrphaned(processGroup, null)) return -EIO;
  sendSignalToProcessGroup(processGroup, signo);
  return -ERESTARTSYS;
}

/** Calls on descriptors of processes (pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2)). */
import { EBADF, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import { O_NONBLOCK } from '../abi/fcntl.ts';
import { SigInfo } from '../abi/siginfo.ts';
import { NSIG, SI_USER } from '../abi/signal.ts';
import { PIDFD_NONBLOCK } from '../abi/wait.ts';
import { PidfdFile } from '../fs/pidfd/pidfd-file.ts';
import { taskOfDirectory } from '../fs/proc/pid-directory.ts';
import { mayAccess } from '../kernel/ptrace-access.ts';
import { sendSignalToGroup, sendSignalToTask } from '../kernel/signal.ts';
import { checkKillPermission } from '../kernel/signal-permission.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import { full, partial, type SyscallDef } from './define.ts';
import { installNew } from './install-file.ts';
import { readSiginfo } from './kill.ts';

const PIDFD_SIGNAL_THREAD = 1;
const PIDFD_SIGNAL_THREAD_GROUP = 2;
const PIDFD_SIGNAL_PROCESS_GROUP = 4;

/** A close-on-exec descriptor of `group` for `task`: also what CLONE_PIDFD gives. The descriptor or -errno. */
export function openPidfd(task: Task, group: ThreadGroup, flags: number): number {
  return installNew(task, new PidfdFile(task.kernel.anonPath('[pidfd]'), group, flags), true);
}

function sysPidfdOpen(task: Task, pid: number, flags: number): number {
  if ((flags & ~PIDFD_NONBLOCK) !== 0 || pid <= 0) return -EINVAL;
  const target = task.kernel.pids.task(pid);
  if (target === undefined) return -ESRCH;
  if (target !== target.group.leader) return -EINVAL;
  return openPidfd(task, target.group, (flags & PIDFD_NONBLOCK) === 0 ? 0 : O_NONBLOCK);
}

function pidfdGroup(task: Task, fd: number): ThreadGroup | number {
  const file = task.files.get(fd);
  return file instanceof PidfdFile ? file.group : -EBADF;
}

/** An open /proc/PID does for a signal too (pidfd_send_signal(2)). */
function signalledGroup(task: Task, fd: number): ThreadGroup | number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  if (file instanceof PidfdFile) return file.group;
  return taskOfDirectory(file.inode)?.group ?? -EBADF;
}

function sysPidfdSendSignal(task: Task, fd: number, signo: number, infoAddr: number, flags: number): number {
  const scope = flags === 0 ? PIDFD_SIGNAL_THREAD_GROUP : flags;
  if (scope !== PIDFD_SIGNAL_THREAD && scope !== PIDFD_SIGNAL_THREAD_GROUP && scope !== PIDFD_SIGNAL_PROCESS_GROUP) {
    return -EINVAL;
  }
  const group = signalledGroup(task, fd);
  if (typeof group === 'number') return group;
  if (signo < 0 || signo > NSIG) return -EINVAL;
  const info =
    infoAddr === 0
      ? new SigInfo(signo, SI_USER, task.pid, task.creds.uid)
      : readSiginfo(task, group.pid, signo, infoAddr);
  if (typeof info === 'number') return info;
  if (group.isReaped) return -ESRCH;
  const allowed = checkKillPermission(task, group.leader, signo);
  if (allowed < 0 || signo === 0) return allowed;
  if (scope === PIDFD_SIGNAL_THREAD) return sendSignalToTask(group.leader, info);
  if (scope === PIDFD_SIGNAL_THREAD_GROUP) return sendSignalToGroup(group, info);
  for (const member of [...(task.kernel.pids.processGroup(group.pid)?.members ?? [])]) {
    if (checkKillPermission(task, member.leader, signo) === 0)
      sendSignalToGroup(member, Object.assign(new SigInfo(signo, 0), info));
  }
  return 0;
}

function sysPidfdGetfd(task: Task, pidfd: number, targetFd: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  const group = pidfdGroup(task, pidfd);
  if (typeof group === 'number') return group;
  if (group.isZombie || group.isReaped) return -ESRCH;
  if (!mayAccess(task, group.leader)) return -EPERM;
  const file = group.leader.files.get(targetFd);
  return file === undefined ? -EBADF : installNew(task, file.ref(), true);
}

export const pidfdSyscalls: readonly SyscallDef[] = [
  full(424, 'pidfd_send_signal', ['fd', 'signal', 'ptr', 'flags'], sysPidfdSendSignal),
  partial(434, 'pidfd_open', ['pid', 'flags'], sysPidfdOpen, 'no PIDFD_THREAD'),
  full(438, 'pidfd_getfd', ['fd', 'fd', 'flags'], sysPidfdGetfd),
];

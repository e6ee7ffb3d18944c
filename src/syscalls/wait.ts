/** wait4(2) and waitid(2). */
import { EAGAIN, EBADF, ECHILD, EFAULT, EINVAL, ESRCH } from '../abi/errno.ts';
import { SIGCHLD } from '../abi/signal.ts';
import {
  __WALL,
  __WCLONE,
  __WNOTHREAD,
  P_ALL,
  P_PGID,
  P_PID,
  P_PIDFD,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
  WUNTRACED,
} from '../abi/wait.ts';
import { PidfdFile } from '../fs/pidfd/pidfd-file.ts';
import type { Task } from '../kernel/task.ts';
import { encodeUsage, RUSAGE_SIZE } from '../kernel/usage.ts';
import { type WaitRequest, type WaitResult, waitForChild, waitRequest } from '../kernel/wait.ts';
import { full, type SyscallDef } from './define.ts';

const O_NONBLOCK = 0x800;
const INT_MIN = -0x80000000;
const WAIT4_OPTIONS = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
const WAITID_OPTIONS = WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;

function sysWait4(
  task: Task,
  pid: number,
  statusAddr: number,
  options: number,
  usageAddr: number,
): number | Promise<number> {
  if ((options & ~WAIT4_OPTIONS) !== 0) return -EINVAL;
  if (pid === INT_MIN) return -ESRCH;
  const result = waitForChild(task, waitRequest(task, pid, options | WEXITED));
  if (result instanceof Promise) return result.then((late) => finishWait4(task, late, statusAddr, usageAddr));
  return finishWait4(task, result, statusAddr, usageAddr);
}

function finishWait4(task: Task, result: WaitResult | number, statusAddr: number, usageAddr: number): number {
  if (typeof result === 'number') return result;
  if (statusAddr !== 0 && task.mem.writeU32(statusAddr, result.waitStatus) < 0) return -EFAULT;
  if (usageAddr !== 0 && task.mem.write(usageAddr, encodeUsage(result.usage), 0, RUSAGE_SIZE) < 0) return -EFAULT;
  return result.pid;
}

/** What waitid's idtype and id name, or -errno. */
function waitidRequest(task: Task, idType: number, id: number, options: number): WaitRequest | number {
  switch (idType) {
    case P_ALL:
      return { idType, id: 0, options };
    case P_PID:
      return id <= 0 ? -EINVAL : { idType, id, options };
    case P_PGID:
      if (id < 0) return -EINVAL;
      return { idType, id: id === 0 ? task.group.processGroup.pgid : id, options };
    case P_PIDFD: {
      if (id < 0) return -EINVAL;
      const file = task.files.get(id);
      if (!(file instanceof PidfdFile)) return -EBADF;
      if (file.group.parent !== task.group) return -ECHILD;
      return {
        idType: P_PID,
        id: file.group.pid,
        options: (file.flags & O_NONBLOCK) === 0 ? options : options | WNOHANG,
      };
    }
    default:
      return -EINVAL;
  }
}

function sysWaitid(
  task: Task,
  idType: number,
  id: number,
  infoAddr: number,
  options: number,
  usageAddr: number,
): number | Promise<number> {
  if ((options & ~WAITID_OPTIONS) !== 0) return -EINVAL;
  if ((options & (WEXITED | WSTOPPED | WCONTINUED)) === 0) return -EINVAL;
  const request = waitidRequest(task, idType, id, options);
  if (typeof request === 'number') return request;
  const result = waitForChild(task, request);
  if (result instanceof Promise) return result.then((late) => finishWaitid(task, late, infoAddr, usageAddr));
  // A non-blocking pidfd asks for EAGAIN where WNOHANG gives 0 (pidfd_open(2)).
  if (result === 0 && request.options !== options) return -EAGAIN;
  return finishWaitid(task, result, infoAddr, usageAddr);
}

const info = new Uint8Array(28);
const infoView = new DataView(info.buffer);

function finishWaitid(task: Task, result: WaitResult | number, infoAddr: number, usageAddr: number): number {
  if (typeof result === 'number' && result < 0) return result;
  info.fill(0);
  if (typeof result !== 'number') {
    if (usageAddr !== 0 && task.mem.write(usageAddr, encodeUsage(result.usage), 0, RUSAGE_SIZE) < 0) return -EFAULT;
    infoView.setInt32(0, SIGCHLD, true);
    infoView.setInt32(8, result.code, true);
    infoView.setInt32(16, result.pid, true);
    infoView.setUint32(20, result.uid, true);
    infoView.setInt32(24, result.status, true);
  }
  if (infoAddr === 0) return 0;
  // Only these fields are written, as on Linux; the padding between keeps what was there.
  if (task.mem.write(infoAddr, info, 0, 12) < 0) return -EFAULT;
  return task.mem.write(infoAddr + 16, info, 16, 12);
}

export const waitSyscalls: readonly SyscallDef[] = [
  full(61, 'wait4', ['pid', 'waitstatus', 'waitoptions', 'ptr'], sysWait4),
  full(247, 'waitid', ['idtype', 'pid', 'ptr', 'int', 'ptr'], sysWaitid),
];

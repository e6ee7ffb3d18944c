/** The commands of fcntl(2) about signals of a descriptor: who gets them, and which. */
import { EFAULT, EINVAL, ESRCH } from '../abi/errno.ts';
import { NSIG } from '../abi/signal.ts';
import { F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, ownerExists, ownerOf } from '../kernel/file-owner.ts';
import type { Task } from '../kernel/task.ts';
import type { File } from '../vfs/file.ts';

const INT_MIN = -0x8000_0000;

function setOwner(task: Task, file: File, type: number, id: number): number {
  if (id !== 0 && !ownerExists(task.kernel, type, id)) return -ESRCH;
  file.owner = id === 0 ? null : ownerOf(task, type, id);
  return 0;
}

/** F_SETOWN: a process, or a process group as its negative number. */
export function setOwnerPid(task: Task, file: File, who: number): number {
  if (who === INT_MIN) return -EINVAL;
  return who < 0 ? setOwner(task, file, F_OWNER_PGRP, -who) : setOwner(task, file, F_OWNER_PID, who);
}

/** F_GETOWN: 0 when there is none, or none any more. */
export function ownerPid(task: Task, file: File): number {
  const { owner } = file;
  if (owner === null || !ownerExists(task.kernel, owner.type, owner.id)) return 0;
  return owner.type === F_OWNER_PGRP ? -owner.id : owner.id;
}

/** F_SETOWN_EX: struct f_owner_ex, type and pid. */
export function setOwnerEx(task: Task, file: File, addr: number): number {
  const type = task.mem.readU32(addr);
  const pid = task.mem.readU32(addr + 4);
  if (type === null || pid === null) return -EFAULT;
  if (type !== F_OWNER_TID && type !== F_OWNER_PID && type !== F_OWNER_PGRP) return -EINVAL;
  return setOwner(task, file, type, pid | 0);
}

export function getOwnerEx(task: Task, file: File, addr: number): number {
  const failed = task.mem.writeU32(addr, file.owner?.type ?? F_OWNER_TID);
  return failed < 0 ? failed : task.mem.writeU32(addr + 4, Math.abs(ownerPid(task, file)));
}

export function setOwnerSignal(file: File, signo: number): number {
  if (signo > NSIG) return -EINVAL;
  file.signal = signo;
  return 0;
}

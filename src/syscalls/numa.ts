/**
 * Memory policy (Linux: mm/mempolicy.c, mm/migrate.c) of a machine with one node: every policy is accepted and there is
 * nothing to place. Also the calls of other kernels' memory features, which are absent.
 */
import { EFAULT, EINVAL, ENOENT, ENOSYS, EPERM, ESRCH } from '../abi/errno.ts';
import { isPageAligned } from '../abi/memory.ts';
import type { Task } from '../kernel/task.ts';
import { partial, type SyscallDef } from './define.ts';

/** MPOL_DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL, PREFERRED_MANY, WEIGHTED_INTERLEAVE. */
const MPOL_MAX = 6;
const MPOL_MODE_FLAGS = 0xe000;
const MPOL_F_NODE = 1;
const MPOL_F_ADDR = 2;
const MPOL_F_MEMS_ALLOWED = 4;
/** Nodes a mask may have (MAX_NUMNODES rounded to a page of bits, as the kernel bounds it). */
const MASK_BITS_MAX = 4096 * 8;
/** move_pages(2) answers for at most so many pages a call. */
const MOVE_PAGES_MAX = 65536;

const ZEROES = new Uint8Array(4096);
const scratch = new Uint8Array(4096);

function modeError(mode: number, mask: number, maxNode: number): number {
  if ((mode & ~MPOL_MODE_FLAGS) >>> 0 > MPOL_MAX) return -EINVAL;
  return mask !== 0 && maxNode > MASK_BITS_MAX ? -EINVAL : 0;
}

export function sysSetMempolicy(_task: Task, mode: number, mask: number, maxNode: number): number {
  return modeError(mode, mask, maxNode);
}

export function sysMbind(
  _task: Task,
  addr: number,
  _length: number,
  mode: number,
  mask: number,
  maxNode: number,
  flags: number,
): number {
  if (!isPageAligned(addr) || flags > 7) return -EINVAL;
  return modeError(mode, mask, maxNode);
}

export function sysGetMempolicy(
  task: Task,
  mode: number,
  mask: number,
  maxNode: number,
  addr: number,
  flags: number,
): number {
  if (flags > 7 || (mask !== 0 && (maxNode < 1 || maxNode > MASK_BITS_MAX))) return -EINVAL;
  const wantsAllowed = (flags & MPOL_F_MEMS_ALLOWED) !== 0;
  if (wantsAllowed && (flags & (MPOL_F_NODE | MPOL_F_ADDR)) !== 0) return -EINVAL;
  if ((flags & MPOL_F_ADDR) === 0 && addr !== 0) return -EINVAL;
  if ((flags & MPOL_F_ADDR) !== 0 && task.mm.vmas.at(addr) === undefined) return -EFAULT;
  if (mode !== 0 && task.mem.writeU32(mode, 0) < 0) return -EFAULT;
  if (mask === 0) return 0;
  const bytes = Math.ceil(maxNode / 64) * 8;
  scratch.fill(0);
  if (wantsAllowed) scratch[0] = 1;
  return task.mem.write(mask, wantsAllowed ? scratch : ZEROES, 0, bytes);
}

export function sysMovePages(
  task: Task,
  pid: number,
  count: number,
  pages: number,
  _nodes: number,
  status: number,
  flags: number,
): number {
  if ((flags & ~6) !== 0 || count > MOVE_PAGES_MAX) return -EINVAL;
  const target = pid === 0 ? task : task.kernel.pids.task(pid);
  if (target === undefined) return -ESRCH;
  if (target.group !== task.group && target.creds.uid !== task.creds.euid) return -EPERM;
  for (let i = 0; i < count; i++) {
    const page = task.mem.readU64(pages + i * 8);
    if (page === null) return -EFAULT;
    const vma = target.mm.vmas.at(page);
    const state = vma === undefined ? -EFAULT : vma.isVisible ? 0 : -ENOENT;
    if (task.mem.writeU32(status + i * 4, state >>> 0) < 0) return -EFAULT;
  }
  return 0;
}

function sysMigratePages(task: Task, pid: number): number {
  return pid === 0 || task.kernel.pids.task(pid) !== undefined ? 0 : -ESRCH;
}

function sysAbsent(): number {
  return -ENOSYS;
}

const ONE_NODE = 'one node: nothing to place';
const ABSENT = 'not implemented: ENOSYS';

export const numaSyscalls: readonly SyscallDef[] = [
  partial(237, 'mbind', ['ptr', 'size', 'int', 'ptr', 'ulong', 'flags'], sysMbind, ONE_NODE),
  partial(238, 'set_mempolicy', ['int', 'ptr', 'ulong'], sysSetMempolicy, ONE_NODE),
  partial(239, 'get_mempolicy', ['ptr', 'ptr', 'ulong', 'ptr', 'flags'], sysGetMempolicy, ONE_NODE),
  partial(256, 'migrate_pages', ['pid', 'ulong', 'ptr', 'ptr'], sysMigratePages, ONE_NODE),
  partial(279, 'move_pages', ['pid', 'ulong', 'ptr', 'ptr', 'ptr', 'flags'], sysMovePages, ONE_NODE),
  partial(323, 'userfaultfd', ['flags'], sysAbsent, ABSENT),
  partial(440, 'process_madvise', ['fd', 'iov', 'size', 'int', 'flags'], sysAbsent, ABSENT),
];

/** shmget(2), shmat(2), shmdt(2), shmctl(2). */

import { CAP_IPC_LOCK } from '../abi/capability.ts';
import { EINVAL, ENOMEM, ENOSPC, EPERM } from '../abi/errno.ts';
import * as I from '../abi/ipc.ts';
import { MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/memory.ts';
import { SharedSegment, sharedSegmentsOf } from '../fs/tmpfs/shared-segment.ts';
import { ipcSettingsOf } from '../kernel/ipc/ipc-settings.ts';
import { checkOwnership, PERMISSION_SIZE, putPermission, takePermission } from '../kernel/ipc/ipc-table.ts';
import type { Task } from '../kernel/task.ts';
import { full, partial, type SyscallDef } from './define.ts';
import { mapPages } from './memory.ts';
import { accessible, described, give, put64, readStruct, S_IRUGO, S_IWUGO } from './sysv-ipc.ts';

const PAGE = 4096;
const SHMID_DS_SIZE = 112;
const SHM_HUGETLB = 0o4000;

/** Pages of all segments. */
function usedPages(task: Task): number {
  let pages = 0;
  for (const { size } of sharedSegmentsOf(task.namespaces.ipc).all()) pages += Math.ceil(size / PAGE);
  return pages;
}

function sysShmget(task: Task, key: number, size: number, flags: number): number {
  const segment = sharedSegmentsOf(task.namespaces.ipc).get(
    task,
    key,
    flags,
    (existing) => (size > existing.size ? -EINVAL : 0),
    () => {
      const { shmmax, shmall } = ipcSettingsOf(task.namespaces.ipc);
      if (size < 1 || size > shmmax) return -EINVAL;
      if (usedPages(task) + Math.ceil(size / PAGE) > shmall) return -ENOSPC;
      // No huge pages are reserved.
      if ((flags & SHM_HUGETLB) !== 0) return -ENOMEM;
      return SharedSegment.create(task, key, flags, size);
    },
  );
  return typeof segment === 'number' ? segment : segment.id;
}

function sysShmat(task: Task, id: number, addr: number, flags: number): number {
  if (id < 0) return -EINVAL;
  let start = addr;
  if (addr % PAGE !== 0) {
    if ((flags & I.SHM_RND) === 0) return -EINVAL;
    start = addr - (addr % PAGE);
    if (start === 0 && (flags & I.SHM_REMAP) !== 0) return -EINVAL;
  } else if (addr === 0 && (flags & I.SHM_REMAP) !== 0) return -EINVAL;
  const isReadOnly = (flags & I.SHM_RDONLY) !== 0;
  const isExecutable = (flags & I.SHM_EXEC) !== 0;
  const access = S_IRUGO | (isReadOnly ? 0 : S_IWUGO) | (isExecutable ? 0o111 : 0);
  const segment = accessible(task, sharedSegmentsOf(task.namespaces.ipc), id, access);
  if (typeof segment === 'number') return segment;
  const prot = PROT_READ | (isReadOnly ? 0 : PROT_WRITE) | (isExecutable ? PROT_EXEC : 0);
  const place = start === 0 ? 0 : (flags & I.SHM_REMAP) !== 0 ? MAP_FIXED : MAP_FIXED_NOREPLACE;
  const file = segment.attach(task, isReadOnly);
  const length = Math.ceil(segment.size / PAGE) * PAGE;
  const at = mapPages(task, start, length, prot, MAP_SHARED | place, file, 0);
  file.unref();
  // Something is there already.
  return at < 0 && place === MAP_FIXED_NOREPLACE ? -EINVAL : at;
}

function sysShmdt(task: Task, addr: number): number {
  if (addr % PAGE !== 0) return -EINVAL;
  const { mm } = task;
  const first = [...mm.vmas].find(
    (vma) => vma.start - vma.fileOffset === addr && vma.file !== null && SharedSegment.isAttachment(vma.file),
  );
  if (first === undefined) return -EINVAL;
  // An attachment that has been split goes with all its parts.
  const parts = [...mm.vmas].filter((vma) => vma.file === first.file && vma.start - vma.fileOffset === addr);
  for (const { start, end } of parts) {
    const failed = mm.unmap(start, end - start);
    if (failed < 0) return failed;
  }
  return 0;
}

function stat(task: Task, id: number, command: number, addr: number): number {
  const isIndex = command !== I.IPC_STAT;
  const segment = described(
    task,
    sharedSegmentsOf(task.namespaces.ipc),
    id,
    isIndex,
    command === I.SHM_STAT_ANY ? 0 : S_IRUGO,
  );
  if (typeof segment === 'number') return segment;
  const view = new DataView(new ArrayBuffer(SHMID_DS_SIZE));
  putPermission(view, segment);
  const fields = [segment.size, segment.attachedSec, segment.detachedSec, segment.changedSec];
  for (const [i, value] of fields.entries()) put64(view, PERMISSION_SIZE + i * 8, value);
  view.setInt32(80, segment.creator, true);
  view.setInt32(84, segment.lastUser, true);
  put64(view, 88, segment.attachCount);
  return give(task, addr, view, isIndex ? segment.id : 0);
}

/** struct shminfo of IPC_INFO, struct shm_info of SHM_INFO. */
function info(task: Task, command: number, addr: number): number {
  const table = sharedSegmentsOf(task.namespaces.ipc);
  const view = new DataView(new ArrayBuffer(command === I.SHM_INFO ? 48 : 72));
  if (command === I.SHM_INFO) {
    let pages = 0;
    for (const { size } of table.all()) pages += Math.ceil(size / PAGE);
    view.setInt32(0, table.count, true);
    put64(view, 8, pages);
    put64(view, 16, pages);
  } else {
    const { shmmax, shmmni, shmall } = ipcSettingsOf(task.namespaces.ipc);
    for (const [i, value] of [shmmax, 1, shmmni, shmmni, shmall].entries()) put64(view, i * 8, value);
  }
  return give(task, addr, view, table.highestIndex);
}

function change(task: Task, id: number, command: number, addr: number): number {
  const view = command === I.IPC_SET ? readStruct(task, addr, SHMID_DS_SIZE) : null;
  if (typeof view === 'number') return view;
  const segment = sharedSegmentsOf(task.namespaces.ipc).find(id);
  if (typeof segment === 'number') return segment;
  const refused = checkOwnership(task, segment);
  if (refused < 0) return refused;
  if (view === null) segment.remove();
  else takePermission(task, view, segment);
  return 0;
}

function lock(task: Task, id: number, command: number): number {
  const segment = sharedSegmentsOf(task.namespaces.ipc).find(id);
  if (typeof segment === 'number') return segment;
  if (!task.creds.hasCapability(CAP_IPC_LOCK) && checkOwnership(task, segment) < 0) return -EPERM;
  segment.mode = command === I.SHM_LOCK ? segment.mode | I.SHM_LOCKED : segment.mode & ~I.SHM_LOCKED;
  return 0;
}

function sysShmctl(task: Task, id: number, command: number, addr: number): number {
  if (id < 0 || command < 0) return -EINVAL;
  switch (command) {
    case I.IPC_INFO:
    case I.SHM_INFO:
      return info(task, command, addr);
    case I.IPC_STAT:
    case I.SHM_STAT:
    case I.SHM_STAT_ANY:
      return stat(task, id, command, addr);
    case I.IPC_SET:
    case I.IPC_RMID:
      return change(task, id, command, addr);
    case I.SHM_LOCK:
    case I.SHM_UNLOCK:
      return lock(task, id, command);
    default:
      return -EINVAL;
  }
}

export const sharedMemorySyscalls: readonly SyscallDef[] = [
  full(29, 'shmget', ['int', 'size', 'hex'], sysShmget),
  full(30, 'shmat', ['int', 'ptr', 'hex'], sysShmat),
  partial(31, 'shmctl', ['int', 'int', 'ptr'], sysShmctl, 'locked segments are only marked'),
  full(67, 'shmdt', ['ptr'], sysShmdt),
];

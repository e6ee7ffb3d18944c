/** kcmp(2): whether two processes share a thing of the kernel's, and an order of such things (Linux: kernel/kcmp.c). */
import { EBADF, EFAULT, EINVAL, ENOENT, EPERM, ESRCH } from '../abi/errno.ts';
import { EpollFile } from '../fs/event/epoll-file.ts';
import { hasUndo } from '../kernel/ipc/semaphores.ts';
import { mayAccess } from '../kernel/ptrace-access.ts';
import type { Task } from '../kernel/task.ts';
import type { File } from '../vfs/file.ts';
import { full, type SyscallDef } from './define.ts';
import { openFile } from './descriptors.ts';

const KCMP_FILE = 0;
const KCMP_VM = 1;
const KCMP_FILES = 2;
const KCMP_FS = 3;
const KCMP_SIGHAND = 4;
const KCMP_IO = 5;
const KCMP_SYSVSEM = 6;
const KCMP_EPOLL_TFD = 7;

const EQUAL = 0;
const LESS = 1;
const GREATER = 2;

const places = new WeakMap<object, number>();
let lastPlace = 0;

/** Where an object stands in the order of all: as they were first asked for. */
function placeOf(object: object): number {
  let place = places.get(object);
  if (place === undefined) {
    lastPlace += 1;
    place = lastPlace;
    places.set(object, place);
  }
  return place;
}

function compare(one: object, other: object): number {
  if (one === other) return EQUAL;
  return placeOf(one) < placeOf(other) ? LESS : GREATER;
}

/** A file by its descriptor in another process, O_PATH descriptors included. */
function fileOf(task: Task, fd: number): File | undefined {
  return fd > 0x7fffffff ? undefined : task.files.get(fd);
}

/** `slotAddr`: struct kcmp_epoll_slot, the epoll, the descriptor it was given, and which of those with this number. */
function compareWatched(task: Task, one: Task, fd: number, other: Task, slotAddr: number): number {
  const slot = task.mem.readBytes(slotAddr, 12);
  if (typeof slot === 'number') return -EFAULT;
  const view = new DataView(slot.buffer, slot.byteOffset, slot.length);
  const file = fileOf(one, fd);
  if (file === undefined) return -EBADF;
  const epoll = openFile(other.files, view.getUint32(0, true));
  if (epoll === undefined) return -EBADF;
  if (!(epoll instanceof EpollFile)) return -EINVAL;
  const watched = epoll.watched(view.getUint32(4, true), view.getUint32(8, true));
  return watched === undefined ? -ENOENT : compare(file, watched);
}

function sysKcmp(task: Task, pid1: number, pid2: number, type: number, idx1: number, idx2: number): number {
  const { pids } = task.kernel;
  const one = pids.task(pid1);
  const other = pids.task(pid2);
  if (one === undefined || other === undefined) return -ESRCH;
  if (!mayAccess(task, one) || !mayAccess(task, other)) return -EPERM;
  switch (type) {
    case KCMP_FILE: {
      const file1 = fileOf(one, idx1);
      const file2 = fileOf(other, idx2);
      return file1 === undefined || file2 === undefined ? -EBADF : compare(file1, file2);
    }
    case KCMP_VM:
      return compare(one.mm, other.mm);
    case KCMP_FILES:
      return compare(one.files, other.files);
    case KCMP_FS:
      return compare(one.fs, other.fs);
    case KCMP_SIGHAND:
      return compare(one.group.handlers, other.group.handlers);
    // What neither has counts as the same: an I/O priority, and semaphores to undo.
    case KCMP_IO:
      return one.ioPriority === 0 && other.ioPriority === 0 ? EQUAL : compare(one, other);
    case KCMP_SYSVSEM:
      return hasUndo(one.group) || hasUndo(other.group) ? compare(one.group, other.group) : EQUAL;
    case KCMP_EPOLL_TFD:
      return compareWatched(task, one, idx1, other, idx2);
    default:
      return -EINVAL;
  }
}

export const kcmpSyscalls: readonly SyscallDef[] = [
  full(312, 'kcmp', ['pid', 'pid', 'int', 'ulong', 'ulong'], sysKcmp),
];

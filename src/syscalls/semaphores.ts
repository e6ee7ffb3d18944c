/** semget(2), semop(2), semtimedop(2), semctl(2). */
import { E2BIG, EAGAIN, EINTR, EINVAL, ENOSPC, ERANGE, ERESTARTSYS, ETIMEDOUT } from '../abi/errno.ts';
import * as I from '../abi/ipc.ts';
import { WRITABLE } from '../abi/poll.ts';
import { blockOn } from '../kernel/block.ts';
import { ipcSettingsOf } from '../kernel/ipc/ipc-settings.ts';
import {
  checkAccess,
  checkOwnership,
  nowSec,
  PERMISSION_SIZE,
  putPermission,
  takePermission,
} from '../kernel/ipc/ipc-table.ts';
import { SEMVMX, SemaphoreSet, type SemOperation, semaphoresOf } from '../kernel/ipc/semaphores.ts';
import type { Timespec } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';
import { readTimespec, spanNs } from '../kernel/time-span.ts';
import { full, type SyscallDef } from './define.ts';
import { accessible, described, give, put64, readStruct, S_IRUGO, S_IWUGO } from './sysv-ipc.ts';

const SEMBUF_SIZE = 6;
const SEMID_DS_SIZE = 104;
const span: Timespec = { sec: 0, nsec: 0 };

/** Semaphores of all sets. */
function countSemaphores(task: Task): number {
  let total = 0;
  for (const set of semaphoresOf(task.namespaces.ipc, task.kernel.pids).all()) total += set.values.length;
  return total;
}

function sysSemget(task: Task, key: number, count: number, flags: number): number {
  if (count < 0 || count > ipcSettingsOf(task.namespaces.ipc).semmsl) return -EINVAL;
  const set = semaphoresOf(task.namespaces.ipc, task.kernel.pids).get(
    task,
    key,
    flags,
    (existing) => (count > existing.values.length ? -EINVAL : 0),
    () => {
      if (count === 0) return -EINVAL;
      const isTooMany = countSemaphores(task) + count > ipcSettingsOf(task.namespaces.ipc).semmns;
      return isTooMany ? -ENOSPC : new SemaphoreSet(task, key, flags, count);
    },
  );
  return typeof set === 'number' ? set : set.id;
}

function readOperations(task: Task, addr: number, count: number): SemOperation[] | number {
  const view = readStruct(task, addr, count * SEMBUF_SIZE);
  if (typeof view === 'number') return view;
  return Array.from({ length: count }, (_, i) => ({
    index: view.getUint16(i * SEMBUF_SIZE, true),
    delta: view.getInt16(i * SEMBUF_SIZE + 2, true),
    flags: view.getInt16(i * SEMBUF_SIZE + 4, true),
  }));
}

function sysSemtimedop(task: Task, id: number, addr: number, count: number, timeout: number): number | Promise<number> {
  if (count > ipcSettingsOf(task.namespaces.ipc).semopm) return -E2BIG;
  if (count < 1) return -EINVAL;
  const operations = readOperations(task, addr, count);
  if (typeof operations === 'number') return operations;
  if (id < 0) return -EINVAL;
  let deadlineNs = Infinity;
  if (timeout !== 0) {
    const failed = readTimespec(task.mem, timeout, span);
    if (failed < 0) return failed;
    deadlineNs = task.kernel.clock.monotonicNs() + spanNs(span);
  }
  const set = semaphoresOf(task.namespaces.ipc, task.kernel.pids).find(id);
  if (typeof set === 'number') return set;
  const isChange = operations.some(({ delta }) => delta !== 0);
  if (operations.some(({ index }) => index >= set.values.length)) return set.tryOperations(task, operations);
  const refused = checkAccess(task, set, isChange ? S_IWUGO : S_IRUGO);
  if (refused < 0) return refused;
  const result = set.tryOperations(task, operations);
  return set.blockedBy === null ? result : waitFor(task, set, operations, deadlineNs);
}

async function waitFor(
  task: Task,
  set: SemaphoreSet,
  operations: readonly SemOperation[],
  deadlineNs: number,
): Promise<number> {
  let sleeper = set.blockedBy;
  if (sleeper !== null) set.sleepers.add(sleeper);
  const attempt = (): number => {
    const result = set.tryOperations(task, operations);
    if (sleeper !== null) set.sleepers.delete(sleeper);
    sleeper = set.blockedBy;
    if (sleeper !== null) set.sleepers.add(sleeper);
    return result;
  };
  const result = await blockOn(task, set.queue, WRITABLE, attempt, deadlineNs);
  if (sleeper !== null) set.sleepers.delete(sleeper);
  // semop(2) is never restarted.
  if (result === -ERESTARTSYS) return -EINTR;
  return result === -ETIMEDOUT ? -EAGAIN : result;
}

function stat(task: Task, id: number, command: number, addr: number): number {
  const isIndex = command !== I.IPC_STAT;
  const set = described(
    task,
    semaphoresOf(task.namespaces.ipc, task.kernel.pids),
    id,
    isIndex,
    command === I.SEM_STAT_ANY ? 0 : S_IRUGO,
  );
  if (typeof set === 'number') return set;
  const view = new DataView(new ArrayBuffer(SEMID_DS_SIZE));
  putPermission(view, set);
  put64(view, 48, set.operatedSec);
  put64(view, 64, set.changedSec);
  put64(view, 80, set.values.length);
  return give(task, addr, view, isIndex ? set.id : 0);
}

function info(task: Task, command: number, addr: number): number {
  const table = semaphoresOf(task.namespaces.ipc, task.kernel.pids);
  const isUsage = command === I.SEM_INFO;
  const total = countSemaphores(task);
  const view = new DataView(new ArrayBuffer(40));
  const { semmni, semmsl, semmns, semopm } = ipcSettingsOf(task.namespaces.ipc);
  const numbers = [
    semmns,
    semmni,
    semmns,
    semmns,
    semmsl,
    semopm,
    semopm,
    isUsage ? table.count : 20,
    SEMVMX,
    isUsage ? total : SEMVMX,
  ];
  for (const [i, number] of numbers.entries()) view.setInt32(i * 4, number, true);
  return give(task, addr, view, table.highestIndex);
}

function setAll(task: Task, set: SemaphoreSet, addr: number): number {
  const view = readStruct(task, addr, set.values.length * 2);
  if (typeof view === 'number') return view;
  for (let i = 0; i < set.values.length; i++) if (view.getUint16(i * 2, true) > SEMVMX) return -ERANGE;
  for (let i = 0; i < set.values.length; i++) set.set(task, i, view.getUint16(i * 2, true));
  return changed(task, set);
}

function changed(task: Task, set: SemaphoreSet): number {
  set.changedSec = nowSec(task);
  set.queue.wake(WRITABLE);
  return 0;
}

function getAll(task: Task, set: SemaphoreSet, addr: number): number {
  const view = new DataView(new ArrayBuffer(set.values.length * 2));
  for (const [i, value] of set.values.entries()) view.setUint16(i * 2, value, true);
  return give(task, addr, view, 0);
}

function change(task: Task, id: number, command: number, addr: number): number {
  const view = command === I.IPC_SET ? readStruct(task, addr, PERMISSION_SIZE) : null;
  if (typeof view === 'number') return view;
  const table = semaphoresOf(task.namespaces.ipc, task.kernel.pids);
  const set = table.find(id);
  if (typeof set === 'number') return set;
  const refused = checkOwnership(task, set);
  if (refused < 0) return refused;
  if (view !== null) takePermission(task, view, set);
  else {
    table.remove(set);
    set.queue.wake(WRITABLE);
  }
  return 0;
}

function sysSemctl(task: Task, id: number, index: number, command: number, argument: number): number {
  if (id < 0) return -EINVAL;
  if (command === I.IPC_INFO || command === I.SEM_INFO) return info(task, command, argument);
  if (command === I.IPC_STAT || command === I.SEM_STAT || command === I.SEM_STAT_ANY) {
    return stat(task, id, command, argument);
  }
  if (command === I.IPC_SET || command === I.IPC_RMID) return change(task, id, command, argument);
  const isWrite = command === I.SETVAL || command === I.SETALL;
  const isKnown = command >= I.GETPID && command <= I.SETALL;
  if (!isKnown) return -EINVAL;
  const set = accessible(task, semaphoresOf(task.namespaces.ipc, task.kernel.pids), id, isWrite ? S_IWUGO : S_IRUGO);
  if (typeof set === 'number') return set;
  if (command === I.SETALL) return setAll(task, set, argument);
  if (command === I.GETALL) return getAll(task, set, argument);
  if (index < 0 || index >= set.values.length) return -EINVAL;
  const value = argument | 0;
  const waiting = (isForZero: boolean): number =>
    [...set.sleepers].filter((each) => each.index === index && each.isForZero === isForZero).length;
  switch (command) {
    case I.GETVAL:
      return set.values[index];
    case I.GETPID:
      return set.pids[index];
    case I.GETNCNT:
      return waiting(false);
    case I.GETZCNT:
      return waiting(true);
    default:
      if (value < 0 || value > SEMVMX) return -ERANGE;
      set.set(task, index, value);
      return changed(task, set);
  }
}

export const semaphoreSyscalls: readonly SyscallDef[] = [
  full(64, 'semget', ['int', 'int', 'hex'], sysSemget),
  full(65, 'semop', ['int', 'ptr', 'uint'], (task, id, addr, count) => sysSemtimedop(task, id, addr, count, 0)),
  full(66, 'semctl', ['int', 'int', 'int', 'ulong'], sysSemctl),
  full(220, 'semtimedop', ['int', 'ptr', 'uint', 'timespec'], sysSemtimedop),
];

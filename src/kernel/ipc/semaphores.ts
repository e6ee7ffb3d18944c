/** Sets of semaphores (Linux: ipc/sem.c; semop(2)). */
import { EAGAIN, EFBIG, EIDRM, ERANGE } from '../../abi/errno.ts';
import { IPC_NOWAIT, SEM_UNDO } from '../../abi/ipc.ts';
import { WRITABLE } from '../../abi/poll.ts';
import type { Namespace } from '../namespaces.ts';
import type { PidTable } from '../pid-table.ts';
import type { Task } from '../task.ts';
import type { ThreadGroup } from '../thread-group.ts';
import { WaitQueue } from '../wait-queue.ts';
import { ipcSettingsOf } from './ipc-settings.ts';
import { IpcObject, IpcTable, nowSec } from './ipc-table.ts';

export const SEMVMX = 32767;

export interface SemOperation {
  readonly index: number;
  readonly delta: number;
  readonly flags: number;
}

/** Who sleeps for a semaphore to grow, or to become zero. */
interface Sleeper {
  readonly index: number;
  readonly isForZero: boolean;
}

export class SemaphoreSet extends IpcObject {
  readonly values: Int32Array;
  /** Who changed each last. */
  readonly pids: Int32Array;
  operatedSec = 0;
  readonly queue = new WaitQueue();
  readonly sleepers = new Set<Sleeper>();
  /** What is added to each semaphore when a process ends (SEM_UNDO). */
  readonly undo = new Map<ThreadGroup, Int32Array>();

  constructor(task: Task, key: number, mode: number, count: number) {
    super(task, key, mode);
    this.values = new Int32Array(count);
    this.pids = new Int32Array(count);
  }

  /**
   * All operations or none: 0 or -errno. -EAGAIN with `blockedBy` set when the caller is to sleep, else because of IPC_NOWAIT.
   */
  tryOperations(task: Task, operations: readonly SemOperation[]): number {
    this.blockedBy = null;
    if (this.isRemoved) return -EIDRM;
    const { values } = this;
    const before = operations.map(({ index }) => (index < values.length ? values[index] : 0));
    const failed = this.#apply(task, operations);
    if (failed < 0) {
      // Backwards, so that a semaphore that comes twice gets its first value again.
      for (let i = operations.length - 1; i >= 0; i--) {
        if (operations[i].index < values.length) values[operations[i].index] = before[i];
      }
      return failed;
    }
    for (const { index, delta, flags } of operations) {
      this.pids[index] = task.pid;
      if ((flags & SEM_UNDO) !== 0 && delta !== 0) this.#undoOf(task.group)[index] -= delta;
    }
    this.operatedSec = nowSec(task);
    if (operations.some(({ delta }) => delta !== 0)) this.queue.wake(WRITABLE);
    return 0;
  }
  /** The operation at which the last attempt stopped. */
  blockedBy: Sleeper | null = null;

  #apply(task: Task, operations: readonly SemOperation[]): number {
    const { values } = this;
    // Values of the set change on the way, so each operation sees those before it.
    for (const { index } of operations) if (index >= values.length) return -EFBIG;
    for (const { index, delta, flags } of operations) {
      const result = values[index] + delta;
      if (result < 0 || (delta === 0 && values[index] !== 0)) {
        if ((flags & IPC_NOWAIT) === 0) this.blockedBy = { index, isForZero: delta === 0 };
        return -EAGAIN;
      }
      if (result > SEMVMX) return -ERANGE;
      if ((flags & SEM_UNDO) !== 0) {
        const undone = (this.undo.get(task.group)?.[index] ?? 0) - delta;
        if (undone < -SEMVMX - 1 || undone > SEMVMX) return -ERANGE;
      }
      values[index] = result;
    }
    return 0;
  }

  #undoOf(group: ThreadGroup): Int32Array {
    let undo = this.undo.get(group);
    if (undo === undefined) {
      undo = new Int32Array(this.values.length);
      this.undo.set(group, undo);
    }
    return undo;
  }

  /** SETVAL and SETALL make void what was to be undone. */
  set(task: Task, index: number, value: number): void {
    this.values[index] = value;
    this.pids[index] = task.pid;
    for (const undo of this.undo.values()) undo[index] = 0;
  }

  /** The process has ended. */
  undoAll(group: ThreadGroup): void {
    const undo = this.undo.get(group);
    if (undo === undefined) return;
    this.undo.delete(group);
    undo.forEach((delta, i) => {
      if (delta === 0) return;
      this.values[i] = Math.min(SEMVMX, Math.max(0, this.values[i] + delta));
      this.pids[i] = group.pid;
    });
    this.queue.wake(WRITABLE);
  }
}

const tables = new WeakMap<Namespace, IpcTable<SemaphoreSet>>();

/** The process tables whose ends are told here. */
const watched = new WeakSet<PidTable>();

export function semaphoresOf(ipc: Namespace, pids: PidTable): IpcTable<SemaphoreSet> {
  const settings = ipcSettingsOf(ipc);
  const table = tables.get(ipc) ?? new IpcTable<SemaphoreSet>(() => settings.semmni);
  tables.set(ipc, table);
  if (watched.has(pids)) return table;
  watched.add(pids);
  pids.hooks.groupExit.push(undoSemaphores);
  return table;
}

/** The process has ended, or leaves the namespace (exit_sem). */
export function undoSemaphores(group: ThreadGroup): void {
  const sets = tables.get(group.leader.namespaces.ipc);
  if (sets !== undefined) for (const set of sets.all()) set.undoAll(group);
}

/** Whether something is to be undone when the process ends. */
export function hasUndo(group: ThreadGroup): boolean {
  const table = tables.get(group.leader.namespaces.ipc);
  if (table !== undefined) for (const set of table.all()) if (set.undo.has(group)) return true;
  return false;
}

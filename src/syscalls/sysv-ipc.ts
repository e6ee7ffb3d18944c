/** What the control calls of System V IPC have in common. */
import { EFAULT } from '../abi/errno.ts';
import { checkAccess, type IpcObject, type IpcTable } from '../kernel/ipc/ipc-table.ts';
import type { Task } from '../kernel/task.ts';

export const S_IRUGO = 0o444;
export const S_IWUGO = 0o222;

/** The object of an identifier that the task may use as `access` says, or -EINVAL, -EACCES. */
export function accessible<T extends IpcObject>(
  task: Task,
  table: IpcTable<T>,
  id: number,
  access: number,
): T | number {
  const object = table.find(id);
  if (typeof object === 'number') return object;
  const refused = checkAccess(task, object, access);
  return refused < 0 ? refused : object;
}

/** XXX_STAT takes an index and gives the identifier; IPC_STAT takes the identifier. */
export function described<T extends IpcObject>(
  task: Task,
  table: IpcTable<T>,
  id: number,
  isIndex: boolean,
  access: number,
): T | number {
  const object = isIndex ? table.at(id) : table.find(id);
  if (typeof object === 'number') return object;
  const refused = checkAccess(task, object, access);
  return refused < 0 ? refused : object;
}

/** Writes a struct and gives `result`, or -EFAULT. */
export function give(task: Task, addr: number, view: DataView, result: number): number {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return task.mem.write(addr, bytes, 0, bytes.length) < 0 ? -EFAULT : result;
}

export function put64(view: DataView, at: number, value: number): void {
  view.setBigUint64(at, BigInt(value), true);
}

/** A struct of the guest, or -EFAULT. */
export function readStruct(task: Task, addr: number, size: number): DataView | number {
  const bytes = task.mem.readBytes(addr, size);
  return typeof bytes === 'number' ? bytes : new DataView(bytes.buffer, bytes.byteOffset, size);
}

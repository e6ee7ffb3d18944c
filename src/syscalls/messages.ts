/** msgget(2), msgsnd(2), msgrcv(2), msgctl(2). */

import { CAP_SYS_RESOURCE } from '../abi/capability.ts';
import { EAGAIN, EFAULT, EINVAL, ENOMSG, EPERM, ERESTARTNOHAND, ERESTARTSYS } from '../abi/errno.ts';
import * as I from '../abi/ipc.ts';
import { READABLE, WRITABLE } from '../abi/poll.ts';
import { blockOn } from '../kernel/block.ts';
import { ipcSettingsOf } from '../kernel/ipc/ipc-settings.ts';
import { checkOwnership, putPermission, takePermission } from '../kernel/ipc/ipc-table.ts';
import { MessageQueue, messageQueuesOf } from '../kernel/ipc/message-queue.ts';
import type { Task } from '../kernel/task.ts';
import { full, type SyscallDef } from './define.ts';
import { accessible, described, give, put64, readStruct, S_IRUGO, S_IWUGO } from './sysv-ipc.ts';

const MSQID_DS_SIZE = 120;
/** struct msgbuf begins with a long. */
const TYPE_SIZE = 8;

function sysMsgget(task: Task, key: number, flags: number): number {
  const queue = messageQueuesOf(task.namespaces.ipc).get(
    task,
    key,
    flags,
    () => 0,
    () => new MessageQueue(task, key, flags),
  );
  return typeof queue === 'number' ? queue : queue.id;
}

/** A call that a signal ended is not restarted for a handler, whatever SA_RESTART says (signal(7)). */
const interrupted = (result: number): number => (result === -ERESTARTSYS ? -ERESTARTNOHAND : result);

function sysMsgsnd(task: Task, id: number, addr: number, size: number, flags: number): number | Promise<number> {
  const view = readStruct(task, addr, TYPE_SIZE);
  if (typeof view === 'number') return view;
  const type = Number(view.getBigInt64(0, true));
  if (size > ipcSettingsOf(task.namespaces.ipc).msgmax || id < 0 || type < 1) return -EINVAL;
  const bytes = size === 0 ? new Uint8Array(0) : task.mem.readBytes(addr + TYPE_SIZE, size);
  if (typeof bytes === 'number') return bytes;
  const queue = accessible(task, messageQueuesOf(task.namespaces.ipc), id, S_IWUGO);
  if (typeof queue === 'number') return queue;
  const message = { type, bytes: bytes.slice() };
  const result = queue.send(task, message);
  if (result !== -EAGAIN || (flags & I.IPC_NOWAIT) !== 0) return result;
  return blockOn(task, queue.queue, WRITABLE, () => queue.send(task, message)).then(interrupted);
}

function sysMsgrcv(
  task: Task,
  id: number,
  addr: number,
  size: number,
  type: number,
  flags: number,
): number | Promise<number> {
  if (id < 0 || size >= 2 ** 63) return -EINVAL;
  // With MSG_COPY `type` is a place in the queue (msgop(2)).
  if ((flags & I.MSG_COPY) !== 0 && (flags & (I.MSG_EXCEPT | I.IPC_NOWAIT)) !== I.IPC_NOWAIT) return -EINVAL;
  const queue = accessible(task, messageQueuesOf(task.namespaces.ipc), id, S_IRUGO);
  if (typeof queue === 'number') return queue;
  const attempt = (): number => {
    const message = queue.receive(task, type, size, flags);
    if (typeof message === 'number') return message === -ENOMSG && (flags & I.IPC_NOWAIT) === 0 ? -EAGAIN : message;
    const n = Math.min(size, message.bytes.length);
    if (task.mem.writeU64(addr, message.type) < 0) return -EFAULT;
    return task.mem.write(addr + TYPE_SIZE, message.bytes, 0, n) < 0 ? -EFAULT : n;
  };
  const result = attempt();
  return result === -EAGAIN ? blockOn(task, queue.queue, READABLE, attempt).then(interrupted) : result;
}

function stat(task: Task, id: number, command: number, addr: number): number {
  const isIndex = command !== I.IPC_STAT;
  const queue = described(
    task,
    messageQueuesOf(task.namespaces.ipc),
    id,
    isIndex,
    command === I.MSG_STAT_ANY ? 0 : S_IRUGO,
  );
  if (typeof queue === 'number') return queue;
  const view = new DataView(new ArrayBuffer(MSQID_DS_SIZE));
  putPermission(view, queue);
  const fields = [
    queue.sentSec,
    queue.receivedSec,
    queue.changedSec,
    queue.usedBytes,
    queue.messages.length,
    queue.maxBytes,
  ];
  for (const [i, value] of fields.entries()) put64(view, 48 + i * 8, value);
  view.setInt32(96, queue.lastSender, true);
  view.setInt32(100, queue.lastReceiver, true);
  return give(task, addr, view, isIndex ? queue.id : 0);
}

/** struct msginfo: seven ints and an unsigned short. */
function info(task: Task, command: number, addr: number): number {
  const table = messageQueuesOf(task.namespaces.ipc);
  let messages = 0;
  let bytes = 0;
  for (const queue of table.all()) {
    messages += queue.messages.length;
    bytes += queue.usedBytes;
  }
  const isUsage = command === I.MSG_INFO;
  const view = new DataView(new ArrayBuffer(32));
  const { msgmax, msgmnb, msgmni } = ipcSettingsOf(task.namespaces.ipc);
  const pool = Math.floor((msgmni * msgmnb) / 1024);
  const numbers = [
    isUsage ? table.count : pool,
    isUsage ? messages : msgmnb,
    msgmax,
    msgmnb,
    msgmni,
    16,
    isUsage ? bytes : msgmnb,
  ];
  // The order is msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql.
  for (const [i, number] of numbers.entries()) view.setInt32(i * 4, number, true);
  view.setUint16(28, 0xffff, true);
  return give(task, addr, view, table.highestIndex);
}

function change(task: Task, id: number, command: number, addr: number): number {
  const view = command === I.IPC_SET ? readStruct(task, addr, MSQID_DS_SIZE) : null;
  if (typeof view === 'number') return view;
  const table = messageQueuesOf(task.namespaces.ipc);
  const queue = table.find(id);
  if (typeof queue === 'number') return queue;
  const refused = checkOwnership(task, queue);
  if (refused < 0) return refused;
  if (view === null) {
    table.remove(queue);
    queue.messages.length = 0;
  } else {
    const maxBytes = Number(view.getBigUint64(88, true));
    if (maxBytes > ipcSettingsOf(task.namespaces.ipc).msgmnb && !task.creds.hasCapability(CAP_SYS_RESOURCE))
      return -EPERM;
    takePermission(task, view, queue);
    queue.maxBytes = maxBytes;
  }
  queue.queue.wake(READABLE | WRITABLE);
  return 0;
}

function sysMsgctl(task: Task, id: number, command: number, addr: number): number {
  if (id < 0 || command < 0) return -EINVAL;
  if (command === I.IPC_INFO || command === I.MSG_INFO) return info(task, command, addr);
  if (command === I.IPC_STAT || command === I.MSG_STAT || command === I.MSG_STAT_ANY)
    return stat(task, id, command, addr);
  return command === I.IPC_SET || command === I.IPC_RMID ? change(task, id, command, addr) : -EINVAL;
}

export const messageSyscalls: readonly SyscallDef[] = [
  full(68, 'msgget', ['int', 'hex'], sysMsgget),
  full(69, 'msgsnd', ['int', 'ptr', 'size', 'flags'], sysMsgsnd),
  full(70, 'msgrcv', ['int', 'ptr', 'size', 'long', 'flags'], sysMsgrcv),
  full(71, 'msgctl', ['int', 'int', 'ptr'], sysMsgctl),
];

/** Message queues (Linux: ipc/msg.c; msgop(2)). */
import { E2BIG, EAGAIN, EIDRM, EINVAL, ENOMSG } from '../../abi/errno.ts';
import { MSG_COPY, MSG_EXCEPT, MSG_NOERROR } from '../../abi/ipc.ts';
import { READABLE, WRITABLE } from '../../abi/poll.ts';
import type { Namespace } from '../namespaces.ts';
import type { Task } from '../task.ts';
import { WaitQueue } from '../wait-queue.ts';
import { ipcSettingsOf } from './ipc-settings.ts';
import { IpcObject, IpcTable, nowSec } from './ipc-table.ts';

export interface Message {
  readonly type: number;
  readonly bytes: Uint8Array;
}

export class MessageQueue extends IpcObject {
  readonly messages: Message[] = [];
  /** Bytes it may hold, and holds. */
  maxBytes: number;
  usedBytes = 0;
  sentSec = 0;
  receivedSec = 0;
  lastSender = 0;
  lastReceiver = 0;
  readonly queue = new WaitQueue();

  constructor(task: Task, key: number, mode: number) {
    super(task, key, mode);
    this.maxBytes = ipcSettingsOf(task.namespaces.ipc).msgmnb;
  }

  /** 0, -EAGAIN when it is full, -EIDRM. */
  send(task: Task, message: Message): number {
    if (this.isRemoved) return -EIDRM;
    const isFull = this.usedBytes + message.bytes.length > this.maxBytes || this.messages.length + 1 > this.maxBytes;
    if (isFull) return -EAGAIN;
    this.messages.push(message);
    this.usedBytes += message.bytes.length;
    this.lastSender = task.pid;
    this.sentSec = nowSec(task);
    this.queue.wake(READABLE);
    return 0;
  }

  /** Takes the message that `type` and `flags` choose, or with MSG_COPY leaves it: it, or -ENOMSG, -E2BIG when it is longer than `max`, -EIDRM. */
  receive(task: Task, type: number, max: number, flags: number): Message | number {
    if (this.isRemoved) return -EIDRM;
    const at = this.#choose(type, flags);
    const message = this.messages[at];
    if (message === undefined) return -ENOMSG;
    if (message.bytes.length > max && (flags & MSG_NOERROR) === 0) return -E2BIG;
    // A copy is never cut short.
    if ((flags & MSG_COPY) !== 0) return message.bytes.length > max ? -EINVAL : message;
    this.messages.splice(at, 1);
    this.usedBytes -= message.bytes.length;
    this.lastReceiver = task.pid;
    this.receivedSec = nowSec(task);
    this.queue.wake(WRITABLE);
    return message;
  }

  #choose(type: number, flags: number): number {
    if ((flags & MSG_COPY) !== 0) return type;
    if (type === 0) return this.messages.length > 0 ? 0 : -1;
    if (type > 0) {
      const isOther = (flags & MSG_EXCEPT) !== 0;
      return this.messages.findIndex((message) => (message.type === type) !== isOther);
    }
    let best = -1;
    this.messages.forEach((message, i) => {
      if (message.type <= -type && (best < 0 || message.type < this.messages[best].type)) best = i;
    });
    return best;
  }
}

const tables = new WeakMap<Namespace, IpcTable<MessageQueue>>();

export function messageQueuesOf(ipc: Namespace): IpcTable<MessageQueue> {
  let table = tables.get(ipc);
  if (table === undefined) {
    const settings = ipcSettingsOf(ipc);
    table = new IpcTable(() => settings.msgmni);
    tables.set(ipc, table);
  }
  return table;
}

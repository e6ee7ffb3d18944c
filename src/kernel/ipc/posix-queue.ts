/**
 * A POSIX message queue (Linux: struct mqueue_inode_info in ipc/mqueue.c; mq_overview(7)): messages by priority, and among equals by age.
 *
 * Nothing blocks here: -EAGAIN from a full or an empty queue makes the caller sleep on `queue`.
 */
import { EAGAIN, EBUSY, EMSGSIZE } from '../../abi/errno.ts';
import { READABLE, WRITABLE } from '../../abi/poll.ts';
import type { FdTable } from '../../vfs/fd-table.ts';
import type { Task } from '../task.ts';
import { WaitQueue } from '../wait-queue.ts';

export interface QueueMessage {
  readonly priority: number;
  readonly bytes: Uint8Array;
}

/** Who asked to be told of a message that finds the queue empty (mq_notify(3)). */
export interface QueueListener {
  readonly pid: number;
  /** Closing a descriptor of the queue by way of this table ends it. */
  readonly files: FdTable;
  /** SIGEV_*, and the signal for SIGEV_SIGNAL. */
  readonly how: number;
  readonly signo: number;
  /** A message has come from `sender`. */
  tell(sender: Task): void;
  /** It was ended before that. */
  removed(): void;
}

export class PosixQueue {
  readonly maxMessages: number;
  readonly messageSize: number;
  /** Woken READABLE and WRITABLE. */
  readonly queue = new WaitQueue();
  /** Receivers that sleep: a message for one of them is told to nobody else. */
  sleepingReceivers = 0;
  /** Bytes of all messages. */
  size = 0;
  listener: QueueListener | null = null;
  readonly #messages: QueueMessage[] = [];

  constructor(maxMessages: number, messageSize: number) {
    this.maxMessages = maxMessages;
    this.messageSize = messageSize;
  }

  get length(): number {
    return this.#messages.length;
  }

  /** 0, -EMSGSIZE or -EAGAIN. */
  send(sender: Task, message: QueueMessage): number {
    if (message.bytes.length > this.messageSize) return -EMSGSIZE;
    const messages = this.#messages;
    if (messages.length >= this.maxMessages) return -EAGAIN;
    let at = messages.length;
    while (at > 0 && messages[at - 1].priority < message.priority) at -= 1;
    messages.splice(at, 0, message);
    this.size += message.bytes.length;
    if (messages.length === 1 && this.sleepingReceivers === 0) {
      const { listener } = this;
      this.listener = null;
      listener?.tell(sender);
    }
    this.queue.wake(READABLE);
    return 0;
  }

  /** The first message, or null when there is none. */
  receive(): QueueMessage | null {
    const message = this.#messages.shift();
    if (message === undefined) return null;
    this.size -= message.bytes.length;
    this.queue.wake(WRITABLE);
    return message;
  }

  /** 0, or -EBUSY when there is one already. */
  listen(listener: QueueListener): number {
    if (this.listener !== null) return -EBUSY;
    this.listener = listener;
    return 0;
  }

  unlisten(): void {
    const { listener } = this;
    this.listener = null;
    listener?.removed();
  }
}

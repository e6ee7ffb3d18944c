/** AF_NETLINK sockets (netlink(7)): each request is answered at once, into the socket's own queue. */
import { EADDRINUSE, EAGAIN, ECONNREFUSED, EINVAL, EMSGSIZE, ENOBUFS, EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import { POLLERR, READABLE, WRITABLE } from '../../abi/poll.ts';
import { AF_NETLINK } from '../../abi/socket.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Namespace } from '../../kernel/namespaces.ts';
import type { Task } from '../../kernel/task.ts';
import type { WaitQueue } from '../../kernel/wait-queue.ts';
import type { Path } from '../../vfs/path.ts';
import { interfaceIoctl } from '../interface-ioctl.ts';
import { flag, type OptionRule } from '../option-rule.ts';
import { type Ancillary, type Destination, NO_ANCILLARY, Received, Socket } from '../socket.ts';
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  parseRequests,
  Reply,
  type Request,
} from './message.ts';

/** What a family of netlink answers: messages (a dump's are followed by the end mark that the socket adds), or -errno. */
export type Answer = (request: Request, port: number) => Uint8Array[] | number;

const NAME_SIZE = 12;
/** Datagrams that may wait to be read: more answers are lost, as on Linux (ENOBUFS). */
const MAX_QUEUED = 64;
/** What a message takes of the send buffer beside its bytes (Linux: netlink_sendmsg). */
const SEND_OVERHEAD = 32;
/** Answers that belong together share datagrams of this size (NLMSG_GOODSIZE for those who ask with large buffers). */
const DATAGRAM = 16384;
const SOL_NETLINK = 270;
const KNOWN_OPTIONS = 12;
const OPTION = flag();

const ignored = new Received();

function nameOf(port: number): Uint8Array {
  const name = new Uint8Array(NAME_SIZE);
  name[0] = AF_NETLINK;
  new DataView(name.buffer).setUint32(4, port, true);
  return name;
}

const KERNEL = nameOf(0);
/** By protocol. */
const usedPorts = new WeakMap<Namespace, Map<number, Set<number>>>();

function portsOf(kernel: Kernel, protocol: number): Set<number> {
  const byProtocol = usedPorts.get(kernel.namespaces.net) ?? new Map<number, Set<number>>();
  usedPorts.set(kernel.namespaces.net, byProtocol);
  const ports = byProtocol.get(protocol) ?? new Set<number>();
  byProtocol.set(protocol, ports);
  return ports;
}

export class NetlinkSocket extends Socket {
  readonly #ports: Set<number>;
  readonly #answers: Uint8Array[] = [];
  readonly #answerTo: Answer;
  #port = 0;

  constructor(kernel: Kernel, path: Path, flags: number, type: number, protocol: number, answer: Answer) {
    super(path, flags, AF_NETLINK, type, protocol);
    this.#answerTo = answer;
    this.#ports = portsOf(kernel, protocol);
  }

  override optionRule(level: number, name: number): OptionRule | undefined {
    return level === SOL_NETLINK && name >= 1 && name <= KNOWN_OPTIONS ? OPTION : undefined;
  }

  override bind(_task: Task, address: Uint8Array): number {
    if (address.length < NAME_SIZE || address[0] !== AF_NETLINK || address[1] !== 0) return -EINVAL;
    const view = new DataView(address.buffer, address.byteOffset, address.length);
    const asked = view.getUint32(4, true);
    // Nothing ever changes, so whoever joins a group of listeners has nothing to hear.
    if (this.#port !== 0) return asked === this.#port ? 0 : -EINVAL;
    if (this.#ports.has(asked)) return -EADDRINUSE;
    this.#take(asked);
    return 0;
  }

  /** The process's number, or another one when that is taken (netlink_autobind). */
  #take(asked: number): void {
    let port = asked === 0 ? (currentTask()?.pid ?? 0) : asked;
    for (let next = 0xffffffff; port === 0 || this.#ports.has(port); next--) port = next;
    this.#ports.add(port);
    this.#port = port;
  }

  override connect(_task: Task, address: Uint8Array): number {
    if (address.length < NAME_SIZE || address[0] !== AF_NETLINK) return -EINVAL;
    if (this.#port === 0) this.#take(0);
    return 0;
  }

  override resolve(_task: Task, address: Uint8Array): Destination | number {
    if (address.length < NAME_SIZE || address[0] !== AF_NETLINK) return -EINVAL;
    const view = new DataView(address.buffer, address.byteOffset, address.length);
    if (view.getUint32(4, true) !== 0) return -ECONNREFUSED;
    if (view.getUint32(8, true) !== 0) return -EPERM;
    if (this.#port === 0) this.#take(0);
    return this;
  }

  override localName(): Uint8Array {
    return nameOf(this.#port);
  }

  override peerName(): Uint8Array {
    return KERNEL;
  }

  override shutdown(): number {
    return -EOPNOTSUPP;
  }

  override sendQueue(): WaitQueue {
    return this.queue;
  }

  override send(src: Uint8Array, at: number, length: number, ancillary: Ancillary): number {
    for (const file of ancillary.rights) file.unref();
    if (length > this.sendBuffer - SEND_OVERHEAD) return -EMSGSIZE;
    if (this.#port === 0) this.#take(0);
    for (const request of parseRequests(src.slice(at, at + length))) this.#answer(request);
    return length;
  }

  #answer(request: Request): void {
    const { type, flags, sequence } = request;
    if ((flags & NLM_F_REQUEST) === 0 || type < NLMSG_MIN_TYPE) {
      if ((flags & NLM_F_ACK) !== 0) this.#error(request, 0);
      return;
    }
    const isDump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
    if (isDump && this.#isFull) {
      // It may be long, and would be made for nothing.
      this.#overflow();
      return;
    }
    const replies = this.#answerTo(request, this.#port);
    if (typeof replies === 'number') {
      this.#error(request, replies);
      return;
    }
    for (let first = 0; first < replies.length; ) {
      let length = replies[first].length;
      let last = first + 1;
      for (; last < replies.length && length + replies[last].length <= DATAGRAM; last++) length += replies[last].length;
      this.#put(Buffer.concat(replies.slice(first, last)));
      first = last;
    }
    if (isDump) this.#put(new Reply().u32(0).finish(NLMSG_DONE, NLM_F_MULTI, sequence, this.#port));
    if (!isDump && (flags & NLM_F_ACK) !== 0) this.#error(request, 0);
  }

  /** An acknowledgement is an error of number 0; both quote the request's header. */
  #error(request: Request, error: number): void {
    const quoted = error === 0 ? request.bytes.subarray(0, 16) : request.bytes;
    this.#put(new Reply().u32(error).bytes(quoted).finish(NLMSG_ERROR, 0, request.sequence, this.#port));
  }

  #put(message: Uint8Array): void {
    if (this.#isFull) {
      this.#overflow();
      return;
    }
    this.#answers.push(message);
    this.queue.wake(READABLE);
  }

  get #isFull(): boolean {
    return this.#answers.length >= MAX_QUEUED;
  }

  #overflow(): void {
    this.pendingError = ENOBUFS;
    this.queue.wake(READABLE | POLLERR);
  }

  /** From the kernel, as it is. */
  deliver(message: Uint8Array): void {
    this.#put(message);
  }

  override receive(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    out.reset();
    const error = this.takeError();
    if (error < 0) return error;
    const message = this.#answers[0];
    if (message === undefined) return -EAGAIN;
    const n = Math.min(length, message.length);
    dst.set(message.subarray(0, n), at);
    out.fullLength = message.length;
    out.source = KERNEL;
    if (!isPeek) this.#answers.shift();
    return n;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    return this.receive(dst, at, length, false, ignored);
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    return this.send(src, at, length, NO_ANCILLARY);
  }

  override ioctl(task: Task, command: number, argument: number): number {
    return interfaceIoctl(task, command, argument);
  }

  override poll(): number {
    return WRITABLE | (this.#answers.length > 0 ? READABLE : 0) | (this.pendingError === 0 ? 0 : POLLERR);
  }

  override release(): void {
    if (this.#port !== 0) this.#ports.delete(this.#port);
    this.#answers.length = 0;
  }
}

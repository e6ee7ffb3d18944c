/**
 * SOCK_STREAM of AF_INET and AF_INET6 over the loopback (tcp(7)): the states and errors of TCP as programs see them, without
 * segments. Whoever sends puts the bytes into the receiver's ring.
 *
 * Invariant: two connected sockets are each other's `#peer` until one is closed.
 */
import {
  EAGAIN,
  EALREADY,
  ECONNREFUSED,
  ECONNRESET,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOENT,
  ENOPROTOOPT,
  ENOTCONN,
  EPIPE,
} from '../../abi/errno.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/fcntl.ts';
import { POLLERR, POLLHUP, POLLRDHUP, READABLE, WRITABLE } from '../../abi/poll.ts';
import {
  AF_UNSPEC,
  IPPROTO_TCP,
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SHUTDOWN_MASK,
  SOCK_STREAM,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_CONGESTION,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT2,
  TCP_INFO,
  TCP_LISTEN,
  TCP_SYN_SENT,
  TCP_ULP,
} from '../../abi/socket.ts';
import { ByteRing } from '../../kernel/byte-ring.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { netSettingsOf } from '../../kernel/net-settings.ts';
import type { Task } from '../../kernel/task.ts';
import type { Path } from '../../vfs/path.ts';
import { type Ancillary, type Destination, NO_ANCILLARY, Received, type Socket } from '../socket.ts';
import { Endpoint, familyOf } from './endpoint.ts';
import { InetSocket } from './inet-socket.ts';
import { inetStackOf } from './stack.ts';
import { tcpInfo } from './tcp-info.ts';

/** Bytes in flight to one receiver: about what Linux lets grow between send and receive buffer on a loopback. */
const STREAM_BUFFER = 1 << 20;
const ALL_EVENTS = READABLE | WRITABLE | POLLHUP | POLLRDHUP | POLLERR;
const DEFAULT_CONGESTION = 'cubic';
/** net.ipv4.tcp_available_congestion_control. */
const CONGESTION_CONTROLS: readonly string[] = [DEFAULT_CONGESTION, 'reno'];
const NO_PROTOCOL = new Uint8Array(0);

const ignored = new Received();

/** Second numbers of net.ipv4.tcp_wmem and tcp_rmem. */
const FIRST_SEND_BUFFER = 16384;
const FIRST_RECEIVE_BUFFER = 131072;
/** To what Linux lets a send buffer grow for segments as long as those of a loopback. */
const GROWN_SEND_BUFFER = 2626560;

function isGrowing(sendBuffer: number): boolean {
  return sendBuffer === FIRST_SEND_BUFFER || sendBuffer === GROWN_SEND_BUFFER;
}

/** How much may be under way from one to the other: buffers that were set (SO_SNDBUF, SO_RCVBUF) do not grow by themselves. */
function inFlight(from: StreamSocket, to: StreamSocket): number {
  const sendable = isGrowing(from.sendBuffer) ? STREAM_BUFFER / 2 : from.sendBuffer;
  return sendable + (to.receiveBuffer === FIRST_RECEIVE_BUFFER ? STREAM_BUFFER / 2 : to.receiveBuffer);
}

type State = 'closed' | 'listening' | 'connecting' | 'connected';

export class StreamSocket extends InetSocket {
  readonly #inbox = new ByteRing(STREAM_BUFFER);
  #state: State = 'closed';
  #peer: StreamSocket | null = null;
  #shutdown = 0;
  /** The other side has sent all it will send. */
  #isFinReceived = false;
  /** A send or a poll found no room: whoever makes some has to tell (SOCK_NOSPACE). */
  #isShortOfRoom = false;
  #congestion = DEFAULT_CONGESTION;
  #sentBytes = 0;
  #receivedBytes = 0;
  /** The caller of connect has not heard yet that it has worked. */
  #isNews = false;
  /** Connections that wait to be accepted, and sockets for which there was no room among them. */
  #backlog: StreamSocket[] = [];
  #backlogLimit = 0;
  readonly #knocking: StreamSocket[] = [];
  #listener: StreamSocket | null = null;

  constructor(kernel: Kernel, path: Path, flags: number, domain: number, uid: number) {
    super(kernel, path, flags, domain, SOCK_STREAM, IPPROTO_TCP, uid);
    this.sendBuffer = FIRST_SEND_BUFFER;
    this.receiveBuffer = FIRST_RECEIVE_BUFFER;
  }

  protected override register(): number {
    return inetStackOf(this.kernel).tcp.add(this);
  }
  protected override unregister(): void {
    inetStackOf(this.kernel).tcp.remove(this);
  }
  protected override freePort(): number {
    return inetStackOf(this.kernel).tcp.ephemeral();
  }

  override fit(): number {
    return this.#state === 'listening' ? 0 : -1;
  }

  /** A listener lets nobody else in at its address. */
  override get sharesAddress(): boolean {
    return this.#state !== 'listening' && super.sharesAddress;
  }

  override get isListening(): boolean {
    return this.#state === 'listening';
  }

  get waitingConnections(): number {
    return this.#backlog.length;
  }

  /** TCP_* as /proc/net/tcp has it. */
  get stateNumber(): number {
    if (this.#state === 'listening') return TCP_LISTEN;
    if (this.#state === 'connecting') return TCP_SYN_SENT;
    const isFinSent = (this.#shutdown & SEND_SHUTDOWN) !== 0;
    if (this.#state === 'closed' || (isFinSent && this.#isFinReceived)) return TCP_CLOSE;
    if (isFinSent) return TCP_FIN_WAIT2;
    return this.#isFinReceived ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
  }

  get shutdownMask(): number {
    return this.#shutdown;
  }

  get backlogLimit(): number {
    return this.#backlogLimit;
  }

  override wideOption(level: number, name: number): Uint8Array | number | null {
    if (level !== IPPROTO_TCP) return super.wideOption(level, name);
    if (name === TCP_CONGESTION) return Uint8Array.from(Buffer.from(this.#congestion.padEnd(16, '\0'), 'latin1'));
    if (name === TCP_ULP) return NO_PROTOCOL;
    return name === TCP_INFO ? tcpInfo(this.stateNumber, this.#sentBytes, this.#receivedBytes) : null;
  }

  override setWideOption(level: number, name: number, value: Uint8Array): number | null {
    if (level !== IPPROTO_TCP) return null;
    if (name === TCP_INFO) return -ENOPROTOOPT;
    if (name === TCP_ULP) return -ENOENT;
    if (name !== TCP_CONGESTION) return null;
    const asked = Buffer.from(value.subarray(0, 15)).toString('latin1').replace(/\0.*$/s, '');
    if (!CONGESTION_CONTROLS.includes(asked)) return -ENOENT;
    this.#congestion = asked;
    return 0;
  }

  /** More than half of what can be under way would never come together (tcp_set_rcvlowat). */
  override get leastReceive(): number {
    return Math.min(super.leastReceive, this.#inbox.capacity >> 1);
  }

  override peerName(): Uint8Array | number {
    return this.stateNumber === TCP_CLOSE ? -ENOTCONN : super.peerName();
  }

  override listen(task: Task, backlog: number): number {
    if (this.#state !== 'closed' && this.#state !== 'listening') return -EINVAL;
    const error = this.bindIfNeeded();
    if (error < 0) return error;
    this.#backlogLimit = Math.min(backlog >>> 0, netSettingsOf(task.kernel).somaxconn);
    this.#state = 'listening';
    this.#shutdown = 0;
    return 0;
  }

  override accept(flags: number): Socket | number {
    if (this.#state !== 'listening') return -EINVAL;
    const connection = this.#backlog.shift();
    if (connection === undefined) return -EAGAIN;
    connection.flags = O_RDWR | (flags & O_NONBLOCK);
    const next = this.#knocking.shift();
    if (next !== undefined) next.#establish(this);
    return connection;
  }

  override connect(_task: Task, address: Uint8Array): number {
    if (familyOf(address) === AF_UNSPEC) return this.#disconnect();
    const destination = this.target(address);
    if (typeof destination === 'number') return destination;
    if (this.#state === 'connecting') return -EALREADY;
    if (this.#isNews) {
      this.#isNews = false;
      return 0;
    }
    if (this.#state !== 'closed') return -EISCONN;
    const failed = this.takeError();
    if (failed < 0) return failed;
    const error = this.#begin(destination);
    if (error === -EINPROGRESS || this.isBlocking) return error;
    // Somebody who does not wait hears of it by poll(2) and SO_ERROR.
    this.#isNews = error === 0;
    this.pendingError = -error;
    if (error < 0) this.#shutdown = SHUTDOWN_MASK;
    this.queue.wake(ALL_EVENTS);
    return -EINPROGRESS;
  }

  #begin(destination: Endpoint): number {
    const wasBound = this.isBound;
    const unbound = this.bindIfNeeded();
    if (unbound < 0) return unbound;
    const before = this.local;
    this.local = this.sourceFor(destination);
    const listener = inetStackOf(this.kernel).tcp.find(destination, this.local);
    if (listener === null) {
      this.local = before;
      if (!wasBound) this.forgetUnchosen();
      inetStackOf(this.kernel).counters.countRefusal();
      return -ECONNREFUSED;
    }
    this.remote = destination;
    if (listener.#backlog.length <= listener.#backlogLimit) {
      this.#establish(listener);
      this.#isNews = false;
      return 0;
    }
    this.#state = 'connecting';
    this.#listener = listener;
    listener.#knocking.push(this);
    return -EINPROGRESS;
  }

  /** Makes the other end, which waits in the listener's backlog. */
  #establish(listener: StreamSocket): void {
    const { remote } = this;
    if (remote === null) throw new Error('a connection to nowhere');
    const path = this.kernel.anonPath('socket');
    const other = new StreamSocket(this.kernel, path, O_RDWR, listener.domain, listener.ownerUid);
    other.local = new Endpoint(remote.ip, remote.port);
    other.remote = this.local;
    for (const [key, value] of listener.remembered) other.remembered.set(key, value);
    other.sendBuffer = listener.sendBuffer;
    other.receiveBuffer = listener.receiveBuffer;
    other.lingerSeconds = listener.lingerSeconds;
    other.#congestion = listener.#congestion;
    other.#peer = this;
    this.#peer = other;
    other.#state = 'connected';
    this.#state = 'connected';
    if (isGrowing(this.sendBuffer)) this.sendBuffer = GROWN_SEND_BUFFER;
    if (isGrowing(other.sendBuffer)) other.sendBuffer = GROWN_SEND_BUFFER;
    const stack = inetStackOf(this.kernel);
    stack.streams.add(this).add(other);
    stack.counters.countConnection();
    this.#listener = null;
    this.#isNews = true;
    this.#shutdown = 0;
    this.#isFinReceived = false;
    listener.#backlog.push(other);
    listener.queue.wake(READABLE);
    this.queue.wake(ALL_EVENTS);
  }

  /** connect(2) to AF_UNSPEC: the connection is reset, the socket is as new. */
  #disconnect(): number {
    if (this.#state === 'listening') this.#refuseAll();
    this.#stopKnocking();
    this.#part(true);
    this.#state = 'closed';
    inetStackOf(this.kernel).streams.delete(this);
    this.#isNews = false;
    this.#shutdown = 0;
    this.#isFinReceived = false;
    this.pendingError = 0;
    this.remote = null;
    this.#inbox.clear();
    this.forgetUnchosen();
    return 0;
  }

  /** An address with a send is not looked at (tcp_sendmsg). */
  override resolve(): Destination | number {
    return this;
  }

  override send(src: Uint8Array, at: number, length: number, ancillary: Ancillary): number {
    for (const file of ancillary.rights) file.unref();
    const error = this.takeError();
    if (error < 0) return error;
    if (this.#state === 'connecting') return -EAGAIN;
    if (this.#state !== 'connected' || (this.#shutdown & SEND_SHUTDOWN) !== 0) return -EPIPE;
    const peer = this.#peer;
    if (peer === null) {
      // The other side is closed: what it gets now it answers with a reset, which the next call meets.
      this.#reset(EPIPE);
      return length;
    }
    if (length === 0) return 0;
    peer.#inbox.resize(inFlight(this, peer));
    const n = peer.#inbox.push(src, at, length);
    if (n < length) this.#isShortOfRoom = true;
    if (n === 0) return -EAGAIN;
    this.#sentBytes += n;
    inetStackOf(this.kernel).counters.countStream(n);
    peer.#receivedBytes += n;
    if (peer.#inbox.length >= peer.leastReceive) peer.queue.wake(READABLE);
    return n;
  }

  /** Room for a third, so that a writer who is woken does not write crumbs (sk_stream_is_writeable). */
  get #hasRoom(): boolean {
    const peer = this.#peer;
    return peer === null || peer.#inbox.free * 3 >= peer.#inbox.capacity;
  }

  /** The other side has read. Only who waits for room hears of it: to tell all would be an edge for every read. */
  #giveRoom(): void {
    if (!this.#isShortOfRoom || !this.#hasRoom) return;
    this.#isShortOfRoom = false;
    this.queue.wake(WRITABLE);
  }

  #reset(error: number): void {
    this.#isFinReceived = true;
    inetStackOf(this.kernel).counters.resets += 1;
    this.pendingError = error;
    this.#shutdown = SHUTDOWN_MASK;
    this.queue.wake(ALL_EVENTS);
  }

  override receive(dst: Uint8Array, at: number, length: number, isPeek: boolean, out: Received): number {
    out.reset();
    if (this.#inbox.length > 0) {
      const n = isPeek ? this.#inbox.peek(dst, at, length) : this.#inbox.shift(dst, at, length);
      out.fullLength = n;
      if (!isPeek && this.#peer !== null) this.#peer.#giveRoom();
      return n;
    }
    if (this.#state === 'closed' || this.#state === 'listening') {
      const error = this.takeError();
      return error < 0 ? error : -ENOTCONN;
    }
    const error = this.takeError();
    if (error < 0) return error;
    return (this.#shutdown & RCV_SHUTDOWN) !== 0 ? 0 : -EAGAIN;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    return this.receive(dst, at, length, false, ignored);
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    return this.send(src, at, length, NO_ANCILLARY);
  }

  override availableBytes(): number {
    return this.#state === 'listening' ? -EINVAL : this.#inbox.length;
  }

  /** tcp_poll. */
  override poll(): number {
    if (this.#state === 'listening') return this.#backlog.length > 0 ? READABLE : 0;
    let events = this.pendingError !== 0 ? POLLERR : 0;
    if (this.#state === 'connecting') return events;
    if (this.#state === 'closed' || this.#shutdown === SHUTDOWN_MASK) events |= POLLHUP;
    if ((this.#shutdown & RCV_SHUTDOWN) !== 0) events |= READABLE | POLLRDHUP;
    if (this.#inbox.length >= this.leastReceive) events |= READABLE;
    if ((this.#shutdown & SEND_SHUTDOWN) !== 0 || this.#hasRoom) return events | WRITABLE;
    this.#isShortOfRoom = true;
    return events;
  }

  override shutdown(how: number): number {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return -EINVAL;
    if (this.#state === 'listening') {
      if (how === SHUT_WR) return 0;
      this.#refuseAll();
      this.#state = 'closed';
      this.queue.wake(ALL_EVENTS);
      return 0;
    }
    if (this.#state !== 'connected' || this.stateNumber === TCP_CLOSE) return -ENOTCONN;
    if (how !== SHUT_WR) this.#shutdown |= RCV_SHUTDOWN;
    if (how !== SHUT_RD && (this.#shutdown & SEND_SHUTDOWN) === 0) {
      this.#shutdown |= SEND_SHUTDOWN;
      const peer = this.#peer;
      if (peer !== null) peer.#receiveFin();
    }
    this.queue.wake(ALL_EVENTS);
    return 0;
  }

  #refuseAll(): void {
    for (const connection of this.#backlog.splice(0)) {
      connection.#part(true);
      connection.unref();
    }
    for (const socket of this.#knocking.splice(0)) {
      socket.#state = 'closed';
      socket.#listener = null;
      socket.remote = null;
      socket.pendingError = ECONNREFUSED;
      socket.queue.wake(ALL_EVENTS);
    }
  }

  #stopKnocking(): void {
    if (this.#listener === null) return;
    const knocking = this.#listener.#knocking;
    const at = knocking.indexOf(this);
    if (at >= 0) knocking.splice(at, 1);
    this.#listener = null;
  }

  /** Leaves the peer: with a reset, or with the end of the stream. */
  #part(isReset: boolean): void {
    const peer = this.#peer;
    this.#peer = null;
    if (peer === null) return;
    peer.#peer = null;
    if (isReset) {
      peer.#reset(peer.#isFinReceived ? EPIPE : ECONNRESET);
    } else {
      peer.#receiveFin();
    }
  }

  #receiveFin(): void {
    if (this.#isFinReceived) return;
    this.#isFinReceived = true;
    this.#shutdown |= RCV_SHUTDOWN;
    this.queue.wake(ALL_EVENTS);
  }

  override release(): void {
    if (this.#state === 'listening') this.#refuseAll();
    this.#stopKnocking();
    // Bytes that nobody will read, or a linger of no time: the sender learns that they are lost.
    this.#part(this.#inbox.length > 0 || this.lingerSeconds === 0);
    this.#state = 'closed';
    inetStackOf(this.kernel).streams.delete(this);
    this.#inbox.clear();
    this.unbind();
    this.queue.wake(ALL_EVENTS);
  }
}

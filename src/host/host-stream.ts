/**
 * The sandbox's standard streams on the host: descriptors that belong to whoever started the sandbox.
 *
 * Two rules shape this file. The sentry must never block in one, since it is the kernel of all guest threads. And
 * O_NONBLOCK must never be set on the descriptor as it came, because the flag lives in the description that the
 * caller's shell shares (a shell whose terminal turns non-blocking breaks). So pipes and terminals are opened a second
 * time through /proc/self/fd, which makes a description of our own; sockets take the flag per call; where neither
 * works, poll(2) is asked first and writes are small enough not to block.
 */

import { EAGAIN, EINTR, EIO } from '../abi/errno.ts';
import { TCGETS } from '../abi/ioctl.ts';
import { reopen } from './proc-files.ts';

/** A raw host system call: the result or -errno. Arrays are passed by address. */
export type HostSyscall = (nr: number, ...args: readonly (number | Uint8Array)[]) => number;

/**
 * Level-triggered readiness of host descriptors, run by the sentry's loop. At most one registration per descriptor;
 * `add` again replaces it.
 */
export interface EventLoop {
  /** @param events EPOLL* bits; errors and hang-up are always told */
  add(hostFd: number, events: number, callback: (events: number) => void): void;
  remove(hostFd: number): void;
}

/** Whose the descriptor is: the caller's, who goes on using it, or given to the sandbox, which closes it when it is done. */
export type StreamOwner = 'caller' | 'sandbox';

export type HostStreamKind = 'terminal' | 'pipe' | 'socket' | 'file' | 'device';

export interface HostStream {
  readonly kind: HostStreamKind;
  /** The descriptor I/O goes through. */
  readonly hostFd: number;
  /** O_RDONLY, O_WRONLY or O_RDWR, with O_APPEND: how the caller had it open. */
  readonly flags: number;
  /** Bytes read, 0 at the end, -EAGAIN, or another -errno. */
  readNow(dst: Uint8Array, at: number, length: number): number;
  /** Bytes written (perhaps fewer), -EAGAIN, or another -errno. */
  writeNow(src: Uint8Array, at: number, length: number): number;
  /** POLL* bits that hold now. */
  pollNow(): number;
  /** Calls back when one of `events` holds, until `unwatch`. Does nothing for files and devices, which are always ready. */
  watch(events: number, onReady: (events: number) => void): void;
  unwatch(): void;
  /** lseek(2) on the host's description, whose offset the caller's other programs share. */
  seek(offset: number, whence: number): number;
  truncate(size: number): number;
  ioctl(command: number, argument: Uint8Array | number): number;
  /** The host's struct stat (144 bytes): 0 or -errno. */
  stat(out: Uint8Array): number;
  /** Gives back what was opened here, and the descriptor itself if it is the sandbox's. */
  close(): void;
}

const SYS_READ = 0;
const SYS_WRITE = 1;
const SYS_CLOSE = 3;
const SYS_FSTAT = 5;
const SYS_POLL = 7;
const SYS_LSEEK = 8;
const SYS_IOCTL = 16;
const SYS_SENDTO = 44;
const SYS_RECVFROM = 45;
const SYS_FCNTL = 72;
const SYS_FTRUNCATE = 77;

const F_GETFL = 3;
const O_ACCMODE = 3;
const O_NOCTTY = 0o400;
const O_APPEND = 0o2000;
const O_NONBLOCK = 0o4000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const POLLIN = 1;
const POLLOUT = 4;
const POLLHUP = 0x10;
const POLLERR = 8;
const POLL_FILE = 0x145;
/** PIPE_BUF: a pipe that polls writable takes this much without blocking (pipe(7)). */
const PIPE_PIECE = 4096;
/** A terminal that polls writable has at least room for this (WAKEUP_CHARS in tty drivers). */
const TERMINAL_PIECE = 256;

function kindOf(syscall: HostSyscall, hostFd: number): HostStreamKind | number {
  const stat = new Uint8Array(144);
  const result = syscall(SYS_FSTAT, hostFd, stat);
  if (result < 0) return result;
  const type = new DataView(stat.buffer).getUint32(24, true) & 0o170000;
  if (type === 0o010000) return 'pipe';
  if (type === 0o140000) return 'socket';
  if (type !== 0o020000) return 'file';
  return syscall(SYS_IOCTL, hostFd, TCGETS, new Uint8Array(64)) === 0 ? 'terminal' : 'device';
}

/** A second description of the same pipe or terminal, non-blocking, or -errno where the host refuses. */
function reopened(syscall: HostSyscall, hostFd: number): number {
  const access = syscall(SYS_FCNTL, hostFd, F_GETFL, 0);
  return access < 0 ? access : reopen(hostFd, (access & O_ACCMODE) | O_NONBLOCK | O_NOCTTY);
}

/**
 * Wraps a host descriptor. Gives -errno when the descriptor is not open.
 */
export function openHostStream(
  syscall: HostSyscall,
  loop: EventLoop,
  hostFd: number,
  owner: StreamOwner = 'caller',
): HostStream | number {
  const kind = kindOf(syscall, hostFd);
  if (typeof kind === 'number') return kind;
  const own = kind === 'pipe' || kind === 'terminal' ? reopened(syscall, hostFd) : -1;
  const flags = syscall(SYS_FCNTL, hostFd, F_GETFL, 0);
  const access = flags < 0 ? 0 : flags & (O_ACCMODE | O_APPEND);
  return new DescriptorStream(syscall, loop, kind, { callerFd: hostFd, ownFd: own, owner }, access);
}

class DescriptorStream implements HostStream {
  readonly kind: HostStreamKind;
  readonly hostFd: number;
  readonly flags: number;
  readonly #syscall: HostSyscall;
  readonly #loop: EventLoop;
  readonly #callerFd: number;
  readonly #owner: StreamOwner;
  /** Our own description was opened non-blocking, so calls on it need no poll(2) before. */
  readonly #isNonblocking: boolean;
  readonly #pollfd = new Uint8Array(8);
  readonly #pollView = new DataView(this.#pollfd.buffer);
  #isWatched = false;
  #isClosed = false;

  constructor(
    syscall: HostSyscall,
    loop: EventLoop,
    kind: HostStreamKind,
    { callerFd, ownFd, owner }: { callerFd: number; ownFd: number; owner: StreamOwner },
    flags: number,
  ) {
    this.flags = flags;
    this.#syscall = syscall;
    this.#loop = loop;
    this.kind = kind;
    this.#callerFd = callerFd;
    this.#owner = owner;
    this.#isNonblocking = ownFd >= 0;
    this.hostFd = ownFd >= 0 ? ownFd : callerFd;
  }

  readNow(dst: Uint8Array, at: number, length: number): number {
    if (this.#isClosed) return -EIO;
    if (length === 0) return 0;
    const view = dst.subarray(at, at + length);
    if (this.kind === 'socket') {
      return this.#retried(SYS_RECVFROM, view, MSG_DONTWAIT_NOSIGNAL);
    }
    if (this.#mustPoll && (this.#poll(POLLIN) & (POLLIN | POLLHUP | POLLERR)) === 0) return -EAGAIN;
    return this.#retried(SYS_READ, view, 0);
  }

  writeNow(src: Uint8Array, at: number, length: number): number {
    if (this.#isClosed) return -EIO;
    if (length === 0) return 0;
    if (this.kind === 'socket') {
      return this.#retried(SYS_SENDTO, src.subarray(at, at + length), MSG_DONTWAIT_NOSIGNAL);
    }
    if (!this.#mustPoll) return this.#retried(SYS_WRITE, src.subarray(at, at + length), 0);
    const piece = this.kind === 'terminal' ? TERMINAL_PIECE : PIPE_PIECE;
    let done = 0;
    while (done < length) {
      if ((this.#poll(POLLOUT) & (POLLOUT | POLLERR)) === 0) return done > 0 ? done : -EAGAIN;
      const n = this.#retried(SYS_WRITE, src.subarray(at + done, at + Math.min(length, done + piece)), 0);
      if (n <= 0) return done > 0 ? done : n;
      done += n;
    }
    return done;
  }

  pollNow(): number {
    if (this.kind === 'file') return POLL_FILE;
    const events = this.#poll(POLLIN | POLLOUT | 2 | 0x2000);
    return events | (events & POLLIN ? 0x40 : 0) | (events & POLLOUT ? 0x100 : 0);
  }

  watch(events: number, onReady: (events: number) => void): void {
    // epoll refuses files and devices without a poll of their own (EPERM); neither makes anybody wait.
    if (this.kind === 'file' || this.kind === 'device' || this.#isClosed) return;
    this.#loop.add(this.hostFd, events, onReady);
    this.#isWatched = true;
  }

  unwatch(): void {
    if (!this.#isWatched) return;
    this.#isWatched = false;
    this.#loop.remove(this.hostFd);
  }

  seek(offset: number, whence: number): number {
    return this.#syscall(SYS_LSEEK, this.#callerFd, offset, whence);
  }

  truncate(size: number): number {
    return this.#syscall(SYS_FTRUNCATE, this.#callerFd, size);
  }

  ioctl(command: number, argument: Uint8Array | number): number {
    return this.#syscall(SYS_IOCTL, this.hostFd, command, argument);
  }

  stat(out: Uint8Array): number {
    return this.#syscall(SYS_FSTAT, this.#callerFd, out);
  }

  close(): void {
    if (this.#isClosed) return;
    this.unwatch();
    this.#isClosed = true;
    if (this.#isNonblocking) this.#syscall(SYS_CLOSE, this.hostFd);
    if (this.#owner === 'sandbox') this.#syscall(SYS_CLOSE, this.#callerFd);
  }

  get #mustPoll(): boolean {
    return !this.#isNonblocking && this.kind !== 'file';
  }

  #poll(events: number): number {
    this.#pollView.setInt32(0, this.hostFd, true);
    this.#pollView.setUint16(4, events, true);
    this.#pollView.setUint16(6, 0, true);
    return this.#syscall(SYS_POLL, this.#pollfd, 1, 0) > 0 ? this.#pollView.getUint16(6, true) : 0;
  }

  /** One transfer; a signal to the sentry itself is no reason for the guest to see EINTR. */
  #retried(nr: number, bytes: Uint8Array, flags: number): number {
    for (let attempt = 0; attempt < 8; attempt++) {
      const n = this.#syscall(nr, this.hostFd, bytes, bytes.length, flags, 0, 0);
      if (n !== -EINTR) return n;
    }
    return -EAGAIN;
  }
}

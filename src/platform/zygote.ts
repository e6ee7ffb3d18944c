/**
 * The zygote: the process every stub is forked from, started once per sandbox in namespaces of its own.
 */
import { HostError, must } from '../host/host-error.ts';
import { native } from '../host/native.ts';
import { receive, sendFds, socketPair } from '../host/sockets.ts';
import { openZygote } from '../host/zygote-file.ts';
import { stubFilter } from './filter.ts';

const CLOSE = 3;
const SENDTO = 44;
const MMAP = 9;
const MEMFD_CREATE = 319;
const FTRUNCATE = 77;
const EVENTFD2 = 290;
const MFD_CLOEXEC = 1;
const EFD_CLOEXEC_NONBLOCK = 0x80800;
const PIDFD_SEND_SIGNAL = 424;
const PIDFD_OPEN = 434;
const SIGKILL = 9;
const PAGE = 4096;

const NEWNS = 0x20000;
const NEWUTS = 0x4000000;
const NEWIPC = 0x8000000;
const NEWUSER = 0x10000000;
const NEWPID = 0x20000000;
const NEWNET = 0x40000000;
const NAMESPACES = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET;

/** How far stubs are apart from the host besides the filter: `user` = all namespaces, `root` = all but user, `filter` = none. */
export type Isolation = 'user' | 'root' | 'filter';

export interface Zygote {
  readonly pid: number;
  readonly pidfd: number;
  readonly isolation: Isolation;
  /** Packet socket for new stubs. */
  readonly control: number;
  /** seccomp's notification descriptor: stubs' clone calls. */
  readonly listener: number;
  /** Eventfd that stubs ring when the sentry sleeps. */
  readonly doorbell: number;
  /** The page all stubs can read. */
  readonly globalPage: Int32Array;
  /** Bytes of the XSAVE area in a signal frame. */
  readonly xstateSize: number;
  /** Whether the CPU has the instructions by which a patched system call finds its thread. */
  readonly canPatch: boolean;
}

/** Creates anonymous shared memory of `length` bytes: its descriptor. Pages come into being when touched. */
export function sharedMemory(name: string, length: number): number {
  const label = new TextEncoder().encode(`${name}\0`);
  const fd = must(`memfd_create ${name}`, native.syscall(MEMFD_CREATE, label, MFD_CLOEXEC));
  must(`ftruncate ${name}`, native.syscall(FTRUNCATE, fd, length));
  return fd;
}

/** Maps shared memory over reserved space of ours. */
export function mapShared(fd: number, at: number, length: number, offset: number): void {
  const PROT_READ_WRITE = 3;
  const MAP_SHARED_FIXED = 0x11;
  must('mmap of shared memory', native.syscall(MMAP, at, length, PROT_READ_WRITE, MAP_SHARED_FIXED, fd, offset));
}

/** Starts it with as many namespaces as the host allows. Throws a HostError that says what was refused. */
export function startZygote(): Zygote {
  const [control, theirs] = socketPair();
  const doorbell = must('eventfd', native.syscall(EVENTFD2, 0, EFD_CLOEXEC_NONBLOCK));
  const globalFd = sharedMemory('tsvisor-global', PAGE);
  const globalBuffer = native.reserve(PAGE);
  mapShared(globalFd, native.addressOf(globalBuffer), PAGE, 0);
  const execFd = openZygote();

  const attempts: readonly [Isolation, number][] = [
    ['user', NAMESPACES | NEWUSER],
    ['root', NAMESPACES],
    ['filter', 0],
  ];
  let pid = -1;
  let isolation: Isolation = 'filter';
  for (const [kind, flags] of attempts) {
    isolation = kind;
    pid = native.spawnZygote(execFd, theirs, doorbell, globalFd, flags);
    if (pid > 0) break;
  }
  if (pid < 0) throw new HostError('cannot start the process guests are forked from', pid);
  for (const fd of [theirs, globalFd, execFd]) native.syscall(CLOSE, fd);

  const filter = stubFilter();
  must('sending the filter', native.syscall(SENDTO, control, filter, filter.length, 0, 0, 0));
  const answer = receive(control, 'yes');
  if (typeof answer === 'number' || answer.fds.length !== 1 || answer.bytes.length < 12) {
    throw new Error('the zygote ended before it was ready: does this host allow seccomp filters with notification?');
  }
  const facts = new DataView(answer.bytes.buffer);
  return {
    pid,
    pidfd: must('pidfd_open of the zygote', native.syscall(PIDFD_OPEN, pid, 0)),
    isolation,
    control,
    listener: answer.fds[0] ?? -1,
    doorbell,
    globalPage: new Int32Array(globalBuffer),
    xstateSize: facts.getUint32(0, true),
    canPatch: facts.getUint32(8, true) !== 0,
  };
}

/** Ends it, and with it all stubs. */
export function endZygote({ pidfd }: Zygote): void {
  native.syscall(PIDFD_SEND_SIGNAL, pidfd, SIGKILL, 0, 0);
}

/** Asks for a new stub with these shared mailboxes and control socket; its clone arrives at the listener with `cookie`. */
export function requestStub(zygote: Zygote, mailboxFd: number, stubControl: number, cookie: number): number {
  return sendFds(zygote.control, [stubControl, mailboxFd], cookie);
}

/** Asks for another zygote, forked from this one, with `control` as its own socket: 0 or -errno. Its clone arrives like a stub's. */
export function requestZygote(zygote: Zygote, control: number, cookie: number): number {
  return sendFds(zygote.control, [control], cookie);
}

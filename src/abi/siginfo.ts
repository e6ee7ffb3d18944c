/**
 * siginfo_t: what is known about a signal, and its 128-byte form (asm-generic/siginfo.h, sigaction(2)).
 *
 * Which fields are meaningful follows from signal number and code (Linux: siginfo_layout in kernel/signal.c).
 */
import {
  SI_KERNEL,
  SI_SIGIO,
  SI_TIMER,
  SI_USER,
  SIGBUS,
  SIGCHLD,
  SIGFPE,
  SIGILL,
  SIGPOLL,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
} from './signal.ts';

export const SIGINFO_SIZE = 128;
/** What Linux keeps of a user's siginfo (sizeof kernel_siginfo_t); the rest reads as zero. */
const KEPT_BYTES = 48;

export const LAYOUT_KILL = 0;
export const LAYOUT_TIMER = 1;
export const LAYOUT_POLL = 2;
export const LAYOUT_FAULT = 3;
export const LAYOUT_CHLD = 4;
export const LAYOUT_RT = 5;
export const LAYOUT_SYS = 6;

export class SigInfo {
  signo: number;
  code: number;
  errno = 0;
  pid = 0;
  uid = 0;
  /** si_status of SIGCHLD: exit code or signal. */
  status = 0;
  /** Clock ticks (USER_HZ 100). */
  utime = 0;
  stime = 0;
  /** sigval as two words: it may be any 64-bit pointer. */
  valueLo = 0;
  valueHi = 0;
  timerId = 0;
  overrun = 0;
  /** Fault address, or the address of the call for SIGSYS. */
  addr = 0;
  band = 0;
  fd = 0;
  syscall = 0;
  arch = 0;
  /** What rt_sigqueueinfo(2) gave, which is passed on as it is. */
  raw: Uint8Array | null = null;
  /** Sent by the container's runtime, not by a task of the sandbox. */
  isFromOutside = false;
  /** Raised by a fault of the CPU or the kernel: not even init escapes its default action. */
  isForced = false;
  /** Waits in a queue now; a POSIX timer counts an overrun instead of queueing it again. */
  isQueued = false;
  /** It has been taken from its queue: a timer goes on. */
  onTaken: (() => void) | null = null;
  /** Whose RLIMIT_SIGPENDING it is counted on while queued; -1 for nobody's. */
  chargedUid = -1;

  constructor(signo: number, code: number, pid = 0, uid = 0) {
    this.signo = signo;
    this.code = code;
    this.pid = pid;
    this.uid = uid;
  }
}

/** Which member of the union the kernel fills for this signal and code. */
export function siginfoLayout(signo: number, code: number): number {
  if (code > SI_USER && code < SI_KERNEL) {
    switch (signo) {
      case SIGILL:
      case SIGFPE:
      case SIGSEGV:
      case SIGBUS:
      case SIGTRAP:
        return LAYOUT_FAULT;
      case SIGCHLD:
        return LAYOUT_CHLD;
      case SIGSYS:
        return LAYOUT_SYS;
      case SIGPOLL:
        return LAYOUT_POLL;
    }
    return code <= 6 ? LAYOUT_POLL : LAYOUT_KILL;
  }
  if (code === SI_TIMER) return LAYOUT_TIMER;
  if (code === SI_SIGIO) return LAYOUT_POLL;
  return code < 0 ? LAYOUT_RT : LAYOUT_KILL;
}

function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000) >>> 0, true);
}

/** Writes all 128 bytes of `dst`. */
export function encodeSiginfo(info: SigInfo, dst: Uint8Array): void {
  dst.fill(0, 0, SIGINFO_SIZE);
  const view = new DataView(dst.buffer, dst.byteOffset, SIGINFO_SIZE);
  if (info.raw !== null) {
    dst.set(info.raw.subarray(0, KEPT_BYTES));
    view.setInt32(0, info.signo, true);
    return;
  }
  view.setInt32(0, info.signo, true);
  view.setInt32(4, info.errno, true);
  view.setInt32(8, info.code, true);
  switch (siginfoLayout(info.signo, info.code)) {
    case LAYOUT_TIMER:
      view.setInt32(16, info.timerId, true);
      view.setInt32(20, info.overrun, true);
      view.setUint32(24, info.valueLo, true);
      view.setUint32(28, info.valueHi, true);
      return;
    case LAYOUT_POLL:
      setU64(view, 16, info.band);
      view.setInt32(24, info.fd, true);
      return;
    case LAYOUT_FAULT:
      setU64(view, 16, info.addr);
      return;
    case LAYOUT_SYS:
      setU64(view, 16, info.addr);
      view.setInt32(24, info.syscall, true);
      view.setUint32(28, info.arch, true);
      return;
    case LAYOUT_CHLD:
      view.setInt32(16, info.pid, true);
      view.setUint32(20, info.uid, true);
      view.setInt32(24, info.status, true);
      setU64(view, 32, info.utime);
      setU64(view, 40, info.stime);
      return;
    case LAYOUT_RT:
      view.setInt32(16, info.pid, true);
      view.setUint32(20, info.uid, true);
      view.setUint32(24, info.valueLo, true);
      view.setUint32(28, info.valueHi, true);
      return;
    default:
      view.setInt32(16, info.pid, true);
      view.setUint32(20, info.uid, true);
  }
}

/** The siginfo a user gave to rt_sigqueueinfo(2); `signo` is the call's own argument, as on Linux. */
export function decodeSiginfo(src: Uint8Array, signo: number): SigInfo {
  const view = new DataView(src.buffer, src.byteOffset, SIGINFO_SIZE);
  const info = new SigInfo(signo, view.getInt32(8, true));
  info.errno = view.getInt32(4, true);
  info.raw = src.slice(0, KEPT_BYTES);
  const layout = siginfoLayout(signo, info.code);
  if (layout === LAYOUT_RT || layout === LAYOUT_KILL || layout === LAYOUT_CHLD) {
    info.pid = view.getInt32(16, true);
    info.uid = view.getUint32(20, true);
    info.status = view.getInt32(24, true);
  }
  if (layout === LAYOUT_RT || layout === LAYOUT_TIMER) {
    info.valueLo = view.getUint32(24, true);
    info.valueHi = view.getUint32(28, true);
  }
  return info;
}

/** Times between guest and kernel: struct timespec and timeval on one side, nanoseconds on the other. */
import { EFAULT, EINVAL } from '../abi/errno.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { Clock, Timespec } from './kernel.ts';

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;

/** Longer than any host runs; what is not below it counts as for ever (Linux: KTIME_MAX). */
const FOREVER_NS = 9.2e18;
const WORD = 0x1_0000_0000;

const bytes = new Uint8Array(32);
const view = new DataView(bytes.buffer);
const now: Timespec = { sec: 0, nsec: 0 };

/** Negative seconds have the sign in the high word. */
function second(at: number): number {
  return view.getInt32(at + 4, true) * WORD + view.getUint32(at, true);
}

function putSecond(at: number, sec: number): void {
  view.setUint32(at, sec >>> 0, true);
  view.setInt32(at + 4, Math.floor(sec / WORD), true);
}

/** The struct timespec at `addr` to `out`: 0, -EFAULT, or -EINVAL when it is no time (timespec64_valid). */
export function readTimespec(mem: UserMemory, addr: number, out: Timespec): number {
  if (mem.readInto(addr, bytes, 0, 16) < 0) return -EFAULT;
  return takeTimespec(0, out);
}

/** The struct itimerspec at `addr`: 0 or -errno. */
export function readItimerspec(mem: UserMemory, addr: number, interval: Timespec, value: Timespec): number {
  if (mem.readInto(addr, bytes, 0, 32) < 0) return -EFAULT;
  return Math.min(takeTimespec(0, interval), takeTimespec(16, value));
}

function takeTimespec(at: number, out: Timespec): number {
  const nsecHigh = view.getInt32(at + 12, true);
  const nsec = view.getUint32(at + 8, true);
  const sec = second(at);
  if (sec < 0 || nsecHigh !== 0 || nsec >= 1e9) return -EINVAL;
  out.sec = sec;
  out.nsec = nsec;
  return 0;
}

/** The struct timeval at `addr`, microseconds made nanoseconds: 0, -EFAULT or -EINVAL. */
export function readTimeval(mem: UserMemory, addr: number, out: Timespec): number {
  if (mem.readInto(addr, bytes, 0, 16) < 0) return -EFAULT;
  return takeTimeval(0, out);
}

/** The struct itimerval at `addr`: 0 or -errno. */
export function readItimerval(mem: UserMemory, addr: number, interval: Timespec, value: Timespec): number {
  if (mem.readInto(addr, bytes, 0, 32) < 0) return -EFAULT;
  return Math.min(takeTimeval(0, interval), takeTimeval(16, value));
}

function takeTimeval(at: number, out: Timespec): number {
  const sec = second(at);
  const usec = second(at + 8);
  if (sec < 0 || usec < 0 || usec >= 1e6) return -EINVAL;
  out.sec = sec;
  out.nsec = usec * 1000;
  return 0;
}

/** Nanoseconds of a span; Infinity for one that never ends. */
export function spanNs(time: Timespec): number {
  const ns = time.sec * 1e9 + time.nsec;
  return ns < FOREVER_NS ? ns : Infinity;
}

/** The moment on the monotonic clock at which `clockId` shows `time`. */
export function deadlineOf(clock: Clock, clockId: number, time: Timespec): number {
  if (clockId === CLOCK_MONOTONIC) return spanNs(time);
  clock.read(clockId, now);
  const ahead = (time.sec - now.sec) * 1e9 + (time.nsec - now.nsec);
  return ahead < FOREVER_NS ? clock.monotonicNs() + ahead : Infinity;
}

export function writeTimespec(mem: UserMemory, addr: number, sec: number, nsec: number): number {
  putSecond(0, sec);
  putSecond(8, nsec);
  return mem.write(addr, bytes, 0, 16);
}

/** A span as struct timespec; a negative one is zero. */
export function writeSpan(mem: UserMemory, addr: number, ns: number): number {
  const span = Math.max(0, ns);
  return writeTimespec(mem, addr, Math.floor(span / 1e9), Math.floor(span % 1e9));
}

/** A span as struct timeval; what is left of a microsecond counts as nothing, as on Linux. */
export function writeSpanTimeval(mem: UserMemory, addr: number, ns: number): number {
  const span = Math.max(0, ns);
  return writeTimespec(mem, addr, Math.floor(span / 1e9), Math.floor((span % 1e9) / 1000));
}

/** struct itimerspec. */
export function writeItimerspec(mem: UserMemory, addr: number, intervalNs: number, valueNs: number): number {
  return writePair(mem, addr, intervalNs, valueNs, 1);
}

/** struct itimerval; what runs still never shows as zero, which would mean disarmed. */
export function writeItimerval(mem: UserMemory, addr: number, intervalNs: number, valueNs: number): number {
  return writePair(mem, addr, intervalNs, valueNs > 0 ? Math.max(1000, valueNs) : 0, 1000);
}

function writePair(mem: UserMemory, addr: number, intervalNs: number, valueNs: number, unit: number): number {
  putSecond(0, Math.floor(intervalNs / 1e9));
  putSecond(8, Math.floor((intervalNs % 1e9) / unit));
  putSecond(16, Math.floor(valueNs / 1e9));
  putSecond(24, Math.floor((valueNs % 1e9) / unit));
  return mem.write(addr, bytes, 0, 32);
}

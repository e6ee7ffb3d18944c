/** Reading clocks and sleeping: clock_gettime(2), clock_nanosleep(2), gettimeofday(2), times(2) and relatives. */
import { EFAULT, EINVAL, EOPNOTSUPP, EPERM, ERESTART_RESTARTBLOCK, ERESTARTNOHAND } from '../abi/errno.ts';
import { sleepOn, WAKE_SIGNAL } from '../kernel/block.ts';
import { CLOCK_BOOTTIME, CLOCK_TAI, isHostClock, readCpuClock, resolutionNs } from '../kernel/cpu-clock.ts';
import type { Timespec } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';
import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  deadlineOf,
  readTimespec,
  spanNs,
  writeSpan,
  writeTimespec,
} from '../kernel/time-span.ts';
import { full, partial, type SyscallDef } from './define.ts';

const TIMER_ABSTIME = 1;
/** times(2) counts in these (USER_HZ 100). */
const NS_PER_TICK = 1e7;
const TIMEX_SIZE = 208;
const TIME_ERROR = 5;
const STA_UNSYNC = 0x40;

const now: Timespec = { sec: 0, nsec: 0 };
const out = new Uint8Array(TIMEX_SIZE);
const outView = new DataView(out.buffer);

/** Reads any clock to `now`: 0 or -EINVAL. */
function readClock(task: Task, clockId: number): number {
  if (isHostClock(clockId)) {
    task.kernel.clock.read(clockId, now);
    return 0;
  }
  const ns = readCpuClock(task, clockId);
  if (ns < 0) return ns;
  now.sec = Math.floor(ns / 1e9);
  now.nsec = Math.floor(ns % 1e9);
  return 0;
}

function sysClockGettime(task: Task, clockId: number, addr: number): number {
  const error = readClock(task, clockId);
  if (error < 0) return error;
  return writeTimespec(task.mem, addr, now.sec, now.nsec);
}

function sysClockGetres(task: Task, clockId: number, addr: number): number {
  const error = readClock(task, clockId);
  if (error < 0) return error;
  return addr === 0 ? 0 : writeTimespec(task.mem, addr, 0, resolutionNs(clockId));
}

/** The sandbox's clock is the host's, which no guest may set. */
function sysClockSettime(task: Task, clockId: number, addr: number): number {
  if (clockId !== CLOCK_REALTIME) return -EINVAL;
  const error = readTimespec(task.mem, addr, now);
  return error < 0 ? error : -EPERM;
}

function sysGettimeofday(task: Task, addr: number, zone: number): number {
  if (addr !== 0) {
    task.kernel.clock.read(CLOCK_REALTIME, now);
    if (writeTimespec(task.mem, addr, now.sec, Math.floor(now.nsec / 1000)) < 0) return -EFAULT;
  }
  return zone === 0 ? 0 : task.mem.writeU64(zone, 0);
}

function sysSettimeofday(_task: Task): number {
  return -EPERM;
}

function sysTime(task: Task, addr: number): number {
  task.kernel.clock.read(CLOCK_REALTIME, now);
  const { sec } = now;
  return addr !== 0 && task.mem.writeU64(addr, sec) < 0 ? -EFAULT : sec;
}

function putTicks(at: number, ns: number): void {
  const ticks = Math.floor(ns / NS_PER_TICK);
  outView.setUint32(at, ticks >>> 0, true);
  outView.setUint32(at + 4, Math.floor(ticks / 0x1_0000_0000), true);
}

function sysTimes(task: Task, addr: number): number {
  if (addr !== 0) {
    const own = task.group.usage();
    const children = task.group.childrenUsage;
    putTicks(0, own.userNs);
    putTicks(8, own.systemNs);
    putTicks(16, children.userNs);
    putTicks(24, children.systemNs);
    if (task.mem.write(addr, out, 0, 32) < 0) return -EFAULT;
  }
  return Math.floor(task.kernel.clock.monotonicNs() / NS_PER_TICK);
}

/** Read-only: modes 0 tells an unsynchronised clock, anything else would set it. */
function adjtimex(task: Task, addr: number): number {
  const modes = task.mem.readU32(addr);
  if (modes === null) return -EFAULT;
  if (modes !== 0) return -EPERM;
  out.fill(0);
  outView.setUint32(40, STA_UNSYNC, true);
  outView.setUint32(64, 10000, true);
  task.kernel.clock.read(CLOCK_REALTIME, now);
  outView.setUint32(72, now.sec, true);
  outView.setUint32(80, Math.floor(now.nsec / 1000), true);
  return task.mem.write(addr, out, 0, TIMEX_SIZE) < 0 ? -EFAULT : TIME_ERROR;
}

function sysAdjtimex(task: Task, addr: number): number {
  return adjtimex(task, addr);
}

function sysClockAdjtime(task: Task, clockId: number, addr: number): number {
  return clockId === CLOCK_REALTIME ? adjtimex(task, addr) : -EOPNOTSUPP;
}

/** hrtimer_nanosleep: an interrupted relative sleep tells what was left, and a restart goes on with the same deadline. */
async function sleep(task: Task, deadlineNs: number, remaining: number): Promise<number> {
  if ((await sleepOn(task, [], 0, deadlineNs)) !== WAKE_SIGNAL) return 0;
  const left = deadlineNs - task.kernel.clock.monotonicNs();
  if (left <= 0) return 0;
  if (remaining !== 0 && writeSpan(task.mem, remaining, Math.min(left, Number.MAX_SAFE_INTEGER)) < 0) return -EFAULT;
  task.restart = () => sleep(task, deadlineNs, remaining);
  return -ERESTART_RESTARTBLOCK;
}

function sysNanosleep(task: Task, request: number, remaining: number): number | Promise<number> {
  const error = readTimespec(task.mem, request, now);
  if (error < 0) return error;
  return sleep(task, task.kernel.clock.monotonicNs() + spanNs(now), remaining);
}

async function sleepUntil(task: Task, deadlineNs: number): Promise<number> {
  return (await sleepOn(task, [], 0, deadlineNs)) === WAKE_SIGNAL ? -ERESTARTNOHAND : 0;
}

function sysClockNanosleep(
  task: Task,
  clockId: number,
  flags: number,
  request: number,
  remaining: number,
): number | Promise<number> {
  const isRealtime = clockId === CLOCK_REALTIME || clockId === CLOCK_TAI;
  if (!isRealtime && clockId !== CLOCK_MONOTONIC && clockId !== CLOCK_BOOTTIME) {
    return readClock(task, clockId) < 0 ? -EINVAL : -EOPNOTSUPP;
  }
  const error = readTimespec(task.mem, request, now);
  if (error < 0) return error;
  const { clock } = task.kernel;
  if ((flags & TIMER_ABSTIME) === 0) return sleep(task, clock.monotonicNs() + spanNs(now), remaining);
  const deadlineNs = deadlineOf(clock, clockId, now);
  return deadlineNs <= clock.monotonicNs() ? 0 : sleepUntil(task, deadlineNs);
}

export const timeSyscalls: readonly SyscallDef[] = [
  full(35, 'nanosleep', ['timespec', 'timespec'], sysNanosleep),
  full(96, 'gettimeofday', ['timeval', 'ptr'], sysGettimeofday),
  full(100, 'times', ['ptr'], sysTimes),
  partial(159, 'adjtimex', ['ptr'], sysAdjtimex, 'read-only'),
  partial(164, 'settimeofday', ['timeval', 'ptr'], sysSettimeofday, "EPERM: the clock is the host's"),
  full(201, 'time', ['ptr'], sysTime),
  partial(227, 'clock_settime', ['clockid', 'timespec'], sysClockSettime, "EPERM: the clock is the host's"),
  full(228, 'clock_gettime', ['clockid', 'timespec'], sysClockGettime),
  full(229, 'clock_getres', ['clockid', 'timespec'], sysClockGetres),
  partial(
    230,
    'clock_nanosleep',
    ['clockid', 'flags', 'timespec', 'timespec'],
    sysClockNanosleep,
    'no sleeping on CPU clocks',
  ),
  partial(305, 'clock_adjtime', ['clockid', 'ptr'], sysClockAdjtime, 'read-only'),
];

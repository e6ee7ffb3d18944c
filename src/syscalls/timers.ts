/** Timers that send signals: setitimer(2), alarm(2), timer_create(2) and relatives. */
import { CAP_WAKE_ALARM } from '../abi/capability.ts';
import { EAGAIN, EFAULT, EINVAL, EOPNOTSUPP, EPERM } from '../abi/errno.ts';
import { RLIMIT_SIGPENDING } from '../abi/resource.ts';
import { SIGALRM } from '../abi/signal.ts';
import { CLOCK_BOOTTIME, CLOCK_TAI } from '../kernel/cpu-clock.ts';
import { monotonicClock, type TimerClock } from '../kernel/interval-timer.ts';
import type { Timespec } from '../kernel/kernel.ts';
import {
  type IntervalKind,
  ITIMER_PROF,
  ITIMER_REAL,
  ITIMER_VIRTUAL,
  type PosixTimer,
  processCpuClock,
  threadCpuClock,
  timersOf,
} from '../kernel/process-timers.ts';
import type { Task } from '../kernel/task.ts';
import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  deadlineOf,
  readItimerspec,
  readItimerval,
  spanNs,
  writeItimerspec,
  writeItimerval,
} from '../kernel/time-span.ts';
import { full, type SyscallDef } from './define.ts';

const CLOCK_PROCESS_CPUTIME_ID = 2;
const CLOCK_THREAD_CPUTIME_ID = 3;
const CLOCK_REALTIME_ALARM = 8;
const CLOCK_BOOTTIME_ALARM = 9;
const CLOCK_PER_THREAD = 4;
const TIMER_ABSTIME = 1;
const SIGEV_SIGNAL = 0;
const SIGEV_NONE = 1;
const SIGEV_THREAD = 2;
const SIGEV_THREAD_ID = 4;
const SIGEVENT_SIZE = 64;

const interval: Timespec = { sec: 0, nsec: 0 };
const value: Timespec = { sec: 0, nsec: 0 };

function isIntervalKind(which: number): which is IntervalKind {
  return which === ITIMER_REAL || which === ITIMER_VIRTUAL || which === ITIMER_PROF;
}

function sysGetitimer(task: Task, which: number, addr: number): number {
  if (!isIntervalKind(which)) return -EINVAL;
  const timer = timersOf(task.group).interval(which);
  return writeItimerval(task.mem, addr, timer.intervalNs, timer.remainingNs());
}

function sysSetitimer(task: Task, which: number, newAddr: number, oldAddr: number): number {
  if (newAddr === 0) {
    value.sec = value.nsec = interval.sec = interval.nsec = 0;
  } else {
    const failed = readItimerval(task.mem, newAddr, interval, value);
    if (failed < 0) return failed;
  }
  if (!isIntervalKind(which)) return -EINVAL;
  const timer = timersOf(task.group).interval(which);
  const oldInterval = timer.intervalNs;
  const oldValue = timer.remainingNs();
  const span = spanNs(value);
  timer.set(span === 0 ? Infinity : timer.nowNs + span, spanNs(interval));
  return oldAddr === 0 ? 0 : writeItimerval(task.mem, oldAddr, oldInterval, oldValue);
}

/** Seconds that were left, rounded so that what runs is not 0 (Linux: alarm_setitimer). */
function sysAlarm(task: Task, seconds: number): number {
  const timer = timersOf(task.group).interval(ITIMER_REAL);
  const left = timer.remainingNs();
  timer.set(seconds === 0 ? Infinity : timer.nowNs + seconds * 1e9, 0);
  if (left === 0) return 0;
  return left < 1e9 ? 1 : Math.round(left / 1e9);
}

interface ClockChoice {
  readonly clock: TimerClock;
  readonly kind: 'wall' | 'cpu';
}

/** What a timer on a clock counts on, or -errno. */
function clockFor(task: Task, clockId: number): ClockChoice | number {
  switch (clockId) {
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
      if (!task.creds.hasCapability(CAP_WAKE_ALARM)) return -EPERM;
      return { clock: monotonicClock(task.kernel), kind: 'wall' };
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
      return { clock: monotonicClock(task.kernel), kind: 'wall' };
    case CLOCK_PROCESS_CPUTIME_ID:
      return { clock: processCpuClock(task.group), kind: 'cpu' };
    case CLOCK_THREAD_CPUTIME_ID:
      return { clock: threadCpuClock(task), kind: 'cpu' };
    default:
      if (clockId < 0) return cpuClockFor(task, clockId);
      return clockId <= CLOCK_TAI && clockId !== 10 ? -EOPNOTSUPP : -EINVAL;
  }
}

/** A dynamic id, ~pid << 3 with a bit for threads (clock_getcpuclockid(3)): only the caller's own can signal it. */
function cpuClockFor(task: Task, clockId: number): ClockChoice | number {
  const pid = ~(clockId >> 3);
  if ((clockId & CLOCK_PER_THREAD) === 0) {
    const isOwn = pid === 0 || pid === task.group.pid;
    return isOwn ? { clock: processCpuClock(task.group), kind: 'cpu' } : -EINVAL;
  }
  const thread = pid === 0 ? task : task.kernel.pids.task(pid);
  const isOwn = thread !== undefined && thread.group === task.group;
  return isOwn ? { clock: threadCpuClock(thread), kind: 'cpu' } : -EINVAL;
}

interface Notification {
  readonly signo: number;
  readonly target: Task | null;
  readonly valueLo: number;
  readonly valueHi: number;
}

/** The struct sigevent at `addr` (sigevent(7)), or -errno. */
function readSigevent(task: Task, addr: number, id: number): Notification | number {
  if (addr === 0) return { signo: SIGALRM, target: null, valueLo: id, valueHi: 0 };
  const bytes = task.mem.readBytes(addr, SIGEVENT_SIZE);
  if (typeof bytes === 'number') return -EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const signo = view.getInt32(8, true);
  const how = view.getInt32(12, true);
  const tid = view.getInt32(16, true);
  const notification = { valueLo: view.getUint32(0, true), valueHi: view.getUint32(4, true) };
  if (how === SIGEV_NONE) return { ...notification, signo: 0, target: null };
  if (how !== SIGEV_SIGNAL && how !== SIGEV_THREAD && how !== SIGEV_THREAD_ID) return -EINVAL;
  if (signo < 1 || signo > 64) return -EINVAL;
  if (how !== SIGEV_THREAD_ID) return { ...notification, signo, target: null };
  const target = task.kernel.pids.task(tid);
  return target === undefined || target.group !== task.group ? -EINVAL : { ...notification, signo, target };
}

function sysTimerCreate(task: Task, clockId: number, eventAddr: number, idAddr: number): number {
  const choice = clockFor(task, clockId);
  if (typeof choice === 'number') return choice;
  const timers = timersOf(task.group);
  if (timers.posix.size >= task.group.limits.soft(RLIMIT_SIGPENDING)) return -EAGAIN;
  const event = readSigevent(task, eventAddr, timers.nextId);
  if (typeof event === 'number') return event;
  if (task.mem.writeU32(idAddr, timers.nextId) < 0) return -EFAULT;
  timers.create(clockId, { ...choice, ...event });
  return 0;
}

function find(task: Task, id: number): PosixTimer | undefined {
  return task.group.timers?.posix.get(id);
}

function sysTimerSettime(task: Task, id: number, flags: number, newAddr: number, oldAddr: number): number {
  if (newAddr === 0) return -EINVAL;
  const failed = readItimerspec(task.mem, newAddr, interval, value);
  if (failed < 0) return failed;
  const found = find(task, id);
  if (found === undefined) return -EINVAL;
  const { timer } = found;
  const oldInterval = timer.intervalNs;
  const oldValue = timer.remainingNs();
  found.overrun = 0;
  timer.set(deadline(task, found, flags), spanNs(interval));
  return oldAddr === 0 ? 0 : writeItimerspec(task.mem, oldAddr, oldInterval, oldValue);
}

/** Where `value` falls on the timer's clock. */
function deadline(task: Task, { clockId, timer }: PosixTimer, flags: number): number {
  const span = spanNs(value);
  if (span === 0) return Infinity;
  if ((flags & TIMER_ABSTIME) === 0) return timer.nowNs + span;
  if (clockId < 0 || clockId === CLOCK_PROCESS_CPUTIME_ID || clockId === CLOCK_THREAD_CPUTIME_ID) return span;
  return deadlineOf(task.kernel.clock, wallClock(clockId), value);
}

function wallClock(clockId: number): number {
  if (clockId === CLOCK_REALTIME_ALARM) return CLOCK_REALTIME;
  return clockId === CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME : clockId;
}

function sysTimerGettime(task: Task, id: number, addr: number): number {
  const found = find(task, id);
  if (found === undefined) return -EINVAL;
  return writeItimerspec(task.mem, addr, found.timer.intervalNs, found.timer.remainingNs());
}

function sysTimerGetoverrun(task: Task, id: number): number {
  return find(task, id)?.overrun ?? -EINVAL;
}

function sysTimerDelete(task: Task, id: number): number {
  const found = find(task, id);
  if (found === undefined) return -EINVAL;
  found.delete(task.group);
  task.group.timers?.posix.delete(id);
  return 0;
}

export const timerSyscalls: readonly SyscallDef[] = [
  full(36, 'getitimer', ['int', 'ptr'], sysGetitimer),
  full(37, 'alarm', ['uint'], sysAlarm),
  full(38, 'setitimer', ['int', 'ptr', 'ptr'], sysSetitimer),
  full(222, 'timer_create', ['clockid', 'ptr', 'int*'], sysTimerCreate),
  full(223, 'timer_settime', ['int', 'flags', 'ptr', 'ptr'], sysTimerSettime),
  full(224, 'timer_gettime', ['int', 'ptr'], sysTimerGettime),
  full(225, 'timer_getoverrun', ['int'], sysTimerGetoverrun),
  full(226, 'timer_delete', ['int'], sysTimerDelete),
];

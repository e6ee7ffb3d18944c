/** Descriptors for timers and signals: timerfd_create(2), signalfd(2). */
import { CAP_WAKE_ALARM } from '../abi/capability.ts';
import { EBADF, EFAULT, EINVAL, EPERM } from '../abi/errno.ts';
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from '../abi/fcntl.ts';
import { SignalfdFile } from '../fs/event/signalfd-file.ts';
import { TimerfdFile } from '../fs/event/timerfd-file.ts';
import { CLOCK_BOOTTIME } from '../kernel/cpu-clock.ts';
import type { Timespec } from '../kernel/kernel.ts';
import { UNBLOCKABLE_SIGNALS } from '../kernel/signal-policy.ts';
import type { Task } from '../kernel/task.ts';
import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  deadlineOf,
  readItimerspec,
  spanNs,
  writeItimerspec,
} from '../kernel/time-span.ts';
import { full, partial, type SyscallDef } from './define.ts';
import { installNew } from './install-file.ts';

const CLOCK_REALTIME_ALARM = 8;
const CLOCK_BOOTTIME_ALARM = 9;
const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;
const SIGSET_SIZE = 8;

const interval: Timespec = { sec: 0, nsec: 0 };
const value: Timespec = { sec: 0, nsec: 0 };

function sysTimerfdCreate(task: Task, clockId: number, flags: number): number {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const isAlarm = clockId === CLOCK_REALTIME_ALARM || clockId === CLOCK_BOOTTIME_ALARM;
  const isPlain = clockId === CLOCK_REALTIME || clockId === CLOCK_MONOTONIC || clockId === CLOCK_BOOTTIME;
  if (!isAlarm && !isPlain) return -EINVAL;
  if (isAlarm && !task.creds.hasCapability(CAP_WAKE_ALARM)) return -EPERM;
  const clock = clockId === CLOCK_REALTIME_ALARM ? CLOCK_REALTIME : isAlarm ? CLOCK_BOOTTIME : clockId;
  const path = task.kernel.anonPath('[timerfd]');
  const file = new TimerfdFile(task.kernel, clock, path, O_RDWR | (flags & O_NONBLOCK));
  return installNew(task, file, (flags & O_CLOEXEC) !== 0);
}

function timerfd(task: Task, fd: number): TimerfdFile | number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  return file instanceof TimerfdFile ? file : -EINVAL;
}

function sysTimerfdSettime(task: Task, fd: number, flags: number, newAddr: number, oldAddr: number): number {
  const failed = readItimerspec(task.mem, newAddr, interval, value);
  if (failed === -EFAULT) return failed;
  if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) !== 0 || failed < 0) return -EINVAL;
  const file = timerfd(task, fd);
  if (typeof file === 'number') return file;
  const { timer } = file;
  const oldInterval = timer.intervalNs;
  const oldValue = timer.remainingNs();
  const span = spanNs(value);
  let deadlineNs = Infinity;
  if (span > 0) {
    const isAbsolute = (flags & TFD_TIMER_ABSTIME) !== 0;
    deadlineNs = isAbsolute ? deadlineOf(task.kernel.clock, file.clockId, value) : timer.nowNs + span;
  }
  file.set(deadlineNs, spanNs(interval));
  return oldAddr === 0 ? 0 : writeItimerspec(task.mem, oldAddr, oldInterval, oldValue);
}

function sysTimerfdGettime(task: Task, fd: number, addr: number): number {
  const file = timerfd(task, fd);
  if (typeof file === 'number') return file;
  return writeItimerspec(task.mem, addr, file.timer.intervalNs, file.timer.remainingNs());
}

function sysSignalfd4(task: Task, fd: number, maskAddr: number, size: number, flags: number): number {
  if (size !== SIGSET_SIZE || (flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const bytes = task.mem.readBytes(maskAddr, SIGSET_SIZE);
  if (typeof bytes === 'number') return -EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, SIGSET_SIZE);
  const lo = view.getInt32(0, true) & ~UNBLOCKABLE_SIGNALS;
  const hi = view.getInt32(4, true);
  if (fd === -1) {
    const path = task.kernel.anonPath('[signalfd]');
    const file = new SignalfdFile(task, lo, hi, path, O_RDWR | (flags & O_NONBLOCK));
    return installNew(task, file, (flags & O_CLOEXEC) !== 0);
  }
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  if (!(file instanceof SignalfdFile)) return -EINVAL;
  file.lo = lo;
  file.hi = hi;
  file.queue.wake(1);
  return fd;
}

export const eventFileSyscalls: readonly SyscallDef[] = [
  full(282, 'signalfd', ['fd', 'sigset', 'size'], (task, fd, mask, size) => sysSignalfd4(task, fd, mask, size, 0)),
  full(283, 'timerfd_create', ['clockid', 'flags'], sysTimerfdCreate),
  partial(
    286,
    'timerfd_settime',
    ['fd', 'flags', 'ptr', 'ptr'],
    sysTimerfdSettime,
    'the clock is never set, so TFD_TIMER_CANCEL_ON_SET never cancels',
  ),
  full(287, 'timerfd_gettime', ['fd', 'ptr'], sysTimerfdGettime),
  full(289, 'signalfd4', ['fd', 'sigset', 'size', 'flags'], sysSignalfd4),
];

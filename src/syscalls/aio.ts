/** io_setup(2), io_submit(2), io_getevents(2) and their kin (Linux: fs/aio.c). */
import * as A from '../abi/aio.ts';
import { EAGAIN, EFAULT, EINPROGRESS, EINTR, EINVAL, ENOMEM } from '../abi/errno.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, PAGE_SIZE, PROT_READ, PROT_WRITE } from '../abi/memory.ts';
import { READABLE } from '../abi/poll.ts';
import * as K from '../kernel/aio.ts';
import { sleepOn, WAKE_SIGNAL, WAKE_TIMEOUT } from '../kernel/block.ts';
import { setCurrentTask } from '../kernel/current.ts';
import type { Timespec } from '../kernel/kernel.ts';
import { restoreSavedMask, setTemporaryMask } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { readTimespec, spanNs } from '../kernel/time-span.ts';
import { sysIoSubmit } from './aio-submit.ts';
import { full, type SyscallDef } from './define.ts';
import { mapPages } from './memory.ts';
import { readSignalMask } from './signal-mask.ts';

const MAX_EVENTS = 0x1000_0000 / A.IO_EVENT_SIZE;
/** How many events one call brings at most; the others stay for the next. */
const BATCH = 4096;

const mask = { lo: 0, hi: 0 };
const span: Timespec = { sec: 0, nsec: 0 };

/** A context gets as many slots as fill whole pages and give each CPU some to spare (Linux: ioctx_alloc, aio_setup_ring). */
function sysIoSetup(task: Task, wanted: number, addr: number): number {
  const before = task.mem.readU64(addr);
  if (before === null) return -EFAULT;
  if (before !== 0 || wanted === 0 || wanted > MAX_EVENTS) return -EINVAL;
  const { kernel, mm } = task;
  if (K.aioWanted(kernel) + wanted > K.AIO_MAX_NR) return -EAGAIN;
  const asked = Math.max(wanted, kernel.cpuCount * 4) * 2 + 2;
  const length = Math.ceil((A.AIO_RING_SIZE + asked * A.IO_EVENT_SIZE) / PAGE_SIZE) * PAGE_SIZE;
  const slots = Math.floor((length - A.AIO_RING_SIZE) / A.IO_EVENT_SIZE) - 1;
  const place = mapPages(task, 0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, null, 0);
  if (place < 0) return -ENOMEM;
  if (task.mem.writeU64(addr, place) < 0) {
    mm.unmap(place, length);
    return -EFAULT;
  }
  K.addAioContext(kernel, mm, new K.AioContext(place, length, wanted, slots));
  return 0;
}

function sysIoDestroy(task: Task, id: number): number {
  const context = K.findAioContext(task.mm, id);
  if (context === undefined) return -EINVAL;
  K.removeAioContext(task.kernel, task.mm, context);
  task.mm.unmap(context.address, context.length);
  return 0;
}

function sysIoCancel(task: Task, id: number, iocb: number): number {
  const key = task.mem.readU32(iocb + 8);
  if (key === null) return -EFAULT;
  const context = key === 0 ? K.findAioContext(task.mm, id) : undefined;
  // The event of a cancelled request comes like any other, which EINPROGRESS says.
  return context?.cancel(iocb) === true ? -EINPROGRESS : -EINVAL;
}

/** Writes at most `max` events and takes them out: how many or -EFAULT. */
function giveEvents(task: Task, context: K.AioContext, max: number, addr: number): number {
  const count = Math.min(max, BATCH, context.events.length);
  const view = new DataView(new ArrayBuffer(count * A.IO_EVENT_SIZE));
  for (let i = 0; i < count; i++) {
    const event = context.events[i];
    const at = i * A.IO_EVENT_SIZE;
    view.setUint32(at, event.dataLo, true);
    view.setUint32(at + 4, event.dataHi, true);
    view.setBigUint64(at + 8, BigInt(event.iocb), true);
    view.setBigInt64(at + 16, BigInt(event.result), true);
  }
  if (count > 0 && task.mem.write(addr, new Uint8Array(view.buffer), 0, view.byteLength) < 0) return -EFAULT;
  context.take(count);
  return count;
}

async function waitForEvents(
  task: Task,
  context: K.AioContext,
  min: number,
  max: number,
  addr: number,
  deadlineNs: number,
): Promise<number> {
  for (;;) {
    const reason = await sleepOn(task, [context.queue], READABLE, deadlineNs);
    setCurrentTask(task);
    if (context.isDestroyed) return -EINVAL;
    const isOver = reason === WAKE_TIMEOUT || reason === WAKE_SIGNAL;
    if (!isOver && context.events.length < min) continue;
    const count = giveEvents(task, context, max, addr);
    return count === 0 && reason === WAKE_SIGNAL ? -EINTR : count;
  }
}

function getEvents(
  task: Task,
  id: number,
  min: number,
  max: number,
  addr: number,
  timeout: number,
): number | Promise<number> {
  let deadlineNs = Infinity;
  if (timeout !== 0) {
    if (readTimespec(task.mem, timeout, span) === -EFAULT) return -EFAULT;
    deadlineNs = task.kernel.clock.monotonicNs() + spanNs(span);
  }
  const context = K.findAioContext(task.mm, id);
  if (context === undefined || min < 0 || min > max) return -EINVAL;
  const isNow = deadlineNs <= task.kernel.clock.monotonicNs();
  // More than the slots cannot come: it would be a wait for ever, which is allowed.
  if (context.events.length >= min || isNow) return giveEvents(task, context, max, addr);
  return waitForEvents(task, context, min, max, addr, deadlineNs);
}

function sysIoPgetevents(
  task: Task,
  id: number,
  min: number,
  max: number,
  addr: number,
  timeout: number,
  sigsetAddr: number,
): number | Promise<number> {
  if (sigsetAddr === 0) return getEvents(task, id, min, max, addr, timeout);
  // struct __aio_sigset: where the mask is, and its size.
  const sigmask = task.mem.readU64(sigsetAddr);
  const size = task.mem.readU64(sigsetAddr + 8);
  if (sigmask === null || size === null) return -EFAULT;
  if (sigmask === 0) return getEvents(task, id, min, max, addr, timeout);
  const error = readSignalMask(task.mem, sigmask, size, mask);
  if (error < 0) return error;
  setTemporaryMask(task, mask.lo, mask.hi);
  const result = getEvents(task, id, min, max, addr, timeout);
  // The mask stays for the delivery of the signal that interrupted.
  const unmask = (value: number): number => {
    if (value !== -EINTR) restoreSavedMask(task);
    return value;
  };
  return typeof result === 'number' ? unmask(result) : result.then(unmask);
}

export const aioSyscalls: readonly SyscallDef[] = [
  full(206, 'io_setup', ['uint', 'ptr'], sysIoSetup),
  full(207, 'io_destroy', ['ulong'], sysIoDestroy),
  full(208, 'io_getevents', ['ulong', 'long', 'long', 'ptr', 'timespec'], getEvents),
  full(209, 'io_submit', ['ulong', 'long', 'ptr'], sysIoSubmit),
  full(210, 'io_cancel', ['ulong', 'ptr', 'ptr'], sysIoCancel),
  full(333, 'io_pgetevents', ['ulong', 'long', 'long', 'ptr', 'timespec', 'ptr'], sysIoPgetevents),
];

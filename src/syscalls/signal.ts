/** Dispositions, masks, waiting for signals, the alternate stack (sigaction(2), sigprocmask(2), sigtimedwait(2), sigaltstack(2)). */
import { EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ERESTARTNOHAND } from '../abi/errno.ts';
import { encodeSiginfo, SIGINFO_SIZE, type SigInfo } from '../abi/siginfo.ts';
import {
  MINSIGSTKSZ,
  NSIG,
  SA_EXPOSE_TAGBITS,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_RESTORER,
  SA_SIGINFO,
  SIG_BLOCK,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGKILL,
  SIGSTOP,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
} from '../abi/signal.ts';
import { sleepOn, WAKE_TIMEOUT } from '../kernel/block.ts';
import { discardIfIgnored, setBlockedMask, setTemporaryMask, takeSignalOf } from '../kernel/signal.ts';
import { altStackState, isOnAltStack } from '../kernel/signal-delivery.ts';
import { UNBLOCKABLE_SIGNALS } from '../kernel/signal-policy.ts';
import type { Task } from '../kernel/task.ts';
import { REG } from '../platform/guest-thread.ts';
import { full, type SyscallDef } from './define.ts';

const SIGSET_SIZE = 8;
const SIGACTION_SIZE = 32;
const STACK_SIZE = 24;
/** Flags the kernel knows; others are dropped so that programs can probe (sigaction(2), SA_UNSUPPORTED). */
const KNOWN_FLAGS =
  SA_NOCLDSTOP |
  SA_NOCLDWAIT |
  SA_SIGINFO |
  SA_EXPOSE_TAGBITS |
  SA_RESTORER |
  SA_ONSTACK |
  SA_RESTART |
  SA_NODEFER |
  SA_RESETHAND;

const scratch = new Uint8Array(SIGINFO_SIZE);
const view = new DataView(scratch.buffer);

function setU64(at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

function getU64(at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

function sysRtSigaction(task: Task, signo: number, newAddr: number, oldAddr: number, setSize: number): number {
  if (setSize !== SIGSET_SIZE) return -EINVAL;
  if (newAddr !== 0 && task.mem.readInto(newAddr, scratch, 0, SIGACTION_SIZE) < 0) return -EFAULT;
  if (signo < 1 || signo > NSIG) return -EINVAL;
  if (newAddr !== 0 && (signo === SIGKILL || signo === SIGSTOP)) return -EINVAL;
  const action = task.group.handlers.action(signo);
  const { handler, flags, restorer, maskLo, maskHi } = action;
  if (newAddr !== 0) {
    action.handler = getU64(0);
    action.flags = (view.getUint32(8, true) & KNOWN_FLAGS) >>> 0;
    action.restorer = getU64(16);
    action.maskLo = view.getInt32(24, true) & ~UNBLOCKABLE_SIGNALS;
    action.maskHi = view.getInt32(28, true);
    discardIfIgnored(task.group, signo);
  }
  if (oldAddr === 0) return 0;
  setU64(0, handler);
  setU64(8, flags);
  setU64(16, restorer);
  view.setInt32(24, maskLo, true);
  view.setInt32(28, maskHi, true);
  return task.mem.write(oldAddr, scratch, 0, SIGACTION_SIZE);
}

function sysRtSigprocmask(task: Task, how: number, setAddr: number, oldAddr: number, setSize: number): number {
  if (setSize !== SIGSET_SIZE) return -EINVAL;
  const { blockedLo, blockedHi } = task.signals;
  if (setAddr !== 0) {
    if (task.mem.readInto(setAddr, scratch, 0, SIGSET_SIZE) < 0) return -EFAULT;
    const lo = view.getInt32(0, true);
    const hi = view.getInt32(4, true);
    if (how === SIG_BLOCK) setBlockedMask(task, blockedLo | lo, blockedHi | hi);
    else if (how === SIG_UNBLOCK) setBlockedMask(task, blockedLo & ~lo, blockedHi & ~hi);
    else if (how === SIG_SETMASK) setBlockedMask(task, lo, hi);
    else return -EINVAL;
  }
  if (oldAddr === 0) return 0;
  view.setInt32(0, blockedLo, true);
  view.setInt32(4, blockedHi, true);
  return task.mem.write(oldAddr, scratch, 0, SIGSET_SIZE);
}

function sysRtSigpending(task: Task, setAddr: number, setSize: number): number {
  if (setSize > SIGSET_SIZE) return -EINVAL;
  const { signals, group } = task;
  view.setInt32(0, (signals.pending.lo | group.pending.lo) & signals.blockedLo, true);
  view.setInt32(4, (signals.pending.hi | group.pending.hi) & signals.blockedHi, true);
  return task.mem.write(setAddr, scratch, 0, setSize);
}

async function sleepUntilSignal(task: Task): Promise<number> {
  while (!task.hasSignalToDeliver() && !task.isExited) await sleepOn(task, [], 0, Infinity);
  return -ERESTARTNOHAND;
}

function sysRtSigsuspend(task: Task, setAddr: number, setSize: number): number | Promise<number> {
  if (setSize !== SIGSET_SIZE) return -EINVAL;
  if (task.mem.readInto(setAddr, scratch, 0, SIGSET_SIZE) < 0) return -EFAULT;
  setTemporaryMask(task, view.getInt32(0, true), view.getInt32(4, true));
  return sleepUntilSignal(task);
}

function sysPause(task: Task): Promise<number> {
  return sleepUntilSignal(task);
}

function giveSiginfo(task: Task, info: SigInfo, infoAddr: number): number {
  if (infoAddr !== 0) {
    encodeSiginfo(info, scratch);
    if (task.mem.write(infoAddr, scratch, 0, SIGINFO_SIZE) < 0) return -EFAULT;
  }
  return info.signo;
}

function sysRtSigtimedwait(
  task: Task,
  setAddr: number,
  infoAddr: number,
  timeoutAddr: number,
  setSize: number,
): number | Promise<number> {
  if (setSize !== SIGSET_SIZE) return -EINVAL;
  if (task.mem.readInto(setAddr, scratch, 0, SIGSET_SIZE) < 0) return -EFAULT;
  const lo = view.getInt32(0, true) & ~UNBLOCKABLE_SIGNALS;
  const hi = view.getInt32(4, true);
  let timeoutNs = Infinity;
  if (timeoutAddr !== 0) {
    if (task.mem.readInto(timeoutAddr, scratch, 0, 16) < 0) return -EFAULT;
    const nsec = getU64(8);
    if (view.getInt32(4, true) < 0 || nsec >= 1e9) return -EINVAL;
    timeoutNs = getU64(0) * 1e9 + nsec;
  }
  const info = takeSignalOf(task, lo, hi);
  if (info !== null) return giveSiginfo(task, info, infoAddr);
  if (timeoutNs === 0) return -EAGAIN;
  return waitForSignal(task, lo, hi, infoAddr, task.kernel.clock.monotonicNs() + timeoutNs);
}

async function waitForSignal(
  task: Task,
  lo: number,
  hi: number,
  infoAddr: number,
  deadlineNs: number,
): Promise<number> {
  const { signals } = task;
  signals.waitingLo = lo;
  signals.waitingHi = hi;
  const reason = await sleepOn(task, [], 0, deadlineNs);
  signals.waitingLo = 0;
  signals.waitingHi = 0;
  if (task.isExited) return -EINTR;
  const info = takeSignalOf(task, lo, hi);
  if (info !== null) return giveSiginfo(task, info, infoAddr);
  return reason === WAKE_TIMEOUT ? -EAGAIN : -EINTR;
}

function stackPointer(task: Task): number {
  const { registers } = task.thread;
  return registers.getUint32(REG.rsp * 8, true) + registers.getUint32(REG.rsp * 8 + 4, true) * 0x1_0000_0000;
}

function sysSigaltstack(task: Task, newAddr: number, oldAddr: number): number {
  const { altStack } = task.signals;
  const sp = stackPointer(task);
  const { address, size } = altStack;
  const oldFlags = (altStackState(task, sp) | (altStack.flags & SS_AUTODISARM)) >>> 0;
  if (newAddr !== 0) {
    if (task.mem.readInto(newAddr, scratch, 0, STACK_SIZE) < 0) return -EFAULT;
    const result = changeAltStack(task, sp, getU64(0), view.getUint32(8, true), getU64(16));
    if (result < 0) return result;
  }
  if (oldAddr === 0) return 0;
  setU64(0, address);
  setU64(8, oldFlags);
  setU64(16, size);
  return task.mem.write(oldAddr, scratch, 0, STACK_SIZE);
}

/** Linux: do_sigaltstack. Also what rt_sigreturn(2) does with uc_stack, of which it ignores the result. */
export function changeAltStack(task: Task, sp: number, address: number, flags: number, size: number): number {
  const { altStack } = task.signals;
  if (isOnAltStack(task, sp)) return -EPERM;
  const mode = (flags & ~SS_AUTODISARM) >>> 0;
  if (mode !== SS_DISABLE && mode !== SS_ONSTACK && mode !== 0) return -EINVAL;
  if (mode === SS_DISABLE) {
    altStack.address = 0;
    altStack.size = 0;
  } else {
    if (size < MINSIGSTKSZ) return -ENOMEM;
    altStack.address = address;
    altStack.size = size;
  }
  altStack.flags = flags;
  return 0;
}

/** What a handler left in `task.restart` when it gave -ERESTART_RESTARTBLOCK. */
function sysRestartSyscall(task: Task): number | Promise<number> {
  const { restart } = task;
  task.restart = null;
  return restart === null ? -EINTR : restart();
}

export const signalSyscalls: readonly SyscallDef[] = [
  full(13, 'rt_sigaction', ['signal', 'sigaction', 'sigaction', 'size'], sysRtSigaction),
  full(14, 'rt_sigprocmask', ['int', 'sigset', 'sigset', 'size'], sysRtSigprocmask),
  full(34, 'pause', [], sysPause),
  full(127, 'rt_sigpending', ['sigset', 'size'], sysRtSigpending),
  full(128, 'rt_sigtimedwait', ['sigset', 'ptr', 'timespec', 'size'], sysRtSigtimedwait),
  full(130, 'rt_sigsuspend', ['sigset', 'size'], sysRtSigsuspend),
  full(131, 'sigaltstack', ['stack', 'stack'], sysSigaltstack),
  full(219, 'restart_syscall', [], sysRestartSyscall),
];

/** ptrace(2) (Linux: kernel/ptrace.c, arch/x86/kernel/ptrace.c). */
import { EFAULT, EINVAL, EIO, EPERM, ESRCH } from '../abi/errno.ts';
import * as P from '../abi/ptrace.ts';
import { AUDIT_ARCH_X86_64 } from '../abi/seccomp.ts';
import { decodeSiginfo, encodeSiginfo, SIGINFO_SIZE, SigInfo } from '../abi/siginfo.ts';
import { NSIG, SI_USER, SIGKILL, SIGSTOP } from '../abi/signal.ts';
import { attachTrace, detachTrace, interruptTracee, resumeTrace, type TraceMode } from '../kernel/ptrace.ts';
import { mayAccess } from '../kernel/ptrace-access.ts';
import { sendSignalToGroup, sendSignalToTask, setBlockedMask } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { traceeAccess } from '../kernel/tracee-access.ts';
import { REG } from '../platform/guest-thread.ts';
import { partial, type SyscallDef } from './define.ts';
import { peekUser, pokeUser, readUserRegisters, writeUserRegisters } from './ptrace-registers.ts';

const OPTIONS =
  P.PTRACE_O_TRACESYSGOOD |
  P.PTRACE_O_TRACEFORK |
  P.PTRACE_O_TRACEVFORK |
  P.PTRACE_O_TRACECLONE |
  P.PTRACE_O_TRACEEXEC |
  P.PTRACE_O_TRACEVFORKDONE |
  P.PTRACE_O_TRACEEXIT |
  P.PTRACE_O_EXITKILL;
const SYSCALL_INFO_HEADER = 24;

function traceMe(task: Task): number {
  const { parent } = task.group;
  if (task.trace !== null || parent === null) return -EPERM;
  const tracer = task.group.parentTask ?? parent.leader;
  attachTrace(tracer, task, 0, false);
  return 0;
}

function attach(task: Task, target: Task, isSeized: boolean, options: number): number {
  if (target.group === task.group || target.trace !== null || target.isExiting || !mayAccess(task, target))
    return -EPERM;
  if ((options & ~OPTIONS) !== 0) return -EIO;
  attachTrace(task, target, options, isSeized);
  if (!isSeized) sendSignalToTask(target, new SigInfo(SIGSTOP, SI_USER));
  return 0;
}

/** The data argument with all of its bits, which the numbers of arguments do not have. */
function dataBits(task: Task): bigint {
  return task.thread.registers.getBigUint64(REG.r10 * 8, true);
}

function proceed(tracee: Task, mode: TraceMode, signo: number): number {
  if (signo < 0 || signo > NSIG) return -EIO;
  resumeTrace(tracee, mode, signo);
  return 0;
}

function peek(task: Task, tracee: Task, from: number, to: number): number {
  const word = tracee.mm.readBytesNow(from, 8);
  if (typeof word === 'number') return -EIO;
  return task.mm.writeNow(to, word) < 0 ? -EFAULT : 0;
}

async function poke(task: Task, tracee: Task, addr: number): Promise<number> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, dataBits(task), true);
  const failed = (await traceeAccess(task.kernel)?.poke(tracee, addr, bytes)) ?? -ESRCH;
  return failed < 0 ? -EIO : 0;
}

async function getRegisters(task: Task, tracee: Task, addr: number): Promise<number> {
  const view = await readUserRegisters(tracee);
  if (typeof view === 'number') return view;
  return task.mm.writeNow(addr, new Uint8Array(view.buffer)) < 0 ? -EFAULT : 0;
}

async function setRegisters(task: Task, tracee: Task, addr: number): Promise<number> {
  const bytes = task.mm.readBytesNow(addr, P.USER_REGS_SIZE);
  if (typeof bytes === 'number') return bytes;
  const before = await readUserRegisters(tracee);
  if (typeof before === 'number') return before;
  return writeUserRegisters(tracee, before, new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
}

async function getFpu(task: Task, tracee: Task, addr: number, size: number): Promise<number> {
  const image = await traceeAccess(task.kernel)?.readFpu(tracee);
  if (image === undefined || typeof image === 'number') return image ?? -ESRCH;
  const n = Math.min(size, image.length);
  return task.mm.writeNow(addr, image.subarray(0, n)) < 0 ? -EFAULT : n;
}

async function setFpu(task: Task, tracee: Task, addr: number, size: number): Promise<number> {
  const access = traceeAccess(task.kernel);
  const image = await access?.readFpu(tracee);
  if (access === undefined || image === undefined || typeof image === 'number') return -ESRCH;
  const bytes = task.mm.readBytesNow(addr, Math.min(size, image.length));
  if (typeof bytes === 'number') return bytes;
  image.set(bytes);
  return access.writeFpu(tracee, image);
}

/** PTRACE_GETREGSET, PTRACE_SETREGSET: `iovAddr` is an iovec, whose length becomes what was transferred. */
async function registerSet(task: Task, tracee: Task, kind: number, iovAddr: number, isSet: boolean): Promise<number> {
  const iov = task.mm.readBytesNow(iovAddr, 16);
  if (typeof iov === 'number') return iov;
  const view = new DataView(iov.buffer, iov.byteOffset, 16);
  const addr = Number(view.getBigUint64(0, true));
  const size = Number(view.getBigUint64(8, true));
  const isFpu = kind === P.NT_PRFPREG || kind === P.NT_X86_XSTATE;
  if (kind !== P.NT_PRSTATUS && !isFpu) return -EINVAL;
  if (size % 8 !== 0) return -EINVAL;
  const limit = kind === P.NT_PRSTATUS ? P.USER_REGS_SIZE : kind === P.NT_PRFPREG ? P.USER_FPREGS_SIZE : size;
  let n = Math.min(size, limit);
  let result: number;
  if (isFpu) {
    result = isSet ? await setFpu(task, tracee, addr, n) : await getFpu(task, tracee, addr, n);
    if (result > 0) n = result;
  } else {
    const before = await readUserRegisters(tracee);
    if (typeof before === 'number') return before;
    const bytes = new Uint8Array(before.buffer.slice(0));
    if (isSet) {
      const given = task.mm.readBytesNow(addr, n);
      if (typeof given === 'number') return given;
      bytes.set(given);
      result = await writeUserRegisters(tracee, before, new DataView(bytes.buffer));
    } else {
      result = task.mm.writeNow(addr, bytes.subarray(0, n)) < 0 ? -EFAULT : 0;
    }
  }
  if (result < 0) return result;
  view.setBigUint64(0, BigInt(n), true);
  return task.mm.writeNow(iovAddr + 8, new Uint8Array(iov.buffer, iov.byteOffset, 8)) < 0 ? -EFAULT : 0;
}

function getSiginfo(task: Task, tracee: Task, addr: number): number {
  const info = tracee.trace?.stop?.info ?? null;
  if (info === null) return -EINVAL;
  const bytes = new Uint8Array(SIGINFO_SIZE);
  encodeSiginfo(info, bytes);
  return task.mm.writeNow(addr, bytes) < 0 ? -EFAULT : 0;
}

function setSiginfo(task: Task, tracee: Task, addr: number): number {
  const stop = tracee.trace?.stop ?? null;
  const bytes = task.mm.readBytesNow(addr, SIGINFO_SIZE);
  if (typeof bytes === 'number') return bytes;
  if (stop === null || stop.info === null) return -EINVAL;
  stop.info = decodeSiginfo(bytes, new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true));
  return 0;
}

function signalMask(task: Task, tracee: Task, size: number, addr: number, isSet: boolean): number {
  if (size !== 8) return -EINVAL;
  const { signals } = tracee;
  const words = Int32Array.of(signals.blockedLo, signals.blockedHi);
  if (!isSet) return task.mm.writeNow(addr, new Uint8Array(words.buffer)) < 0 ? -EFAULT : 0;
  const bytes = task.mm.readBytesNow(addr, 8);
  if (typeof bytes === 'number') return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  setBlockedMask(tracee, view.getInt32(0, true), view.getInt32(4, true));
  return 0;
}

/** PTRACE_GET_SYSCALL_INFO: how many bytes there are to tell, of which as many as fit are told. */
function syscallInfo(task: Task, tracee: Task, size: number, addr: number): number {
  const { registers } = tracee.thread;
  const kind = tracee.trace?.stop?.kind;
  const view = new DataView(new ArrayBuffer(80));
  let length = SYSCALL_INFO_HEADER;
  view.setUint32(4, AUDIT_ARCH_X86_64, true);
  view.setBigUint64(8, registers.getBigUint64(REG.rip * 8, true), true);
  view.setBigUint64(16, registers.getBigUint64(REG.rsp * 8, true), true);
  if (kind === 'entry') {
    view.setUint8(0, 1);
    view.setBigUint64(24, BigInt(traceeAccess(task.kernel)?.callNumber(tracee) ?? 0), true);
    for (const [i, register] of [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9].entries())
      view.setBigUint64(32 + i * 8, registers.getBigUint64(register * 8, true), true);
    length = 80;
  } else if (kind === 'exit') {
    const result = registers.getBigInt64(REG.rax * 8, true);
    view.setUint8(0, 2);
    view.setBigInt64(24, result, true);
    view.setUint8(32, result < 0n && result >= -4095n ? 1 : 0);
    length = 33;
  }
  const n = Math.min(size, length);
  return task.mm.writeNow(addr, new Uint8Array(view.buffer, 0, n)) < 0 ? -EFAULT : length;
}

function setOptions(tracee: Task, options: number): number {
  if ((options & ~OPTIONS) !== 0 || tracee.trace === null) return -EINVAL;
  tracee.trace.options = options;
  return 0;
}

function listen(tracee: Task): number {
  const { trace } = tracee;
  const isEventStop = trace?.stop !== null && (trace?.stop?.code ?? 0) >> 8 === P.PTRACE_EVENT_STOP;
  if (trace === null || !trace.isSeized || !isEventStop) return -EIO;
  trace.isListening = true;
  return 0;
}

/** What needs a stopped tracee. */
function ofStopped(task: Task, tracee: Task, request: number, addr: number, data: number): number | Promise<number> {
  switch (request) {
    case P.PTRACE_PEEKTEXT:
    case P.PTRACE_PEEKDATA:
      return peek(task, tracee, addr, data);
    case P.PTRACE_POKETEXT:
    case P.PTRACE_POKEDATA:
      return poke(task, tracee, addr);
    case P.PTRACE_PEEKUSER:
      return peekUser(task, tracee, addr, data);
    case P.PTRACE_POKEUSER:
      return pokeUser(tracee, addr, dataBits(task));
    case P.PTRACE_CONT:
      return proceed(tracee, 'continue', data);
    case P.PTRACE_SYSCALL:
      return proceed(tracee, 'syscall', data);
    case P.PTRACE_SINGLESTEP:
      return proceed(tracee, 'step', data);
    case P.PTRACE_DETACH:
      if (data > NSIG) return -EIO;
      detachTrace(tracee, data);
      return 0;
    case P.PTRACE_GETREGS:
      return getRegisters(task, tracee, data);
    case P.PTRACE_SETREGS:
      return setRegisters(task, tracee, data);
    case P.PTRACE_GETFPREGS:
      return getFpu(task, tracee, data, P.USER_FPREGS_SIZE).then((n) => Math.min(n, 0));
    case P.PTRACE_SETFPREGS:
      return setFpu(task, tracee, data, P.USER_FPREGS_SIZE);
    case P.PTRACE_GETREGSET:
      return registerSet(task, tracee, addr, data, false);
    case P.PTRACE_SETREGSET:
      return registerSet(task, tracee, addr, data, true);
    case P.PTRACE_SETOPTIONS:
      return setOptions(tracee, data);
    case P.PTRACE_GETEVENTMSG: {
      const message = BigUint64Array.of(BigInt(tracee.trace?.message ?? 0));
      return task.mm.writeNow(data, new Uint8Array(message.buffer)) < 0 ? -EFAULT : 0;
    }
    case P.PTRACE_GETSIGINFO:
      return getSiginfo(task, tracee, data);
    case P.PTRACE_SETSIGINFO:
      return setSiginfo(task, tracee, data);
    case P.PTRACE_GETSIGMASK:
      return signalMask(task, tracee, addr, data, false);
    case P.PTRACE_SETSIGMASK:
      return signalMask(task, tracee, addr, data, true);
    case P.PTRACE_GET_SYSCALL_INFO:
      return syscallInfo(task, tracee, addr, data);
    case P.PTRACE_LISTEN:
      return listen(tracee);
    default:
      return -EIO;
  }
}

function sysPtrace(task: Task, request: number, pid: number, addr: number, data: number): number | Promise<number> {
  if (request === P.PTRACE_TRACEME) return traceMe(task);
  const target = task.kernel.pids.task(pid);
  if (target === undefined || target.isExited) return -ESRCH;
  if (request === P.PTRACE_ATTACH) return attach(task, target, false, 0);
  if (request === P.PTRACE_SEIZE) return addr !== 0 ? -EIO : attach(task, target, true, data);
  const { trace } = target;
  if (trace === null || trace.tracer !== task) return -ESRCH;
  if (request === P.PTRACE_KILL) {
    sendSignalToGroup(target.group, new SigInfo(SIGKILL, SI_USER));
    return 0;
  }
  if (request === P.PTRACE_INTERRUPT) {
    if (!trace.isSeized) return -EIO;
    if (trace.stop === null || trace.isListening) interruptTracee(target);
    return 0;
  }
  return trace.stop === null || trace.isListening ? -ESRCH : ofStopped(task, target, request, addr, data);
}

export const ptraceSyscalls: readonly SyscallDef[] = [
  partial(
    101,
    'ptrace',
    ['ulong', 'pid', 'ulong', 'ulong'],
    sysPtrace,
    'no stops of seccomp, no hardware breakpoints, no PEEKSIGINFO, SYSEMU, SINGLEBLOCK',
  ),
];

/** What may keep a system call from being made: seccomp(2), user dispatch (Linux: syscall_trace_enter in kernel/entry). */

import { ENOSYS } from '../abi/errno.ts';
import * as S from '../abi/seccomp.ts';
import { SigInfo } from '../abi/siginfo.ts';
import { SIGKILL, SIGSEGV, SIGSYS } from '../abi/signal.ts';
import { exitGroup, exitTask } from '../kernel/exit.ts';
import type { UserDispatch } from '../kernel/seccomp.ts';
import { forceInfo, forceSignal } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { REG } from '../platform/guest-thread.ts';
import type { Guest } from './guest.ts';
import { readRegister } from './signal-frame.ts';

/** The call is made. */
export const PROCEED = 1;
/** It is not: signals are delivered, with the registers as they were; or the task has ended. */
export const INSTEAD = 2;

const STRICT_CALLS: ReadonlySet<number> = new Set([0, 1, 15, 60]);
const SELECTOR_ALLOW = 0;
const SELECTOR_BLOCK = 1;
const MAX_ERRNO = 4095;
const SI_KERNEL = 128;

const data = new Uint32Array(S.SECCOMP_DATA_WORDS);

/** PROCEED, INSTEAD, or the result of the call: 0 or -errno. */
export function checkCall(guest: Guest): number {
  const { task } = guest;
  const { checks } = task;
  if (checks.userDispatch !== null && isDispatched(guest, checks.userDispatch)) return INSTEAD;
  if (checks.mode === S.SECCOMP_MODE_DISABLED) return PROCEED;
  if (checks.mode === S.SECCOMP_MODE_STRICT) {
    if (STRICT_CALLS.has(guest.nr)) return PROCEED;
    exitTask(task, SIGKILL);
    return INSTEAD;
  }
  const { filter } = checks;
  if (filter === null || filter.alwaysAllows(guest.nr)) return PROCEED;
  describe(guest);
  return act(guest, filter.run(data));
}

/** Fills struct seccomp_data. */
function describe(guest: Guest): void {
  const rip = readRegister(guest.thread, REG.rip);
  data[0] = guest.nr;
  data[1] = S.AUDIT_ARCH_X86_64;
  data[2] = rip >>> 0;
  data[3] = Math.floor(rip / 2 ** 32);
  for (let i = 0; i < 6; i++) {
    data[4 + i * 2] = guest.thread.argumentWord(i);
    data[5 + i * 2] = guest.thread.argumentHighWord(i);
  }
}

function act(guest: Guest, answer: number): number {
  const { task } = guest;
  const low = answer & S.SECCOMP_RET_DATA;
  switch (answer & S.SECCOMP_RET_ACTION) {
    case S.SECCOMP_RET_ALLOW:
    case S.SECCOMP_RET_LOG:
      return PROCEED;
    case S.SECCOMP_RET_ERRNO:
      return low === 0 ? 0 : -Math.min(low, MAX_ERRNO);
    case S.SECCOMP_RET_TRAP:
      raiseSigsys(guest, S.SYS_SECCOMP, low);
      return INSTEAD;
    // Nobody traces.
    case S.SECCOMP_RET_TRACE:
      return -ENOSYS;
    case S.SECCOMP_RET_KILL_THREAD:
      if (task.group.tasks.length > 1) exitTask(task, SIGSYS);
      else exitGroup(task.group, SIGSYS);
      return INSTEAD;
    // What the kernel does not know it takes for the worst.
    default:
      exitGroup(task.group, SIGSYS);
      return INSTEAD;
  }
}

function raiseSigsys(guest: Guest, code: number, errno: number): void {
  const info = new SigInfo(SIGSYS, code);
  info.addr = readRegister(guest.thread, REG.rip);
  info.errno = errno;
  info.syscall = guest.nr;
  info.arch = S.AUDIT_ARCH_X86_64;
  forceInfo(guest.task, info);
}

/** Whether the program answers this call itself; it has been told by a signal then. */
function isDispatched(guest: Guest, { offset, length, selector }: UserDispatch): boolean {
  const rip = readRegister(guest.thread, REG.rip);
  if (rip >= offset && rip - offset < length) return false;
  const { task } = guest;
  if (selector !== 0) {
    const state = readSelector(task, selector);
    if (state === SELECTOR_ALLOW) return false;
    if (state < 0) {
      forceSignal(task, SIGSEGV, SI_KERNEL);
      return true;
    }
    if (state !== SELECTOR_BLOCK) {
      exitGroup(task.group, SIGSYS);
      return true;
    }
  }
  raiseSigsys(guest, S.SYS_USER_DISPATCH, 0);
  return true;
}

function readSelector(task: Task, addr: number): number {
  const byte = task.mem.readBytes(addr, 1);
  return typeof byte === 'number' ? byte : byte[0];
}

/** seccomp(2), and the options of prctl(2) that are about system calls. */
import { CAP_SYS_ADMIN } from '../abi/capability.ts';
import { EACCES, EFAULT, EINVAL, ENOMEM, EOPNOTSUPP, ESRCH } from '../abi/errno.ts';
import { TASK_SIZE } from '../abi/memory.ts';
import * as S from '../abi/seccomp.ts';
import { SeccompFilter } from '../kernel/seccomp.ts';
import { SeccompProgram } from '../kernel/seccomp-program.ts';
import type { Task } from '../kernel/task.ts';
import { partial, type SyscallDef } from './define.ts';

const KNOWN_FLAGS =
  S.SECCOMP_FILTER_FLAG_TSYNC |
  S.SECCOMP_FILTER_FLAG_LOG |
  S.SECCOMP_FILTER_FLAG_SPEC_ALLOW |
  S.SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
const ACTIONS: ReadonlySet<number> = new Set([
  S.SECCOMP_RET_KILL_PROCESS,
  S.SECCOMP_RET_KILL_THREAD,
  S.SECCOMP_RET_TRAP,
  S.SECCOMP_RET_ERRNO,
  S.SECCOMP_RET_TRACE,
  S.SECCOMP_RET_LOG,
  S.SECCOMP_RET_ALLOW,
]);
const PR_SYS_DISPATCH_OFF = 0;
const PR_SYS_DISPATCH_ON = 1;

/** The mode is not left for another one. */
function mayAssign(task: Task, mode: number): boolean {
  return task.checks.mode === S.SECCOMP_MODE_DISABLED || task.checks.mode === mode;
}

function setStrict(task: Task): number {
  if (!mayAssign(task, S.SECCOMP_MODE_STRICT)) return -EINVAL;
  task.checks.mode = S.SECCOMP_MODE_STRICT;
  task.checks.refresh();
  return 0;
}

/** `addr`: struct sock_fprog, a count and where the instructions are. Checks in the order of seccomp_prepare_filter. */
function readProgram(task: Task, addr: number): SeccompProgram | number {
  const header = task.mem.readBytes(addr, 16);
  if (typeof header === 'number') return -EFAULT;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const count = view.getUint16(0, true);
  if (count === 0 || count > S.BPF_MAXINSNS) return -EINVAL;
  if (!task.hasNoNewPrivs && !task.creds.hasCapability(CAP_SYS_ADMIN)) return -EACCES;
  const place = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
  if (place === 0) return -EINVAL;
  const bytes = task.mem.readBytes(place, count * 8);
  if (typeof bytes === 'number') return -EFAULT;
  const program = new SeccompProgram(bytes);
  return program.isSound ? program : -EINVAL;
}

/** SECCOMP_FILTER_FLAG_TSYNC: 0, or the thread that has gone its own way. */
function synchronizeError(task: Task): number {
  const mine = task.checks.filter;
  for (const other of task.group.tasks) {
    const { mode, filter } = other.checks;
    const isBehind = filter === null || mine?.hasAncestor(filter) === true;
    const isFree = mode === S.SECCOMP_MODE_DISABLED || (mode === S.SECCOMP_MODE_FILTER && isBehind);
    if (other !== task && !isFree) return other.tid;
  }
  return 0;
}

export function setFilter(task: Task, flags: number, addr: number): number {
  if ((flags & ~KNOWN_FLAGS) !== 0) return -EINVAL;
  const program = readProgram(task, addr);
  if (typeof program === 'number') return program;
  if (!mayAssign(task, S.SECCOMP_MODE_FILTER)) return -EINVAL;
  const filter = new SeccompFilter(program, task.checks.filter);
  if (filter.isTooMuch) return -ENOMEM;
  const isForAll = (flags & S.SECCOMP_FILTER_FLAG_TSYNC) !== 0;
  const other = isForAll ? synchronizeError(task) : 0;
  if (other !== 0) return (flags & S.SECCOMP_FILTER_FLAG_TSYNC_ESRCH) !== 0 ? -ESRCH : other;
  for (const each of isForAll ? task.group.tasks : [task]) {
    each.checks.mode = S.SECCOMP_MODE_FILTER;
    each.checks.filter = filter;
    each.checks.refresh();
    each.thread.callsAreChecked();
    if (task.hasNoNewPrivs) each.hasNoNewPrivs = true;
  }
  return 0;
}

function sysSeccomp(task: Task, operation: number, flags: number, addr: number): number {
  switch (operation) {
    case S.SECCOMP_SET_MODE_STRICT:
      return flags !== 0 || addr !== 0 ? -EINVAL : setStrict(task);
    case S.SECCOMP_SET_MODE_FILTER:
      return setFilter(task, flags, addr);
    case S.SECCOMP_GET_ACTION_AVAIL: {
      if (flags !== 0) return -EINVAL;
      const action = task.mem.readU32(addr);
      if (action === null) return -EFAULT;
      return ACTIONS.has(action | 0) ? 0 : -EOPNOTSUPP;
    }
    case S.SECCOMP_GET_NOTIF_SIZES: {
      // struct seccomp_notif, seccomp_notif_resp, seccomp_data.
      if (flags !== 0) return -EINVAL;
      return task.mem.write(addr, new Uint8Array(Uint16Array.of(80, 24, 64).buffer), 0, 6);
    }
    default:
      return -EINVAL;
  }
}

/** PR_SET_SECCOMP of prctl(2). */
export function setSeccompMode(task: Task, mode: number, addr: number): number {
  if (mode === S.SECCOMP_MODE_STRICT) return setStrict(task);
  return mode === S.SECCOMP_MODE_FILTER ? setFilter(task, 0, addr) : -EINVAL;
}

/** PR_SET_SYSCALL_USER_DISPATCH of prctl(2) (Linux: kernel/entry/syscall_user_dispatch.c). */
export function setUserDispatch(task: Task, mode: number, offset: number, length: number, selector: number): number {
  const { checks } = task;
  if (mode === PR_SYS_DISPATCH_OFF) {
    if (offset !== 0 || length !== 0 || selector !== 0) return -EINVAL;
    checks.userDispatch = null;
  } else {
    // Addresses wrap: a range that does not grow is none.
    if (mode !== PR_SYS_DISPATCH_ON || (offset !== 0 && (length === 0 || offset + length >= 2 ** 64))) return -EINVAL;
    if (selector >= TASK_SIZE) return -EFAULT;
    checks.userDispatch = { offset, length, selector };
  }
  checks.refresh();
  return 0;
}

export const seccompSyscalls: readonly SyscallDef[] = [
  partial(317, 'seccomp', ['uint', 'flags', 'ptr'], sysSeccomp, 'no user notification; SECCOMP_RET_LOG logs nothing'),
];

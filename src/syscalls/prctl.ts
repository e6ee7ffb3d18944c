/** prctl(2): attributes of the calling thread or process that have no call of their own. */
import {
  CAP_SETPCAP,
  CAP_SYS_RESOURCE,
  SECBIT_KEEP_CAPS,
  SECBIT_KEEP_CAPS_LOCKED,
  SECBIT_NO_CAP_AMBIENT_RAISE,
  SECBITS_ALL,
  SECBITS_LOCKS,
} from '../abi/capability.ts';
import { E2BIG, EFAULT, EINVAL, ENODEV, EPERM } from '../abi/errno.ts';
import * as pr from '../abi/prctl.ts';
import { NSIG } from '../abi/signal.ts';
import {
  capabilitiesEither,
  capabilitiesWithout,
  capabilitySetHas,
  capabilitySetOf,
  NO_CAPABILITIES,
} from '../kernel/capability-set.ts';
import type { Capabilities } from '../kernel/credentials.ts';
import { TASK_NAME_MAX, type Task } from '../kernel/task.ts';
import { partial, type SyscallDef } from './define.ts';
import { isCapability } from './identity.ts';
import { setSeccompMode, setUserDispatch } from './seccomp.ts';

const PR_TSC_ENABLE = 1;
const DEFAULT_TIMERSLACK_NS = 50000;

function setCapabilities(task: Task, changes: Partial<Capabilities>): number {
  task.setCredentials(task.creds.with({ caps: { ...task.creds.caps, ...changes } }));
  return 0;
}

function setName(task: Task, addr: number): number {
  const name = task.mem.readString(addr, TASK_NAME_MAX);
  if (typeof name === 'string') {
    task.name = name;
    task.thread.nameFrom(addr);
    return 0;
  }
  if (name !== -E2BIG) return -EFAULT;
  const bytes = task.mem.readBytes(addr, TASK_NAME_MAX);
  if (typeof bytes === 'number') return -EFAULT;
  task.name = String.fromCharCode(...bytes);
  task.thread.nameFrom(addr);
  return 0;
}

function getName(task: Task, addr: number): number {
  const bytes = new Uint8Array(TASK_NAME_MAX + 1);
  for (let i = 0; i < task.name.length; i++) bytes[i] = task.name.charCodeAt(i);
  return task.mem.write(addr, bytes, 0, bytes.length);
}

function setKeepCaps(task: Task, value: number): number {
  const { securebits } = task.creds;
  if (value > 1) return -EINVAL;
  if ((securebits & SECBIT_KEEP_CAPS_LOCKED) !== 0) return -EPERM;
  const next = value === 1 ? securebits | SECBIT_KEEP_CAPS : securebits & ~SECBIT_KEEP_CAPS;
  task.setCredentials(task.creds.with({ securebits: next }));
  return 0;
}

/** A locked bit stays as it is, and so does its lock (capabilities(7); Linux: cap_task_prctl). */
function setSecurebits(task: Task, bits: number): number {
  const { securebits } = task.creds;
  const lockedBits = (securebits & SECBITS_LOCKS) >> 1;
  if ((lockedBits & (securebits ^ bits)) !== 0) return -EPERM;
  if ((securebits & SECBITS_LOCKS & ~bits) !== 0) return -EPERM;
  if (bits > SECBITS_ALL) return -EPERM;
  if (!task.creds.hasCapability(CAP_SETPCAP)) return -EPERM;
  task.setCredentials(task.creds.with({ securebits: bits }));
  return 0;
}

function dropBounding(task: Task, cap: number): number {
  if (!task.creds.hasCapability(CAP_SETPCAP)) return -EPERM;
  if (!isCapability(cap)) return -EINVAL;
  return setCapabilities(task, { bounding: capabilitiesWithout(task.creds.caps.bounding, capabilitySetOf(cap)) });
}

function changeAmbient(task: Task, operation: number, cap: number): number {
  const { ambient, permitted, inheritable } = task.creds.caps;
  if (operation === pr.PR_CAP_AMBIENT_CLEAR_ALL) {
    return cap === 0 ? setCapabilities(task, { ambient: NO_CAPABILITIES }) : -EINVAL;
  }
  if (!isCapability(cap)) return -EINVAL;
  switch (operation) {
    case pr.PR_CAP_AMBIENT_IS_SET:
      return capabilitySetHas(ambient, cap) ? 1 : 0;
    case pr.PR_CAP_AMBIENT_RAISE:
      if (!capabilitySetHas(permitted, cap) || !capabilitySetHas(inheritable, cap)) return -EPERM;
      if ((task.creds.securebits & SECBIT_NO_CAP_AMBIENT_RAISE) !== 0) return -EPERM;
      return setCapabilities(task, { ambient: capabilitiesEither(ambient, capabilitySetOf(cap)) });
    case pr.PR_CAP_AMBIENT_LOWER:
      return setCapabilities(task, { ambient: capabilitiesWithout(ambient, capabilitySetOf(cap)) });
    default:
      return -EINVAL;
  }
}

/** Kept: memory errors are the host's, and it ends the sandbox's processes by its own policy. */
function setMemoryErrorPolicy(task: Task, operation: number, policy: number, hasTail: boolean): number {
  if (hasTail) return -EINVAL;
  if (operation === pr.PR_MCE_KILL_CLEAR && policy === 0) task.memoryErrorPolicy = pr.PR_MCE_KILL_DEFAULT;
  else if (operation === pr.PR_MCE_KILL_SET && policy <= pr.PR_MCE_KILL_DEFAULT) task.memoryErrorPolicy = policy;
  else return -EINVAL;
  return 0;
}

/** PR_SET_MDWE can only be made stricter (Linux: prctl_set_mdwe). */
function setWriteExecRefusal(task: Task, bits: number): number {
  const { mm } = task;
  if (bits > (pr.PR_MDWE_REFUSE_EXEC_GAIN | pr.PR_MDWE_NO_INHERIT) || bits === pr.PR_MDWE_NO_INHERIT) return -EINVAL;
  if (mm.writeExecRefusal !== 0 && mm.writeExecRefusal !== bits) return -EPERM;
  mm.writeExecRefusal = bits;
  return 0;
}

/** The size of the auxiliary vector, of which as much is copied as there is room for. */
function getAuxv(task: Task, addr: number, size: number): number {
  const { auxv } = task.mm;
  const error = task.mem.write(addr, auxv, 0, Math.min(size, auxv.length));
  return error < 0 ? error : auxv.length;
}

function sysPrctl(task: Task, option: number, a1: number, a2: number, a3: number, a4: number): number {
  const { group, mem, creds } = task;
  const hasTail = a2 !== 0 || a3 !== 0 || a4 !== 0;
  switch (option) {
    case pr.PR_SET_PDEATHSIG:
      if (a1 > NSIG) return -EINVAL;
      task.parentDeathSignal = a1;
      return 0;
    case pr.PR_GET_PDEATHSIG:
      return mem.writeU32(a1, task.parentDeathSignal);
    case pr.PR_GET_DUMPABLE:
      return group.dumpable;
    case pr.PR_SET_DUMPABLE:
      if (a1 > 1) return -EINVAL;
      group.dumpable = a1;
      return 0;
    case pr.PR_GET_KEEPCAPS:
      return (creds.securebits & SECBIT_KEEP_CAPS) === 0 ? 0 : 1;
    case pr.PR_SET_KEEPCAPS:
      return setKeepCaps(task, a1);
    case pr.PR_GET_TIMING:
      return 0;
    case pr.PR_SET_TIMING:
      return a1 === 0 ? 0 : -EINVAL;
    case pr.PR_SET_NAME:
      return setName(task, a1);
    case pr.PR_GET_NAME:
      return getName(task, a1);
    case pr.PR_MCE_KILL:
      return setMemoryErrorPolicy(task, a1, a2, a3 !== 0 || a4 !== 0);
    case pr.PR_MCE_KILL_GET:
      return hasTail || a1 !== 0 ? -EINVAL : task.memoryErrorPolicy;
    case pr.PR_TASK_PERF_EVENTS_DISABLE:
    case pr.PR_TASK_PERF_EVENTS_ENABLE:
      // There are no counters to stop or start.
      return 0;
    case pr.PR_GET_SECCOMP:
      return task.checks.mode;
    case pr.PR_SET_SECCOMP:
      return setSeccompMode(task, a1, a2);
    case pr.PR_SET_SYSCALL_USER_DISPATCH:
      return setUserDispatch(task, a1, a2, a3, a4);
    case pr.PR_CAPBSET_READ:
      return isCapability(a1) ? Number(capabilitySetHas(creds.caps.bounding, a1)) : -EINVAL;
    case pr.PR_CAPBSET_DROP:
      return dropBounding(task, a1);
    case pr.PR_GET_TSC:
      return mem.writeU32(a1, PR_TSC_ENABLE);
    case pr.PR_SET_TSC:
      return a1 === PR_TSC_ENABLE ? 0 : -EINVAL;
    case pr.PR_GET_SECUREBITS:
      return creds.securebits;
    case pr.PR_SET_SECUREBITS:
      return setSecurebits(task, a1);
    case pr.PR_SET_TIMERSLACK:
      task.timerSlackNs = a1 === 0 || a1 >= 2 ** 63 ? DEFAULT_TIMERSLACK_NS : a1;
      return 0;
    case pr.PR_GET_TIMERSLACK:
      return task.timerSlackNs;
    case pr.PR_SET_MM:
      return creds.hasCapability(CAP_SYS_RESOURCE) ? -EINVAL : -EPERM;
    case pr.PR_SET_CHILD_SUBREAPER:
      group.isSubreaper = a1 !== 0;
      return 0;
    case pr.PR_GET_CHILD_SUBREAPER:
      return mem.writeU32(a1, Number(group.isSubreaper));
    case pr.PR_SET_NO_NEW_PRIVS:
      if (a1 !== 1 || hasTail) return -EINVAL;
      task.hasNoNewPrivs = true;
      return 0;
    case pr.PR_GET_NO_NEW_PRIVS:
      return a1 !== 0 || hasTail ? -EINVAL : Number(task.hasNoNewPrivs);
    case pr.PR_GET_TID_ADDRESS:
      return mem.writeU64(a1, task.clearChildTid);
    case pr.PR_SET_THP_DISABLE:
      if (hasTail) return -EINVAL;
      group.isThpDisabled = a1 !== 0;
      return 0;
    case pr.PR_GET_THP_DISABLE:
      return a1 !== 0 || hasTail ? -EINVAL : Number(group.isThpDisabled);
    case pr.PR_CAP_AMBIENT:
      return a3 !== 0 || a4 !== 0 ? -EINVAL : changeAmbient(task, a1, a2);
    case pr.PR_SET_IO_FLUSHER:
      if (!creds.hasCapability(CAP_SYS_RESOURCE)) return -EPERM;
      if (a1 > 1 || hasTail) return -EINVAL;
      task.isIoFlusher = a1 === 1;
      return 0;
    case pr.PR_GET_IO_FLUSHER:
      if (!creds.hasCapability(CAP_SYS_RESOURCE)) return -EPERM;
      return a1 !== 0 || hasTail ? -EINVAL : Number(task.isIoFlusher);
    case pr.PR_SET_MDWE:
      return hasTail ? -EINVAL : setWriteExecRefusal(task, a1);
    case pr.PR_GET_MDWE:
      return a1 !== 0 || hasTail ? -EINVAL : task.mm.writeExecRefusal;
    case pr.PR_GET_AUXV:
      return a3 !== 0 || a4 !== 0 ? -EINVAL : getAuxv(task, a1, a2);
    case pr.PR_GET_SPECULATION_CTRL:
      // The host decides; no control is offered.
      return -ENODEV;
    default:
      return -EINVAL;
  }
}

export const prctlSyscalls: readonly SyscallDef[] = [
  partial(
    157,
    'prctl',
    ['int', 'ulong', 'ulong', 'ulong', 'ulong'],
    sysPrctl,
    'no PR_SET_MM, PR_SET_VMA (as kernels without CONFIG_ANON_VMA_NAME), speculation control; timer slack, memory error policy and THP are kept without effect',
  ),
];

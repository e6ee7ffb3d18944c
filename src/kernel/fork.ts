/**
 * Making tasks (Linux: copy_process in kernel/fork.c; clone(2)).
 *
 * `checkClone` before any cost, then the platform makes address space and host thread, then `copyTask`. What fails after that
 * is undone by `abandonTask`.
 */
import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE } from '../abi/capability.ts';
import {
  CLONE_CHILD_CLEARTID,
  CLONE_DETACHED,
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWIPC,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
} from '../abi/clone.ts';
import { EAGAIN, EINVAL, ERESTARTNOINTR } from '../abi/errno.ts';
import { RLIMIT_CPU, RLIMIT_NPROC } from '../abi/resource.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { GuestThread } from '../platform/guest-thread.ts';
import type { FdTable } from '../vfs/fd-table.ts';
import type { FsContext } from '../vfs/fs-context.ts';
import type { Credentials } from './credentials.ts';
import type { Kernel } from './kernel.ts';
import { defaultLimits, type ResourceLimits } from './limits.ts';
import {
  checkNewNamespaces,
  holdNamespaces,
  makeNamespaces,
  moveFsContext,
  NEW_KINDS,
  type NewNamespaces,
  releaseNamespaces,
} from './new-namespaces.ts';
import { timersOf } from './process-timers.ts';
import { refreshSignals } from './signal.ts';
import { SignalHandlers } from './signal-handlers.ts';
import { NO_THREAD, Task } from './task.ts';
import { ThreadGroup } from './thread-group.ts';

export interface CopyOptions {
  /**
   * The child's address space: the parent's own with CLONE_VM. A new process takes over one reference (`mm.ref()` with CLONE_VM);
   * its end gives it back.
   */
  readonly mm: AddressSpace;
  /** Addresses in the parent's and the child's memory. */
  readonly parentTid?: number;
  readonly childTid?: number;
  /** clone3: a number the child is to have. */
  readonly setTid?: number;
  /** CLONE_CLEAR_SIGHAND of clone3. */
  readonly isHandlersCleared?: boolean;
}

/** Whether clone(2) with these flags is allowed: 0 or -errno. */
export function checkClone(parent: Task, flags: number): number {
  const has = (mask: number): boolean => (flags & mask) !== 0;
  if (has(CLONE_FS) && has(CLONE_NEWNS | CLONE_NEWUSER)) return -EINVAL;
  if (has(CLONE_THREAD) && !has(CLONE_SIGHAND)) return -EINVAL;
  if (has(CLONE_SIGHAND) && !has(CLONE_VM)) return -EINVAL;
  if (has(CLONE_PARENT) && parent.group.isInit) return -EINVAL;
  if (has(CLONE_THREAD) && has(CLONE_NEWUSER | CLONE_NEWPID)) return -EINVAL;
  if (has(CLONE_PIDFD) && has(CLONE_DETACHED | CLONE_THREAD)) return -EINVAL;
  // Bit 7 is a part of the signal here (CLONE_NEWTIME of unshare(2)).
  const refused = checkNewNamespaces(parent, flags & ~CLONE_NEWTIME);
  if (refused < 0) return refused;
  if (has(CLONE_NEWIPC) && has(CLONE_SYSVSEM)) return -EINVAL;
  // A promise of run time cannot be doubled (sched(7)).
  if (parent.deadline !== null && !parent.isSchedResetOnFork) return -EAGAIN;
  // A signal sent to a process must reach either the parent alone or parent and child, never be lost between.
  if (parent.hasSignalToDeliver()) return -ERESTARTNOINTR;
  const { creds, kernel, group } = parent;
  if (
    kernel.pids.users.tasks(creds.uid) >= group.limits.soft(RLIMIT_NPROC) &&
    creds.uid !== 0 &&
    !creds.hasCapability(CAP_SYS_RESOURCE) &&
    !creds.hasCapability(CAP_SYS_ADMIN)
  ) {
    return -EAGAIN;
  }
  return 0;
}

/**
 * A new task, thread or process, that is in all tables and has no host thread yet: the caller sets `thread` and `mem` and starts
 * it. It writes the parent's tid word; the child's (CLONE_CHILD_SETTID) is in memory only the platform can reach.
 *
 * @param flags CLONE_*, unsigned, without the signal in the low byte
 */
export function copyTask(parent: Task, flags: number, exitSignal: number, options: CopyOptions): Task | number {
  const allowed = checkClone(parent, flags);
  if (allowed < 0) return allowed;
  const { kernel, group } = parent;
  const { pids } = kernel;
  const space = copyNamespaces(parent, flags);
  if (typeof space === 'number') return space;
  const tid = options.setTid === undefined ? pids.allocate() : pids.allocateAt(options.setTid);
  if (tid < 0) {
    releaseNamespaces(space.namespaces);
    return tid;
  }
  const isThread = (flags & CLONE_THREAD) !== 0;
  const childGroup = isThread ? group : copyGroup(parent, tid, flags, exitSignal, options);
  const child = new Task({
    kernel,
    tid,
    group: childGroup,
    mm: options.mm,
    mem: parent.mem,
    thread: NO_THREAD,
    files: copyFiles(parent, flags),
    fs: copyFsContext(parent, flags),
    creds: parent.creds,
    namespaces: space.namespaces,
    name: parent.name,
  });
  if (space.moved !== null) moveFsContext(child.fs, space.moved);
  copyAttributes(parent, child);
  copySignals(parent, child, flags);
  if ((flags & CLONE_CHILD_CLEARTID) !== 0) child.clearChildTid = options.childTid ?? 0;
  childGroup.tasks.push(child);
  if (!isThread) {
    if (options.mm !== parent.mm) options.mm.limits = childGroup.limits;
    childGroup.leader = child;
    if (childGroup.limits.soft(RLIMIT_CPU) !== Infinity) timersOf(childGroup).watchCpuLimit();
    pids.addGroup(childGroup);
    childGroup.processGroup.members.add(childGroup);
    childGroup.parent?.children.add(childGroup);
  }
  pids.addTask(child);
  if ((flags & CLONE_PARENT_SETTID) !== 0 && options.parentTid !== undefined) {
    // At once, for the child may run, and clear the same word at its end, before the parent goes on. As on Linux, a fault here
    // is not an error: the child exists.
    parent.mm.writeNow(options.parentTid, wordOf(tid));
  }
  return child;
}

function copyGroup(parent: Task, pid: number, flags: number, exitSignal: number, options: CopyOptions): ThreadGroup {
  const { group, kernel } = parent;
  const handlers = (flags & CLONE_SIGHAND) !== 0 ? group.handlers : group.handlers.clone();
  if (options.isHandlersCleared === true) handlers.resetHandlers();
  const child = new ThreadGroup(
    pid,
    group.processGroup,
    handlers,
    group.limits.clone(),
    kernel.pids.users,
    kernel.clock.monotonicNs(),
  );
  if ((flags & CLONE_PARENT) !== 0) {
    child.parent = group.parent;
    child.parentTask = group.parentTask;
    child.parentExecCount = group.parentExecCount;
    child.exitSignal = group.exitSignal;
  } else {
    child.parent = group;
    child.parentTask = parent;
    child.parentExecCount = group.execCount;
    child.exitSignal = exitSignal;
  }
  child.exe = group.exe;
  child.dumpable = group.dumpable;
  child.oomScoreAdj = group.oomScoreAdj;
  child.isThpDisabled = group.isThpDisabled;
  return child;
}

function copyNamespaces(parent: Task, flags: number): NewNamespaces | number {
  const { namespaces } = parent;
  if ((flags & NEW_KINDS) !== 0) return makeNamespaces(namespaces, flags);
  holdNamespaces(namespaces);
  return { namespaces, moved: null };
}

function copyFiles(parent: Task, flags: number): FdTable {
  if ((flags & CLONE_FILES) === 0) return parent.files.clone();
  parent.kernel.pids.shares.share(parent.files);
  return parent.files;
}

function copyFsContext(parent: Task, flags: number): FsContext {
  if ((flags & CLONE_FS) === 0) return parent.fs.clone();
  parent.kernel.pids.shares.share(parent.fs);
  return parent.fs;
}

function copyAttributes(parent: Task, child: Task): void {
  child.hasNoNewPrivs = parent.hasNoNewPrivs;
  child.personality = parent.personality;
  child.checks.inheritFrom(parent.checks);
  child.affinity = parent.affinity;
  child.ioPriority = parent.ioPriority;
  child.timerSlackNs = parent.timerSlackNs;
  child.memoryErrorPolicy = parent.memoryErrorPolicy;
  // SCHED_RESET_ON_FORK (sched(7)): a raised priority is the parent's alone.
  child.nice = parent.isSchedResetOnFork ? Math.max(parent.nice, 0) : parent.nice;
  if (!parent.isSchedResetOnFork) {
    child.schedPolicy = parent.schedPolicy;
    child.schedPriority = parent.schedPriority;
  }
}

function copySignals(parent: Task, child: Task, flags: number): void {
  child.signals.blockedLo = parent.signals.blockedLo;
  child.signals.blockedHi = parent.signals.blockedHi;
  // sigaltstack(2): a thread begins without one; a vfork child uses its parent's stacks.
  if ((flags & (CLONE_VM | CLONE_VFORK)) !== CLONE_VM) Object.assign(child.signals.altStack, parent.signals.altStack);
  refreshSignals(child);
}

/** Undoes `copyTask` of a task that never ran. */
export function abandonTask(child: Task): void {
  const { group, kernel } = child;
  const { pids } = kernel;
  child.isExiting = true;
  child.isExited = true;
  if (pids.shares.release(child.files)) child.files.release();
  if (pids.shares.release(child.fs)) child.fs.release();
  releaseNamespaces(child.namespaces);
  group.tasks.splice(group.tasks.indexOf(child), 1);
  pids.removeTask(child);
  if (group.leader !== child) return;
  group.isZombie = true;
  group.isReaped = true;
  child.mm.unref();
  group.parent?.children.delete(group);
  pids.removeGroup(group);
  pids.leaveProcessGroup(group, group.processGroup);
}

export interface ProcessInit {
  readonly mm: AddressSpace;
  readonly mem: UserMemory;
  readonly thread: GuestThread;
  readonly files: FdTable;
  readonly fs: FsContext;
  readonly creds: Credentials;
  readonly name: string;
  readonly limits?: ResourceLimits;
}

/**
 * A process without a parent in the sandbox: the first one, PID 1, and those the runtime adds later (`exec`). It leads a session
 * of its own, as runc makes it do.
 */
export function startProcess(kernel: Kernel, init: ProcessInit): Task | number {
  const { pids } = kernel;
  const tid = pids.allocate();
  if (tid < 0) return tid;
  const processGroup = pids.createSession(null, tid);
  const group = new ThreadGroup(
    tid,
    processGroup,
    new SignalHandlers(),
    init.limits ?? defaultLimits(),
    pids.users,
    kernel.clock.monotonicNs(),
  );
  const { namespaces } = kernel;
  holdNamespaces(namespaces);
  const task = new Task({ ...init, kernel, tid, group, namespaces });
  group.leader = task;
  group.isInit = tid === 1;
  group.tasks.push(task);
  processGroup.members.add(group);
  processGroup.session.leader = group;
  pids.addGroup(group);
  pids.addTask(task);
  return task;
}

/** A little-endian int. */
function wordOf(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

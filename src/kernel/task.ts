/**
 * A task: one guest thread (Linux: struct task_struct).
 *
 * What its threads share hangs off it by reference, as clone(2) shares it: memory, files, fs context, signal handlers,
 * thread group. Where the guest's registers are and how the thread is made to run is the platform's business
 * (`thread`).
 */
import type { AddressSpace } from '../mm/address-space.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { GuestThread } from '../platform/guest-thread.ts';
import type { FdTable } from '../vfs/fd-table.ts';
import type { FsContext } from '../vfs/fs-context.ts';
import type { Credentials } from './credentials.ts';
import type { Kernel } from './kernel.ts';
import type { TaskSignals } from './signal.ts';
import type { ThreadGroup } from './thread-group.ts';

export class Task {
  readonly kernel: Kernel;
  /** Thread id; the leader's equals the thread group's id. */
  readonly tid: number;
  group: ThreadGroup;
  mm: AddressSpace;
  mem: UserMemory;
  thread: GuestThread;
  files: FdTable;
  fs: FsContext;
  creds: Credentials;
  signals: TaskSignals;
  /** comm: at most 15 bytes, a binary string. */
  name: string;
  /** While the task sleeps in `sleepOn`: ends the sleep because a signal came. */
  wakeFromSleep: (() => void) | null = null;
  /** What restart_syscall(2) runs, set by a handler that gave -ERESTART_RESTARTBLOCK. */
  restart: (() => number | Promise<number>) | null = null;
  /** set_tid_address(2), CLONE_CHILD_CLEARTID: zeroed and futex-woken when the task ends; 0 for none. */
  clearChildTid = 0;
  /** set_robust_list(2). */
  robustList = 0;
  /** The task a vfork(2) parent waits for runs `onVforkDone` at its exec or exit. */
  onVforkDone: (() => void) | null = null;
  isExited = false;
}

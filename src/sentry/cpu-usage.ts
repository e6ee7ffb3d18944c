/**
 * What guests have used of the host: CPU time and resident memory of the host processes and threads that run them.
 *
 * The host's clock of a process counts its ended threads too, so a process's total is one look at that clock. Which thread
 * had how much is only asked for when somebody wants to know it of one thread.
 */
import { native } from '../host/native.ts';
import { readProcLine } from '../host/proc-files.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import type { StubThread } from '../platform/stub-thread.ts';
import type { Guest } from './guest.ts';

const CLOCK_GETTIME = 228;
/** The dynamic id of a process's CPU clock (clock_getcpuclockid(3)): all that its threads were scheduled for. */
const CPUCLOCK_SCHED = 2;
const PAGE_KB = 4;

const timespec = new DataView(new ArrayBuffer(16));

/** CPU time of the host process `pid` so far, in ns; 0 when it is gone. */
function processNs(pid: number): number {
  if (pid === 0 || native.syscall(CLOCK_GETTIME, (~pid << 3) | CPUCLOCK_SCHED, timespec) < 0) return 0;
  return timespec.getUint32(0, true) * 1e9 + timespec.getUint32(8, true);
}

/** CPU time of one host thread; 0 when it is gone. */
function threadNs(thread: StubThread): number {
  const text = readProcLine(`${thread.process.pid}/task/${thread.hostTid}/schedstat`);
  return Math.max(0, Number(text.split(' ')[0] ?? 0) - thread.cpuBeginNs);
}

function residentKb(pid: number): number {
  return Number(readProcLine(`${pid}/statm`).split(' ')[1] ?? 0) * PAGE_KB;
}

export class CpuUsage {
  readonly #guestOf: (task: Task) => Guest | undefined;
  /** What a process had used before its last exec, or its lender before it was forked, less what the new clock began with. */
  readonly #offsetNs = new WeakMap<ThreadGroup, number>();

  constructor(guestOf: (task: Task) => Guest | undefined) {
    this.#guestOf = guestOf;
  }

  /** Brings the sum of a process's usage up to date; whatever no other thread is known to have had is its first thread's. */
  readonly update = (group: ThreadGroup): void => {
    const [first] = group.tasks;
    const guest = first === undefined ? undefined : this.#guestOf(first);
    if (first === undefined || guest === undefined) return;
    const { pid } = guest.thread.process;
    let others = group.exitedUsage.userNs;
    for (const task of group.tasks) if (task !== first) others += task.usage.userNs;
    const total = processNs(pid) + (this.#offsetNs.get(group) ?? 0);
    first.usage.userNs = Math.max(first.usage.userNs, total - others);
  };

  /** A look at a file of the host, which takes longer than all of a short system call. */
  readonly updateMemory = (group: ThreadGroup): void => {
    const [first] = group.tasks;
    const guest = first === undefined ? undefined : this.#guestOf(first);
    if (first === undefined || guest === undefined) return;
    first.usage.maxRssKb = Math.max(first.usage.maxRssKb, residentKb(guest.thread.process.pid));
  };

  readonly updateThread = (task: Task): void => {
    if (task.group.tasks.length === 1) {
      this.update(task.group);
      return;
    }
    const guest = this.#guestOf(task);
    if (guest !== undefined) task.usage.userNs = Math.max(task.usage.userNs, threadNs(guest.thread));
  };

  /** A task's process is about to run in another host process, whose clock begins at zero. */
  beforeExec(group: ThreadGroup, isBorrower: boolean): void {
    const { userNs } = group.usage();
    if (!isBorrower) this.updateMemory(group);
    this.#offsetNs.set(group, userNs);
  }

  /** A process begins in the host process of another, whose clock has run before. */
  borrowed(group: ThreadGroup, thread: StubThread): void {
    this.#offsetNs.set(group, -processNs(thread.process.pid));
  }
}

/**
 * Numbers of tasks, process groups and sessions (Linux: struct pid, kernel/pid.c). There is one PID namespace.
 *
 * Numbers go up and wrap at pid_max; a number is free when neither a task nor a process group nor a session has it. The number of
 * tasks is bounded, so that a fork bomb ends in EAGAIN and not in the sentry's memory.
 */
import { EAGAIN, EEXIST, EINVAL } from '../abi/errno.ts';
import { ProcessGroup, Session } from './session.ts';
import { ShareCounts } from './share-counts.ts';
import type { Task } from './task.ts';
import { TaskHooks } from './task-hooks.ts';
import { DEFAULT_MAX_TASKS } from './task-limit.ts';
import type { ThreadGroup } from './thread-group.ts';
import { UserCounts } from './user-counts.ts';

/** After the first wrap low numbers are left to early processes (Linux: RESERVED_PIDS). */
const RESERVED_PIDS = 300;

export interface PidTableOptions {
  /** One more than the greatest number: /proc/sys/kernel/pid_max. */
  readonly pidMax?: number;
  /** Tasks at the same time: pids.max of the container. */
  readonly maxTasks?: number;
}

export class PidTable {
  readonly pidMax: number;
  /** A change takes effect with the next fork. */
  maxTasks: number;
  readonly users = new UserCounts();
  readonly hooks = new TaskHooks();
  /** Users of descriptor tables and fs contexts. */
  readonly shares = new ShareCounts();
  readonly #tasks = new Map<number, Task>();
  readonly #groups = new Map<number, ThreadGroup>();
  readonly #processGroups = new Map<number, ProcessGroup>();
  readonly #sessions = new Map<number, Session>();
  #last = 0;
  #forks = 0;

  constructor(options: PidTableOptions = {}) {
    this.pidMax = options.pidMax ?? 4194304;
    this.maxTasks = options.maxTasks ?? DEFAULT_MAX_TASKS;
  }

  /** The number given last (/proc/loadavg). */
  get lastPid(): number {
    return this.#last;
  }

  /** Tasks made since boot (/proc/stat processes). */
  get forkCount(): number {
    return this.#forks;
  }

  get taskCount(): number {
    return this.#tasks.size;
  }

  /** PID 1, while it is there. */
  get init(): ThreadGroup | undefined {
    return this.#groups.get(1);
  }

  task(tid: number): Task | undefined {
    return this.#tasks.get(tid);
  }

  group(pid: number): ThreadGroup | undefined {
    return this.#groups.get(pid);
  }

  processGroup(pgid: number): ProcessGroup | undefined {
    return this.#processGroups.get(pgid);
  }

  session(sid: number): Session | undefined {
    return this.#sessions.get(sid);
  }

  /** All tasks that have a number, zombies included. */
  tasks(): IterableIterator<Task> {
    return this.#tasks.values();
  }

  /** All processes, zombies included, in order of creation. */
  groups(): IterableIterator<ThreadGroup> {
    return this.#groups.values();
  }

  /** A free number, or -EAGAIN. It is taken only by `addTask`. */
  allocate(): number {
    if (this.#tasks.size >= this.maxTasks) return -EAGAIN;
    let candidate = this.#last;
    for (let tried = 0; tried < this.pidMax; tried++) {
      candidate += 1;
      if (candidate >= this.pidMax) candidate = RESERVED_PIDS;
      if (this.isFree(candidate)) {
        this.#last = candidate;
        return candidate;
      }
    }
    return -EAGAIN;
  }

  /** A wanted number (clone3's set_tid): itself, -EINVAL or -EEXIST. */
  allocateAt(pid: number): number {
    if (!Number.isInteger(pid) || pid < 1 || pid >= this.pidMax) return -EINVAL;
    if (this.#tasks.size >= this.maxTasks) return -EAGAIN;
    return this.isFree(pid) ? pid : -EEXIST;
  }

  isFree(pid: number): boolean {
    return !this.#tasks.has(pid) && !this.#groups.has(pid) && !this.#processGroups.has(pid) && !this.#sessions.has(pid);
  }

  addTask(task: Task): void {
    this.#tasks.set(task.tid, task);
    this.#forks += 1;
    this.users.addTasks(task.creds.uid, 1);
  }

  removeTask(task: Task): void {
    if (this.#tasks.get(task.tid) !== task) return;
    this.#tasks.delete(task.tid);
    this.users.addTasks(task.creds.uid, -1);
    for (const hook of this.hooks.taskRelease) hook(task);
  }

  /** exec by a thread that is not the leader: it takes over the leader's number, which has been removed. */
  renumberTask(task: Task, tid: number): void {
    this.#tasks.delete(task.tid);
    task.tid = tid;
    this.#tasks.set(tid, task);
  }

  addGroup(group: ThreadGroup): void {
    this.#groups.set(group.pid, group);
  }

  removeGroup(group: ThreadGroup): void {
    this.#groups.delete(group.pid);
  }

  /** A new session led by `leader`, with one process group that it becomes the only member of (setsid(2)). */
  createSession(leader: ThreadGroup | null, sid: number): ProcessGroup {
    const session = new Session(sid, leader);
    this.#sessions.set(sid, session);
    return this.createProcessGroup(sid, session);
  }

  createProcessGroup(pgid: number, session: Session): ProcessGroup {
    const group = new ProcessGroup(pgid, session);
    this.#processGroups.set(pgid, group);
    return group;
  }

  /** Moves a process to another process group; an empty group and session end. */
  moveToProcessGroup(group: ThreadGroup, target: ProcessGroup): void {
    const old = group.processGroup;
    if (old === target) return;
    target.members.add(group);
    group.processGroup = target;
    this.leaveProcessGroup(group, old);
  }

  leaveProcessGroup(group: ThreadGroup, processGroup: ProcessGroup): void {
    processGroup.members.delete(group);
    if (processGroup.members.size > 0) return;
    this.#processGroups.delete(processGroup.pgid);
    const { session } = processGroup;
    session.processGroups.delete(processGroup);
    if (session.tty !== null && session.tty.foreground === processGroup) session.tty.foreground = null;
    if (session.processGroups.size === 0) this.#sessions.delete(session.sid);
  }
}

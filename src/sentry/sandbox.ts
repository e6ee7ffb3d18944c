/**
 * A sandbox: the kernel with everything it stands on, booted, and the processes that are started in it from outside.
 *
 * Its loop turns only inside `run` and `during`; whoever owns it turns it until the first process has ended.
 */
import { openSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { errnoName } from '../abi/errno.ts';
import { MS_RDONLY } from '../abi/mount.ts';
import { syscallName } from '../abi/syscall-names.ts';
import { anonInodePath } from '../fs/anon/anon-inode.ts';
import { openStandardStreams, type StandardStreams } from '../fs/host-stream/standard-streams.ts';
import type { HostTerminal } from '../fs/host-tty/host-terminal.ts';
import { type HostStream, openHostStream, type StreamOwner } from '../host/host-stream.ts';
import { native } from '../host/native.ts';
import { hostRandom } from '../host/random.ts';
import { NO_CAPABILITIES } from '../kernel/capability-set.ts';
import { type Credentials, rootCredentials, userCredentials } from '../kernel/credentials.ts';
import { exitGroup } from '../kernel/exit.ts';
import { startProcess } from '../kernel/fork.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { KernelLog } from '../kernel/kernel-log.ts';
import { defaultLimits } from '../kernel/limits.ts';
import { PidTable } from '../kernel/pid-table.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import { Timers } from '../kernel/timers.ts';
import { provideTraceeAccess } from '../kernel/tracee-access.ts';
import { UtsName } from '../kernel/uts.ts';
import { AddressSpace } from '../mm/address-space.ts';
import { CloneGate } from '../platform/clone-gate.ts';
import { MailboxWindow } from '../platform/mailbox-window.ts';
import type { Zygote } from '../platform/zygote.ts';
import { assembleTable } from '../syscalls/table.ts';
import { FdTable } from '../vfs/fd-table.ts';
import { FsContext } from '../vfs/fs-context.ts';
import type { Path } from '../vfs/path.ts';
import { CpuUsage } from './cpu-usage.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventLoop } from './event-loop.ts';
import { createRoot, FileSystems, findPath, makePlace } from './file-systems.ts';
import { GuestMemory } from './guest-memory.ts';
import { hostClock, memoryTotal } from './host-facts.ts';
import { readHostLayout } from './host-layout.ts';
import { ProcessCalls } from './process-calls.ts';
import { Processes } from './processes.ts';
import { execProgram } from './program.ts';
import { HostResidency } from './residency.ts';
import type { ProcessOptions, SandboxOptions } from './sandbox-options.ts';
import { Scheduler } from './scheduler.ts';
import { Tracees } from './tracee.ts';

const SIGKILL = 9;
/** Unimplemented calls that are told once each; a guest could else fill the log. */
const MAX_TOLD = 1024;

/** How often Node's timers are looked at while there are some. */
const NODE_TIMER_NS = 50e6;

/** A process that was started from outside. */
export interface Started {
  readonly task: Task;
  readonly terminal: HostTerminal | null;
}

export class Sandbox {
  readonly kernel: Kernel;
  readonly loop = new EventLoop();
  readonly processes: Processes;
  readonly scheduler: Scheduler;
  /** Writes a line to the debug log; null when there is none. */
  readonly trace: ((line: string) => void) | null;
  readonly #fileSystems: FileSystems;
  readonly #dispatcher: Dispatcher;
  readonly #calls: ProcessCalls;
  readonly #ends = new Map<ThreadGroup, (status: number) => void>();
  /** The first process's, which /dev/console is. */
  #console: HostTerminal | null = null;

  /** @param hasTerminal whether the first process will have a terminal among its streams */
  constructor(options: SandboxOptions, zygote: Zygote, hasTerminal: boolean) {
    const window = new MailboxWindow();
    const gate = new CloneGate(zygote.listener);
    const { loop } = this;
    const timers = new Timers();
    const { monotonicNs } = hostClock;
    const scheduler = new Scheduler({ zygote, gate, loop, timers, monotonicNs });
    const layout = readHostLayout(zygote.pid);
    const { bounds } = options;
    const memory = Math.min(memoryTotal(), bounds.memoryBytes ?? Infinity);
    const kernel: Kernel = {
      clock: hostClock,
      timers,
      pids: new PidTable(bounds.tasks === undefined ? {} : { maxTasks: bounds.tasks }),
      log: new KernelLog(),
      uts: new UtsName(options.hostname, options.domainname),
      rootMount: createRoot(options.root, hostClock, Math.floor(memory / 2)),
      cpuCount: Math.min(availableParallelism(), bounds.cpus ?? Infinity),
      memoryTotal: memory,
      bootNs: monotonicNs(),
      anonPath: anonInodePath,
      random: hostRandom,
    };
    this.#fileSystems = new FileSystems(kernel, hasTerminal, () => this.#console);
    for (const mount of options.mounts) this.#fileSystems.mount(mount);
    // Only now: the places to mount on may have had to be made, and the working directory with them, as runc does.
    if (options.root.kind !== 'overlay') makePlace(kernel.rootMount, options.cwd, 'directory');
    if (options.root.kind === 'read-only') kernel.rootMount.flags |= MS_RDONLY;
    logBoot(kernel, zygote.isolation);
    const trace = debugWriter(options);
    const processes = new Processes({
      zygote,
      gate,
      window,
      loop,
      scheduler,
      onHostDeath: (guests) => {
        for (const guest of guests) exitGroup(guest.task.group, SIGKILL);
        processes.reap();
      },
    });
    scheduler.onPause = () => processes.reap();
    const usage = new CpuUsage((task) => processes.findGuest(task));
    kernel.pids.hooks.updateUsage = usage.update;
    kernel.pids.hooks.updateMemory = usage.updateMemory;
    kernel.pids.hooks.updateThreadUsage = usage.updateThread;
    kernel.pids.hooks.residency = new HostResidency((task) => processes.findGuest(task));
    const calls = new ProcessCalls(processes, layout, usage);
    const told = new Set<number>();
    const dispatcher = new Dispatcher({
      table: assembleTable(calls.defs),
      scheduler,
      xstateSize: zygote.xstateSize,
      onDeadThread: (guest) => processes.endThread(guest),
      onFailedClone: (guest, clone) => calls.clones.failedClone(guest, clone),
      reap: () => processes.reap(),
      onUnimplemented: (nr) => {
        if (told.size > MAX_TOLD || told.has(nr)) return;
        told.add(nr);
        trace?.(`unimplemented system call ${nr} (${syscallName(nr)})`);
      },
      onDefect: (name, error) => trace?.(`defect in ${name}: ${error instanceof Error ? error.stack : String(error)}`),
    });
    calls.dispatcher = dispatcher;
    provideTraceeAccess(kernel, new Tracees(processes));
    kernel.pids.hooks.taskExit.push((task) => processes.retire(task));
    kernel.pids.hooks.groupExit.push((group) => {
      const callback = this.#ends.get(group);
      this.#ends.delete(group);
      callback?.(group.exitStatus);
    });
    this.kernel = kernel;
    this.processes = processes;
    this.scheduler = scheduler;
    this.trace = trace;
    this.#dispatcher = dispatcher;
    this.#calls = calls;
  }

  /** Has each system call written to the debug log. */
  async traceCalls(): Promise<void> {
    if (this.trace === null) return;
    const { StraceWriter } = await import('./strace/strace-writer.ts');
    const tracer = new StraceWriter(this.trace);
    this.#dispatcher.tracer = tracer;
    this.kernel.pids.hooks.taskExit.push((task) => tracer.ended(task, task.group.exitStatus));
  }

  /** The host descriptors as streams; those that are not open are left out. */
  openStreams(hostFds: readonly number[], owner: StreamOwner): HostStream[] {
    return hostFds
      .map((fd) => openHostStream((nr, ...args) => native.syscall(nr, ...args), this.loop, fd, owner))
      .filter((stream): stream is HostStream => typeof stream !== 'number');
  }

  /**
   * A process with these streams as its descriptors from 0, in its own session, that runs nothing yet.
   * Throws a message for people when it cannot be.
   */
  async create(options: ProcessOptions, streams: readonly HostStream[]): Promise<Started> {
    const { kernel, processes } = this;
    const fresh = await processes.spawn(this.#dispatcher);
    if (typeof fresh === 'number') throw new Error(`cannot make the process: ${errnoName(-fresh)}`);
    const limits = defaultLimits();
    for (const { resource, soft, hard } of options.limits) limits.set(resource, soft, hard);
    const mm = new AddressSpace(fresh.host, limits);
    processes.bind(fresh.thread.process, mm);
    const root: Path = { mount: kernel.rootMount, dentry: kernel.rootMount.root };
    const cwd = findPath(kernel.rootMount, options.cwd);
    if (cwd === null) {
      mm.unref();
      processes.abandon(fresh);
      throw new Error(`working directory ${options.cwd} does not exist in the sandbox`);
    }
    const standard = this.#standardStreams(streams, options.uid);
    const files = new FdTable();
    for (const file of standard.files) files.install(file, false);
    const task = startProcess(kernel, {
      mm,
      mem: new GuestMemory(fresh.thread),
      thread: fresh,
      files,
      fs: new FsContext(root, cwd, options.umask),
      creds: credentialsOf(options),
      name: 'init',
      limits,
    });
    if (typeof task === 'number') throw new Error(`cannot make the task: ${errnoName(-task)}`);
    task.hasNoNewPrivs = options.hasNoNewPrivileges;
    processes.adopt(fresh, task);
    standard.terminal?.control(task.group.session, task.group.processGroup);
    const { terminal } = standard;
    if (task.group.isInit) this.#console = terminal;
    else if (terminal !== null) terminal.onUnused = () => this.#removeTerminal(terminal);
    return { task, terminal };
  }

  /** Runs the program of `options` in a task that `create` made: null, or the errno of what went wrong. */
  exec(task: Task, options: ProcessOptions): Promise<number | null> {
    return execProgram(this.#calls, task, options);
  }

  /** Turns the loop until `promise` is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    const { scheduler } = this;
    scheduler.pending += 1;
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
      scheduler.pending -= 1;
      scheduler.stop();
    });
    // A failure is thrown at the end; until then it must not count as one that nobody handles.
    settled.catch(() => {});
    while (!isSettled) await scheduler.run();
    return settled;
  }

  /** Waits for work that has timers of Node's, which the loop alone does not look at. */
  async withNodeTimers<T>(work: Promise<T>): Promise<T> {
    const { timers, clock } = this.kernel;
    const look = (): void => {
      this.loop.isNodeReady = true;
      timer = timers.add(clock.monotonicNs() + NODE_TIMER_NS, look);
    };
    let timer = timers.add(clock.monotonicNs() + NODE_TIMER_NS, look);
    try {
      return await work;
    } finally {
      timers.cancel(timer);
    }
  }

  /** Calls back when the process ends, at once if it has: with its status as wait(2) gives it. */
  onEnd(group: ThreadGroup, callback: (status: number) => void): void {
    if (group.tasks.length === 0) callback(group.exitStatus);
    else this.#ends.set(group, callback);
  }

  /** Keeps the loop looking at promises until this one is settled; what it throws goes to the debug log. */
  track(promise: Promise<void>): void {
    this.#dispatcher.track(null, promise);
  }

  #removeTerminal(terminal: HostTerminal): void {
    terminal.hangUpSession();
    this.#fileSystems.devpts.removeTerminal(terminal);
    terminal.stream.close();
  }

  #standardStreams(streams: readonly HostStream[], uid: number): StandardStreams {
    const { devpts } = this.#fileSystems;
    return openStandardStreams(streams, devpts, (name) => findPath(this.kernel.rootMount, `/dev/pts/${name}`), uid);
  }
}

function credentialsOf({ uid, gid, groups, capabilities }: ProcessOptions): Credentials {
  return userCredentials(uid, gid, groups, capabilities ?? (uid === 0 ? rootCredentials().caps : userCapabilities));
}

const userCapabilities = { ...rootCredentials().caps, effective: NO_CAPABILITIES, permitted: NO_CAPABILITIES };

function logBoot(kernel: Kernel, isolation: string): void {
  const { uts, log, cpuCount } = kernel;
  log.log(`${uts.sysname} version ${uts.release} ${uts.version}`);
  log.log('tsvisor: this is an application kernel; system calls are answered in user space', 1e3);
  log.log(`Memory: ${Math.floor(kernel.memoryTotal / 1024)}K available`, 2e3);
  log.log(`smp: ${cpuCount} CPUs shown to guests`, 3e3);
  log.log(`platform: seccomp traps, isolation by filter and ${isolation} namespaces`, 4e3);
  log.log('Run the first program as init process', 5e3);
}

function debugWriter(options: SandboxOptions): ((line: string) => void) | null {
  if (options.debugLog === undefined && !options.strace && !options.debug) return null;
  const fd = options.debugLog === undefined ? 2 : openSync(options.debugLog, 'a', 0o644);
  return (line) => writeSync(fd, `${line}\n`);
}

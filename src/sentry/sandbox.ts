/**
 * A sandbox: what its containers share (the loop, the host processes of guests, the dispatcher), and the first of them.
 *
 * Its loop turns only inside `run` and `during`; whoever owns it turns it until the first process has ended.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { syscallName } from '../abi/syscall-names.ts';
import { anonInodePath } from '../fs/anon/anon-inode.ts';
import type { HostMemory } from '../fs/tmpfs/host-memory.ts';
import { HostNetwork } from '../host/host-network.ts';
import { type HostStream, openHostStream, type StreamOwner } from '../host/host-stream.ts';
import { native } from '../host/native.ts';
import { hostRandom } from '../host/random.ts';
import { exitGroup } from '../kernel/exit.ts';
import { SAME_IDS } from '../kernel/id-maps.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { KernelLog } from '../kernel/kernel-log.ts';
import { FIRST_INODES, firstNamespaces, furtherNamespaces, newInode } from '../kernel/namespaces.ts';
import { PidTable } from '../kernel/pid-table.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import { Timers } from '../kernel/timers.ts';
import { Turns } from '../kernel/turns.ts';
import { UtsName } from '../kernel/uts.ts';
import { provideHostNetwork } from '../net/host/host-sockets.ts';
import { CloneGate } from '../platform/clone-gate.ts';
import { MailboxWindow } from '../platform/mailbox-window.ts';
import type { Zygote } from '../platform/zygote.ts';
import { assembleTable } from '../syscalls/table.ts';
import type { Mount } from '../vfs/mount.ts';
import { MountTree } from '../vfs/mount-namespace.ts';
import { ConfigError } from '../wire/json-fields.ts';
import { Compartment } from './compartment.ts';
import { CpuUsage } from './cpu-usage.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventLoop } from './event-loop.ts';
import { createRoot } from './file-systems.ts';
import { HeapRest } from './heap-rest.ts';
import { cpuCount, hostClock, memoryTotal } from './host-facts.ts';
import { readHostLayout } from './host-layout.ts';
import { HostTrees } from './host-trees.ts';
import type { HostShare } from './lock-in.ts';
import { ProcessCalls } from './process-calls.ts';
import { Processes } from './processes.ts';
import { HostResidency } from './residency.ts';
import type { ContainerOptions, SandboxBounds, SandboxOptions } from './sandbox-options.ts';
import { Scheduler } from './scheduler.ts';
import { StraceWriter } from './strace/strace-writer.ts';

const SIGKILL = 9;
/** Unimplemented calls that are told once each; a guest could else fill the log. */
const MAX_TOLD = 1024;

/** How often Node's timers are looked at while there are some. */
const NODE_TIMER_NS = 50e6;

/** What a further container shares with the first one beside the sandbox itself (namespaces(7)). */
export type SharedNamespace = 'ipc' | 'uts';

export interface FurtherParts {
  readonly options: ContainerOptions;
  /** Which its processes are to be forked from. */
  readonly zygote: Zygote;
  readonly trees: HostTrees;
  readonly hasTerminal: boolean;
  readonly shared: readonly SharedNamespace[];
  /** Whose process numbers it shares; null for its own. */
  readonly pidsOf: Compartment | null;
}

export class Sandbox {
  readonly loop = new EventLoop();
  readonly processes: Processes;
  readonly scheduler: Scheduler;
  readonly gate: CloneGate;
  readonly dispatcher: Dispatcher;
  readonly calls: ProcessCalls;
  /** For files in memory. */
  readonly memory: HostMemory;
  /** With it the sandbox ends. */
  readonly first: Compartment;
  /** Writes a line to the debug log; null when there is none. */
  readonly trace: ((line: string) => void) | null;
  readonly #usage: CpuUsage;
  readonly #ends = new Map<ThreadGroup, (status: number) => void>();
  #tracer: StraceWriter | null = null;
  /** Where its lines go that do not go to the debug log. */
  #traceFd = -1;

  /**
   * @param hasTerminal whether the first process will have a terminal among its streams
   */
  constructor(options: SandboxOptions, zygote: Zygote, hasTerminal: boolean, { open, memory }: HostShare) {
    const gate = new CloneGate(zygote.listener);
    const { loop } = this;
    const timers = new Timers();
    const turns = new Turns();
    const { monotonicNs } = hostClock;
    const scheduler = new Scheduler({ zygote, gate, loop, timers, turns, monotonicNs });
    const layout = readHostLayout(zygote);
    const trace = debugWriter(options);
    const processes = new Processes({
      zygote,
      gate,
      window: new MailboxWindow(),
      loop,
      scheduler,
      onHostDeath: (guests) => {
        for (const guest of guests) exitGroup(guest.task.group, SIGKILL);
        processes.reap();
      },
    });
    scheduler.onPause = () => processes.reap();
    const rest = new HeapRest();
    scheduler.onRest = () => rest.collect();
    const usage = new CpuUsage((task) => processes.findGuest(task));
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
    this.processes = processes;
    this.scheduler = scheduler;
    this.gate = gate;
    this.trace = trace;
    this.memory = memory;
    this.dispatcher = dispatcher;
    this.calls = calls;
    this.#usage = usage;

    const trees = new HostTrees(open, options.idMaps);
    const kernel: Kernel = {
      clock: hostClock,
      timers,
      turns,
      pids: this.#pidTable(options.bounds),
      log: new KernelLog(),
      namespaces: firstNamespaces(
        new MountTree(FIRST_INODES.mnt, this.#makeRoot(options, trees)),
        new UtsName(options.hostname, options.domainname),
      ),
      ...visible(options),
      anonPath: anonInodePath,
      random: hostRandom,
    };
    if (options.network === 'host') provideHostNetwork(kernel, new HostNetwork(loop));
    logBoot(kernel, zygote.isolation);
    this.first = new Compartment(this, { kernel, zygote, trees, options, hasTerminal });
  }

  /** Another container. Throws a message for people when it cannot be. */
  add({ options, zygote, trees, hasTerminal, shared, pidsOf }: FurtherParts): Compartment {
    const { kernel: first } = this.first;
    const own: ('pid' | 'ipc')[] = shared.includes('ipc') ? [] : ['ipc'];
    if (pidsOf === null) own.push('pid');
    const { pid } = (pidsOf ?? this.first).kernel.namespaces;
    const names = shared.includes('uts') ? null : new UtsName(options.hostname, options.domainname);
    const mounts = new MountTree(newInode(), this.#makeRoot(options, trees));
    const kernel: Kernel = {
      ...first,
      pids: pidsOf === null ? this.#pidTable(options.bounds) : pidsOf.kernel.pids,
      namespaces: furtherNamespaces({ ...first.namespaces, pid }, mounts, names, own),
      ...visible(options),
    };
    return new Compartment(this, { kernel, zygote, trees, options, hasTerminal });
  }

  /** What is written to the root file system may take half of the memory, as with Linux' tmpfs. */
  #makeRoot({ root, bounds }: ContainerOptions, trees: HostTrees): Mount {
    const upper = { clock: hostClock, memory: this.memory, devices: null };
    return createRoot(root, trees, upper, Math.floor(visibleMemory(bounds) / 2));
  }

  /** Process numbers of their own, whose ends are told here. */
  #pidTable({ tasks }: SandboxBounds): PidTable {
    const pids = new PidTable(tasks === undefined ? {} : { maxTasks: tasks });
    const { hooks } = pids;
    hooks.updateUsage = this.#usage.update;
    hooks.updateMemory = this.#usage.updateMemory;
    hooks.updateThreadUsage = this.#usage.updateThread;
    hooks.residency = new HostResidency((task) => this.processes.findGuest(task));
    hooks.taskExit.push((task) => this.processes.retire(task));
    hooks.taskExit.push((task) => this.#tracer?.ended(task, task.group.exitStatus));
    hooks.groupExit.push((group) => {
      const callback = this.#ends.get(group);
      this.#ends.delete(group);
      callback?.(group.exitStatus);
    });
    return pids;
  }

  /**
   * Has these system calls written to the debug log, or to a descriptor; all if none is named, and none for null.
   * @param fd -1 for the debug log; throws a message for people when there is none
   * @returns whether the descriptor is kept
   */
  changeTrace(calls: readonly string[] | null, fd = -1): boolean {
    const write = fd < 0 ? this.trace : lineWriter(fd);
    if (calls !== null && write === null)
      throw new ConfigError('the sandbox has no debug log: name a file for this one');
    if (this.#traceFd >= 0) closeSync(this.#traceFd);
    this.#traceFd = calls === null ? -1 : fd;
    this.#tracer = calls === null || write === null ? null : new StraceWriter(write, calls);
    this.dispatcher.tracer = this.#tracer;
    return this.#traceFd >= 0;
  }

  /** The host descriptors as streams; those that are not open are left out. */
  openStreams(hostFds: readonly number[], owner: StreamOwner): HostStream[] {
    return hostFds
      .map((fd) => openHostStream((nr, ...args) => native.syscall(nr, ...args), this.loop, fd, owner))
      .filter((stream): stream is HostStream => typeof stream !== 'number');
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
    const { timers, clock } = this.first.kernel;
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
    this.dispatcher.track(null, promise);
  }
}

/** What of the host a container's processes see: of its CPUs and memory no more than it may use. */
function visible({ bounds, idMaps }: ContainerOptions): Pick<Kernel, 'idMaps' | 'cpuCount' | 'memoryTotal' | 'bootNs'> {
  return {
    idMaps: idMaps ?? SAME_IDS,
    cpuCount: Math.min(cpuCount, bounds.cpus ?? Infinity),
    memoryTotal: visibleMemory(bounds),
    bootNs: hostClock.monotonicNs(),
  };
}

function visibleMemory({ memoryBytes }: SandboxBounds): number {
  return Math.min(memoryTotal, memoryBytes ?? Infinity);
}

function logBoot(kernel: Kernel, isolation: string): void {
  const { log, cpuCount } = kernel;
  const uts = kernel.namespaces.uts.names;
  log.log(`${uts.sysname} version ${uts.release} ${uts.version}`);
  log.log('tsvisor: this is an application kernel; system calls are answered in user space', 1e3);
  log.log(`Memory: ${Math.floor(kernel.memoryTotal / 1024)}K available`, 2e3);
  log.log(`smp: ${cpuCount} CPUs shown to guests`, 3e3);
  log.log(`platform: seccomp traps, isolation by filter and ${isolation} namespaces`, 4e3);
  log.log('Run the first program as init process', 5e3);
}

function debugWriter(options: SandboxOptions): ((line: string) => void) | null {
  if (options.debugLog === undefined && !options.strace && !options.debug) return null;
  if (options.debugLog !== undefined) mkdirSync(dirname(options.debugLog), { recursive: true });
  const fd = options.debugLog === undefined ? 2 : openSync(options.debugLog, 'a', 0o644);
  return lineWriter(fd);
}

function lineWriter(fd: number): (line: string) => void {
  return (line) => writeSync(fd, `${line}\n`);
}

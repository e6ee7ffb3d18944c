/** Runs one command in a sandbox of its own: boots the kernel, starts PID 1, turns the loop, and cleans up. */
import { openSync, writeSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { errnoName } from '../abi/errno.ts';
import { MS_RDONLY } from '../abi/mount.ts';
import { SigInfo } from '../abi/siginfo.ts';
import { SI_USER } from '../abi/signal.ts';
import { syscallName } from '../abi/syscall-names.ts';
import { anonInodePath } from '../fs/anon/anon-inode.ts';
import { openStandardStreams } from '../fs/host-stream/standard-streams.ts';
import type { HostTerminal } from '../fs/host-tty/host-terminal.ts';
import { type HostStream, openHostStream } from '../host/host-stream.ts';
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
import { sendSignalToGroup } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { Timers } from '../kernel/timers.ts';
import { UtsName } from '../kernel/uts.ts';
import { AddressSpace } from '../mm/address-space.ts';
import { CloneGate } from '../platform/clone-gate.ts';
import { MailboxWindow } from '../platform/mailbox-window.ts';
import { startZygote } from '../platform/zygote.ts';
import { assembleTable } from '../syscalls/table.ts';
import { FdTable } from '../vfs/fd-table.ts';
import { FsContext } from '../vfs/fs-context.ts';
import { CpuUsage } from './cpu-usage.ts';
import { Dispatcher, NO_ANSWER } from './dispatcher.ts';
import { EventLoop } from './event-loop.ts';
import { createRoot, FileSystems, findPath, makePlace } from './file-systems.ts';
import { GuestMemory } from './guest-memory.ts';
import { homeDirectory } from './home-directory.ts';
import { hostClock, memoryTotal } from './host-facts.ts';
import { readHostLayout } from './host-layout.ts';
import { ProcessCalls } from './process-calls.ts';
import { Processes } from './processes.ts';
import type { SandboxOptions } from './sandbox-options.ts';
import { Scheduler } from './scheduler.ts';

const KILL = 62;
const SIGKILL = 9;
const AT_FDCWD = -100;
const STATUS_NOT_FOUND = 127;
const STATUS_NOT_EXECUTABLE = 126;
const ENOENT = 2;
const ENOTDIR = 20;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const FORWARDED = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTSTP',
  'SIGWINCH',
  'SIGCONT',
] as const;

/** @returns the exit status of the command, 128 + n if signal n ended it */
export async function runSandbox(options: SandboxOptions): Promise<number> {
  const zygote = startZygote();
  try {
    return await runIn(options, zygote);
  } finally {
    native.syscall(KILL, zygote.pid, SIGKILL);
  }
}

async function runIn(options: SandboxOptions, zygote: ReturnType<typeof startZygote>): Promise<number> {
  const window = new MailboxWindow();
  const gate = new CloneGate(zygote.listener);
  const loop = new EventLoop();
  const timers = new Timers();
  const { monotonicNs } = hostClock;
  const scheduler = new Scheduler({ zygote, gate, loop, timers, monotonicNs });
  const layout = readHostLayout(zygote.pid);
  const memory = memoryTotal();
  const kernel: Kernel = {
    clock: hostClock,
    timers,
    pids: new PidTable(),
    log: new KernelLog(),
    uts: new UtsName(options.hostname, options.domainname),
    rootMount: createRoot(options.root, hostClock, Math.floor(memory / 2)),
    cpuCount: availableParallelism(),
    memoryTotal: memory,
    bootNs: monotonicNs(),
    anonPath: anonInodePath,
    random: hostRandom,
  };
  const trace = debugWriter(options);
  let terminal: HostTerminal | null = null;
  const streams = options.stdio
    .map((fd) => openHostStream((nr, ...args) => native.syscall(nr, ...args), loop, fd))
    .filter((stream): stream is HostStream => typeof stream !== 'number');
  const hasTerminal = streams.some((stream) => stream.kind === 'terminal');
  const fileSystems = new FileSystems(kernel, hasTerminal, () => terminal);
  for (const mount of options.mounts) fileSystems.mount(mount);
  // Only now: the places to mount on may have had to be made, and the working directory with them, as runc does.
  if (options.root.kind !== 'overlay') makePlace(kernel.rootMount, options.cwd, 'directory');
  if (options.root.kind === 'read-only') kernel.rootMount.flags |= MS_RDONLY;
  const standard = openStandardStreams(
    streams,
    fileSystems.devpts,
    () => (hasTerminal ? findPath(kernel.rootMount, '/dev/pts/0') : null),
    options.uid,
  );
  terminal = standard.terminal;
  logBoot(kernel, zygote.isolation);

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
  const unimplemented = new Set<number>();
  const usage = new CpuUsage((task) => processes.findGuest(task));
  kernel.pids.hooks.updateUsage = usage.update;
  kernel.pids.hooks.updateMemory = usage.updateMemory;
  kernel.pids.hooks.updateThreadUsage = usage.updateThread;
  const calls = new ProcessCalls(processes, layout, usage);
  const dispatcher = new Dispatcher({
    table: assembleTable(calls.defs),
    scheduler,
    xstateSize: zygote.xstateSize,
    onDeadThread: (guest) => processes.endThread(guest),
    onFailedClone: (guest, clone) => calls.clones.failedClone(guest, clone),
    reap: () => processes.reap(),
    onUnimplemented: (nr) => {
      if (unimplemented.size > 1024 || unimplemented.has(nr)) return;
      unimplemented.add(nr);
      trace?.(`unimplemented system call ${nr} (${syscallName(nr)})`);
    },
    onDefect: (name, error) => trace?.(`defect in ${name}: ${error instanceof Error ? error.stack : String(error)}`),
  });
  calls.dispatcher = dispatcher;
  if (options.strace && trace !== null) {
    const { StraceWriter } = await import('./strace/strace-writer.ts');
    const tracer = new StraceWriter(trace);
    dispatcher.tracer = tracer;
    kernel.pids.hooks.taskExit.push((task) => tracer.ended(task, task.group.exitStatus));
  }
  kernel.pids.hooks.taskExit.push((task) => processes.retire(task));

  const fresh = await during(scheduler, processes.spawn(dispatcher));
  if (typeof fresh === 'number') throw new Error(`cannot make the first process: ${errnoName(-fresh)}`);
  const limits = defaultLimits();
  for (const { resource, soft, hard } of options.limits) limits.set(resource, soft, hard);
  const mm = new AddressSpace(fresh.host, limits);
  processes.bind(fresh.thread.process, mm);
  const root = { mount: kernel.rootMount, dentry: kernel.rootMount.root };
  const cwd = findPath(kernel.rootMount, options.cwd);
  if (cwd === null) throw new Error(`working directory ${options.cwd} does not exist in the sandbox`);
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
  if (typeof task === 'number') throw new Error(`cannot make the first task: ${errnoName(-task)}`);
  task.hasNoNewPrivs = options.hasNoNewPrivileges;
  processes.adopt(fresh, task);
  terminal?.control(task.group.session, task.group.processGroup);
  const release = forwardSignals(task, terminal);
  let status = 0;
  let isEnded = false;
  task.kernel.pids.hooks.groupExit.push((group) => {
    if (group !== task.group) return;
    status = group.exitStatus;
    isEnded = true;
    scheduler.stop();
  });
  try {
    const failed = await during(scheduler, startProgram(calls, task, options));
    // A signal from outside may have ended it before the program ran.
    if (failed !== null && !isEnded) return report(options.argv[0], failed);
    if (!isEnded) await scheduler.run();
  } finally {
    release();
    terminal?.restore();
    processes.reap();
  }
  return (status & 0x7f) === 0 ? status >> 8 : 128 + (status & 0x7f);
}

/** Turns the loop until `promise` is settled. */
async function during<T>(scheduler: Scheduler, promise: Promise<T>): Promise<T> {
  scheduler.pending += 1;
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
    scheduler.pending -= 1;
    scheduler.stop();
  });
  while (!isSettled) await scheduler.run();
  return settled;
}

/** Looks the command up on the guest's PATH: null when it runs, or the errno of the last try. */
async function startProgram(calls: ProcessCalls, task: Task, options: SandboxOptions): Promise<number | null> {
  const [command] = options.argv;
  const env = Object.entries(options.env).map(([key, value]) => toBinary(`${key}=${value}`));
  if (options.env.HOME === undefined) env.push(`HOME=${homeDirectory(task.kernel, options.uid)}`);
  const argv = options.argv.map(toBinary);
  const path = options.env.PATH ?? DEFAULT_PATH;
  const candidates = command.includes('/')
    ? [command]
    : path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${command}`);
  let error = ENOENT;
  for (const candidate of candidates) {
    const result = await calls.exec(task, AT_FDCWD, toBinary(candidate), argv, env, 0);
    if (result === NO_ANSWER) return null;
    // A later folder's "not there" says less than an earlier "not allowed".
    if (error === ENOENT || (-result !== ENOENT && -result !== ENOTDIR)) error = -result;
  }
  return error;
}

function toBinary(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function report(command: string, error: number): number {
  const isMissing = error === ENOENT || error === ENOTDIR;
  process.stderr.write(
    `runsc: ${command}: ${isMissing ? 'command not found' : `cannot execute: ${errnoName(error)}`}\n`,
  );
  return isMissing ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

function credentialsOf({ uid, gid, groups, capabilities }: SandboxOptions): Credentials {
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
  const fd = options.debugLog === undefined ? 2 : openLog(options.debugLog);
  return (line) => writeSync(fd, `${line}\n`);
}

function openLog(path: string): number {
  return openSync(path, 'a', 0o644);
}

/** Hands the host's signals on: those of the keyboard to the terminal's foreground group, others to the first process. */
function forwardSignals(task: Task, terminal: HostTerminal | null): () => void {
  const handlers = FORWARDED.map((name) => {
    const signo = constants.signals[name];
    const handler = (): void => {
      if (terminal !== null && name !== 'SIGTERM' && name !== 'SIGUSR1' && name !== 'SIGUSR2' && name !== 'SIGCONT') {
        terminal.signalFromHost(signo);
      } else if (name !== 'SIGWINCH' && name !== 'SIGCONT') {
        const info = new SigInfo(signo, SI_USER);
        info.isFromOutside = true;
        sendSignalToGroup(task.group, info);
      }
    };
    process.on(name, handler);
    return { name, handler };
  });
  return () => {
    for (const { name, handler } of handlers) process.off(name, handler);
  };
}

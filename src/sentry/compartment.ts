/**
 * What one container of a sandbox has for itself: a kernel with its own mounts and, as a rule, its own process numbers; the file
 * systems it boots with; and the process that its own are forked from, so that they are in its control group on the host.
 */
import { errnoName } from '../abi/errno.ts';
import { MS_RDONLY } from '../abi/mount.ts';
import { openStandardStreams, type StandardStreams } from '../fs/host-stream/standard-streams.ts';
import type { HostTerminal } from '../fs/host-tty/host-terminal.ts';
import type { HostStream } from '../host/host-stream.ts';
import { NO_CAPABILITIES } from '../kernel/capability-set.ts';
import { type Credentials, rootCredentials, userCredentials } from '../kernel/credentials.ts';
import { exitGroup } from '../kernel/exit.ts';
import { startProcess } from '../kernel/fork.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { defaultLimits } from '../kernel/limits.ts';
import { SeccompFilter } from '../kernel/seccomp.ts';
import { SeccompProgram } from '../kernel/seccomp-program.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import { provideTraceeAccess } from '../kernel/tracee-access.ts';
import { AddressSpace } from '../mm/address-space.ts';
import type { Zygote } from '../platform/zygote.ts';
import { FdTable } from '../vfs/fd-table.ts';
import { FsContext } from '../vfs/fs-context.ts';
import type { Path } from '../vfs/path.ts';
import { FileSystems } from './file-systems.ts';
import { GuestMemory } from './guest-memory.ts';
import type { HostTrees } from './host-trees.ts';
import { findPath, makePlace } from './places.ts';
import { setAttributes } from './process-attributes.ts';
import { execProgram } from './program.ts';
import type { Sandbox } from './sandbox.ts';
import type { ContainerOptions, ProcessOptions } from './sandbox-options.ts';
import { compileSeccomp } from './seccomp-compiler.ts';
import type { SeccompOptions } from './seccomp-options.ts';
import { Tracees } from './tracee.ts';

const SIGKILL = 9;

/** A process that was started from outside. */
export interface Started {
  readonly task: Task;
  readonly terminal: HostTerminal | null;
}

export interface CompartmentParts {
  readonly kernel: Kernel;
  readonly zygote: Zygote;
  /** Its root has been opened by them. */
  readonly trees: HostTrees;
  readonly options: ContainerOptions;
  /** Whether the first process will have a terminal among its streams. */
  readonly hasTerminal: boolean;
}

export class Compartment {
  readonly sandbox: Sandbox;
  readonly kernel: Kernel;
  readonly zygote: Zygote;
  readonly #fileSystems: FileSystems;
  readonly #seccomp: SeccompFilter | null;
  readonly #personality: number;
  #hasStarted = false;
  /** The first process's, which /dev/console is. */
  #console: HostTerminal | null = null;

  /** Mounts what it boots with; throws a message for people when that cannot be. */
  constructor(sandbox: Sandbox, { kernel, zygote, trees, options, hasTerminal }: CompartmentParts) {
    this.sandbox = sandbox;
    this.kernel = kernel;
    this.zygote = zygote;
    this.#personality = options.personality;
    this.#seccomp = options.seccomp === null ? null : filterOf(options.seccomp);
    this.#fileSystems = new FileSystems({
      kernel,
      trees,
      memory: sandbox.memory,
      hasTerminal,
      terminal: () => this.#console,
    });
    try {
      this.#fileSystems.configure(options);
    } catch (error) {
      this.#fileSystems.close();
      throw error;
    }
    // Only now: the places to mount on may have had to be made, and the working directory with them, as runc does.
    if (options.root.kind !== 'overlay') makePlace(kernel.namespaces.mnt.root, options.cwd, 'directory');
    if (options.root.kind === 'read-only') kernel.namespaces.mnt.root.flags |= MS_RDONLY;
    provideTraceeAccess(kernel, new Tracees(sandbox.processes));
    sandbox.processes.admit(kernel, zygote);
  }

  /** Its processes, zombies included. */
  groups(): ThreadGroup[] {
    return [...this.kernel.pids.groups()].filter((group) => group.leader.kernel === this.kernel);
  }

  /**
   * A process with these streams as its descriptors from 0, in its own session, that runs nothing yet.
   * Throws a message for people when it cannot be.
   */
  async create(options: ProcessOptions, streams: readonly HostStream[]): Promise<Started> {
    const { kernel } = this;
    const { processes, dispatcher } = this.sandbox;
    const fresh = await processes.spawn(dispatcher, kernel);
    if (typeof fresh === 'number') throw new Error(`cannot make the process: ${errnoName(-fresh)}`);
    const limits = defaultLimits();
    for (const { resource, soft, hard } of options.limits) limits.set(resource, soft, hard);
    const mm = new AddressSpace(fresh.host, limits);
    processes.bind(fresh.thread.process, mm, kernel);
    const root: Path = { mount: kernel.namespaces.mnt.root, dentry: kernel.namespaces.mnt.root.root };
    const cwd = findPath(kernel.namespaces.mnt.root, options.cwd);
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
    task.personality = this.#personality;
    if (this.#seccomp !== null) task.checks.beginWith(this.#seccomp);
    processes.adopt(fresh, task);
    standard.terminal?.control(task.group.session, task.group.processGroup);
    const { terminal } = standard;
    if (!this.#hasStarted) this.#console = terminal;
    else if (terminal !== null) terminal.onUnused = () => this.#removeTerminal(terminal);
    this.#hasStarted = true;
    const wrong = setAttributes(task, options.attributes);
    if (wrong === null) return { task, terminal };
    exitGroup(task.group, SIGKILL);
    throw new Error(wrong);
  }

  /** Runs the program of `options` in a task that `create` made: null, or the errno of what went wrong. */
  exec(task: Task, options: ProcessOptions): Promise<number | null> {
    return execProgram(this.sandbox.calls, task, options);
  }

  /** Ends all its processes, and takes away what it had. */
  end(): void {
    for (const group of this.groups()) exitGroup(group, SIGKILL);
    this.sandbox.processes.reap();
    this.sandbox.processes.dismiss(this.kernel);
    this.#fileSystems.close();
  }

  #removeTerminal(terminal: HostTerminal): void {
    terminal.hangUpSession();
    this.#fileSystems.devpts.removeTerminal(terminal);
    terminal.stream.close();
  }

  #standardStreams(streams: readonly HostStream[], uid: number): StandardStreams {
    const { devpts } = this.#fileSystems;
    return openStandardStreams(
      streams,
      devpts,
      (name) => findPath(this.kernel.namespaces.mnt.root, `/dev/pts/${name}`),
      uid,
    );
  }
}

function filterOf(options: SeccompOptions): SeccompFilter {
  const program = compileSeccomp(options);
  if (program === null) throw new Error('linux.seccomp.syscalls is too long: a filter has at most 4096 instructions');
  return new SeccompFilter(new SeccompProgram(program), null);
}

function credentialsOf({ uid, gid, groups, capabilities }: ProcessOptions): Credentials {
  return userCredentials(uid, gid, groups, capabilities ?? (uid === 0 ? rootCredentials().caps : userCapabilities));
}

const userCapabilities = { ...rootCredentials().caps, effective: NO_CAPABILITIES, permitted: NO_CAPABILITIES };

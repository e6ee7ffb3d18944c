/**
 * A sandbox as an OCI container: its states, and what is asked of it over the control socket.
 *
 * created: the first process is there and its program has been found, but does not run. running, paused. stopped: the first process
 * has ended; then the loop ends, and with it the sentry, so nobody is told of it but those who wait.
 */
import { NSIG, SIGKILL, SIGSTOP } from '../abi/signal.ts';
import type { HostTerminal } from '../fs/host-tty/host-terminal.ts';
import type { HostStream } from '../host/host-stream.ts';
import { native } from '../host/native.ts';
import { exitedStatus, exitGroup } from '../kernel/exit.ts';
import { ACTION_TERMINATE, defaultAction } from '../kernel/signal-policy.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import { ConfigError, type Fields } from '../wire/json-fields.ts';
import type { Compartment, Started } from './compartment.ts';
import type { ControlConnection } from './control-server.ts';
import { handleDebug } from './debug/debug-requests.ts';
import { readExec } from './exec-request.ts';
import { hostSignal } from './forward-signals.ts';
import { type GuestHook, runGuestHook } from './guest-hooks.ts';
import { setExecCpus } from './process-attributes.ts';
import { listProcesses } from './process-list.ts';
import { findProgram, runtimeMessage, shellStatus } from './program.ts';

import type { Sandbox } from './sandbox.ts';
import type { ProcessOptions } from './sandbox-options.ts';

const CLOSE = 3;
const EXIT_NOT_RUN = 127;
/** Linux: PID_MAX_LIMIT. */
const MAX_TASKS = 2 ** 22;

export type ContainerStatus = 'created' | 'running' | 'paused' | 'stopped';

/** What a verb cannot be done for: told to whoever asked. */
class Refusal extends ConfigError {}

export class Container {
  readonly compartment: Compartment;
  readonly #sandbox: Sandbox;
  readonly #options: ProcessOptions;
  readonly #hooks: readonly GuestHook[];
  readonly init: Task;
  readonly terminal: HostTerminal | null;
  /** Its first process has ended. Not called when it has by the time this is set. */
  onStopped: () => void;
  readonly #waiters = new Set<ControlConnection>();
  #status: ContainerStatus = 'created';
  /** As wait(2) gives it. */
  #exitStatus = 0;

  private constructor(
    compartment: Compartment,
    options: ProcessOptions,
    hooks: readonly GuestHook[],
    started: Started,
  ) {
    const { task: init, terminal } = started;
    const { sandbox } = compartment;
    this.compartment = compartment;
    this.#sandbox = sandbox;
    this.#options = options;
    this.#hooks = hooks;
    this.init = init;
    this.terminal = terminal;
    this.onStopped = () => sandbox.scheduler.stop();
    sandbox.onEnd(init.group, (status) => this.#stopped(status));
  }

  /** Makes the first process. Throws a message for people, also when there is no such program. */
  static async create(
    compartment: Compartment,
    options: ProcessOptions,
    hooks: readonly GuestHook[],
    streams: readonly HostStream[],
  ): Promise<Container> {
    const started = await compartment.create(options, streams).catch((error: unknown) => {
      for (const stream of new Set(streams)) stream.close();
      throw error;
    });
    const missing = findProgram(started.task, options);
    if (missing > 0) throw new Error(runtimeMessage(options, missing));
    return new Container(compartment, options, hooks, started);
  }

  get status(): ContainerStatus {
    return this.#status;
  }

  /** How the first process ended, as a shell shows it. */
  get exitCode(): number {
    return shellStatus(this.#exitStatus);
  }

  /** Answers one request, now or later. */
  handle(request: Fields, connection: ControlConnection): void {
    const verb = request.needString('verb');
    switch (verb) {
      case 'status':
        connection.send({ ok: { status: this.#status } });
        return;
      case 'start':
        this.#later(connection, this.start(request.string('state') ?? '{}'));
        return;
      case 'signal':
        this.#signal(request);
        connection.send({ ok: {} });
        return;
      case 'exec':
        this.#sandbox.track(
          this.#exec(request, connection).catch((error: unknown) => connection.send({ error: messageOf(error) })),
        );
        return;
      case 'ps':
        connection.send({ ok: { processes: listProcesses(this.compartment) } });
        return;
      case 'pause':
        this.#need(['running'], verb);
        this.#sandbox.processes.pause(this.compartment.kernel);
        this.#status = 'paused';
        connection.send({ ok: {} });
        return;
      case 'resume':
        this.#need(['paused'], verb);
        this.#sandbox.processes.resume(this.compartment.kernel);
        this.#status = 'running';
        connection.send({ ok: {} });
        return;
      case 'update': {
        const { pids } = this.compartment.kernel;
        pids.maxTasks = request.number('tasks', MAX_TASKS) ?? pids.maxTasks;
        connection.send({ ok: {} });
        return;
      }
      case 'wait':
        this.#wait(connection);
        return;
      case 'debug':
        handleDebug(this.compartment, request, connection);
        return;
      default:
        request.refuse('verb', `is none that is known: ${verb}`);
    }
  }

  /**
   * Runs the program, after the hooks with this state document. Rejects with a message for people when it cannot be; then the
   * container has stopped.
   */
  async start(state: string): Promise<void> {
    this.#need(['created'], 'start');
    this.#status = 'running';
    try {
      for (const hook of this.#hooks) await runGuestHook(this.compartment, this.#options, hook, state);
    } catch (error) {
      exitGroup(this.init.group, exitedStatus(EXIT_NOT_RUN));
      throw error;
    }
    if (this.init.isExited) return;
    const failed = await this.compartment.exec(this.init, this.#options);
    if (failed === null || this.init.isExited) return;
    exitGroup(this.init.group, exitedStatus(EXIT_NOT_RUN));
    throw new Error(runtimeMessage(this.#options, failed));
  }

  #need(wanted: readonly ContainerStatus[], verb: string): void {
    if (!wanted.includes(this.#status)) throw new Refusal(`cannot ${verb} a container that is ${this.#status}`);
  }

  #later(connection: ControlConnection, work: Promise<void>): void {
    this.#sandbox.track(
      work.then(
        () => connection.send({ ok: {} }),
        (error: unknown) => connection.send({ error: messageOf(error) }),
      ),
    );
  }

  #stopped(status: number): void {
    this.#status = 'stopped';
    this.#exitStatus = status;
    for (const waiter of this.#waiters) waiter.send({ ok: { exit: this.exitCode } });
    this.onStopped();
  }

  #wait(connection: ControlConnection): void {
    this.#need(['created', 'running', 'paused'], 'wait for');
    this.#waiters.add(connection);
    connection.onClose = () => this.#waiters.delete(connection);
  }

  #signal(request: Fields): void {
    const signo = signalOf(request);
    this.#need(['created', 'running', 'paused'], 'signal');
    if (!request.boolean('all')) {
      this.#kill(this.init.group, signo);
      return;
    }
    // The first one last: with it all others go, and each is to have had its signal.
    for (const group of this.compartment.groups().reverse()) this.#kill(group, signo);
  }

  #kill(group: ThreadGroup, signo: number): void {
    if (signo === 0) return;
    // Before its program runs it is in the kernel and will not look at signals.
    if (this.#status === 'created' && group === this.init.group) {
      if (defaultAction(signo) === ACTION_TERMINATE) exitGroup(group, signo);
      return;
    }
    // From an ancestor's PID namespace only these two are forced upon an init (pid_namespaces(7)).
    hostSignal(group, signo, signo === SIGKILL || signo === SIGSTOP);
    if (this.#status === 'paused' && signo === SIGKILL) exitGroup(group, SIGKILL);
  }

  /** The process outside that stands for the container was sent a signal, perhaps by its terminal. */
  forwardSignal(request: Fields): void {
    if (request.boolean('isTerminal')) this.#execSignal(request, this.init.group, this.terminal);
    else if (this.#status !== 'stopped') this.#kill(this.init.group, signalOf(request));
  }

  /** Nobody stands for it any more. */
  kill(): void {
    exitGroup(this.init.group, SIGKILL);
  }

  async #exec(request: Fields, connection: ControlConnection): Promise<void> {
    const fds = connection.takeFds();
    const isTerminal = request.boolean('terminal');
    let options: ProcessOptions;
    try {
      this.#need(['running'], 'exec in');
      options = readExec(request, this.#options);
    } catch (error) {
      for (const fd of fds) native.syscall(CLOSE, fd);
      throw error;
    }
    const opened = this.#sandbox.openStreams(fds, 'sandbox');
    const streams = isTerminal ? opened.flatMap((stream) => [stream, stream, stream]) : opened;
    const { task, terminal } = await this.compartment.create(options, streams).catch((error: unknown) => {
      for (const stream of opened) stream.close();
      throw error;
    });
    const { group } = task;
    const wrong = setExecCpus(task, options.attributes);
    if (wrong !== null) {
      exitGroup(group, exitedStatus(EXIT_NOT_RUN));
      throw new Error(wrong);
    }
    const missing = findProgram(task, options);
    const failed = missing > 0 ? missing : await this.compartment.exec(task, options);
    if (failed !== null) {
      exitGroup(group, exitedStatus(EXIT_NOT_RUN));
      throw new Error(runtimeMessage(options, failed));
    }
    connection.onRequest = (later) => this.#execSignal(later, group, terminal);
    // Whoever asked for it stands for it outside: with him it goes.
    connection.onClose = () => exitGroup(group, SIGKILL);
    connection.send({ ok: { pid: group.pid } });
    this.#sandbox.onEnd(group, (status) => connection.send({ exit: shellStatus(status) }));
  }

  /** The process outside that stands for an exec'd one was sent a signal, perhaps by its terminal. */
  #execSignal(request: Fields, group: ThreadGroup, terminal: HostTerminal | null): void {
    const signo = signalOf(request);
    if (request.boolean('isTerminal')) terminal?.signalFromHost(signo);
    else hostSignal(group, signo, true);
  }
}

function signalOf(request: Fields): number {
  return request.number('signal', NSIG) ?? request.refuse('signal', 'is missing');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

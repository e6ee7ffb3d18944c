/**
 * The host processes and threads of guests: making them for clone(2) and exec(2), and taking them away at the end.
 */
import { ENOMEM } from '../abi/errno.ts';
import { SIGCONT, SIGSTOP } from '../abi/signal.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { CloneGate } from '../platform/clone-gate.ts';
import type { MailboxWindow } from '../platform/mailbox-window.ts';
import { StubProcess } from '../platform/stub-process.ts';
import type { StubThread } from '../platform/stub-thread.ts';
import type { Zygote } from '../platform/zygote.ts';
import type { EventLoop } from './event-loop.ts';
import { Guest, type GuestHandler } from './guest.ts';
import type { Scheduler } from './scheduler.ts';
import { StubHost } from './stub-host.ts';

export interface ProcessesParts {
  /** Of the first container. */
  readonly zygote: Zygote;
  readonly gate: CloneGate;
  readonly window: MailboxWindow;
  readonly loop: EventLoop;
  readonly scheduler: Scheduler;
  /** The host process has ended although its guests have not. */
  onHostDeath(guests: readonly Guest[]): void;
}

/** A fork under way: the address space's host, and the child's guest, which waits to be answered, or -errno. */
export interface Fork {
  readonly host: StubHost;
  readonly child: Promise<Guest | number>;
}

/** A process that the zygote has been asked for. */
interface Spawned {
  readonly thread: StubThread;
  /** Its guest, once it has reported. */
  readonly guest: Promise<Guest | number>;
}

export class Processes {
  readonly #parts: ProcessesParts;
  readonly #guests = new Map<Task, Guest>();
  readonly #dying: Guest[] = [];
  /** Which process each container's are forked from. */
  readonly #zygotes = new Map<Kernel, Zygote>();
  /** Made ahead. */
  readonly #spares = new Map<Kernel, Spawned>();
  readonly #spaces = new Map<StubProcess, { mm: AddressSpace; kernel: Kernel }>();
  readonly #paused = new Set<Kernel>();

  constructor(parts: ProcessesParts) {
    this.#parts = parts;
  }

  guestOf(task: Task): Guest {
    const guest = this.#guests.get(task);
    if (guest === undefined) throw new Error(`task ${task.tid} has no guest`);
    return guest;
  }

  /** The guest of a task; undefined for one that has ended. */
  findGuest(task: Task): Guest | undefined {
    return this.#guests.get(task);
  }

  /** The container's processes are forked from this one. */
  admit(kernel: Kernel, zygote: Zygote): void {
    this.#zygotes.set(kernel, zygote);
  }

  /** The container has ended, and none of its processes is left. */
  dismiss(kernel: Kernel): void {
    this.#zygotes.delete(kernel);
    this.#paused.delete(kernel);
    const spare = this.#spares.get(kernel);
    this.#spares.delete(kernel);
    if (spare !== undefined) this.#destroy(spare.thread.process);
  }

  /** A process for a program that exec starts: its guest, without a task, whose thread has reported; or -errno. */
  async spawn(handler: GuestHandler, kernel: Kernel): Promise<Guest | number> {
    const spare = this.#spares.get(kernel);
    this.#spares.delete(kernel);
    if (spare !== undefined && !spare.thread.process.isGone) {
      const guest = await spare.guest;
      if (typeof guest !== 'number' && !guest.thread.process.isGone) return guest;
    }
    const fresh = this.#fresh(handler, kernel);
    return typeof fresh === 'number' ? fresh : fresh.guest;
  }

  /** Has the zygote make a process ahead, for the next `spawn`. */
  async prepare(handler: GuestHandler, kernel: Kernel): Promise<void> {
    if (this.#spares.has(kernel)) return;
    const spare = this.#fresh(handler, kernel);
    if (typeof spare === 'number') return;
    this.#spares.set(kernel, spare);
    await spare.guest;
  }

  #fresh(handler: GuestHandler, kernel: Kernel): Spawned | number {
    const { window, gate } = this.#parts;
    const zygote = this.#zygotes.get(kernel);
    if (zygote === undefined) return -ENOMEM;
    const thread = StubProcess.spawn(window, gate, zygote);
    if (typeof thread === 'number') return thread;
    const guest = this.#started(new Guest(handler, thread, this.hostOf(thread.process)));
    return { thread, guest };
  }

  /**
   * Forks the process of a guest that is in the kernel. The child has what was queued on the host before this call, and
   * nothing that comes later, so the caller copies its own records of the address space at once.
   */
  fork(handler: GuestHandler, parent: Guest): Fork | number {
    const { thread } = parent;
    const target = thread.process.forkTarget(thread);
    if (typeof target === 'number') return target;
    const host = this.hostOf(target.process);
    const release = parent.hold();
    const child = parent.host.exclusively(async () => {
      const refused = thread.process.isGone ? -ENOMEM : thread.process.commandFork(thread, target);
      if (refused < 0) {
        target.process.destroy();
        return refused;
      }
      return this.#cloned(handler, parent, target, host);
    });
    return { host, child: child.finally(release) };
  }

  /**
   * As `fork` and `thread`, with the answer to the parent's call instead of an exchange before it: the guest is there at once, is
   * answered ahead, and finds that when the host has made it, by the commands of `commandAhead`. For processes, the parent must be
   * the only thread of its own, or another one's mapping calls could come between what is copied here and what is copied there.
   */
  forkAhead(handler: GuestHandler, parent: Guest): Guest | number {
    const { thread } = parent;
    const target = thread.process.forkTarget(thread);
    if (typeof target === 'number') return target;
    const made = new Guest(handler, target, this.hostOf(target.process));
    target.owner = made;
    this.#parts.loop.add(target.process.control, 0, () => this.#onHangUp(target.process));
    return made;
  }

  threadAhead(handler: GuestHandler, parent: Guest): Guest | number {
    const thread = parent.thread.process.addThread();
    if (typeof thread === 'number') return thread;
    const made = new Guest(handler, thread, parent.host);
    thread.owner = made;
    return made;
  }

  /** Puts the making of what is there ahead into the parent's next answer: 0 or -errno. */
  commandAhead(parent: Guest, made: Guest, isFsShared: boolean): number {
    const { process } = parent.thread;
    if (made.thread.process !== process) return process.commandFork(parent.thread, made.thread);
    process.commandThread(parent.thread, made.thread, isFsShared);
    return 0;
  }

  /** What was to be made ahead is not there: the clone has failed, or was never asked for. */
  unmake(made: Guest, parent: Guest): void {
    const { thread } = made;
    made.isDead = true;
    thread.forgetClone();
    this.#parts.scheduler.unwatch(thread);
    if (thread.process !== parent.thread.process) this.#destroy(thread.process);
    else thread.process.giveBack(thread);
  }

  /** The task ends without its guest, which has been unmade. */
  disown(task: Task): void {
    this.#guests.delete(task);
  }

  /** Makes another thread in the process of a guest that is in the kernel. */
  async thread(handler: GuestHandler, parent: Guest, isFsShared: boolean): Promise<Guest | number> {
    const thread = parent.thread.process.prepareThread(parent.thread, isFsShared);
    if (typeof thread === 'number') return thread;
    const release = parent.hold();
    return this.#cloned(handler, parent, thread, parent.host).finally(release);
  }

  /** Bytes of a thread's XSAVE image. */
  get xstateSize(): number {
    return this.#parts.zygote.xstateSize;
  }

  /** The guest runs this task from now on. */
  adopt(guest: Guest, task: Task): void {
    guest.task = task;
    this.#guests.set(task, guest);
  }

  /** Which address space a host process carries, and for which container: it ends with the last user of it. */
  bind(process: StubProcess, mm: AddressSpace, kernel: Kernel): void {
    this.#spaces.set(process, { mm, kernel });
    if (this.#paused.has(kernel)) process.signal(SIGSTOP);
  }

  hostOf(process: StubProcess): StubHost {
    return new StubHost(process, {
      nextReport: (thread) => {
        const report = ownerOf(thread).nextReport();
        this.#parts.scheduler.watch(thread);
        return report;
      },
      hold: (thread) => ownerOf(thread).hold(),
    });
  }

  /** Lets the guest's thread carry out the commands queued for it: 0 or the -errno of one that failed. */
  async carryOut(guest: Guest): Promise<number> {
    if (guest.thread.process.isGone) return -ENOMEM;
    const release = guest.hold();
    const count = guest.thread.commandCount;
    const done = guest.nextReport();
    guest.thread.replyCommands();
    this.#parts.scheduler.watch(guest.thread);
    const isThere = await done;
    release();
    return isThere ? guest.thread.failure(count) : -ENOMEM;
  }

  /** A guest that was made and never got a task. */
  abandon(guest: Guest): void {
    guest.isDead = true;
    const { process } = guest.thread;
    if (this.#spaces.has(process)) this.#dying.push(guest);
    else this.#destroy(process);
  }

  /** A task has ended: its thread goes at the next `reap`. */
  retire(task: Task): void {
    const guest = this.#guests.get(task);
    if (guest === undefined) return;
    this.#guests.delete(task);
    guest.isDead = true;
    this.#dying.push(guest);
  }

  /** exec has left this process; it goes if nobody else uses its address space. */
  leave(guest: Guest, thread: StubThread): void {
    if (guest.lender !== null) return;
    const left = new Guest(guest.handler, thread, guest.host);
    thread.owner = left;
    left.isDead = true;
    this.#dying.push(left);
  }

  /** Stops the host processes of a container, and those to come, until `resume`. */
  pause(kernel: Kernel): void {
    this.#paused.add(kernel);
    this.#signal(kernel, SIGSTOP);
  }

  resume(kernel: Kernel): void {
    this.#paused.delete(kernel);
    this.#signal(kernel, SIGCONT);
  }

  #signal(kernel: Kernel, signo: typeof SIGSTOP | typeof SIGCONT): void {
    for (const [process, space] of this.#spaces) if (space.kernel === kernel) process.signal(signo);
  }

  /** Ends the threads of tasks that have ended, and the processes without users. */
  reap(): void {
    for (let guest = this.#dying.pop(); guest !== undefined; guest = this.#dying.pop()) this.#end(guest);
  }

  /** The thread of an ended task has reported. */
  endThread(guest: Guest): void {
    this.#end(guest);
  }

  #end(guest: Guest): void {
    const { thread, lender } = guest;
    const { process } = thread;
    // Whoever ends in the middle of a clone may never make it.
    guest.cloneUnderWay?.made.thread.forgetClone();
    guest.cloneUnderWay = null;
    if (!process.isGone && this.#spaces.get(process)?.mm.users === 0) this.#destroy(process);
    // Lent threads go back to their owner; others exit once they are in our hands.
    if (!process.isGone && !guest.isInKernel) {
      guest.kick();
      return;
    }
    // Comes again when it is free.
    if (guest.hasLeft || (guest.isHeld && !process.isGone)) return;
    guest.hasLeft = true;
    if (lender !== null) {
      lender.onThreadBack?.();
    } else if (!process.isGone) {
      process.endThread(thread);
      // Nobody is left who could take up a host thread that waits for it.
      if (process.threadCount === 0) this.#destroy(process);
    }
  }

  /** The host process has ended by itself, or has been ended from outside. */
  #onHangUp(process: StubProcess): void {
    this.#parts.loop.remove(process.control);
    this.#parts.onHostDeath([...this.#guests.values()].filter((each) => each.thread.process === process));
    // Nobody has used it yet, or the last use was over.
    if (!process.isGone) this.#destroy(process);
  }

  #destroy(process: StubProcess): void {
    if (process.isGone) return;
    this.#parts.loop.remove(process.control);
    this.#parts.scheduler.unwatchProcess(process);
    this.#spaces.delete(process);
    process.kill();
    process.destroy();
  }

  /** The parent's thread makes `thread` with the commands queued for it. It is held meanwhile. */
  async #cloned(handler: GuestHandler, parent: Guest, thread: StubThread, host: StubHost): Promise<Guest | number> {
    const done = parent.nextReport();
    const count = parent.thread.commandCount;
    const guest = new Guest(handler, thread, host);
    const started = this.#started(guest);
    parent.thread.replyCommands();
    this.#parts.scheduler.watch(parent.thread);
    const failure = (await done) ? parent.thread.failure(count) : -ENOMEM;
    if (failure === 0) return started;
    thread.forgetClone();
    this.#parts.scheduler.unwatch(thread);
    if (thread.process !== parent.thread.process) this.#destroy(thread.process);
    else thread.process.giveBack(thread);
    guest.cancelReport();
    return failure;
  }

  /** Waits until a thread that is being made has reported: its guest, or -errno when it does not come up. */
  async #started(guest: Guest): Promise<Guest | number> {
    const { thread } = guest;
    const { process } = thread;
    const isFirst = !this.#spaces.has(process);
    thread.owner = guest;
    const report = guest.nextReport();
    this.#parts.scheduler.watch(thread);
    if (isFirst) this.#parts.loop.add(process.control, 0, () => this.#onHangUp(process));
    const isThere = await report;
    thread.forgetClone();
    if (!isThere) return -ENOMEM;
    if (!isFirst || process.pid > 0) return guest;
    this.#destroy(process);
    return -ENOMEM;
  }
}

function ownerOf(thread: StubThread): Guest {
  if (!(thread.owner instanceof Guest)) throw new Error('a command for a thread that nobody owns');
  return thread.owner;
}

/**
 * clone(2) and its kin: new threads, new processes, and vfork's children on borrowed threads.
 *
 * Usually the guest gets its answer at once, with the command that makes the child, and the child's first answer lies ready in its
 * mailbox before it is there (`#cloneAhead`): one exchange in all. Where the order of other work matters, the child is made first.
 */
import * as C from '../abi/clone.ts';
import { EAGAIN, ENOMEM } from '../abi/errno.ts';
import { PTRACE_EVENT_VFORK_DONE } from '../abi/ptrace.ts';
import { abandonTask, checkClone, copyTask } from '../kernel/fork.ts';
import { attachChild, cloneEvent, stopForEvent, waitWhileTraced } from '../kernel/ptrace.ts';
import { nextSignal } from '../kernel/signal-delivery.ts';
import type { Task } from '../kernel/task.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { REG } from '../platform/guest-thread.ts';
import * as L from '../platform/layout.ts';
import { openPidfd } from '../syscalls/pidfd.ts';
import type { CpuUsage } from './cpu-usage.ts';
import { type Dispatcher, NO_ANSWER } from './dispatcher.ts';
import { type CloneUnderWay, Guest } from './guest.ts';
import { GuestMemory } from './guest-memory.ts';
import { inheritPatches } from './mapped-text.ts';
import type { Processes } from './processes.ts';
import { setRegister } from './signal-frame.ts';
import { restoreThread, saveThread } from './thread-state.ts';

export interface CloneRequest {
  flags: number;
  /** CLONE_CLEAR_SIGHAND. */
  isHandlersCleared: boolean;
  exitSignal: number;
  stack: number;
  parentTid: number;
  childTid: number;
  pidfd: number;
  tls: number;
}

function copyRegisters(from: Guest, to: Guest): void {
  const bytes = new Uint8Array(from.registers.buffer, from.registers.byteOffset, 18 * 8);
  new Uint8Array(to.registers.buffer, to.registers.byteOffset, 18 * 8).set(bytes);
}

export class Clones {
  readonly #processes: Processes;
  readonly #usage: CpuUsage;
  readonly #dispatcher: () => Dispatcher;

  /** @param dispatcher is asked for when a call comes: it is made from the table that this is part of */
  constructor(processes: Processes, usage: CpuUsage, dispatcher: () => Dispatcher) {
    this.#processes = processes;
    this.#usage = usage;
    this.#dispatcher = dispatcher;
  }

  /** Makes what the request asks for: its number, or -errno. */
  clone(task: Task, request: CloneRequest): number | Promise<number> {
    const { flags } = request;
    const refused = checkClone(task, flags);
    if (refused < 0) return refused;
    const guest = this.#processes.guestOf(task);
    const isShared = (flags & C.CLONE_VM) !== 0;
    // A borrowed thread keeps its owner's thread area, so whoever wants another gets a thread of its own.
    if (isShared && (flags & (C.CLONE_VFORK | C.CLONE_SETTLS)) === C.CLONE_VFORK) {
      return this.#vfork(task, guest, request);
    }
    const { host, thread } = guest;
    const isAlone = thread.process.threadCount === 1 && !host.isBusy && !host.hasQueued;
    // What the parent alone is to find in its memory must be written behind the copy.
    const canForkAhead = isAlone && (flags & (C.CLONE_PARENT_SETTID | C.CLONE_PIDFD)) === 0;
    if (
      (flags & C.CLONE_VFORK) === 0 &&
      task.trace === null &&
      (isShared || canForkAhead) &&
      thread.commandCount === 0
    ) {
      return this.#cloneAhead(task, guest, request);
    }
    return this.#cloneFirst(task, guest, request);
  }

  /** Has the host make the child with the answer to the call, and the child's first answer ready when it is there. */
  #cloneAhead(task: Task, guest: Guest, request: CloneRequest): number {
    const processes = this.#processes;
    const dispatcher = this.#dispatcher();
    const isShared = (request.flags & C.CLONE_VM) !== 0;
    const made = isShared ? processes.threadAhead(dispatcher, guest) : processes.forkAhead(dispatcher, guest);
    if (typeof made === 'number') return made;
    const mm = isShared ? ownMemory(task, request.flags) : task.mm.clone(made.host);
    if (!isShared) inheritPatches(guest.host, mm, made.host);
    const child = this.#newTask(task, request, mm);
    if (typeof child === 'number') {
      if (mm !== task.mm || (request.flags & C.CLONE_THREAD) === 0) mm.unref();
      processes.unmake(made, guest);
      return child;
    }
    const refused = processes.commandAhead(guest, made, keepsFs(request.flags));
    if (refused < 0) {
      processes.unmake(made, guest);
      abandonTask(child);
      return refused;
    }
    this.#equip(child, made, guest, request);
    const pidfd = this.#pidfdFor(task, child, request);
    if ((request.flags & C.CLONE_CHILD_SETTID) !== 0) {
      // A fault is not an error: the child exists.
      made.thread.copyOut(request.childTid, wordOf(child.tid), 0, 4);
    }
    // Its site is patched at another call: poking it is a batch of commands of its own.
    guest.hotSite = 0;
    guest.cloneUnderWay = { child, made };
    dispatcher.exit.resumeRegisters(made, L.FPU_KEEP);
    return pidfd < 0 ? pidfd : child.tid;
  }

  /** The host has refused what `#cloneAhead` told the guest of: the result after all. */
  failedClone(guest: Guest, { child, made }: CloneUnderWay): number {
    const failure = guest.thread.failure(L.COMMAND_LIMIT);
    // Killed before it was there: it has lived and died.
    if (child.isExited) return child.tid;
    this.#processes.unmake(made, guest);
    this.#processes.disown(child);
    abandonTask(child);
    return failure === 0 ? -EAGAIN : failure;
  }

  async #cloneFirst(task: Task, guest: Guest, request: CloneRequest): Promise<number> {
    const processes = this.#processes;
    const dispatcher = this.#dispatcher();
    const { flags } = request;
    const isShared = (flags & C.CLONE_VM) !== 0;
    const forked = isShared ? await this.#newThread(task, guest, flags) : await this.#newProcess(task, guest);
    if (typeof forked === 'number') return forked;
    const { made, mm } = forked;
    // Either may have been killed meanwhile.
    const lost = task.isExited ? NO_ANSWER : made.thread.process.isGone ? -ENOMEM : 0;
    const child = lost < 0 ? lost : this.#newTask(task, request, mm);
    if (typeof child === 'number') {
      if (mm !== task.mm || (flags & C.CLONE_THREAD) === 0) mm.unref();
      processes.abandon(made);
      return child;
    }
    this.#equip(child, made, guest, request);
    const pidfd = this.#afterClone(task, child, made, request);
    const event = cloneEvent(task, (flags & C.CLONE_VFORK) !== 0, request.exitSignal);
    if (event !== 0 && (flags & C.CLONE_UNTRACED) === 0) attachChild(task, child);
    const vforkDone =
      (flags & C.CLONE_VFORK) === 0
        ? null
        : new Promise<void>((resolve) => {
            child.onVforkDone = resolve;
          });
    if (child.hasSignalToDeliver()) dispatcher.leaveWithRegisters(made, L.FPU_KEEP);
    else dispatcher.exit.resumeRegisters(made, L.FPU_KEEP);
    await stopForEvent(task, event, child.tid);
    if (vforkDone !== null) {
      await guest.awaitChild(vforkDone);
      await stopForEvent(task, event === 0 ? 0 : PTRACE_EVENT_VFORK_DONE, child.tid);
    }
    return pidfd < 0 ? pidfd : child.tid;
  }

  /** Gives the child its host thread, address space and registers. */
  #equip(child: Task, made: Guest, parent: Guest, request: CloneRequest): void {
    const { mm } = child;
    this.#processes.adopt(made, child);
    child.thread = made;
    child.mem = new GuestMemory(made.thread);
    if (made.host !== parent.host) {
      this.#processes.bind(made.thread.process, mm, child.kernel);
      made.host.onFailure = (operation, addr, length) => mm.onHostFailure(operation, addr, length);
    }
    if ((request.flags & C.CLONE_SETTLS) !== 0) made.thread.command(L.OP_SET_FS, request.tls);
    copyRegisters(parent, made);
    setRegister(made.thread, REG.rax, 0);
    if (request.stack !== 0) setRegister(made.thread, REG.rsp, request.stack);
  }

  async #newThread(task: Task, guest: Guest, flags: number): Promise<{ made: Guest; mm: AddressSpace } | number> {
    const made = await this.#processes.thread(this.#dispatcher(), guest, keepsFs(flags));
    if (typeof made === 'number') return made;
    return { made, mm: ownMemory(task, flags) };
  }

  async #newProcess(task: Task, guest: Guest): Promise<{ made: Guest; mm: AddressSpace } | number> {
    const fork = this.#processes.fork(this.#dispatcher(), guest);
    if (typeof fork === 'number') return fork;
    const mm = task.mm.clone(fork.host);
    inheritPatches(guest.host, mm, fork.host);
    const made = await fork.child;
    if (typeof made !== 'number') return { made, mm };
    mm.unref();
    return made;
  }

  #newTask(task: Task, request: CloneRequest, mm: AddressSpace): Task | number {
    return copyTask(task, request.flags, request.exitSignal, {
      mm,
      parentTid: request.parentTid,
      childTid: request.childTid,
      isHandlersCleared: request.isHandlersCleared,
    });
  }

  #afterClone(task: Task, child: Task, guest: Guest, request: CloneRequest): number {
    if ((request.flags & C.CLONE_CHILD_SETTID) !== 0) {
      // As on Linux, a fault here is not an error: the child exists.
      guest.thread.process.writeMemory(request.childTid, wordOf(child.tid), 0, 4);
    }
    return this.#pidfdFor(task, child, request);
  }

  #pidfdFor(task: Task, child: Task, { flags, pidfd }: CloneRequest): number {
    if ((flags & C.CLONE_PIDFD) === 0) return 0;
    const fd = openPidfd(task, child.group, 0);
    return fd < 0 ? fd : task.mem.writeU32(pidfd, fd);
  }

  /** The child borrows the caller's host thread until it execs or ends. */
  async #vfork(task: Task, guest: Guest, request: CloneRequest): Promise<number> {
    const processes = this.#processes;
    const dispatcher = this.#dispatcher();
    const mm = ownMemory(task, request.flags);
    const child = this.#newTask(task, request, mm);
    if (typeof child === 'number') {
      if ((request.flags & C.CLONE_THREAD) === 0) mm.unref();
      return child;
    }
    const borrower = new Guest(dispatcher, guest.thread, guest.host);
    borrower.lender = guest;
    processes.adopt(borrower, child);
    this.#usage.borrowed(child.group, guest.thread);
    child.thread = borrower;
    child.mem = new GuestMemory(guest.thread);
    const pidfd = this.#afterClone(task, child, borrower, request);
    const release = guest.hold();
    // Before the child can be killed: that gives the thread back, too.
    const threadBack = new Promise<void>((resolve) => {
      guest.onThreadBack = resolve;
    });
    const event = cloneEvent(task, true, request.exitSignal);
    if (event !== 0) {
      // Both stop while the thread is still the parent's: a tracer may look for the child before it lets the parent go.
      attachChild(task, child);
      nextSignal(child);
      await stopForEvent(task, event, child.tid);
      await waitWhileTraced(child);
    }
    const saved = await saveThread(processes, guest);
    if (!borrower.isDead) {
      guest.thread.owner = borrower;
      setRegister(borrower.thread, REG.rax, 0);
      if (request.stack !== 0) setRegister(borrower.thread, REG.rsp, request.stack);
      dispatcher.exit.resumeRegisters(borrower, L.FPU_KEEP);
    }
    await guest.awaitChild(threadBack);
    guest.onThreadBack = null;
    guest.thread.owner = guest;
    guest.isInKernel = true;
    release();
    if (guest.isDead) return NO_ANSWER;
    restoreThread(guest, saved);
    setRegister(guest.thread, REG.rax, pidfd < 0 ? pidfd : child.tid);
    await stopForEvent(task, event === 0 ? 0 : PTRACE_EVENT_VFORK_DONE, child.tid);
    dispatcher.leaveWithRegisters(guest, L.FPU_KEEP);
    return NO_ANSWER;
  }
}

/** The address space of whoever shares it: threads of one process count as one user. */
function ownMemory(task: Task, flags: number): AddressSpace {
  return (flags & C.CLONE_THREAD) === 0 ? task.mm.ref() : task.mm;
}

/** Whether a thread has its maker's fs base, which it cannot be told from it by then. */
function keepsFs(flags: number): boolean {
  return (flags & C.CLONE_SETTLS) === 0;
}

/** A little-endian int. */
function wordOf(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

/** fork(2) and vfork(2) as clone. */
export function plainClone(flags: number): CloneRequest {
  return { flags, isHandlersCleared: false, exitSignal: 17, stack: 0, parentTid: 0, childTid: 0, pidfd: 0, tls: 0 };
}

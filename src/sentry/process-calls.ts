/**
 * The system calls that make, replace or steer the thread they are made on: clone, exec, rt_sigreturn, arch_prctl.
 */
import * as C from '../abi/clone.ts';
import { EINVAL, ENOMEM, EPERM } from '../abi/errno.ts';
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from '../abi/fcntl.ts';
import * as P from '../abi/ptrace.ts';
import { SigInfo } from '../abi/siginfo.ts';
import { applyExecCredentials, beginExec } from '../kernel/exec.ts';
import { stopForEvent } from '../kernel/ptrace.ts';
import { forceSignal, sendSignalToTask } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { AddressSpace } from '../mm/address-space.ts';
import { type LoadRequest, loadProgram } from '../mm/exec/loader.ts';
import { applyPlan, LoadFailure, releasePlan } from '../mm/exec/plan.ts';
import { REG } from '../platform/guest-thread.ts';
import * as L from '../platform/layout.ts';
import { openExec } from '../vfs/open.ts';
import { Clones, plainClone } from './clone.ts';
import type { CpuUsage } from './cpu-usage.ts';
import { type Dispatcher, NO_ANSWER } from './dispatcher.ts';
import { isReadable, newCredentials } from './exec-credentials.ts';
import { GuestMemory } from './guest-memory.ts';
import type { HostLayout } from './host-layout.ts';
import { showTitle } from './host-title.ts';
import { startPatching } from './mapped-text.ts';
import { declareProcessCalls } from './process-call-table.ts';
import type { Processes } from './processes.ts';
import { readStrings } from './read-strings.ts';
import { popFrame, setRegister } from './signal-frame.ts';

const AT_FDCWD = -100;
const SIGTRAP = 5;
const SIGSEGV = 11;
const SI_KERNEL = 128;
const CLONE_ARGS_MIN = 64;
/** struct clone_args as far as this kernel knows it. */
const CLONE_ARGS_KNOWN = 88;
const CLONE_ARGS_MAX = 4096;
const E2BIG = 7;
const ADDR_NO_RANDOMIZE = 0x40000;
const RLIMIT_STACK = 3;
const ARCH_SET_GS = 0x1001;
const ARCH_SET_FS = 0x1002;
const ARCH_GET_FS = 0x1003;
const ARCH_GET_GS = 0x1004;
const USER_END = 2 ** 47;

export class ProcessCalls {
  readonly clones: Clones;
  readonly #processes: Processes;
  readonly #layout: HostLayout;
  #dispatcher: Dispatcher | null = null;

  readonly #usage: CpuUsage;

  constructor(processes: Processes, layout: HostLayout, usage: CpuUsage) {
    this.#processes = processes;
    this.#layout = layout;
    this.#usage = usage;
    this.clones = new Clones(processes, usage, () => this.dispatcher);
  }

  /** Set once, before the first call: the dispatcher is made from this table. */
  set dispatcher(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }
  get dispatcher(): Dispatcher {
    if (this.#dispatcher === null) throw new Error('a process call came before the dispatcher');
    return this.#dispatcher;
  }

  readonly defs = declareProcessCalls({
    sigreturn: (task) => this.#sigreturn(task),
    clone: (task, flags, stack, parentTid, childTid, tls) =>
      this.clones.clone(task, {
        flags: (flags & ~0xff) >>> 0,
        isHandlersCleared: false,
        exitSignal: flags & 0xff,
        stack,
        parentTid,
        childTid,
        pidfd: parentTid,
        tls,
      }),
    fork: (task) => this.clones.clone(task, plainClone(0)),
    vfork: (task) => this.clones.clone(task, plainClone(C.CLONE_VFORK | C.CLONE_VM)),
    execve: (task, path, argv, envp) => this.#execve(task, AT_FDCWD, path, argv, envp, 0),
    execveat: (task, dirfd, path, argv, envp, flags) => this.#execve(task, dirfd, path, argv, envp, flags),
    archPrctl: (task, code, addr) => this.#archPrctl(task, code, addr),
    clone3: (task, args, size) => this.#clone3(task, args, size),
  });

  #sigreturn(task: Task): number {
    const guest = this.#processes.guestOf(task);
    if (popFrame(task, guest.thread) < 0) {
      forceSignal(task, SIGSEGV, SI_KERNEL);
      return 0;
    }
    this.dispatcher.leaveWithRegisters(guest, L.FPU_KEEP);
    return NO_ANSWER;
  }

  #archPrctl(task: Task, code: number, addr: number): number | Promise<number> {
    const guest = this.#processes.guestOf(task);
    const { thread } = guest;
    if (code === ARCH_SET_FS || code === ARCH_SET_GS) {
      if (addr >= USER_END) return -1;
      thread.command(code === ARCH_SET_FS ? L.OP_SET_FS : L.OP_SET_GS, addr);
      return 0;
    }
    if (code !== ARCH_GET_FS && code !== ARCH_GET_GS) return -EINVAL;
    const command = thread.command(code === ARCH_GET_FS ? L.OP_GET_FS : L.OP_GET_GS);
    return this.#processes
      .carryOut(guest)
      .then((failure) => (failure < 0 ? failure : task.mem.writeU64(addr, thread.commandResult(command))));
  }

  #clone3(task: Task, args: number, size: number): number | Promise<number> {
    if (size > CLONE_ARGS_MAX) return -E2BIG;
    if (size < CLONE_ARGS_MIN) return -EINVAL;
    const bytes = task.mem.readBytes(args, size);
    if (typeof bytes === 'number') return bytes;
    for (let i = CLONE_ARGS_KNOWN; i < size; i++) if (bytes[i] !== 0) return -E2BIG;
    // What an older program does not give is zero (copy_struct_from_user).
    const known = new Uint8Array(CLONE_ARGS_KNOWN);
    known.set(bytes.subarray(0, CLONE_ARGS_KNOWN));
    const view = new DataView(known.buffer);
    const field = (i: number): number => view.getUint32(i * 8, true) + view.getUint32(i * 8 + 4, true) * 2 ** 32;
    const high = Math.floor(field(0) / 2 ** 32);
    const flags = field(0) % 2 ** 32;
    const stackSize = field(6);
    const exitSignal = field(4);
    if ((high & ~1) !== 0 || (flags & (C.CLONE_DETACHED | 0xff)) !== 0 || exitSignal > 64) return -EINVAL;
    if (size > CLONE_ARGS_MIN && (field(8) !== 0 || field(9) !== 0)) return -EINVAL;
    if ((field(5) === 0) !== (stackSize === 0)) return -EINVAL;
    if ((flags & (C.CLONE_THREAD | C.CLONE_PARENT)) !== 0 && exitSignal !== 0) return -EINVAL;
    return this.clones.clone(task, {
      flags,
      isHandlersCleared: (high & 1) !== 0,
      exitSignal,
      stack: field(5) + stackSize,
      pidfd: field(1),
      childTid: field(2),
      parentTid: field(3),
      tls: field(7),
    });
  }

  async #execve(
    task: Task,
    dirfd: number,
    pathAddr: number,
    argvAddr: number,
    envpAddr: number,
    flags: number,
  ): Promise<number> {
    if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) !== 0) return -EINVAL;
    const path = task.mem.readPath(pathAddr);
    if (typeof path === 'number') return path;
    const argv = readStrings(task.mm, argvAddr);
    if (typeof argv === 'number') return argv;
    const envp = readStrings(task.mm, envpAddr);
    if (typeof envp === 'number') return envp;
    const result = await this.exec(task, dirfd, path, argv, envp, flags);
    // Whoever runs programs will run another one.
    if (result === NO_ANSWER) this.dispatcher.track(null, this.#processes.prepare(this.dispatcher, task.kernel));
    return result;
  }

  /** Replaces the program of `task`: -errno, or NO_ANSWER when the new one runs or the task has been killed. */
  async exec(task: Task, dirfd: number, path: string, argv: string[], envp: string[], flags: number): Promise<number> {
    const processes = this.#processes;
    const layout = this.#layout;
    const { dispatcher } = this;
    const file = openExec(task, dirfd, path, flags);
    if (typeof file === 'number') return file;
    const filename =
      dirfd === AT_FDCWD || path.startsWith('/') ? path : `/dev/fd/${dirfd}${path === '' ? '' : `/${path}`}`;
    const request: LoadRequest = {
      file,
      filename,
      argv,
      envp,
      openExecutable: (name) => openExec(task, AT_FDCWD, name, 0),
      isPathInaccessible: dirfd !== AT_FDCWD && !path.startsWith('/') && task.files.isCloexec(dirfd),
      ids: (executable) => {
        const { creds, isSecure } = newCredentials(task, executable);
        return { uid: creds.uid, euid: creds.euid, gid: creds.gid, egid: creds.egid, isSecure };
      },
      random: (dst, at, length) => task.kernel.random(dst, at, length),
      isRandomized: (task.personality & ADDR_NO_RANDOMIZE) === 0,
      stackLimit: task.group.limits.soft(RLIMIT_STACK),
      reserved: layout.reserved,
      vdsoAddress: layout.vdsoAddress,
      hwcap: layout.hwcap,
      hwcap2: layout.hwcap2,
      minSigStackSize: layout.minSigStackSize,
    };
    const plan = loadProgram(request);
    if (plan instanceof LoadFailure) {
      if (!plan.isFatal) return -plan.errno;
      forceSignal(task, SIGSEGV, SI_KERNEL);
      return -plan.errno;
    }
    if (newCredentials(task, plan.executable).isRefused) {
      releasePlan(plan);
      return -EPERM;
    }
    const mayRead = isReadable(task, plan.executable);
    const fresh = await processes.spawn(dispatcher, task.kernel);
    if (typeof fresh === 'number') {
      releasePlan(plan);
      return fresh;
    }
    if (task.isExited || fresh.thread.process.isGone) {
      releasePlan(plan);
      processes.abandon(fresh);
      return task.isExited ? NO_ANSWER : -ENOMEM;
    }
    const exec = newCredentials(task, plan.executable);
    beginExec(task);
    const guest = processes.guestOf(task);
    this.#usage.beforeExec(task.group, guest.lender !== null);
    const oldThread = guest.thread;
    const oldMm = task.mm;
    const mm = new AddressSpace(fresh.host, task.group.limits);
    for (const { start, end, name, prot } of layout.ranges) {
      mm.reserve(start, end, name === '' ? 'reserved' : 'special', name, prot);
    }
    fresh.host.onFailure = (operation, addr, length) => mm.onHostFailure(operation, addr, length);
    if (layout.canPatch) startPatching(mm, fresh.host);
    processes.bind(fresh.thread.process, mm, task.kernel);
    task.mm = mm;
    oldMm.unref();
    const { lender } = guest;
    if (lender === null) processes.leave(guest, oldThread);
    guest.lender = null;
    guest.thread = fresh.thread;
    guest.host = fresh.host;
    fresh.thread.owner = guest;
    task.mem = new GuestMemory(fresh.thread);
    const vforkDone = task.onVforkDone;
    task.onVforkDone = null;
    vforkDone?.();
    lender?.onThreadBack?.();
    guest.host.current = fresh.thread;
    showTitle(fresh.host, layout.title, plan);
    const failed = await applyPlan(plan, mm);
    if (task.isExited) {
      releasePlan(plan);
      return NO_ANSWER;
    }
    task.files.closeOnExec();
    task.name = plan.name.slice(0, 15);
    applyExecCredentials(task, exec, mayRead);
    const { entry, stackPointer } = plan;
    releasePlan(plan);
    if (failed < 0) {
      forceSignal(task, SIGSEGV, SI_KERNEL);
      return 0;
    }
    for (let i = 0; i < 18; i++) setRegister(guest.thread, i, 0);
    setRegister(guest.thread, REG.rip, entry);
    setRegister(guest.thread, REG.rsp, stackPointer);
    setRegister(guest.thread, REG.rflags, 0x202);
    await tellOfExec(task);
    dispatcher.leaveWithRegisters(guest, L.FPU_RESET);
    return NO_ANSWER;
  }
}

/** A tracer that did not ask for the event gets a SIGTRAP at the first instruction (ptrace(2)). */
async function tellOfExec(task: Task): Promise<void> {
  const { trace } = task;
  if (trace === null) return;
  if ((trace.options & P.PTRACE_O_TRACEEXEC) !== 0) await stopForEvent(task, P.PTRACE_EVENT_EXEC, task.tid);
  else if (!trace.isSeized) sendSignalToTask(task, new SigInfo(SIGTRAP, 0, task.pid, task.creds.uid));
}

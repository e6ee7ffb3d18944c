/** Every system call as a line of text, as `strace -f` would print it (strace(1)). */
import { ERESTART_RESTARTBLOCK, ERESTARTSYS } from '../../abi/errno.ts';
import { O_CREAT, O_TMPFILE_BIT } from '../../abi/fcntl.ts';
import type { SigInfo } from '../../abi/siginfo.ts';
import { SIGCHLD } from '../../abi/signal.ts';
import type { Task } from '../../kernel/task.ts';
import type { SyscallDef } from '../../syscalls/define.ts';
import type { Tracer } from '../dispatcher.ts';
import type { Guest } from '../guest.ts';
import { decodeArgument, hex, isResult, type ReadMemory } from './decode.ts';
import { errorText, fcntlCommandName, ioctlName, signalCodeName, signalName } from './names.ts';

/** Calls whose result is an address. */
const ADDRESS_RESULTS: ReadonlySet<string> = new Set(['mmap', 'mremap', 'brk', 'shmat']);
/** Calls that do not come back. */
const ENDLESS: ReadonlySet<string> = new Set(['exit', 'exit_group', 'rt_sigreturn']);

interface OpenCall {
  readonly def: SyscallDef;
  /** The arguments that were known when it began; undefined for those the kernel fills in. */
  readonly known: readonly (string | undefined)[];
  /** Its beginning has been printed because another thread's line came in between. */
  isAnnounced: boolean;
}

export class StraceWriter implements Tracer {
  readonly #write: (line: string) => void;
  readonly #calls: ReadonlySet<string>;
  readonly #open = new Map<Guest, OpenCall>();

  /** @param calls the names of those to show; all if there are none */
  constructor(write: (line: string) => void, calls: readonly string[]) {
    this.#write = write;
    this.#calls = new Set(calls);
  }

  enter(guest: Guest, def: SyscallDef, args: Float64Array): void {
    if (this.#calls.size > 0 && !this.#calls.has(def.name)) return;
    const known = knownArguments(guest, def, args);
    if (ENDLESS.has(def.name)) {
      this.#line(guest, `${`${def.name}(${known.join(', ')})`.padEnd(39)} = ?`);
      return;
    }
    this.#open.set(guest, { def, known, isAnnounced: false });
  }

  exit(guest: Guest, def: SyscallDef, args: Float64Array, result: number): void {
    const call = this.#open.get(guest);
    this.#open.delete(guest);
    if (call === undefined) return;
    const read = memoryOf(guest);
    const shown = call.known.map((text, i) => text ?? argument(def, i, args, read, result));
    const start = call.isAnnounced
      ? `<... ${def.name} resumed>${shown.slice(knownAtStart(call)).join(', ')})`
      : `${def.name}(${shown.join(', ')})`;
    this.#line(guest, `${start.padEnd(call.isAnnounced ? 0 : 39)} = ${resultText(def, result)}`);
  }

  signal(task: Task, info: SigInfo): void {
    const child = info.signo === SIGCHLD ? `, si_status=${info.status}` : '';
    const sender = info.code <= 0 || info.signo === SIGCHLD ? `, si_pid=${info.pid}, si_uid=${info.uid}${child}` : '';
    const fault = info.addr !== 0 ? `, si_addr=${hex(info.addr)}` : '';
    const name = signalName(info.signo);
    this.#print(
      task.tid,
      `--- ${name} {si_signo=${name}, si_code=${signalCodeName(info.signo, info.code)}${sender}${fault}} ---`,
    );
  }

  /** @param status as wait(2) gives it */
  ended(task: Task, status: number): void {
    const signo = status & 0x7f;
    this.#print(
      task.tid,
      signo === 0 ? `+++ exited with ${status >> 8} +++` : `+++ killed by ${signalName(signo)} +++`,
    );
  }

  #line(guest: Guest, text: string): void {
    for (const [other, call] of this.#open) {
      if (other === guest || call.isAnnounced) continue;
      call.isAnnounced = true;
      const known = call.known.slice(0, knownAtStart(call));
      const rest = known.length < call.known.length && known.length > 0 ? ', ' : '';
      this.#print(other.task.tid, `${call.def.name}(${known.join(', ')}${rest} <unfinished ...>`);
    }
    this.#print(guest.task.tid, text);
  }

  #print(tid: number, text: string): void {
    this.#write(`[pid ${String(tid).padStart(5)}] ${text}`);
  }
}

/** Undefined stands for those that the kernel fills in. */
function knownArguments(guest: Guest, def: SyscallDef, args: Float64Array): (string | undefined)[] {
  const read = memoryOf(guest);
  const types = def.args.slice(0, shownCount(def, args));
  return types.map((type, i) => (isResult(type) ? undefined : argument(def, i, args, read, null)));
}

/** A call under way. */
export function callText(guest: Guest, def: SyscallDef, args: Float64Array): string {
  const known = knownArguments(guest, def, args);
  return `${def.name}(${known.map((text, i) => text ?? hex(args[i] ?? 0)).join(', ')})`;
}

/** How many arguments are printed at once: strace goes on behind the first that the kernel fills in when the call is over. */
function knownAtStart({ known }: OpenCall): number {
  const unknown = known.indexOf(undefined);
  return unknown < 0 ? known.length : unknown;
}

/** The mode of open(2) is only there when a file may be made. */
function shownCount({ name, args }: SyscallDef, values: Float64Array): number {
  const flagsAt = name === 'open' ? 1 : name === 'openat' ? 2 : -1;
  if (flagsAt < 0 || ((values[flagsAt] ?? 0) & (O_CREAT | O_TMPFILE_BIT)) !== 0) return args.length;
  return args.length - 1;
}

function argument(def: SyscallDef, i: number, args: Float64Array, read: ReadMemory, result: number | null): string {
  if (def.name === 'fcntl' && i === 1) return fcntlCommandName(args[1] ?? 0);
  if (def.name === 'ioctl' && i === 1) return ioctlName(args[1] ?? 0);
  return decodeArgument(def.args[i] ?? 'ptr', i, args, read, result);
}

/** Bytes that are on their way to the guest count as there. */
function memoryOf({ thread }: Guest): ReadMemory {
  return (addr, length) => {
    if (length === 0) return new Uint8Array(0);
    const at = thread.pendingCopyOut(addr, length);
    if (at >= 0) return thread.process.window.u8.slice(at, at + length);
    const bytes = new Uint8Array(length);
    return thread.process.readMemory(addr, bytes, 0, length) === length ? bytes : null;
  };
}

function resultText({ name }: SyscallDef, result: number): string {
  if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK) return `? ${errorText(-result)}`;
  if (result < 0 && result >= -4095) return `-1 ${errorText(-result)}`;
  if (result < 0) return '0';
  return ADDRESS_RESULTS.has(name) ? `0x${result.toString(16)}` : String(result);
}

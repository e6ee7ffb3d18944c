/**
 * How a syscall is declared: one line in the table of its family is the truth about it. The dispatcher, the strace decoder
 * and docs/SYSCALLS.md all come from it.
 */
import type { Task } from '../kernel/task.ts';

/**
 * What an argument is. It fixes how the register becomes a JS number and how strace prints it.
 * - `int`, `fd`, `dirfd`, `pid`, `signal`, `whence`, `clockid`, `idtype`, `accessmode`, `waitoptions`: signed 32 bits.
 * - `uint`, `mode`, `openflags`, `fdflags` (those O_* that a call without an access mode takes), `prot`, `mapflags`, `atflags`, `uid`,
 *   `gid`, `cloneflags`, `flags`, `hex`, `cmd`, `resource`: unsigned 32 bits.
 * - `ptr`, `path`, `str`, `buf`, `outbuf`, `iov`, `argv`, `size`, `ulong`, and pointers to structs (`timespec`, `sigset`, `pollfd`,
 *   `statbuf`, `sigaction`, ...): unsigned 64 bits, exact below 2^53.
 * - `long`, `off`: signed 64 bits, exact within 2^53.
 */
export type ArgType =
  | 'int'
  | 'fd'
  | 'dirfd'
  | 'pid'
  | 'signal'
  | 'whence'
  | 'clockid'
  | 'idtype'
  | 'uint'
  | 'mode'
  | 'openflags'
  | 'fdflags'
  | 'accessmode'
  | 'waitoptions'
  | 'resource'
  | 'prot'
  | 'mapflags'
  | 'atflags'
  | 'uid'
  | 'gid'
  | 'cloneflags'
  | 'flags'
  | 'hex'
  | 'cmd'
  | 'ptr'
  | 'path'
  | 'str'
  | 'buf'
  | 'outbuf'
  | 'iov'
  | 'argv'
  | 'size'
  | 'ulong'
  | 'timespec'
  | 'timeval'
  | 'sigset'
  | 'pollfd'
  | 'statbuf'
  | 'sigaction'
  | 'stack'
  | 'rlimit'
  | 'outrlimit'
  | 'waitstatus'
  | 'epollevent'
  | 'fdpair'
  | 'int*'
  | 'long'
  | 'off';

/** A handler's signature reads like the man page; it gives the result or -errno, now or when it has stopped blocking. */
export type Handler = (
  task: Task,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  a4: number,
  a5: number,
) => number | Promise<number>;

export interface SyscallDef {
  readonly nr: number;
  readonly name: string;
  readonly args: readonly ArgType[];
  readonly handler: Handler;
  /** `full`: as on Linux; `partial`: `note` says what is missing. */
  readonly support: 'full' | 'partial';
  readonly note: string;
}

/** Declares a syscall that behaves as on Linux. */
export function full(nr: number, name: string, args: readonly ArgType[], handler: Handler): SyscallDef {
  return { nr, name, args, handler, support: 'full', note: '' };
}

/** Declares a syscall of which a part is missing; `note` says which. */
export function partial(
  nr: number,
  name: string,
  args: readonly ArgType[],
  handler: Handler,
  note: string,
): SyscallDef {
  return { nr, name, args, handler, support: 'partial', note };
}

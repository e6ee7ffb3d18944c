/**
 * The stack a program starts with: strings, pointers to them and the auxiliary vector (Linux: copy_strings and
 * create_elf_tables; getauxval(3)).
 */
import { E2BIG } from '../../abi/errno.ts';

const MAX_ARG_STRLEN = 128 * 1024;
const ARG_MAX = 128 * 1024;
/** Three quarters of the default stack limit. */
const ARG_TOTAL_MAX = 6 * 2 ** 20;
const POINTER = 8;

const AT_NULL = 0;
const AT_PHDR = 3;
const AT_PHENT = 4;
const AT_PHNUM = 5;
const AT_PAGESZ = 6;
const AT_BASE = 7;
const AT_FLAGS = 8;
const AT_ENTRY = 9;
const AT_UID = 11;
const AT_EUID = 12;
const AT_GID = 13;
const AT_EGID = 14;
const AT_PLATFORM = 15;
const AT_HWCAP = 16;
const AT_CLKTCK = 17;
const AT_SECURE = 23;
const AT_RANDOM = 25;
const AT_HWCAP2 = 26;
const AT_EXECFN = 31;
const AT_SYSINFO_EHDR = 33;
const AT_MINSIGSTKSZ = 51;

const PLATFORM = 'x86_64';
const RANDOM_BYTES = 16;

export interface StackStrings {
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  /** AT_EXECFN: the name exec was called with. */
  readonly filename: string;
}

/** Values of the auxiliary vector that are not addresses in the stack. */
export interface AuxValues {
  /** 0 for none. */
  readonly vdso: number;
  readonly minSigStackSize: number;
  readonly hwcap: number;
  readonly hwcap2: number;
  readonly phdr: number;
  readonly phent: number;
  readonly phnum: number;
  readonly base: number;
  readonly entry: number;
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
  readonly isSecure: boolean;
}

export interface Stack {
  readonly pointer: number;
  readonly bytes: Uint8Array;
  readonly argStart: number;
  readonly argEnd: number;
  readonly envStart: number;
  readonly envEnd: number;
  readonly auxv: Uint8Array;
}

/** E2BIG when arguments and environment do not fit under the stack limit (bprm_stack_limits; "Limits", execve(2)), else 0. */
export function argumentsError(strings: StackStrings, stackLimit: number): number {
  const { argv, envp, filename } = strings;
  const limit = Math.max(Math.min(ARG_TOTAL_MAX, Math.floor(stackLimit / 4)), ARG_MAX);
  let total = (Math.max(argv.length, 1) + envp.length) * POINTER + filename.length + 1;
  if (total > limit) return E2BIG;
  for (const list of [argv, envp]) {
    for (const s of list) {
      if (s.length + 1 > MAX_ARG_STRLEN) return E2BIG;
      total += s.length + 1;
      if (total > limit) return E2BIG;
    }
  }
  return 0;
}

/** More than the stack's contents can take, once `argumentsError` has said 0. */
export const STACK_CONTENTS_MAX = ARG_TOTAL_MAX + 32 * 1024;

function stringBytes(list: readonly string[]): number {
  let n = 0;
  for (const s of list) n += s.length + 1;
  return n;
}

function alignDown16(n: number): number {
  return n - (n % 16);
}

/**
 * @param end the address where the stack ends
 * @param shift how far it is shifted for randomization, 0 to 8191
 * @param random 16 bytes, for AT_RANDOM
 */
export function buildStack(
  end: number,
  strings: StackStrings,
  aux: AuxValues,
  shift: number,
  random: Uint8Array,
): Stack {
  const { argv, envp, filename } = strings;
  const execfn = end - POINTER - (filename.length + 1);
  const envEnd = execfn;
  const envStart = envEnd - stringBytes(envp);
  const argEnd = envStart;
  const argStart = argEnd - stringBytes(argv);
  const platform = alignDown16(argStart - shift) - (PLATFORM.length + 1);
  const randomAt = alignDown16(platform - RANDOM_BYTES);

  const pairs: number[] = [];
  if (aux.vdso !== 0) pairs.push(AT_SYSINFO_EHDR, aux.vdso);
  pairs.push(AT_MINSIGSTKSZ, aux.minSigStackSize, AT_HWCAP, aux.hwcap, AT_PAGESZ, 4096, AT_CLKTCK, 100);
  pairs.push(AT_PHDR, aux.phdr, AT_PHENT, aux.phent, AT_PHNUM, aux.phnum, AT_BASE, aux.base, AT_FLAGS, 0);
  pairs.push(AT_ENTRY, aux.entry, AT_UID, aux.uid, AT_EUID, aux.euid, AT_GID, aux.gid, AT_EGID, aux.egid);
  pairs.push(AT_SECURE, aux.isSecure ? 1 : 0, AT_RANDOM, randomAt, AT_HWCAP2, aux.hwcap2, AT_EXECFN, execfn);
  pairs.push(AT_PLATFORM, platform, AT_NULL, 0);

  const words = 1 + argv.length + 1 + envp.length + 1 + pairs.length;
  const pointer = alignDown16(randomAt - words * POINTER);
  const bytes = Buffer.alloc(end - pointer);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = 0;
  const word = (value: number): void => {
    view.setUint32(at, value % 2 ** 32, true);
    view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
    at += POINTER;
  };
  const text = (s: string, address: number): number => {
    bytes.write(s, address - pointer, 'latin1');
    return address + s.length + 1;
  };
  word(argv.length);
  let next = argStart;
  for (const s of argv) {
    word(next);
    next = text(s, next);
  }
  word(0);
  for (const s of envp) {
    word(next);
    next = text(s, next);
  }
  word(0);
  const auxAt = at;
  for (const value of pairs) word(value);
  const auxv = new Uint8Array(bytes.subarray(auxAt, at));
  text(filename, execfn);
  text(PLATFORM, platform);
  bytes.set(random.subarray(0, RANDOM_BYTES), randomAt - pointer);
  return { pointer, bytes, argStart, argEnd, envStart, envEnd, auxv };
}

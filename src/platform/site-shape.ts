/**
 * The shapes of system call sites that can be made into jumps, and the bytes for it. The `syscall` instruction itself always
 * stays where it is, so that a jump that lands on it still works, by the slow way.
 */
import { findPadding } from './instruction-length.ts';
import * as L from './layout.ts';

/** Bytes to overwrite, at most six. */
export interface Poke {
  readonly addr: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** What it takes to make a site into a jump. */
export interface SitePatch {
  /** In the order in which they are to be made; undone backwards. */
  readonly pokes: readonly Poke[];
  /** Code of the trampoline, position-independent but for `jmp *(entry word of its page)`. */
  readonly trampoline: readonly number[];
}

export const TRAMPOLINE_SIZE = 32;
/** The last word of a trampoline page is the address they all jump to. */
export const ENTRY_WORD = 4096 - 8;
/** How far a short jump may look for room, and how many bytes around a site the planner needs. */
export const BYTES_BEFORE = 16;
export const BYTES_AFTER = 144;

const SYSCALL_LENGTH = 2;
const MOV_LENGTH = 5;
const XOR_LENGTH = 2;
const JUMP_LENGTH = 5;
/** rt_sigreturn: unwinders know its site by its bytes. */
const RT_SIGRETURN = 15;

/** The number a site loads, when it has a known shape; -1 otherwise. `end` is the index after its `syscall`. */
export function siteNumber(code: Uint8Array, end: number): number {
  if (code[end - 2] !== 0x0f || code[end - 1] !== 0x05) return -1;
  if (isXor(code, end)) return 0;
  if (code[end - 7] !== 0xb8) return -1;
  const nr = code[end - 6] | (code[end - 5] << 8) | (code[end - 4] << 16) | (code[end - 3] << 24);
  return nr === RT_SIGRETURN ? -1 : nr;
}

function isXor(code: Uint8Array, end: number): boolean {
  return (code[end - 4] === 0x31 || code[end - 4] === 0x33) && code[end - 3] === 0xc0;
}

function word32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
}

/** jmp rel32 at `addr` */
function jump(addr: number, target: number): number[] {
  return [0xe9, ...word32(target - (addr + JUMP_LENGTH))];
}

/** movabs $(index << 32 | nr),%rax; jmp *(entry word) */
function trampolineCode(displaced: readonly number[], trampoline: number, index: number, nr: number): number[] {
  const load = [...displaced, 0x48, 0xb8, ...word32(nr), ...word32(index)];
  const next = (trampoline % 4096) + load.length + 6;
  return [...load, 0xff, 0x25, ...word32(ENTRY_WORD - next)];
}

/**
 * @param code bytes around the site, `code[end]` being the one after its `syscall`, which is at address `rip`
 * @param trampoline address of the slot for its code
 * @param index the site's number in the stub's table
 * @returns null when the site has no shape that can be patched
 */
export function planPatch(
  code: Uint8Array,
  end: number,
  rip: number,
  trampoline: number,
  index: number,
): SitePatch | null {
  const nr = siteNumber(code, end);
  if (nr < 0) return null;
  const bytes = (at: number, length: number): number[] => [...code.subarray(at, at + length)];
  if (!isXor(code, end)) {
    const addr = rip - SYSCALL_LENGTH - MOV_LENGTH;
    const poke = { addr, before: bytes(end - 7, MOV_LENGTH), after: jump(addr, trampoline) };
    return { pokes: [poke], trampoline: trampolineCode([], trampoline, index, nr) };
  }
  // `xor %eax,%eax` is too short for a jump that far: it becomes one to padding near by, which jumps on.
  const addr = rip - SYSCALL_LENGTH - XOR_LENGTH;
  const padding = findPadding(code, end, JUMP_LENGTH, Math.min(code.length - JUMP_LENGTH, end + 120));
  if (padding < 0) return null;
  const stepAddr = rip + (padding - end);
  const distance = stepAddr - (addr + XOR_LENGTH);
  if (distance > 127) return null;
  const step = { addr: stepAddr, before: bytes(padding, JUMP_LENGTH), after: jump(stepAddr, trampoline) };
  const site = { addr, before: bytes(end - 4, XOR_LENGTH), after: [0xeb, distance] };
  // The xor is made in the trampoline, for its flags.
  return { pokes: [step, site], trampoline: trampolineCode(bytes(end - 4, XOR_LENGTH), trampoline, index, 0) };
}

/** Six bytes as a number: how the words of OP_WRITE and OP_POKE carry them. */
export function packBytes(bytes: readonly number[], from: number): number {
  let word = 0;
  for (let i = 5; i >= 0; i--) word = word * 256 + (bytes[from + i] ?? 0);
  return word;
}

/** Six bytes of an address, for the stub's table of return addresses and the entry word. */
export function addressBytes(addr: number): number[] {
  const bytes: number[] = [];
  for (let rest = addr; bytes.length < 8; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
  return bytes;
}

/** Where the stub looks up the return address of a site. */
export function siteTableEntry(index: number): number {
  return L.SITE_TABLE + index * 8;
}

/**
 * The shapes of system call sites that can be made into jumps, and the bytes for it. Where the number is loaded right before, that
 * load becomes the jump and the `syscall` itself stays where it is, so that a jump that lands on it still works, by the slow way.
 * Elsewhere (syscall(3), Go) the `syscall` becomes a jump just as long.
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
const SHORT_JUMP_LENGTH = 2;
const MOVABS_RAX = [0x48, 0xb8];
const MOV_EAX_ECX = [0x89, 0xc1];
/** lea (%rax,%rcx),%rax */
const LEA_RCX_RAX = [0x48, 0x8d, 0x04, 0x08];
/** How far before the end of its `syscall` a site may be overwritten from. */
export const SITE_LENGTHS = [SYSCALL_LENGTH, SYSCALL_LENGTH + XOR_LENGTH, SYSCALL_LENGTH + MOV_LENGTH];
/** rt_sigreturn: unwinders know its site by its bytes. */
const RT_SIGRETURN = 15;

/** The call's number comes from elsewhere. */
const ANY = -1;

/**
 * The number a site loads, ANY when it loads none that is `nr`, which it was called with: what looks like `mov $nr,%eax` may be the
 * end of another instruction. null when it must stay. `end` is the index after its `syscall`.
 */
export function siteShape(code: Uint8Array, end: number, nr: number): number | null {
  if (code[end - 2] !== 0x0f || code[end - 1] !== 0x05 || nr === RT_SIGRETURN) return null;
  if (isXor(code, end)) return nr === 0 ? 0 : ANY;
  if (code[end - 7] !== 0xb8) return ANY;
  const loaded = code[end - 6] | (code[end - 5] << 8) | (code[end - 4] << 16) | (code[end - 3] << 24);
  return loaded === nr ? nr : ANY;
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
  return jumpingOn([...displaced, ...MOVABS_RAX, ...word32(nr), ...word32(index)], trampoline);
}

/** The same with the number that is in eax, and the flags left alone; rcx is free, as after a syscall. */
function anyNumberCode(trampoline: number, index: number): number[] {
  return jumpingOn([...MOV_EAX_ECX, ...MOVABS_RAX, ...word32(0), ...word32(index), ...LEA_RCX_RAX], trampoline);
}

function jumpingOn(code: readonly number[], trampoline: number): number[] {
  const next = (trampoline % 4096) + code.length + 6;
  return [...code, 0xff, 0x25, ...word32(ENTRY_WORD - next)];
}

/**
 * @param code bytes around the site, `code[end]` being the one after its `syscall`, which is at address `rip`
 * @param trampoline address of the slot for its code
 * @param index the site's number in the stub's table
 * @param nr the number it is called with
 * @returns null when the site cannot be patched
 */
export function planPatch(
  code: Uint8Array,
  end: number,
  rip: number,
  trampoline: number,
  index: number,
  nr: number,
): SitePatch | null {
  const shape = siteShape(code, end, nr);
  if (shape === null) return null;
  const bytes = (at: number, length: number): number[] => [...code.subarray(at, at + length)];
  if (shape !== ANY && !isXor(code, end)) {
    const addr = rip - SYSCALL_LENGTH - MOV_LENGTH;
    const poke = { addr, before: bytes(end - 7, MOV_LENGTH), after: jump(addr, trampoline) };
    return { pokes: [poke], trampoline: trampolineCode([], trampoline, index, nr) };
  }
  // Two bytes are too few for a jump that far: they become one to padding near by, which jumps on.
  const at = shape === ANY ? end - SYSCALL_LENGTH : end - SYSCALL_LENGTH - XOR_LENGTH;
  const padding = findPadding(code, end, JUMP_LENGTH, Math.min(code.length - JUMP_LENGTH, end + 120));
  if (padding < 0) return null;
  const distance = padding - (at + SHORT_JUMP_LENGTH);
  if (distance > 127) return null;
  const stepAddr = rip + (padding - end);
  const step = { addr: stepAddr, before: bytes(padding, JUMP_LENGTH), after: jump(stepAddr, trampoline) };
  const displaced = bytes(at, SHORT_JUMP_LENGTH);
  const site = { addr: rip - (end - at), before: displaced, after: [0xeb, distance] };
  // The xor is made in the trampoline, for its flags.
  const stub = shape === ANY ? anyNumberCode(trampoline, index) : trampolineCode(displaced, trampoline, index, 0);
  return { pokes: [step, site], trampoline: stub };
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

/**
 * Lengths of the x86-64 instructions that compilers put around a system call (Intel SDM vol. 2, appendix A). Meant to walk
 * from a known boundary over a function's tail; what it does not know ends the walk.
 */

const OPERAND_SIZE = 0x66;
const CS_OVERRIDE = 0x2e;
const FS_OVERRIDE = 0x64;
const TWO_BYTE = 0x0f;
const INT3 = 0xcc;

/** Opcodes with a ModRM byte and no immediate: arithmetic, test, mov, lea, movslq, cmov, movzx, movsx, nop, the fifth group. */
const MODRM = new Set([
  0x01, 0x03, 0x09, 0x0b, 0x21, 0x23, 0x29, 0x2b, 0x31, 0x33, 0x38, 0x39, 0x3a, 0x3b, 0x63, 0x84, 0x85, 0x88, 0x89,
  0x8a, 0x8b, 0x8d, 0xff,
]);
/** ModRM and one byte of immediate; ModRM and four. */
const MODRM_IMM8 = new Set([0x80, 0x83, 0xc1, 0xc6]);
const MODRM_IMM32 = new Set([0x81, 0xc7]);

/** Bytes of ModRM, SIB and displacement at `at`. */
function modrmLength(code: Uint8Array, at: number): number {
  const mode = code[at] >> 6;
  const rm = code[at] & 7;
  if (mode === 3) return 1;
  const sib = rm === 4 ? 1 : 0;
  if (mode === 1) return 2 + sib;
  if (mode === 2) return 5 + sib;
  if (sib === 1) return (code[at + 1] & 7) === 5 ? 6 : 2;
  return rm === 5 ? 5 : 1;
}

function oneByteLength(code: Uint8Array, at: number, hasOperandSize: boolean): number {
  const op = code[at];
  if (MODRM.has(op)) return 1 + modrmLength(code, at + 1);
  if (MODRM_IMM8.has(op)) return 2 + modrmLength(code, at + 1);
  if (MODRM_IMM32.has(op)) return hasOperandSize ? 0 : 5 + modrmLength(code, at + 1);
  if (op === 0xf7 && ((code[at + 1] >> 3) & 7) >= 2) return 1 + modrmLength(code, at + 1);
  if ((op >= 0x50 && op <= 0x5f) || op === 0x90 || op === 0x9c || op === 0x9d || op === 0xc3 || op === INT3) return 1;
  if ((op >= 0x70 && op <= 0x7f) || op === 0xeb || op === 0xa8 || op === 0x3c) return 2;
  if ((op >= 0xb8 && op <= 0xbf) || op === 0xe8 || op === 0xe9 || op === 0x3d || op === 0x25 || op === 0xa9) {
    return hasOperandSize ? 0 : 5;
  }
  return 0;
}

function twoByteLength(code: Uint8Array, at: number): number {
  const op = code[at];
  if (op === 0x05 || op === 0x0b) return 1;
  if (op >= 0x80 && op <= 0x8f) return 5;
  if (op === 0x1f || op === 0xb6 || op === 0xb7 || op === 0xbe || op === 0xbf) return 1 + modrmLength(code, at + 1);
  if ((op >= 0x40 && op <= 0x4f) || (op >= 0x90 && op <= 0x9f)) return 1 + modrmLength(code, at + 1);
  return 0;
}

/** Length of the instruction at `code[at]`, 0 when it is not one of those known here or does not end within `code`. */
export function instructionLength(code: Uint8Array, at: number): number {
  let next = at;
  while (code[next] === OPERAND_SIZE || code[next] === CS_OVERRIDE || code[next] === FS_OVERRIDE) next += 1;
  const hasOperandSize = code.subarray(at, next).includes(OPERAND_SIZE);
  const rex = code[next];
  if (rex >= 0x40 && rex <= 0x4f) next += 1;
  // REX.W makes the immediate of `mov` to a register eight bytes long.
  if (rex >= 0x48 && rex <= 0x4f && code[next] >= 0xb8 && code[next] <= 0xbf) return 0;
  const isTwoByte = code[next] === TWO_BYTE;
  const rest = isTwoByte ? twoByteLength(code, next + 1) : oneByteLength(code, next, hasOperandSize);
  if (rest === 0) return 0;
  const end = next + (isTwoByte ? 1 : 0) + rest;
  return end <= code.length ? end - at : 0;
}

/** Whether nothing follows the instruction at `code[at]` but by a jump: ret and jmp. */
function isFlowEnd(code: Uint8Array, at: number): boolean {
  return code[at] === 0xc3 || code[at] === 0xeb || code[at] === 0xe9;
}

/**
 * Whether the instruction at `code[at]` is one that nothing but padding uses: a no-op longer than one byte, or int3, which Go's linker
 * puts between functions. A single `nop` may be the first instruction of a function.
 */
function isPadding(code: Uint8Array, at: number): boolean {
  if (code[at] === INT3) return true;
  let next = at;
  while (code[next] === OPERAND_SIZE || code[next] === CS_OVERRIDE) next += 1;
  return code[next] === TWO_BYTE && code[next + 1] === 0x1f;
}

/**
 * Walks from the instruction at `code[from]` to the first padding of at least `length` bytes that no instruction falls into:
 * its index, or -1 when there is none before `limit` or before an instruction that is not known.
 */
export function findPadding(code: Uint8Array, from: number, length: number, limit: number): number {
  let isUnreachable = false;
  /** Where the padding began that `at` has come through; -1 for none. */
  let start = -1;
  for (let at = from; at < limit; ) {
    const size = instructionLength(code, at);
    if (size === 0) return -1;
    if (isPadding(code, at)) {
      if (start < 0) start = at;
      if (isUnreachable && at + size - start >= length) return start;
    } else {
      start = -1;
      isUnreachable = isFlowEnd(code, at);
    }
    at += size;
  }
  return -1;
}

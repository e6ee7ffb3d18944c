/**
 * Programs of classic BPF as seccomp allows them: the check, which is Linux' (bpf_check_classic, check_load_and_stores,
 * seccomp_check_filter), and the machine. A checked program ends: it only jumps forward.
 */
import * as B from '../abi/seccomp.ts';

const DATA_SIZE = B.SECCOMP_DATA_WORDS * 4;

/** Instructions as columns, so that running them follows no references. */
export class SeccompProgram {
  readonly length: number;
  readonly #code: Uint16Array;
  readonly #jt: Uint8Array;
  readonly #jf: Uint8Array;
  readonly #k: Uint32Array;
  readonly #memory = new Uint32Array(B.BPF_MEMWORDS);

  /** @param bytes struct sock_filter, eight bytes each: code, jt, jf, k */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.length = Math.floor(bytes.length / 8);
    this.#code = new Uint16Array(this.length);
    this.#jt = new Uint8Array(this.length);
    this.#jf = new Uint8Array(this.length);
    this.#k = new Uint32Array(this.length);
    for (let i = 0; i < this.length; i++) {
      this.#code[i] = view.getUint16(i * 8, true);
      this.#jt[i] = view.getUint8(i * 8 + 2);
      this.#jf[i] = view.getUint8(i * 8 + 3);
      this.#k[i] = view.getUint32(i * 8 + 4, true);
    }
  }

  get isSound(): boolean {
    for (let pc = 0; pc < this.length; pc++) if (!this.#isAllowed(pc)) return false;
    const last = this.#code[this.length - 1];
    return (last === (B.BPF_RET | B.BPF_K) || last === (B.BPF_RET | B.BPF_A)) && this.#initializes();
  }

  /** How long it is as Linux counts it, in instructions of eBPF: three come first, and some become several (bpf_convert_filter). */
  get weight(): number {
    let weight = 3 + this.length;
    for (let pc = 0; pc < this.length; pc++) {
      const code = this.#code[pc];
      const isByX = (code & B.BPF_X) !== 0;
      if (code === (B.BPF_RET | B.BPF_K)) weight += 1;
      else if (code === (B.BPF_ALU | B.BPF_DIV | B.BPF_X)) weight += 4;
      else if ((code & 7) === B.BPF_JMP && (code & 0xf0) !== B.BPF_JA) {
        if (!isByX && this.#k[pc] >= 2 ** 31) weight += 1;
        const canInvert = this.#jt[pc] === 0 && (code & 0xf0) !== B.BPF_JSET;
        if (this.#jf[pc] !== 0 && !canInvert) weight += 1;
      }
    }
    return weight;
  }

  #isAllowed(pc: number): boolean {
    const code = this.#code[pc];
    const k = this.#k[pc];
    switch (code & 7) {
      case B.BPF_LD:
        if (code === (B.BPF_LD | B.BPF_W | B.BPF_ABS)) return k < DATA_SIZE && k % 4 === 0;
        if (code === (B.BPF_LD | B.BPF_MEM)) return k < B.BPF_MEMWORDS;
        return code === (B.BPF_LD | B.BPF_IMM) || code === (B.BPF_LD | B.BPF_W | B.BPF_LEN);
      case B.BPF_LDX:
        if (code === (B.BPF_LDX | B.BPF_MEM)) return k < B.BPF_MEMWORDS;
        return code === (B.BPF_LDX | B.BPF_IMM) || code === (B.BPF_LDX | B.BPF_W | B.BPF_LEN);
      case B.BPF_ST:
      case B.BPF_STX:
        return (code === B.BPF_ST || code === B.BPF_STX) && k < B.BPF_MEMWORDS;
      case B.BPF_ALU:
        return isArithmetic(code, k);
      case B.BPF_JMP:
        return this.#isJump(pc, code, k);
      case B.BPF_RET:
        return code === (B.BPF_RET | B.BPF_K) || code === (B.BPF_RET | B.BPF_A);
      default:
        return code === (B.BPF_MISC | B.BPF_TAX) || code === (B.BPF_MISC | B.BPF_TXA);
    }
  }

  #isJump(pc: number, code: number, k: number): boolean {
    if (code === (B.BPF_JMP | B.BPF_JA)) return k < this.length - pc - 1;
    const operation = code & 0xf0;
    if (operation < B.BPF_JEQ || operation > B.BPF_JSET || code > 0xff) return false;
    return pc + this.#jt[pc] + 1 < this.length && pc + this.#jf[pc] + 1 < this.length;
  }

  /** Whether every word of memory is stored to on each way before it is loaded. */
  #initializes(): boolean {
    const masks = new Uint16Array(this.length).fill(0xffff);
    let valid = 0;
    for (let pc = 0; pc < this.length; pc++) {
      valid &= masks[pc];
      const code = this.#code[pc];
      const k = this.#k[pc];
      if (code === B.BPF_ST || code === B.BPF_STX) valid |= 1 << k;
      else if (code === (B.BPF_LD | B.BPF_MEM) || code === (B.BPF_LDX | B.BPF_MEM)) {
        if ((valid & (1 << k)) === 0) return false;
      } else if (code === (B.BPF_JMP | B.BPF_JA)) {
        masks[pc + 1 + k] &= valid;
        valid = 0xffff;
      } else if ((code & 7) === B.BPF_JMP) {
        masks[pc + 1 + this.#jt[pc]] &= valid;
        masks[pc + 1 + this.#jf[pc]] &= valid;
        valid = 0xffff;
      }
    }
    return true;
  }

  /**
   * What it says of all calls with this number and architecture, whatever their arguments; null if that differs or is not easily
   * seen (Linux: seccomp_is_const_allow).
   */
  constantAnswer(number: number, architecture: number): number | null {
    let a = 0;
    for (let pc = 0; pc < this.length; pc++) {
      const code = this.#code[pc];
      const k = this.#k[pc];
      if (code === (B.BPF_LD | B.BPF_W | B.BPF_ABS)) {
        if (k > 4) return null;
        a = k === 0 ? number : architecture;
      } else if (code === (B.BPF_RET | B.BPF_K)) {
        return k | 0;
      } else if (code === (B.BPF_ALU | B.BPF_AND | B.BPF_K)) {
        a = (a & k) >>> 0;
      } else if (code === (B.BPF_JMP | B.BPF_JA)) {
        pc += k;
      } else if ((code & (7 | B.BPF_X)) === B.BPF_JMP) {
        pc += isTaken(code & 0xf0, a, k) ? this.#jt[pc] : this.#jf[pc];
      } else {
        return null;
      }
    }
    return null;
  }

  /** What it says of a call, signed. */
  run(data: Uint32Array): number {
    const memory = this.#memory;
    let a = 0;
    let x = 0;
    for (let pc = 0; pc < this.length; pc++) {
      const code = this.#code[pc];
      const k = this.#k[pc];
      switch (code & 7) {
        case B.BPF_LD:
          a = code === (B.BPF_LD | B.BPF_MEM) ? memory[k] : code === B.BPF_LD ? k : load(data, code, k);
          break;
        case B.BPF_LDX:
          x = code === (B.BPF_LDX | B.BPF_MEM) ? memory[k] : code === B.BPF_LDX ? k : DATA_SIZE;
          break;
        case B.BPF_ST:
          memory[k] = a;
          break;
        case B.BPF_STX:
          memory[k] = x;
          break;
        case B.BPF_ALU:
          a = compute(code & 0xf0, a, (code & B.BPF_X) !== 0 ? x : k);
          // Division by a zero in X ends the program (bpf_convert_filter).
          if (a < 0) return 0;
          break;
        case B.BPF_JMP:
          if (code === (B.BPF_JMP | B.BPF_JA)) pc += k;
          else pc += isTaken(code & 0xf0, a, (code & B.BPF_X) !== 0 ? x : k) ? this.#jt[pc] : this.#jf[pc];
          break;
        case B.BPF_RET:
          return (code === (B.BPF_RET | B.BPF_K) ? k : a) | 0;
        default:
          if (code === (B.BPF_MISC | B.BPF_TAX)) x = a;
          else a = x;
      }
    }
    return 0;
  }
}

function isArithmetic(code: number, k: number): boolean {
  const operation = code & 0xf0;
  if (code > 0xff) return false;
  if (operation === B.BPF_NEG) return code === (B.BPF_ALU | B.BPF_NEG);
  const isKnown = operation <= B.BPF_RSH || operation === B.BPF_XOR;
  if (!isKnown || (code & B.BPF_X) !== 0) return isKnown;
  if (operation === B.BPF_DIV) return k !== 0;
  return (operation !== B.BPF_LSH && operation !== B.BPF_RSH) || k < 32;
}

function load(data: Uint32Array, code: number, k: number): number {
  return code === (B.BPF_LD | B.BPF_W | B.BPF_ABS) ? data[k >> 2] : DATA_SIZE;
}

/** Unsigned 32 bits; -1 for a division by zero. */
function compute(operation: number, a: number, operand: number): number {
  switch (operation) {
    case B.BPF_ADD:
      return (a + operand) >>> 0;
    case B.BPF_SUB:
      return (a - operand) >>> 0;
    case B.BPF_MUL:
      return Math.imul(a, operand) >>> 0;
    case B.BPF_DIV:
      return operand === 0 ? -1 : Math.floor(a / operand);
    case B.BPF_OR:
      return (a | operand) >>> 0;
    case B.BPF_AND:
      return (a & operand) >>> 0;
    case B.BPF_LSH:
      return (a << operand) >>> 0;
    case B.BPF_RSH:
      return a >>> operand;
    case B.BPF_XOR:
      return (a ^ operand) >>> 0;
    default:
      return -a >>> 0;
  }
}

function isTaken(operation: number, a: number, operand: number): boolean {
  switch (operation) {
    case B.BPF_JEQ:
      return a === operand;
    case B.BPF_JGT:
      return a > operand;
    case B.BPF_JGE:
      return a >= operand;
    default:
      return (a & operand) !== 0;
  }
}

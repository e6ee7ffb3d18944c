/**
 * An assembler for classic BPF (linux/filter.h), enough for seccomp filters: forward jumps to labels, resolved at the end.
 * Jumps that are too far for the 8-bit offsets of a conditional are an error of the program's author.
 */
const LD_ABS_WORD = 0x20;
const ALU_AND_K = 0x54;
const JA = 0x05;
const JEQ_K = 0x15;
const JGT_K = 0x25;
const JGE_K = 0x35;
const RET_K = 0x06;

export type Condition = 'eq' | 'gt' | 'ge';
const CONDITIONS = { eq: JEQ_K, gt: JGT_K, ge: JGE_K } as const;

interface Instruction {
  code: number;
  k: number;
  whenTrue: string | null;
  whenFalse: string | null;
}

export class BpfProgram {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  get length(): number {
    return this.#instructions.length;
  }

  /** Loads the 32-bit word of struct seccomp_data at `offset` into the accumulator. */
  load(offset: number): this {
    return this.#emit(LD_ABS_WORD, offset, null, null);
  }
  and(mask: number): this {
    return this.#emit(ALU_AND_K, mask, null, null);
  }
  /** Jumps to a label if the accumulator compares so (unsigned) with `value`, goes on otherwise. */
  jumpIf(condition: Condition, value: number, target: string): this {
    return this.#emit(CONDITIONS[condition], value, target, null);
  }
  jumpUnless(condition: Condition, value: number, target: string): this {
    return this.#emit(CONDITIONS[condition], value, null, target);
  }
  jump(target: string): this {
    return this.#emit(JA, 0, target, null);
  }
  ret(action: number): this {
    return this.#emit(RET_K, action, null, null);
  }
  label(name: string): this {
    if (this.#labels.has(name)) throw new Error(`label ${name} defined twice`);
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  /** The program as an array of struct sock_filter, little-endian. */
  assemble(): Uint8Array {
    const bytes = new Uint8Array(this.#instructions.length * 8);
    const view = new DataView(bytes.buffer);
    this.#instructions.forEach((instruction, at) => {
      const { code, k, whenTrue, whenFalse } = instruction;
      const isAlways = code === JA;
      view.setUint16(at * 8, code, true);
      view.setUint8(at * 8 + 2, isAlways ? 0 : this.#distance(at, whenTrue, 255));
      view.setUint8(at * 8 + 3, isAlways ? 0 : this.#distance(at, whenFalse, 255));
      view.setUint32(at * 8 + 4, isAlways ? this.#distance(at, whenTrue, 4095) : k, true);
    });
    return bytes;
  }

  #emit(code: number, k: number, whenTrue: string | null, whenFalse: string | null): this {
    this.#instructions.push({ code, k, whenTrue, whenFalse });
    return this;
  }

  #distance(from: number, target: string | null, limit: number): number {
    if (target === null) return 0;
    const to = this.#labels.get(target);
    if (to === undefined) throw new Error(`label ${target} is not defined`);
    const distance = to - from - 1;
    if (distance < 0 || distance > limit) throw new Error(`jump to ${target} spans ${distance} instructions`);
    return distance;
  }
}

/**
 * Compiles a seccomp profile to classic BPF, as libseccomp does for other runtimes: a binary search over ranges of numbers that are
 * treated alike, then what is asked of the arguments.
 */
import { BPF_MAXINSNS } from '../abi/seccomp.ts';
import { BpfProgram } from '../platform/bpf.ts';
import type { SeccompArgument, SeccompOptions, SeccompRule } from './seccomp-options.ts';

const NUMBER = 0;
const ARGUMENTS = 16;

/** What is done with all numbers from `from` up to the next range. */
interface Range {
  readonly from: number;
  /** Those that look at arguments, in the order of the profile. */
  readonly conditional: readonly SeccompRule[];
  readonly action: number;
}

class Compiler {
  readonly #program = new BpfProgram();
  #labels = 0;

  /** null if it is longer than a filter may be. */
  get program(): Uint8Array | null {
    return this.#program.length > BPF_MAXINSNS ? null : this.#program.assemble();
  }

  #label(): string {
    return `l${this.#labels++}`;
  }

  compile(ranges: readonly Range[]): void {
    this.#program.load(NUMBER);
    this.#search(ranges);
  }

  #search(ranges: readonly Range[]): void {
    if (ranges.length === 1) {
      this.#leaf(ranges[0]);
      return;
    }
    const middle = ranges.length >> 1;
    const below = this.#label();
    const above = this.#label();
    // A conditional jump reaches 255 instructions only, so the far side is reached by a plain one.
    this.#program.jumpUnless('ge', ranges[middle].from, below).jump(above).label(below);
    this.#search(ranges.slice(0, middle));
    this.#program.label(above);
    this.#search(ranges.slice(middle));
  }

  #leaf({ conditional, action }: Range): void {
    for (const rule of conditional) {
      const next = this.#label();
      for (const argument of rule.args) this.#compare(argument, next);
      this.#program.ret(rule.action).label(next);
    }
    this.#program.ret(action);
  }

  /** Goes on if it holds, jumps to `fail` if not. Words are compared unsigned, the upper ones first. */
  #compare({ index, operator, value, valueTwo }: SeccompArgument, fail: string): void {
    const lower = ARGUMENTS + index * 8;
    const upper = lower + 4;
    const high = Number(value >> 32n);
    const low = Number(value & 0xffffffffn);
    const holds = this.#label();
    const program = this.#program.load(upper);
    switch (operator) {
      case 'EQ':
        program.jumpUnless('eq', high, fail).load(lower).jumpUnless('eq', low, fail);
        break;
      case 'NE':
        program.jumpUnless('eq', high, holds).load(lower).jumpIf('eq', low, fail);
        break;
      case 'GT':
        program.jumpIf('gt', high, holds).jumpUnless('eq', high, fail).load(lower).jumpUnless('gt', low, fail);
        break;
      case 'GE':
        program.jumpIf('gt', high, holds).jumpUnless('eq', high, fail).load(lower).jumpUnless('ge', low, fail);
        break;
      case 'LT':
        program.jumpIf('gt', high, fail).jumpUnless('eq', high, holds).load(lower).jumpIf('ge', low, fail);
        break;
      case 'LE':
        program.jumpIf('gt', high, fail).jumpUnless('eq', high, holds).load(lower).jumpIf('gt', low, fail);
        break;
      case 'MASKED_EQ': {
        const wanted = value & valueTwo;
        program.and(high).jumpUnless('eq', Number(wanted >> 32n), fail);
        program
          .load(lower)
          .and(low)
          .jumpUnless('eq', Number(wanted & 0xffffffffn), fail);
      }
    }
    program.label(holds);
  }
}

/** What the profile says of one number. A rule that asks nothing of the arguments comes after those that do, wherever it stands. */
function treatment(rules: readonly SeccompRule[], defaultAction: number): Omit<Range, 'from'> {
  const plain = rules.find(({ args }) => args.length === 0);
  return { conditional: rules.filter(({ args }) => args.length > 0), action: plain?.action ?? defaultAction };
}

function rangesOf({ defaultAction, newerAction, rules }: SeccompOptions): Range[] {
  const byNumber = new Map<number, SeccompRule[]>();
  for (const rule of rules) {
    for (const number of rule.numbers) {
      const known = byNumber.get(number);
      if (known === undefined) byNumber.set(number, [rule]);
      else known.push(rule);
    }
  }
  const greatest = Math.max(-1, ...byNumber.keys());
  const ranges: Range[] = [];
  for (let number = 0; number <= greatest; number++) {
    const here = treatment(byNumber.get(number) ?? [], defaultAction);
    const last = ranges.at(-1);
    const isAlike = last !== undefined && last.conditional.length + here.conditional.length === 0;
    if (!isAlike || last.action !== here.action) ranges.push({ from: number, ...here });
  }
  ranges.push({ from: greatest + 1, conditional: [], action: newerAction });
  return ranges;
}

/** The program as struct sock_filter[]; null if it is longer than a filter may be. */
export function compileSeccomp(options: SeccompOptions): Uint8Array | null {
  const compiler = new Compiler();
  compiler.compile(rangesOf(options));
  return compiler.program;
}

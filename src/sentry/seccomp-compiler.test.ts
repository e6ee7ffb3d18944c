import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AUDIT_ARCH_X86_64, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO } from '../abi/seccomp.ts';
import { SeccompProgram } from '../kernel/seccomp-program.ts';
import { compileSeccomp } from './seccomp-compiler.ts';
import type { SeccompArgument, SeccompOptions, SeccompRule } from './seccomp-options.ts';

const WORDS = [0n, 1n, 5n, 0xffffffffn, 0x100000000n, 0x100000001n, 0x8000000000000000n, 0xffffffffffffffffn];
const word = fc.oneof(fc.constantFrom(...WORDS), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const argument: fc.Arbitrary<SeccompArgument> = fc.record({
  index: fc.nat({ max: 5 }),
  operator: fc.constantFrom('NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'),
  value: word,
  valueTwo: word,
});
const answer = fc.constantFrom(SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 38);
const rule: fc.Arbitrary<SeccompRule> = fc.record({
  numbers: fc.array(fc.nat({ max: 40 }), { maxLength: 20 }),
  action: answer,
  args: fc.array(argument, { maxLength: 3 }),
});
const profile: fc.Arbitrary<SeccompOptions> = fc.record({
  defaultAction: answer,
  newerAction: fc.constant(SECCOMP_RET_ERRNO | 77),
  rules: fc.array(rule, { maxLength: 12 }),
});

function holds({ operator, value, valueTwo }: SeccompArgument, actual: bigint): boolean {
  switch (operator) {
    case 'NE':
      return actual !== value;
    case 'LT':
      return actual < value;
    case 'LE':
      return actual <= value;
    case 'EQ':
      return actual === value;
    case 'GE':
      return actual >= value;
    case 'GT':
      return actual > value;
    default:
      return (actual & value) === (valueTwo & value);
  }
}

/** What a profile means, word for word. */
function expected(
  { defaultAction, newerAction, rules }: SeccompOptions,
  number: number,
  args: readonly bigint[],
): number {
  if (number > Math.max(-1, ...rules.flatMap(({ numbers }) => numbers))) return newerAction;
  const meant = rules.filter(({ numbers }) => numbers.includes(number));
  const conditional = meant.filter((each) => each.args.length > 0);
  const match = conditional.find((each) => each.args.every((one) => holds(one, args[one.index])));
  return (match ?? meant.find((each) => each.args.length === 0))?.action ?? defaultAction;
}

function dataOf(number: number, args: readonly bigint[]): Uint32Array {
  const data = new Uint32Array(16);
  data[0] = number;
  data[1] = AUDIT_ARCH_X86_64;
  args.forEach((value, i) => {
    data[4 + i * 2] = Number(value & 0xffffffffn);
    data[5 + i * 2] = Number(value >> 32n);
  });
  return data;
}

test('a compiled profile says what the profile says, and what it says of a number alone holds for all arguments', () => {
  fc.assert(
    fc.property(profile, fc.array(word, { minLength: 6, maxLength: 6 }), (options, args) => {
      const bytes = compileSeccomp(options);
      assert.ok(bytes !== null);
      const program = new SeccompProgram(bytes);
      assert.ok(program.isSound);
      for (let number = 0; number < 45; number++) {
        const wanted = expected(options, number, args);
        assert.equal(program.run(dataOf(number, args)), wanted);
        const constant = program.constantAnswer(number, AUDIT_ARCH_X86_64);
        const isConditional = options.rules.some((each) => each.args.length > 0 && each.numbers.includes(number));
        if (isConditional) assert.ok(constant === null || constant === wanted);
        else assert.equal(constant, wanted);
      }
    }),
    { numRuns: 500 },
  );
});

test('a profile that is too long is refused, one with long jumps is not', () => {
  const args: SeccompArgument[] = [{ index: 0, operator: 'EQ', value: 1n, valueTwo: 0n }];
  const rules = (count: number): SeccompRule[] =>
    Array.from({ length: count }, (_, i) => ({ numbers: [i % 400], action: SECCOMP_RET_ALLOW, args }));
  const options = { defaultAction: SECCOMP_RET_ERRNO | 1, newerAction: SECCOMP_RET_ERRNO | 38 };
  assert.ok(compileSeccomp({ ...options, rules: rules(400) }) !== null);
  assert.equal(compileSeccomp({ ...options, rules: rules(2000) }), null);
});

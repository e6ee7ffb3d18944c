/** The seccomp filter that a container's processes begin with: plain values, as the runtime reads them from a configuration. */

export type SeccompOperator = 'NE' | 'LT' | 'LE' | 'EQ' | 'GE' | 'GT' | 'MASKED_EQ';

export interface SeccompArgument {
  /** 0 to 5. */
  readonly index: number;
  readonly operator: SeccompOperator;
  /** 64 bits, unsigned; of MASKED_EQ the mask. */
  readonly value: bigint;
  /** Of MASKED_EQ what the masked argument must be. */
  readonly valueTwo: bigint;
}

export interface SeccompRule {
  readonly numbers: readonly number[];
  /** SECCOMP_RET_*, with its errno. */
  readonly action: number;
  /** All must hold. */
  readonly args: readonly SeccompArgument[];
}

export interface SeccompOptions {
  readonly defaultAction: number;
  /** For calls with numbers above all that the rules name: they are newer than the profile. */
  readonly newerAction: number;
  readonly rules: readonly SeccompRule[];
}

/** linux.seccomp (config-linux.md, "Seccomp"). */
import { list, object, oneOf, type Schema, string, uint32, uint64 } from './types.ts';

const action = oneOf(
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_LOG',
  'SCMP_ACT_NOTIFY',
);
const FLAGS = [
  'SECCOMP_FILTER_FLAG_TSYNC',
  'SECCOMP_FILTER_FLAG_LOG',
  'SECCOMP_FILTER_FLAG_SPEC_ALLOW',
  'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
];
const ARCHITECTURES = [
  ...['X86', 'X86_64', 'X32', 'ARM', 'AARCH64', 'MIPS', 'MIPS64', 'MIPS64N32', 'MIPSEL', 'MIPSEL64', 'MIPSEL64N32'],
  ...['PPC', 'PPC64', 'PPC64LE', 'S390', 'S390X', 'PARISC', 'PARISC64', 'RISCV64', 'LOONGARCH64', 'M68K', 'SH', 'SHEB'],
].map((name) => `SCMP_ARCH_${name}`);
const OPERATORS = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`);

export const seccompSchema: Schema = object(
  {
    defaultAction: action,
    defaultErrnoRet: uint32,
    flags: list(oneOf(...FLAGS)),
    listenerPath: string,
    listenerMetadata: string,
    architectures: list(oneOf(...ARCHITECTURES)),
    syscalls: list(
      object(
        {
          names: { ...list(string), minItems: 1 },
          action: action,
          errnoRet: uint32,
          args: list(
            object(
              {
                index: { type: 'integer', minimum: 0, maximum: 5 },
                value: uint64,
                valueTwo: uint64,
                op: oneOf(...OPERATORS),
              },
              'index',
              'value',
              'op',
            ),
          ),
        },
        'names',
        'action',
      ),
    ),
  },
  'defaultAction',
);

/**
 * linux.seccomp of a configuration (config-linux.md, "Seccomp"). The filter is the guest's: it stands before our own kernel, whose
 * wall to the host is another.
 */
import * as S from '../abi/seccomp.ts';
import { syscallNames } from '../abi/syscall-names.ts';
import type { SeccompArgument, SeccompOperator, SeccompOptions, SeccompRule } from '../sentry/seccomp-options.ts';
import type { Fields } from '../wire/json-fields.ts';

const ENOSYS = 38;
const EPERM = 1;
const MAX_U32 = 0xffffffff;
const MAX_ARGUMENT = 5;

const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: S.SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_THREAD: S.SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_PROCESS: S.SECCOMP_RET_KILL_PROCESS,
  SCMP_ACT_TRAP: S.SECCOMP_RET_TRAP,
  SCMP_ACT_ERRNO: S.SECCOMP_RET_ERRNO,
  SCMP_ACT_TRACE: S.SECCOMP_RET_TRACE,
  SCMP_ACT_LOG: S.SECCOMP_RET_LOG,
  SCMP_ACT_ALLOW: S.SECCOMP_RET_ALLOW,
};
export const SECCOMP_ACTIONS = Object.keys(ACTIONS);

const OPERATORS: Readonly<Record<string, SeccompOperator>> = {
  SCMP_CMP_NE: 'NE',
  SCMP_CMP_LT: 'LT',
  SCMP_CMP_LE: 'LE',
  SCMP_CMP_EQ: 'EQ',
  SCMP_CMP_GE: 'GE',
  SCMP_CMP_GT: 'GT',
  SCMP_CMP_MASKED_EQ: 'MASKED_EQ',
};
export const SECCOMP_OPERATORS = Object.keys(OPERATORS);

export const SECCOMP_FLAGS = ['SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'];

/** The answers with a number of their own (libseccomp: SCMP_ACT_ERRNO(x), SCMP_ACT_TRACE(x)). */
function takesNumber(action: number): boolean {
  return action === S.SECCOMP_RET_ERRNO || action === S.SECCOMP_RET_TRACE;
}

function actionOf(fields: Fields, name: string, errnoName: string): number {
  const text = fields.needString(name);
  const action = Object.hasOwn(ACTIONS, text) ? ACTIONS[text] : undefined;
  if (action === undefined) return fields.refuse(name, `is not there in this kernel: ${text}`);
  const errno = fields.number(errnoName, MAX_U32);
  if (takesNumber(action)) return action | ((errno ?? EPERM) & S.SECCOMP_RET_DATA);
  return errno === undefined ? action : fields.refuse(errnoName, `goes with no errno: ${name} is ${text}`);
}

function argumentOf(fields: Fields): SeccompArgument {
  const operator = fields.needString('op');
  return {
    index: fields.number('index', MAX_ARGUMENT) ?? fields.refuse('index', 'is missing'),
    operator: OPERATORS[operator] ?? fields.refuse('op', `is no comparison: ${operator}`),
    value: fields.unsigned64('value') ?? fields.refuse('value', 'is missing'),
    valueTwo: fields.unsigned64('valueTwo') ?? 0n,
  };
}

/** A profile names calls of all architectures and times: what this one does not have is left out, as by libseccomp. */
function numbersOf(fields: Fields, numbers: ReadonlyMap<string, number>): number[] {
  return fields
    .strings('names')
    .map((name) => numbers.get(name))
    .filter((number) => number !== undefined);
}

/** Two conditions on one argument are alternatives, as runc has it: libseccomp takes one per argument and rule. */
function rulesOf(fields: Fields, numbers: ReadonlyMap<string, number>): SeccompRule[] {
  const action = actionOf(fields, 'action', 'errnoRet');
  const args = fields.objects('args').map(argumentOf);
  const called = numbersOf(fields, numbers);
  const isRepeated = new Set(args.map(({ index }) => index)).size < args.length;
  if (!isRepeated) return [{ numbers: called, action, args }];
  return args.map((argument) => ({ numbers: called, action, args: [argument] }));
}

/** Whether calls that nobody has thought of go through: then newer ones do, too. */
function isLenient(action: number): boolean {
  return action === S.SECCOMP_RET_ALLOW || action === S.SECCOMP_RET_LOG || isTrace(action);
}

function isTrace(action: number): boolean {
  return (action & S.SECCOMP_RET_ACTION) === S.SECCOMP_RET_TRACE;
}

/**
 * Throws a ConfigError that names the field. Where the profile refuses what it does not know, calls above all it names do not exist
 * (ENOSYS) instead: libraries then do without, where another error would make them fail (runc's patched filters).
 */
export function readSeccomp(linux: Fields | undefined): SeccompOptions | null {
  const fields = linux?.object('seccomp');
  if (fields === undefined) return null;
  const numbers = new Map([...syscallNames].map(([number, name]) => [name, number]));
  const defaultAction = actionOf(fields, 'defaultAction', 'defaultErrnoRet');
  const newerAction = isLenient(defaultAction) ? defaultAction : S.SECCOMP_RET_ERRNO | ENOSYS;
  const rules = fields.objects('syscalls').flatMap((each) => rulesOf(each, numbers));
  return { defaultAction, newerAction, rules };
}

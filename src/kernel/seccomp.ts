/** What a task's seccomp filters say of its calls (Linux: kernel/seccomp.c). */
import * as S from '../abi/seccomp.ts';
import type { SeccompProgram } from './seccomp-program.ts';

/** What all programs of a task may have together; each one costs a little more than its instructions. */
const MAX_INSTRUCTIONS = 32768;
const PROGRAM_COST = 4;
/** Numbers that the answers are kept for. */
const KEPT_NUMBERS = 512;
const UNKNOWN = 0;
const ALLOWED = 1;
const DEPENDS = 2;

/** A filter and those installed before it, which stay for ever: immutable, shared by forks. */
export class SeccompFilter {
  readonly program: SeccompProgram;
  readonly previous: SeccompFilter | null;
  readonly cost: number;
  readonly count: number;
  readonly #kept = new Uint8Array(KEPT_NUMBERS);

  constructor(program: SeccompProgram, previous: SeccompFilter | null) {
    this.program = program;
    this.previous = previous;
    this.cost = program.weight + (previous === null ? 0 : previous.cost + PROGRAM_COST);
    this.count = 1 + (previous?.count ?? 0);
  }

  get isTooMuch(): boolean {
    return this.cost > MAX_INSTRUCTIONS;
  }

  /** Whether a call with this number is allowed whatever its arguments: most are, so most calls need not run the programs. */
  alwaysAllows(number: number): boolean {
    if (number >= KEPT_NUMBERS) return false;
    const kept = this.#kept[number];
    if (kept !== UNKNOWN) return kept === ALLOWED;
    const isAllowed =
      this.program.constantAnswer(number, S.AUDIT_ARCH_X86_64) === S.SECCOMP_RET_ALLOW &&
      (this.previous === null || this.previous.alwaysAllows(number));
    this.#kept[number] = isAllowed ? ALLOWED : DEPENDS;
    return isAllowed;
  }

  /** The severest answer of all, the newest of equals. */
  run(data: Uint32Array): number {
    let result = S.SECCOMP_RET_ALLOW;
    for (let filter: SeccompFilter | null = this; filter !== null; filter = filter.previous) {
      const answer = filter.program.run(data);
      if ((answer & S.SECCOMP_RET_ACTION) < (result & S.SECCOMP_RET_ACTION)) result = answer;
    }
    return result;
  }

  /** Whether `other` is this one or was installed before it. */
  hasAncestor(other: SeccompFilter | null): boolean {
    if (other === null) return true;
    for (let filter: SeccompFilter | null = this; filter !== null; filter = filter.previous)
      if (filter === other) return true;
    return false;
  }
}

/** PR_SET_SYSCALL_USER_DISPATCH: calls from outside a range are the program's own to answer, while its selector says so. */
export interface UserDispatch {
  readonly offset: number;
  readonly length: number;
  /** Where the byte is; 0 for always. */
  readonly selector: number;
}

/** What is looked at before each system call of a task. */
export class CallChecks {
  mode = S.SECCOMP_MODE_DISABLED;
  filter: SeccompFilter | null = null;
  userDispatch: UserDispatch | null = null;
  /** Whether there is anything at all; read at every call. */
  isActive = false;

  /** The filter of a process that begins with one. */
  beginWith(filter: SeccompFilter): void {
    this.mode = S.SECCOMP_MODE_FILTER;
    this.filter = filter;
    this.refresh();
  }

  refresh(): void {
    this.isActive = this.mode !== S.SECCOMP_MODE_DISABLED || this.userDispatch !== null;
  }

  /** For fork(2): filters are inherited, user dispatch is not. */
  inheritFrom(parent: CallChecks): void {
    this.mode = parent.mode;
    this.filter = parent.filter;
    this.refresh();
  }
}

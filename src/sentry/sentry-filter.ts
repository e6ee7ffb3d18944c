/** The sentry's seccomp filter, from the table of what it may ask of the host (host-calls.ts). What is not there ends the process. */
import { syscallNames } from '../abi/syscall-names.ts';
import { BpfProgram } from '../platform/bpf.ts';
import { ANSWERED_CALLS, type ArgumentLimit, HOST_CALLS, type HostCall, type HostCallGroup } from './host-calls.ts';

const RET_KILL_PROCESS = 0x80000000;
const RET_ERRNO = 0x00050000;
const RET_ALLOW = 0x7fff0000;
const AUDIT_ARCH_X86_64 = 0xc000003e;
/** Offsets in struct seccomp_data (linux/seccomp.h). */
const NR = 0;
const ARCH = 4;
const argLow = (i: number): number => 16 + i * 8;
const SIGN_BIT = 0x80000000;

const numbers = new Map([...syscallNames].map(([nr, name]) => [name, nr]));

/** The number of a call of the table. */
export function numberOf({ name }: Pick<HostCall, 'name'>): number {
  const nr = numbers.get(name);
  if (nr === undefined) throw new Error(`no system call ${name}`);
  return nr;
}

function addLimit(p: BpfProgram, limit: ArgumentLimit, label: string): void {
  p.load(argLow(limit.argument));
  if ('isDescriptor' in limit) {
    p.jumpIf('ge', SIGN_BIT, label);
    return;
  }
  for (const value of limit.oneOf) p.jumpIf('eq', value, `${label} ${limit.argument}`);
  p.jump(label).label(`${label} ${limit.argument}`);
}

/**
 * The instructions, ready for seccomp(2). The kernel remembers which calls are allowed with any arguments and does not run the
 * filter for them, so those with limits come first.
 */
export function sentryFilter(groups: readonly HostCallGroup[]): Uint8Array {
  const p = new BpfProgram();
  p.load(ARCH).jumpIf('eq', AUDIT_ARCH_X86_64, 'native').ret(RET_KILL_PROCESS).label('native').load(NR);
  for (const [nr, calls] of byNumber(groups)) {
    p.jumpUnless('eq', nr, `after ${nr}`);
    for (const [i, limits] of calls.flatMap(({ when }) => when ?? []).entries()) {
      const label = `next ${nr} ${i}`;
      for (const limit of limits) addLimit(p, limit, label);
      p.ret(RET_ALLOW).label(label);
    }
    p.ret(calls.some(({ when }) => when === undefined) ? RET_ALLOW : RET_KILL_PROCESS).label(`after ${nr}`);
  }
  for (const call of ANSWERED_CALLS) {
    p.jumpUnless('eq', numberOf(call), `after ${call.name}`)
      .ret(RET_ERRNO | call.errno)
      .label(`after ${call.name}`);
  }
  return p.ret(RET_KILL_PROCESS).assemble();
}

/** In the table's order, what has limits before what has none. */
function byNumber(groups: readonly HostCallGroup[]): Map<number, HostCall[]> {
  const found = new Map<number, HostCall[]>();
  const calls = groups.flatMap((group) => HOST_CALLS[group]);
  for (const call of [...calls.filter(({ when }) => when), ...calls.filter(({ when }) => !when)]) {
    const nr = numberOf(call);
    found.set(nr, [...(found.get(nr) ?? []), call]);
  }
  return found;
}

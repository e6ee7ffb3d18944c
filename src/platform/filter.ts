/**
 * The wall around guest code: the seccomp filter that the zygote installs and every stub inherits.
 *
 * Every instruction pointer outside the stub's text traps to the stub's SIGSYS handler. The stub's own text may make the
 * calls below. Guest code can jump there with any registers, so each must be harmless with any arguments: they touch the
 * caller's own address space, its own descriptors and its own threads only. docs/SECURITY.md lists them with reasons.
 */
import { BpfProgram } from './bpf.ts';
import { FD_DOORBELL, STUB_TEXT_END, STUB_TEXT_START } from './layout.ts';

const RET_ALLOW = 0x7fff0000;
const RET_TRAP = 0x00030000;
const RET_USER_NOTIF = 0x7fc00000;
const AUDIT_ARCH_X86_64 = 0xc000003e;

/** Offsets in struct seccomp_data (linux/seccomp.h); arguments are 64 bits, low word first. */
const NR = 0;
const ARCH = 4;
const IP_LOW = 8;
const IP_HIGH = 12;
const argLow = (i: number): number => 16 + i * 8;
const argHigh = (i: number): number => 20 + i * 8;

/** Calls on the caller's own memory, descriptors or thread, allowed with any arguments. */
const ALLOWED: readonly number[] = [
  24, // sched_yield
  9, // mmap
  10, // mprotect
  11, // munmap
  25, // mremap
  27, // mincore
  15, // rt_sigreturn
  131, // sigaltstack
  3, // close
  47, // recvmsg
  60, // exit
  231, // exit_group
  324, // membarrier
];
const FUTEX = 202;
const MADVISE = 28;
const WRITE = 1;
const PRCTL = 157;
const CLONE = 56;
const CLOCK_GETTIME = 228;
const ARCH_PRCTL = 158;
const CLOCK_THREAD_CPUTIME_ID = 3;

/** All that the stub's own text may make, some with limits. */
export const STUB_CALLS: readonly number[] = [
  ...ALLOWED,
  FUTEX,
  MADVISE,
  WRITE,
  PRCTL,
  CLONE,
  CLOCK_GETTIME,
  ARCH_PRCTL,
];

/** ARCH_SET_GS, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS: the caller's own segment bases. */
const BASES: readonly number[] = [0x1001, 0x1002, 0x1003, 0x1004];
/** FUTEX_WAIT and FUTEX_WAKE, private or shared. */
const FUTEX_OPS: readonly number[] = [0, 1, 128, 129];
/** Advice that only concerns the caller's own pages (madvise(2)); not HWPOISON, SOFT_OFFLINE, MERGEABLE. */
const ADVICE: readonly number[] = [0, 1, 2, 3, 4, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23];
const PR_SET_PDEATHSIG = 1;
/** Sixteen bytes of the caller's memory become its thread's name. */
const PR_SET_NAME = 15;
const SIGKILL = 9;

/** The filter's instructions, ready for seccomp(2). */
export function stubFilter(): Uint8Array {
  const p = new BpfProgram();
  const textHigh = Math.floor(STUB_TEXT_START / 2 ** 32);
  p.load(ARCH).jumpUnless('eq', AUDIT_ARCH_X86_64, 'trap');
  p.load(IP_HIGH).jumpUnless('eq', textHigh, 'trap');
  // The pointer is behind the instruction, so the text's start itself is outside and its end inside.
  p.load(IP_LOW)
    .jumpUnless('gt', STUB_TEXT_START % 2 ** 32, 'trap')
    .jumpIf('gt', STUB_TEXT_END % 2 ** 32, 'trap');
  p.load(NR);
  for (const nr of ALLOWED) p.jumpIf('eq', nr, 'allow');
  p.jumpIf('eq', FUTEX, 'futex').jumpIf('eq', WRITE, 'write').jumpIf('eq', MADVISE, 'madvise');
  p.jumpIf('eq', PRCTL, 'prctl').jumpIf('eq', CLONE, 'notify');
  p.jumpIf('eq', CLOCK_GETTIME, 'clock').jumpIf('eq', ARCH_PRCTL, 'bases').jump('trap');

  p.label('futex').load(argLow(1));
  for (const op of FUTEX_OPS) p.jumpIf('eq', op, 'allow');
  p.jump('trap');

  p.label('madvise').load(argLow(2));
  for (const advice of ADVICE) p.jumpIf('eq', advice, 'allow');
  p.jump('trap');

  // One byte on the control socket says who we are; eight bytes on the doorbell wake the sentry.
  p.label('write').load(argHigh(2)).jumpUnless('eq', 0, 'trap');
  p.load(argLow(2)).jumpIf('eq', 1, 'allow').jumpUnless('eq', 8, 'trap');
  p.load(argLow(0)).jumpIf('eq', FD_DOORBELL, 'allow').jump('trap');

  p.label('prctl').load(argLow(0)).jumpIf('eq', PR_SET_NAME, 'allow').jumpUnless('eq', PR_SET_PDEATHSIG, 'trap');
  p.load(argLow(1)).jumpIf('eq', SIGKILL, 'allow').jump('trap');

  p.label('clock').load(argLow(0)).jumpIf('eq', CLOCK_THREAD_CPUTIME_ID, 'allow').jump('trap');

  p.label('bases').load(argLow(0));
  for (const code of BASES) p.jumpIf('eq', code, 'allow');
  p.jump('trap');

  p.label('notify').ret(RET_USER_NOTIF);
  p.label('trap').ret(RET_TRAP);
  p.label('allow').ret(RET_ALLOW);
  return p.assemble();
}

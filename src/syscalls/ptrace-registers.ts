/** The registers of a tracee as ptrace(2) shows them (struct user_regs_struct, struct user; sys/user.h). */
import { EFAULT, EINVAL, EIO, ESRCH } from '../abi/errno.ts';
import * as P from '../abi/ptrace.ts';
import type { Task } from '../kernel/task.ts';
import { traceeAccess } from '../kernel/tracee-access.ts';
import { REG } from '../platform/guest-thread.ts';

/** Where in the register set each of the first is; orig_rax, segments and bases are not in it. */
const ORDER: readonly (number | null)[] = [
  REG.r15,
  REG.r14,
  REG.r13,
  REG.r12,
  REG.rbp,
  REG.rbx,
  REG.r11,
  REG.r10,
  REG.r9,
  REG.r8,
  REG.rax,
  REG.rcx,
  REG.rdx,
  REG.rsi,
  REG.rdi,
  null,
  REG.rip,
  null,
  REG.rflags,
  REG.rsp,
];
const ORIG_RAX = 15;
const CS = 17;
const RFLAGS = 18;
const SS = 20;
const FS_BASE = 21;
const GS_BASE = 22;
const USER_CS = 0x33n;
const USER_SS = 0x2bn;
/** What a program may have in its flags register (FLAG_MASK). */
const FLAG_MASK = 0x50dd5n;
const ALWAYS_SET = 2n;
const USER_END = 2 ** 47;

/** struct user_regs_struct, or -errno. */
export async function readUserRegisters(tracee: Task): Promise<DataView | number> {
  const access = traceeAccess(tracee.kernel);
  const bases = await access?.readBases(tracee);
  if (access === undefined || bases === undefined || typeof bases === 'number') return -ESRCH;
  const view = new DataView(new ArrayBuffer(P.USER_REGS_SIZE));
  const { registers } = tracee.thread;
  for (const [i, register] of ORDER.entries()) {
    if (register !== null) view.setBigUint64(i * 8, registers.getBigUint64(register * 8, true), true);
  }
  view.setBigInt64(ORIG_RAX * 8, BigInt(access.callNumber(tracee)), true);
  view.setBigUint64(CS * 8, USER_CS, true);
  view.setBigUint64(SS * 8, USER_SS, true);
  view.setBigUint64(FS_BASE * 8, BigInt(bases.fs), true);
  view.setBigUint64(GS_BASE * 8, BigInt(bases.gs), true);
  return view;
}

/** Takes over what differs from `before`: 0 or -errno. */
export async function writeUserRegisters(tracee: Task, before: DataView, after: DataView): Promise<number> {
  const access = traceeAccess(tracee.kernel);
  if (access === undefined) return -ESRCH;
  const base = (at: number): number => Number(after.getBigUint64(at * 8, true));
  if (base(FS_BASE) >= USER_END || base(GS_BASE) >= USER_END) return -EIO;
  const { registers } = tracee.thread;
  for (const [i, register] of ORDER.entries()) {
    if (register === null) continue;
    const value = after.getBigUint64(i * 8, true);
    const old = registers.getBigUint64(register * 8, true);
    const kept = i === RFLAGS ? (old & ~FLAG_MASK) | (value & FLAG_MASK) | ALWAYS_SET : value;
    registers.setBigUint64(register * 8, kept, true);
  }
  const nr = Number(BigInt.asIntN(32, after.getBigUint64(ORIG_RAX * 8, true)));
  if (nr !== access.callNumber(tracee)) access.setCallNumber(tracee, nr);
  const isMoved = [FS_BASE, GS_BASE].some(
    (at) => before.getBigUint64(at * 8, true) !== after.getBigUint64(at * 8, true),
  );
  return isMoved ? access.writeBases(tracee, base(FS_BASE), base(GS_BASE)) : 0;
}

/** PTRACE_PEEKUSER: a word of struct user to `addr`; what is not a register reads as zero. */
export async function peekUser(task: Task, tracee: Task, offset: number, addr: number): Promise<number> {
  if (offset % 8 !== 0 || offset >= P.USER_SIZE) return -EIO;
  const bytes = new Uint8Array(8);
  if (offset < P.USER_REGS_SIZE) {
    const view = await readUserRegisters(tracee);
    if (typeof view === 'number') return view;
    bytes.set(new Uint8Array(view.buffer, offset, 8));
  }
  return task.mm.writeNow(addr, bytes) < 0 ? -EFAULT : 0;
}

/** PTRACE_POKEUSER. Debug registers can only be cleared: there are none to lend. */
export async function pokeUser(tracee: Task, offset: number, value: bigint): Promise<number> {
  if (offset % 8 !== 0 || offset >= P.USER_SIZE) return -EIO;
  if (offset >= P.USER_DEBUGREG) return value === 0n ? 0 : -EINVAL;
  if (offset >= P.USER_REGS_SIZE) return 0;
  const before = await readUserRegisters(tracee);
  if (typeof before === 'number') return before;
  const after = new DataView(before.buffer.slice(0));
  after.setBigUint64(offset, value, true);
  return writeUserRegisters(tracee, before, after);
}

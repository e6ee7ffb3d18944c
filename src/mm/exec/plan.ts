/**
 * What exec is going to do to a fresh address space, worked out before anything is touched, and the doing of it
 * (Linux: the part of load_elf_binary behind the point of no return).
 */
import { EFAULT } from '../../abi/errno.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import { VM_MAY_ALL, Vma } from '../../mm/vma.ts';
import type { File } from '../../vfs/file.ts';

export interface PlannedMapping {
  readonly start: number;
  readonly end: number;
  readonly prot: number;
  /** VM_* beyond what every mapping has. */
  readonly vmFlags: number;
  readonly file: File | null;
  readonly offset: number;
  readonly name: string;
}

export interface ZeroFill {
  readonly start: number;
  readonly length: number;
}

export interface LoadPlan {
  /** The program itself (not a script, not the dynamic linker): set-user-ID and /proc/PID/exe go by it. */
  readonly executable: File;
  /** The dynamic linker; both files are referenced by the plan until `releasePlan`. */
  readonly interpreter: File | null;
  /** comm: the last component of the name exec was called with, before truncation. */
  readonly name: string;
  /** In order: a later one may replace part of an earlier one. */
  readonly mappings: readonly PlannedMapping[];
  readonly zeroFills: readonly ZeroFill[];
  readonly entry: number;
  readonly stackPointer: number;
  /** What is in the stack from `stackPointer` to its end. */
  readonly stackBytes: Uint8Array;
  readonly stackStart: number;
  readonly stackEnd: number;
  readonly brkStart: number;
  readonly mmapBase: number;
  readonly startCode: number;
  readonly endCode: number;
  readonly startData: number;
  readonly endData: number;
  readonly argStart: number;
  readonly argEnd: number;
  readonly envStart: number;
  readonly envEnd: number;
  readonly auxv: Uint8Array;
}

/** Why there is no plan. */
export class LoadFailure {
  /** Positive. */
  readonly errno: number;
  /** Linux finds out behind the point of no return, so the task dies of SIGSEGV instead of getting the error. */
  readonly isFatal: boolean;
  /** For the debug log. */
  readonly reason: string;

  constructor(errno: number, isFatal: boolean, reason: string) {
    this.errno = errno;
    this.isFatal = isFatal;
    this.reason = reason;
  }
}

/** Drops the plan's references to its files, whether it was carried out or not. */
export function releasePlan(plan: LoadPlan): void {
  plan.executable.unref();
  plan.interpreter?.unref();
}

/**
 * Carries out a plan on an address space that has nothing but the stub's ranges: 0, or -errno, after which the task
 * cannot go on.
 */
export async function applyPlan(plan: LoadPlan, mm: AddressSpace): Promise<number> {
  for (const mapping of plan.mappings) {
    const { file } = mapping;
    let hostFd = -1;
    if (file !== null) {
      const host = file.mapping(false, false);
      if (typeof host === 'number') return host;
      hostFd = host.hostFd;
    }
    const flags = VM_MAY_ALL | mapping.vmFlags;
    const vma = new Vma(mapping.start, mapping.end, mapping.prot, flags, file, mapping.offset);
    vma.name = mapping.name;
    const error = mm.install(vma, hostFd, 0);
    if (error < 0) return error;
  }
  mm.startBrk = plan.brkStart;
  mm.brk = plan.brkStart;
  mm.mmapBase = plan.mmapBase;
  mm.stackStart = plan.stackStart;
  mm.stackEnd = plan.stackEnd;
  mm.startStack = plan.stackPointer;
  mm.startCode = plan.startCode;
  mm.endCode = plan.endCode;
  mm.startData = plan.startData;
  mm.endData = plan.endData;
  mm.argStart = plan.argStart;
  mm.argEnd = plan.argEnd;
  mm.envStart = plan.envStart;
  mm.envEnd = plan.envEnd;
  mm.auxv = plan.auxv;
  mm.exe = plan.executable.path;

  const failure = await mm.host.flush();
  if (failure < 0) return failure;
  for (const { start, length } of plan.zeroFills) {
    if (mm.writeNow(start, new Uint8Array(length)) < 0) return -EFAULT;
  }
  return mm.writeNow(plan.stackPointer, plan.stackBytes);
}

/** What ptrace(2) reads and changes of a stopped tracee beyond its general registers; the platform gives it at boot. */
import type { Kernel } from './kernel.ts';
import type { Task } from './task.ts';

/** All of these wait for the tracee's own thread to do it, and give -errno when it cannot. */
export interface TraceeAccess {
  /** The system call it is in (orig_rax); -1 for none. */
  callNumber(task: Task): number;
  setCallNumber(task: Task, nr: number): void;
  readBases(task: Task): Promise<{ fs: number; gs: number } | number>;
  writeBases(task: Task, fs: number, gs: number): Promise<number>;
  /** The XSAVE image. */
  readFpu(task: Task): Promise<Uint8Array | number>;
  writeFpu(task: Task, image: Uint8Array): Promise<number>;
  /** Writes to private memory, whatever its protection. */
  poke(task: Task, addr: number, bytes: Uint8Array): Promise<number>;
}

const accesses = new WeakMap<Kernel, TraceeAccess>();

export function provideTraceeAccess(kernel: Kernel, access: TraceeAccess): void {
  accesses.set(kernel, access);
}

export function traceeAccess(kernel: Kernel): TraceeAccess | undefined {
  return accesses.get(kernel);
}

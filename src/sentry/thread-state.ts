/**
 * What a vfork(2) child may change of the host thread it borrows, kept for its owner: general registers, FPU and vector state,
 * and the bases of fs and gs.
 */
import * as L from '../platform/layout.ts';
import type { Guest } from './guest.ts';
import type { Processes } from './processes.ts';

const REGISTER_BYTES = 18 * 8;
/** A signal frame's FPU area ends with a magic word. */
const MAGIC_BYTES = 4;

export interface ThreadState {
  readonly registers: Uint8Array;
  readonly fpu: Uint8Array;
  readonly fs: number;
  readonly gs: number;
}

function registersOf(guest: Guest): Uint8Array {
  return new Uint8Array(guest.registers.buffer, guest.registers.byteOffset, REGISTER_BYTES);
}

/** Where the thread sees its own mailbox's data area, through which the FPU state goes. */
export function dataAddress(guest: Guest): number {
  return L.MAILBOXES + guest.thread.slot * L.MAILBOX_STRIDE + L.MB_DATA;
}

export function fpuArea(processes: Processes, guest: Guest): Uint8Array {
  const { process, base } = guest.thread;
  const length = Math.min(processes.xstateSize + MAGIC_BYTES, L.MB_DATA_SIZE);
  return process.window.u8.subarray(base + L.MB_DATA, base + L.MB_DATA + length);
}

/** Reads the state of a guest that is in the kernel. */
export async function saveThread(processes: Processes, guest: Guest): Promise<ThreadState> {
  const registers = registersOf(guest).slice();
  const { thread } = guest;
  thread.command(L.OP_SAVE_FPU, dataAddress(guest));
  const fs = thread.command(L.OP_GET_FS);
  const gs = thread.command(L.OP_GET_GS);
  await processes.carryOut(guest);
  const fpu = fpuArea(processes, guest).slice();
  return { registers, fpu, fs: thread.commandResult(fs), gs: thread.commandResult(gs) };
}

/** Queues what gives the thread its state back with the next answer, which is to be a register set. */
export function restoreThread(guest: Guest, { registers, fpu, fs, gs }: ThreadState): void {
  const { thread } = guest;
  registersOf(guest).set(registers);
  thread.process.window.u8.set(fpu, thread.base + L.MB_DATA);
  thread.command(L.OP_LOAD_FPU, dataAddress(guest));
  thread.command(L.OP_SET_FS, fs);
  thread.command(L.OP_SET_GS, gs);
}

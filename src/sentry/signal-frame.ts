/**
 * Handlers of guest signals: puts the frame on the guest's stack and takes it off again (Linux: arch/x86/kernel/signal_64.c).
 *
 * The FPU image never passes through here: the stub writes it behind the frame and reads it back.
 */
import { EFAULT } from '../abi/errno.ts';
import * as frameAbi from '../abi/sigframe.ts';
import { encodeSiginfo } from '../abi/siginfo.ts';
import { SS_AUTODISARM } from '../abi/signal.ts';
import { setBlockedMask } from '../kernel/signal.ts';
import { altStackState, type DeliverableSignal, disarmAltStack, frameStackTop } from '../kernel/signal-delivery.ts';
import type { Task } from '../kernel/task.ts';
import { REG } from '../platform/guest-thread.ts';
import { OP_LOAD_FPU, OP_SAVE_FPU } from '../platform/layout.ts';
import type { StubThread } from '../platform/stub-thread.ts';

const FLAGS_DF_RF_TF = 0x10500;
const FPU_ALIGN = 64;
const USER_END = 2 ** 47;
const frameBytes = new Uint8Array(frameAbi.FRAME_SIZE);
const frame = new DataView(frameBytes.buffer);
const infoBytes = frameBytes.subarray(frameAbi.FRAME_SIGINFO);
const ucontext = new Uint8Array(frameAbi.UCONTEXT_SIZE);

/** The fault a signal stands for, for the handler's ucontext. */
export interface FaultContext {
  error: number;
  trap: number;
  address: number;
}
export const NO_FAULT: FaultContext = { error: 0, trap: 0, address: 0 };

/** Sets a register of the guest to an unsigned number below 2^53. */
export function setRegister(thread: StubThread, register: number, value: number): void {
  thread.registers.setUint32(register * 8, value >>> 0, true);
  thread.registers.setUint32(register * 8 + 4, Math.floor(value / 2 ** 32), true);
}

/** A register as an unsigned number, exact below 2^53. */
export function readRegister(thread: StubThread, register: number): number {
  const at = register * 8;
  return thread.registers.getUint32(at, true) + thread.registers.getUint32(at + 4, true) * 2 ** 32;
}

export function putRegister(thread: StubThread, register: number, value: number): void {
  thread.registers.setUint32(register * 8, value >>> 0, true);
  thread.registers.setUint32(register * 8 + 4, Math.floor(value / 2 ** 32), true);
}

/** A register as a signed number, exact within 2^53. */
export function signedRegister(thread: StubThread, register: number): number {
  return thread.registers.getUint32(register * 8, true) + thread.registers.getInt32(register * 8 + 4, true) * 2 ** 32;
}

/**
 * Writes the frame and makes the thread's register set that of the handler; the FPU image is queued as a command. The caller answers
 * with `replyRegisters(FPU_RESET)`. Gives 0, or -EFAULT when the stack cannot take it.
 *
 * @param xstateSize bytes of the XSAVE image, without the word behind it
 */
export function pushFrame(
  task: Task,
  thread: StubThread,
  signal: DeliverableSignal,
  fault: FaultContext,
  xstateSize: number,
): number {
  const sp = readRegister(thread, REG.rsp);
  const { altStack } = task.signals;
  const stackFlags = altStackState(task, sp) | (altStack.flags & SS_AUTODISARM);
  const top = frameStackTop(task, signal, sp);
  const below = top === sp ? sp - frameAbi.RED_ZONE : top;
  const fpstate = Math.floor((below - xstateSize - 4) / FPU_ALIGN) * FPU_ALIGN;
  // As if called: 16-byte aligned before the return address was pushed.
  const at = Math.floor((fpstate - frameAbi.FRAME_SIZE) / 16) * 16 - 8;
  if (!(at > 0 && below <= USER_END)) return -EFAULT;
  const registers = new Uint8Array(thread.registers.buffer, thread.registers.byteOffset, frameAbi.REGISTER_BYTES);
  frameAbi.encodeFrame(frame, registers, {
    restorer: signal.restorer,
    stackAddress: altStack.address,
    stackSize: altStack.size,
    stackFlags,
    error: fault.error,
    trap: fault.trap,
    faultAddress: fault.address,
    fpstate,
    maskLo: signal.savedLo,
    maskHi: signal.savedHi,
  });
  encodeSiginfo(signal.info, infoBytes);
  if (thread.process.writeMemory(at, frameBytes, 0, frameAbi.FRAME_SIZE) !== frameAbi.FRAME_SIZE) return -EFAULT;
  thread.command(OP_SAVE_FPU, fpstate);
  setRegister(thread, REG.rdi, signal.signo);
  setRegister(thread, REG.rsi, at + frameAbi.FRAME_SIGINFO);
  setRegister(thread, REG.rdx, at + frameAbi.FRAME_UCONTEXT);
  setRegister(thread, REG.rax, 0);
  setRegister(thread, REG.rsp, at);
  setRegister(thread, REG.rip, signal.handler);
  setRegister(thread, REG.rflags, readRegister(thread, REG.rflags) & ~FLAGS_DF_RF_TF);
  disarmAltStack(task);
  return 0;
}

/**
 * rt_sigreturn(2): registers, mask and alternate stack of the frame at the stack pointer; the FPU image is queued as a command.
 * The caller answers with `replyRegisters(FPU_KEEP)`. Gives 0, or -EFAULT when there is no frame.
 */
export function popFrame(task: Task, thread: StubThread): number {
  const at = readRegister(thread, REG.rsp);
  if (thread.process.readMemory(at, ucontext, 0, ucontext.length) !== ucontext.length) return -EFAULT;
  const restored = frameAbi.decodeUcontext(new DataView(ucontext.buffer));
  new Uint8Array(thread.registers.buffer, thread.registers.byteOffset, frameAbi.REGISTER_BYTES).set(restored.registers);
  setBlockedMask(task, restored.maskLo, restored.maskHi);
  const { altStack } = task.signals;
  const ON_STACK_OR_DISABLED = 3;
  altStack.address = restored.stackAddress;
  altStack.size = restored.stackSize;
  altStack.flags = restored.stackFlags & ~ON_STACK_OR_DISABLED;
  if (restored.stackSize === 0) altStack.flags = 2;
  if (restored.fpstate !== 0) thread.command(OP_LOAD_FPU, restored.fpstate);
  return 0;
}

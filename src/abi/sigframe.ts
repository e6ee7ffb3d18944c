/**
 * The frame a signal handler finds on its stack: struct rt_sigframe of x86-64 (asm/sigframe.h, asm/ucontext.h, asm/sigcontext.h),
 * below it the XSAVE image.
 */
export const REGISTER_BYTES = 18 * 8;

/** Offsets in the frame. */
export const FRAME_RESTORER = 0;
export const FRAME_UCONTEXT = 8;
const UC_FLAGS = 0;
const UC_STACK = 16;
const UC_REGISTERS = 40;
const UC_SEGMENTS = UC_REGISTERS + REGISTER_BYTES;
const UC_ERROR = UC_SEGMENTS + 8;
const UC_TRAP = UC_ERROR + 8;
const UC_OLD_MASK = UC_TRAP + 8;
const UC_FAULT_ADDRESS = UC_OLD_MASK + 8;
const UC_FPSTATE = UC_FAULT_ADDRESS + 8;
const UC_MASK = UC_FPSTATE + 8 + 64;
export const UCONTEXT_SIZE = UC_MASK + 8;
export const FRAME_SIGINFO = FRAME_UCONTEXT + UCONTEXT_SIZE;
export const FRAME_SIZE = FRAME_SIGINFO + 128;

const UC_FP_XSTATE = 1;
const UC_SIGCONTEXT_SS = 2;
const UC_STRICT_RESTORE_SS = 4;
const USER_CS = 0x33;
const USER_SS = 0x2b;
/** Below the guest's stack pointer, a leaf function's own (x86-64 psABI 3.2.2). */
export const RED_ZONE = 128;

/** What the frame tells beside the registers. */
export interface FrameContext {
  readonly restorer: number;
  readonly stackAddress: number;
  readonly stackSize: number;
  readonly stackFlags: number;
  /** Of the fault the signal stands for; zeros otherwise. */
  readonly error: number;
  readonly trap: number;
  readonly faultAddress: number;
  readonly fpstate: number;
  readonly maskLo: number;
  readonly maskHi: number;
}

function putNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function getNumber(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

/** Fills everything but siginfo. `registers` are the 18 of `REG`. */
export function encodeFrame(frame: DataView, registers: Uint8Array, context: FrameContext): void {
  putNumber(frame, FRAME_RESTORER, context.restorer);
  const uc = FRAME_UCONTEXT;
  putNumber(frame, uc + UC_FLAGS, UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS);
  putNumber(frame, uc + UC_FLAGS + 8, 0);
  putNumber(frame, uc + UC_STACK, context.stackAddress);
  putNumber(frame, uc + UC_STACK + 8, context.stackFlags);
  putNumber(frame, uc + UC_STACK + 16, context.stackSize);
  new Uint8Array(frame.buffer, frame.byteOffset + uc + UC_REGISTERS, REGISTER_BYTES).set(registers);
  frame.setUint16(uc + UC_SEGMENTS, USER_CS, true);
  frame.setUint32(uc + UC_SEGMENTS + 2, 0, true);
  frame.setUint16(uc + UC_SEGMENTS + 6, USER_SS, true);
  putNumber(frame, uc + UC_ERROR, context.error);
  putNumber(frame, uc + UC_TRAP, context.trap);
  frame.setInt32(uc + UC_OLD_MASK, context.maskLo, true);
  frame.setInt32(uc + UC_OLD_MASK + 4, context.maskHi, true);
  putNumber(frame, uc + UC_FAULT_ADDRESS, context.faultAddress);
  putNumber(frame, uc + UC_FPSTATE, context.fpstate);
  for (let at = uc + UC_FPSTATE + 8; at < uc + UC_MASK; at += 8) putNumber(frame, at, 0);
  frame.setInt32(uc + UC_MASK, context.maskLo, true);
  frame.setInt32(uc + UC_MASK + 4, context.maskHi, true);
}

/** What rt_sigreturn(2) puts back. */
export interface RestoredContext {
  readonly registers: Uint8Array;
  readonly fpstate: number;
  readonly maskLo: number;
  readonly maskHi: number;
  readonly stackAddress: number;
  readonly stackSize: number;
  readonly stackFlags: number;
}

/** Reads a ucontext (`UCONTEXT_SIZE` bytes, the guest's to forge). */
export function decodeUcontext(uc: DataView): RestoredContext {
  return {
    registers: new Uint8Array(uc.buffer, uc.byteOffset + UC_REGISTERS, REGISTER_BYTES),
    fpstate: getNumber(uc, UC_FPSTATE),
    maskLo: uc.getInt32(UC_MASK, true),
    maskHi: uc.getInt32(UC_MASK + 4, true),
    stackAddress: getNumber(uc, UC_STACK),
    stackFlags: uc.getInt32(UC_STACK + 8, true),
    stackSize: getNumber(uc, UC_STACK + 16),
  };
}

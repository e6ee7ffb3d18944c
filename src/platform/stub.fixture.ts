/** For tests of the platform: a zygote, a gate, and real stubs with machine code in them. */
import assert from 'node:assert/strict';
import { native } from '../host/native.ts';
import { CloneGate } from './clone-gate.ts';
import { REG } from './guest-thread.ts';
import * as L from './layout.ts';
import { MailboxWindow } from './mailbox-window.ts';
import { StubProcess } from './stub-process.ts';
import type { StubThread } from './stub-thread.ts';
import { endZygote, startZygote } from './zygote.ts';

const MMAP = 9;
export const POLL = 7;
export const CODE = 0x400000;
export const STACK = 0x500000;
const MAP_PRIVATE_ANONYMOUS_FIXED = 0x32;

export const zygote = startZygote();
export const gate = new CloneGate(zygote.listener);
export const window = new MailboxWindow();
zygote.globalPage[L.GP_SPIN_LIMIT >> 2] = 1000;

/** Ends the zygote, and with it all stubs. */
export function stopZygote(): void {
  endZygote(zygote);
}

/** Waits for one of the threads to ask, as the sentry's loop does, for at most five seconds. */
export function next(...threads: StubThread[]): StubThread {
  const pollFd = new Int32Array([zygote.listener, 1]);
  const deadline = performance.now() + 5000;
  while (performance.now() < deadline) {
    for (const thread of threads) if (thread.hasRequest) return thread;
    if (gate.isExpecting) {
      pollFd[1] = 1;
      if (native.syscall(POLL, pollFd, 1, 0) > 0) gate.answer();
    }
  }
  return assert.fail('no request arrived');
}

/** A process with `code` mapped and running, `text` (a binary string) at STACK; other registers are zero. */
export function start(code: readonly number[], text = ''): StubThread {
  const thread = StubProcess.spawn(window, gate, zygote);
  assert.ok(typeof thread !== 'number', `spawn gave ${thread}`);
  assert.equal(next(thread).kind, L.KIND_STARTED);
  for (const at of [CODE, STACK]) thread.command(MMAP, at, 0x10000, 7, MAP_PRIVATE_ANONYMOUS_FIXED, -1, 0);
  thread.reply(L.ACTION_RESUME, 0, 1);
  assert.equal(next(thread).kind, L.KIND_DONE);
  assert.equal(thread.commandResult(0), CODE);
  assert.equal(thread.process.writeMemory(CODE, new Uint8Array(code), 0, code.length), code.length);
  const bytes = Buffer.from(text, 'latin1');
  assert.equal(thread.process.writeMemory(STACK, bytes, 0, bytes.length), bytes.length);
  for (let i = 0; i < 18; i++) thread.registers.setBigUint64(i * 8, 0n, true);
  setRegister(thread, REG.rip, CODE);
  setRegister(thread, REG.rsp, STACK + 0x8000);
  thread.replyRegisters(L.FPU_RESET);
  return thread;
}

export function setRegister(thread: StubThread, register: number, value: number): void {
  thread.registers.setBigUint64(register * 8, BigInt(value), true);
}

export function register(thread: StubThread, at: number): number {
  return Number(thread.registers.getBigUint64(at * 8, true));
}

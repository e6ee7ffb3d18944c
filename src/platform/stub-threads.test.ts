/** Threads, interrupts and patched sites, with real machine code. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { REG } from './guest-thread.ts';
import * as L from './layout.ts';
import { Patcher } from './patcher.ts';
import { CODE, next, register, STACK, start, stopZygote, window } from './stub.fixture.ts';
import type { StubThread } from './stub-thread.ts';

after(stopZygote);

function end(thread: StubThread): void {
  thread.reply(L.ACTION_EXIT_PROCESS, 0);
  thread.process.destroy();
}

test('a thread starts with the registers it is given, in the same memory', () => {
  // syscall; mov %rax,%rdi; syscall
  const parent = start([0x0f, 0x05, 0x48, 0x89, 0xc7, 0x0f, 0x05]);
  next(parent);
  const thread = parent.process.prepareThread(parent, false);
  assert.ok(typeof thread !== 'number');
  const registers = new Uint8Array(parent.registers.buffer, parent.registers.byteOffset, 18 * 8).slice();
  parent.reply(L.ACTION_RESULT, 0, 1);
  assert.equal(next(thread).kind, L.KIND_STARTED);
  assert.equal(next(parent).kind, L.KIND_DONE);
  assert.ok(parent.commandResult(0) > 0);
  new Uint8Array(thread.registers.buffer, thread.registers.byteOffset, 18 * 8).set(registers);
  thread.registers.setBigUint64(REG.rax * 8, 99n, true);
  thread.registers.setBigUint64(REG.rsp * 8, BigInt(STACK + 0x4000), true);
  thread.replyRegisters(L.FPU_KEEP);
  next(thread);
  assert.equal(thread.argument(0), 99);
  assert.equal(register(thread, REG.rsp), STACK + 0x4000);
  thread.reply(L.ACTION_EXIT_THREAD, 0);
  parent.reply(L.ACTION_RESULT, 5);
  next(parent);
  assert.equal(parent.argument(0), 5);
  end(parent);
});

test('a thread that computes for ever can be interrupted and goes on where it was', () => {
  // syscall; 1: inc %rbx; jmp 1b
  const thread = start([0x0f, 0x05, 0x48, 0xff, 0xc3, 0xeb, 0xfb]);
  next(thread);
  thread.reply(L.ACTION_RESULT, 0);
  let last = 0;
  for (let i = 0; i < 3; i++) {
    // It must be seen running before it is interrupted again: the count goes up.
    while (!thread.hasRequest) thread.interrupt();
    assert.equal(thread.kind, L.KIND_INTERRUPT);
    const count = register(thread, REG.rbx);
    assert.ok(count >= last, `${count} after ${last}`);
    last = count;
    const rip = register(thread, REG.rip);
    assert.ok(rip === CODE + 2 || rip === CODE + 5, `rip ${rip}`);
    thread.reply(L.ACTION_RESUME, 0);
  }
  while (!thread.hasRequest) thread.interrupt();
  end(thread);
});

test('a hot site is patched; registers, flags and the red zone survive, and a jump onto the syscall still works', () => {
  // 0: syscall (sets fs base)            0f 05
  // 2: movl $0x77,-8(%rsp)               c7 44 24 f8 77 00 00 00
  // a: stc                               f9
  // b: mov $39,%eax                      b8 27 00 00 00
  // 10: syscall                          0f 05
  // 12: setc %dil                        40 0f 92 c7
  // 16: mov -8(%rsp),%esi                8b 74 24 f8
  // 1a: jmp b-1 (stc)                    eb ee
  const code = [
    0x0f, 0x05, 0xc7, 0x44, 0x24, 0xf8, 0x77, 0, 0, 0, 0xf9, 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0x40, 0x0f, 0x92, 0xc7,
    0x8b, 0x74, 0x24, 0xf8, 0xeb, 0xee,
  ];
  const thread = start(code);
  next(thread);
  thread.command(L.OP_SET_FS, STACK + 0x100);
  thread.reply(L.ACTION_RESULT, 0);
  const page = CODE + 0x200000;
  const space = { takePage: () => page, textProt: () => 5 };
  const host = {
    isBusy: false,
    queue: (op: number, ...args: number[]) => void thread.command(op, ...args),
    readMemory: thread.process.readMemory.bind(thread.process),
  };
  const patcher = new Patcher(space, host);
  const siteBytes = thread.base + L.MB_SITE_BYTES + 16;
  let patched = 0;
  for (let i = 0; i < 100; i++) {
    next(thread);
    assert.equal(thread.number, 39, `call ${i}`);
    assert.equal(register(thread, REG.rip), CODE + 0x12);
    if (i > 0) {
      assert.equal(thread.argument(0), 1, `carry flag after call ${i - 1}`);
      assert.equal(thread.argument(1), 0x77, `red zone after call ${i - 1}`);
    }
    if (thread.kind === L.KIND_PATCHED) patched += 1;
    else if (patcher.isHot(CODE + 0x12, window.u8, siteBytes, 39)) assert.ok(patcher.patch(CODE + 0x12, 39));
    thread.reply(L.ACTION_RESULT, i);
  }
  assert.equal(patched, 92);
  next(thread);
  // What the guest may write to is put back first, and takes more traps to be patched again.
  patcher.onTextChange(CODE, CODE + 4096);
  thread.reply(L.ACTION_RESULT, 100);
  next(thread);
  const back = new Uint8Array(code.length);
  assert.equal(thread.process.readMemory(CODE, back, 0, back.length), back.length);
  assert.deepEqual([...back], code);
  let traps = 0;
  for (; thread.kind === L.KIND_TRAP; traps++) {
    if (patcher.isHot(CODE + 0x12, window.u8, siteBytes, 39)) assert.ok(patcher.patch(CODE + 0x12, 39));
    thread.reply(L.ACTION_RESULT, 0);
    next(thread);
  }
  assert.equal(traps, 128);
  const text = new Uint8Array(2);
  assert.equal(thread.process.readMemory(CODE + 0x10, text, 0, 2), 2);
  assert.deepEqual([...text], [0x0f, 0x05]);
  // The same thread with another fs base is unknown to the patched path and takes the signal path from the same site.
  thread.command(L.OP_SET_FS, 0);
  thread.reply(L.ACTION_RESULT, 0);
  next(thread);
  assert.equal(thread.number, 39);
  assert.equal(register(thread, REG.rip), CODE + 0x12);
  assert.equal(thread.argument(0), 1);
  end(thread);
});

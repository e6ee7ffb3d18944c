/** The platform end to end: real stubs run real machine code, and each of its system calls is answered here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EINVAL } from '../abi/errno.ts';
import { native } from '../host/native.ts';
import { nativeFolder } from '../host/native-parts.ts';
import { sendFds, socketPair } from '../host/sockets.ts';
import { REG } from './guest-thread.ts';
import * as L from './layout.ts';
import { CODE, gate, next, POLL, register, STACK, start, stopZygote, window, zygote } from './stub.fixture.ts';
import { StubProcess } from './stub-process.ts';
import { endZygote, sharedMemory, startZygote } from './zygote.ts';

const WRITE = 1;
const CLOSE = 3;

after(stopZygote);

test('a system call arrives with number, arguments and registers, and its result goes back', () => {
  // mov $39,%eax; mov $5,%edi; syscall; mov %rax,%rdi; mov $60,%eax; syscall
  const code = [0xb8, 39, 0, 0, 0, 0xbf, 5, 0, 0, 0, 0x0f, 0x05, 0x48, 0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
  const thread = start(code);
  assert.equal(next(thread).kind, L.KIND_TRAP);
  assert.equal(thread.number, 39);
  assert.equal(thread.argument(0), 5);
  assert.equal(register(thread, REG.rip), CODE + 12);
  thread.reply(L.ACTION_RESULT, 1234567890123);
  next(thread);
  assert.equal(thread.number, 60);
  assert.equal(thread.argument(0), 1234567890123);
  thread.reply(L.ACTION_EXIT_PROCESS, 0);
  thread.process.destroy();
});

test('a fault arrives as one, with its address', () => {
  // mov 0x1234,%eax (absolute)
  const thread = start([0x8b, 0x04, 0x25, 0x34, 0x12, 0, 0]);
  assert.equal(next(thread).kind, L.KIND_FAULT);
  const words = window.i32.subarray(thread.word + (L.MB_FAULT >> 2));
  assert.equal(words[0], 11);
  assert.equal(words[2], 0x1234);
  assert.equal(register(thread, REG.rip), CODE);
  thread.reply(L.ACTION_EXIT_PROCESS, 0);
  thread.process.destroy();
});

test('copy-outs land in guest memory, and one that faults makes the call EFAULT', () => {
  // xor %eax,%eax; syscall; mov (%rsp),%rdi; syscall; mov %rax,%rsi; syscall
  const thread = start([0x31, 0xc0, 0x0f, 0x05, 0x48, 0x8b, 0x3c, 0x24, 0x0f, 0x05, 0x48, 0x89, 0xc6, 0x0f, 0x05]);
  next(thread);
  assert.ok(thread.copyOut(STACK + 0x8000, new Uint8Array([0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0]), 0, 8));
  thread.reply(L.ACTION_RESULT, 3);
  next(thread);
  assert.equal(thread.number, 3);
  assert.equal(thread.argument(0), 0x12345678);
  assert.ok(thread.copyOut(0x10, new Uint8Array(8), 0, 8));
  thread.reply(L.ACTION_RESULT, 4);
  next(thread);
  assert.equal(thread.argument(1), 2 ** 64 - 14);
  thread.reply(L.ACTION_EXIT_PROCESS, 0);
  thread.process.destroy();
});

test('a process that is gone before it came up leaves the word of the next one alone', () => {
  const [first] = socketPair();
  const gone = new StubProcess(window, gate, first, window.createMemory());
  gone.destroy();
  const [ours, theirs] = socketPair();
  // The host gives the lowest number that is free.
  assert.equal(ours, first);
  assert.equal(native.syscall(WRITE, theirs, new Uint8Array(1), 1), 1);
  assert.equal(gone.pid, 0);
  const next = new StubProcess(window, gate, ours, window.createMemory());
  assert.equal(next.pid, process.pid);
  native.syscall(CLOSE, theirs);
  next.destroy();
});

test('fork makes a second process with the same memory and a mailbox of its own', () => {
  // syscall; mov %rax,%rdi; syscall
  const parent = start([0x0f, 0x05, 0x48, 0x89, 0xc7, 0x0f, 0x05]);
  next(parent);
  const child = parent.process.forkTarget(parent);
  assert.ok(typeof child !== 'number');
  assert.equal(parent.process.commandFork(parent, child), 0);
  parent.reply(L.ACTION_RESULT, 77, 1);
  assert.equal(next(child).kind, L.KIND_STARTED);
  assert.equal(next(parent).kind, L.KIND_DONE);
  assert.ok(child.process.pid > 0 && child.process.pid !== parent.process.pid);
  child.reply(L.ACTION_RESULT, 0);
  parent.reply(L.ACTION_RESULT, 77);
  next(child);
  assert.equal(child.argument(0), 0);
  next(parent);
  assert.equal(parent.argument(0), 77);
  for (const thread of [parent, child]) {
    thread.reply(L.ACTION_EXIT_PROCESS, 0);
    thread.process.destroy();
  }
});

test('a descriptor whose command was not carried out is not taken for that of a later one', () => {
  const PWRITE64 = 18;
  const MMAP = 9;
  const MAP_SHARED_FIXED = 0x11;
  const AT = 0x600000;
  // syscall
  const thread = start([0x0f, 0x05]);
  next(thread);
  const fileOf = (byte: number): number => {
    const fd = sharedMemory('a file', 4096);
    assert.equal(native.syscall(PWRITE64, fd, new Uint8Array([byte]), 1, 0), 1);
    return fd;
  };
  const map = (at: number, byte: number): void => {
    const fd = fileOf(byte);
    assert.equal(sendFds(thread.process.control, [fd], 0), 0);
    native.syscall(CLOSE, fd);
    thread.command(L.OP_RECEIVE_FDS);
    thread.command(MMAP, at, 4096, 1, MAP_SHARED_FIXED, L.RECEIVED_FD_BASE, 0);
    thread.command(L.OP_CLOSE_FDS);
  };
  const carryOut = (): number => {
    const count = thread.commandCount;
    thread.reply(L.ACTION_RESUME, 0, 1);
    assert.equal(next(thread).kind, L.KIND_DONE);
    return thread.failure(count);
  };
  const notAligned = AT + 1;
  map(notAligned, 1);
  map(AT, 2);
  map(AT, 3);
  assert.equal(carryOut(), -EINVAL);
  map(AT, 4);
  assert.equal(carryOut(), 0);
  const found = new Uint8Array(1);
  assert.equal(thread.process.readMemory(AT, found, 0, 1), 1);
  assert.equal(found[0], 4);
  thread.reply(L.ACTION_EXIT_PROCESS, 0);
  thread.process.destroy();
});

test('a zygote begins while the host has many descriptors of its user in flight', () => {
  const [ours, theirs] = socketPair();
  // More than a stub may have.
  for (let i = 0; i < 8; i++) assert.equal(sendFds(ours, new Array<number>(16).fill(ours), 0), 0);
  const other = startZygote();
  endZygote(other);
  for (const fd of [other.control, other.listener, other.doorbell, other.pidfd, ours, theirs]) {
    native.syscall(CLOSE, fd);
  }
});

/** Guest code that calls the stub's own `syscall; ret` with these registers and passes the result to a system call. */
function jumpIntoStub(nr: number, rdi: number): number[] {
  const zygoteFile = readFileSync(join(nativeFolder(), 'zygote'));
  const textOffset = 0x1000;
  const at = zygoteFile.indexOf(Buffer.from([0x0f, 0x05, 0xc3]), textOffset);
  const target = Buffer.alloc(8);
  target.writeBigUInt64LE(BigInt(L.STUB_TEXT_START + at - textOffset));
  // movabs target,%rbx; mov nr,%eax; mov rdi,%edi; call *%rbx; mov %rax,%rdi; syscall
  return [
    0x48,
    0xbb,
    ...target,
    0xb8,
    nr & 255,
    nr >> 8,
    0,
    0,
    0xbf,
    rdi,
    0,
    0,
    0,
    0xff,
    0xd3,
    0x48,
    0x89,
    0xc7,
    0x0f,
    0x05,
  ];
}

test('a clone by guest code that jumps into the stub is refused', () => {
  const CLONE = 56;
  const SIGCHLD = 17;
  const thread = start(jumpIntoStub(CLONE, SIGCHLD));
  const pollFd = new Int32Array([zygote.listener, 1]);
  assert.equal(native.syscall(POLL, pollFd, 1, 5000), 1);
  gate.answer();
  next(thread);
  assert.equal(thread.argument(0), 2 ** 64 - 1, 'EPERM');
  thread.reply(L.ACTION_EXIT_PROCESS, 0);
  thread.process.destroy();
});

test('a call outside the filter by guest code that jumps into the stub comes to us, not to the host', () => {
  const GETPPID = 110;
  const thread = start(jumpIntoStub(GETPPID, 0));
  next(thread);
  assert.equal(thread.number, GETPPID);
  thread.reply(L.ACTION_RESULT, 4242);
  next(thread);
  assert.equal(thread.argument(0), 4242);
  thread.reply(L.ACTION_EXIT_PROCESS, 0);
  thread.process.destroy();
});

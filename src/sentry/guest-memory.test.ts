/** Guest memory through a real stub: copied ahead, through the mailbox, and by process_vm calls. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { E2BIG, EFAULT, ENAMETOOLONG } from '../abi/errno.ts';
import * as L from '../platform/layout.ts';
import { CODE, next, STACK, start, stopZygote } from '../platform/stub.fixture.ts';
import type { StubThread } from '../platform/stub-thread.ts';
import { GuestMemory } from './guest-memory.ts';

after(stopZygote);

/** A guest that makes the call `nr(STACK, STACK + 0x100, 16)` for ever, with `text` at STACK. */
function guest(nr: number, text: string): { thread: StubThread; memory: GuestMemory } {
  const address = [STACK & 255, (STACK >> 8) & 255, (STACK >> 16) & 255, 0];
  // 1: mov $STACK,%edi; mov $STACK+0x100,%esi; mov $16,%edx; mov $nr,%eax; syscall; jmp 1b
  const code = [0xbf, ...address, 0xbe, address[0], address[1] + 1, address[2], 0, 0xba, 16, 0, 0, 0];
  const thread = start([...code, 0xb8, nr & 255, nr >> 8, 0, 0, 0x0f, 0x05, 0xeb, 0xe8], text);
  next(thread);
  thread.takeRequest();
  return { thread, memory: new GuestMemory(thread) };
}

function end(thread: StubThread): void {
  thread.reply(L.ACTION_EXIT_PROCESS, 0);
  thread.process.destroy();
}

test('a path is taken from the mailbox when the call has one, and from memory otherwise', () => {
  for (const nr of [2 /* open */, 39 /* getpid */]) {
    const { thread, memory } = guest(nr, '/etc/p\xe4sswd\0');
    assert.equal(thread.precopiedLength(STACK) > 0, nr === 2);
    assert.equal(memory.readPath(STACK), '/etc/p\xe4sswd');
    end(thread);
  }
});

test('strings have limits, and addresses that are not there fault', () => {
  const { thread, memory } = guest(39, `${'x'.repeat(5000)}\0`);
  assert.equal(memory.readPath(STACK), -ENAMETOOLONG);
  assert.equal(memory.readString(STACK, 100), -E2BIG);
  assert.equal(memory.readString(STACK, 6000), 'x'.repeat(5000));
  assert.equal(memory.readPath(0), -EFAULT);
  assert.equal(memory.readPath(2 ** 47), -EFAULT);
  assert.equal(memory.readPath(2 ** 64), -EFAULT);
  assert.equal(memory.readBytes(STACK + 0x10000 - 4, 8), -EFAULT);
  assert.equal(memory.readU32(0x10), null);
  assert.equal(memory.write(2 ** 47 - 4, new Uint8Array(8), 0, 8), -EFAULT);
  end(thread);
});

test('what is written is there when the guest goes on, in small and in bulk', () => {
  const { thread, memory } = guest(39, '\0');
  assert.equal(memory.writeU64(STACK + 8, 0x123456789abc), 0);
  assert.equal(memory.writeU32(STACK + 16, -1), 0);
  assert.equal(memory.stage(1000), 1000);
  memory.stageBuf.fill(7, memory.stageAt, memory.stageAt + 1000);
  assert.equal(memory.flush(STACK + 0x1000, 1000), 0);
  const bulk = 50_000;
  assert.equal(memory.stage(bulk), bulk);
  memory.stageBuf.fill(9, memory.stageAt, memory.stageAt + bulk);
  assert.equal(memory.flush(CODE + 0x2000, bulk), 0);
  thread.reply(L.ACTION_RESULT, 0);
  next(thread);
  thread.takeRequest();
  assert.equal(memory.readU64(STACK + 8), 0x123456789abc);
  assert.equal(memory.readU32(STACK + 16), 2 ** 32 - 1);
  assert.deepEqual(memory.readBytes(STACK + 0x1000, 1000), new Uint8Array(1000).fill(7));
  assert.equal(memory.load(CODE + 0x2000, bulk), bulk);
  assert.ok(memory.stageBuf.subarray(memory.stageAt, memory.stageAt + bulk).every((byte) => byte === 9));
  end(thread);
});

test('a mailbox that lies about what it copied is not believed', () => {
  const { thread, memory } = guest(2, 'name\0');
  const i32 = thread.process.window.i32;
  i32[thread.word + (L.MB_PRECOPIES >> 2)] = -1;
  i32[thread.word + (L.MB_PRECOPY_TABLE >> 2) + 2] = 0x7fffffff;
  i32[thread.word + (L.MB_PRECOPY_TABLE >> 2) + 7] = -64;
  thread.takeRequest();
  assert.equal(thread.precopied(STACK, 1), -1);
  assert.equal(memory.readPath(STACK), 'name');
  assert.ok(thread.reserve(1) >= thread.base + L.MB_DATA);
  end(thread);
});

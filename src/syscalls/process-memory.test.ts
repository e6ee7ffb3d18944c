import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import { PAGE_SIZE, PROT_READ, PROT_WRITE } from '../abi/memory.ts';
import { NO_CAPABILITIES } from '../kernel/capability-set.ts';
import { userCredentials } from '../kernel/credentials.ts';
import type { Task } from '../kernel/task.ts';
import { bootTestKernel, fork } from '../kernel/test-machine.fixture.ts';
import { VM_MAY_ALL, Vma } from '../mm/vma.ts';
import { sysProcessVmReadv, sysProcessVmWritev } from './process-memory.ts';

const AT = 0x1000_0000;
const NOBODY = userCredentials(65534, 65534, [], {
  effective: NO_CAPABILITIES,
  permitted: NO_CAPABILITIES,
  inheritable: NO_CAPABILITIES,
  bounding: NO_CAPABILITIES,
  ambient: NO_CAPABILITIES,
});

function withPage(task: Task, text: string): Task {
  assert.equal(task.mm.install(new Vma(AT, AT + PAGE_SIZE, PROT_READ | PROT_WRITE, VM_MAY_ALL), -1, 0), 0);
  assert.equal(task.mm.writeNow(AT, Buffer.from(text)), 0);
  return task;
}

/** Puts an iovec array at a guest address below 64 KiB, where the test machine has its memory. */
function iov(task: Task, addr: number, ...segments: readonly (readonly [number, number])[]): number {
  for (const [i, [base, length]] of segments.entries()) {
    task.mem.writeU64(addr + i * 16, base);
    task.mem.writeU64(addr + i * 16 + 8, length);
  }
  return addr;
}

function text(task: Task, length: number): string {
  const bytes = task.mm.readBytesNow(AT, length);
  assert.ok(typeof bytes !== 'number');
  return Buffer.from(bytes).toString();
}

test('bytes go between two processes, segment by segment, as far as there is memory', () => {
  const init = bootTestKernel();
  const other = withPage(fork(init), 'hello, world');
  withPage(init, '............');
  const local = iov(init, 0x100, [AT, 3], [AT + 5, 4]);
  const remote = iov(init, 0x200, [AT + 7, 5], [AT, 20]);
  assert.equal(sysProcessVmReadv(init, other.tid, local, 2, remote, 2, 0), 7);
  assert.equal(text(init, 12), 'wor..ldhe...');
  assert.equal(sysProcessVmWritev(init, other.tid, iov(init, 0x100, [AT, 3]), 1, remote, 1, 0), 3);
  assert.equal(text(other, 12), 'hello, world');
  const short = iov(init, 0x200, [AT + PAGE_SIZE - 2, 10]);
  assert.equal(sysProcessVmReadv(init, other.tid, iov(init, 0x100, [AT, 10]), 1, short, 1, 0), 2);
  const nowhere = iov(init, 0x200, [AT + PAGE_SIZE, 10]);
  assert.equal(sysProcessVmReadv(init, other.tid, iov(init, 0x100, [AT, 10]), 1, nowhere, 1, 0), -EFAULT);
});

test('who may not trace may not look', () => {
  const init = bootTestKernel();
  const other = withPage(fork(init), 'secret');
  const intruder = withPage(fork(init), '......');
  intruder.setCredentials(NOBODY);
  const local = iov(intruder, 0x100, [AT, 6]);
  const remote = iov(intruder, 0x200, [AT, 6]);
  assert.equal(sysProcessVmReadv(intruder, other.tid, local, 1, remote, 1, 0), -EPERM);
  assert.equal(text(intruder, 6), '......');
  assert.equal(sysProcessVmReadv(intruder, intruder.tid, local, 1, remote, 1, 0), 6);
});

test('hostile vectors are refused before anything is copied', () => {
  const init = bootTestKernel();
  const other = withPage(fork(init), 'x');
  withPage(init, 'y');
  const good = iov(init, 0x100, [AT, 1]);
  const bad = iov(init, 0x200, [AT, 0]);
  init.mem.writeU32(0x20c, 0x8000_0000);
  assert.equal(sysProcessVmReadv(init, other.tid, good, 1, bad, 1, 0), -EINVAL);
  assert.equal(sysProcessVmReadv(init, other.tid, good, 1, good, 1025, 0), -EINVAL);
  assert.equal(sysProcessVmReadv(init, other.tid, good, 1, good, 2 ** 60, 0), -EINVAL);
  assert.equal(sysProcessVmReadv(init, other.tid, good, 1, good, 1, 1), -EINVAL);
  assert.equal(sysProcessVmReadv(init, other.tid, good, 1, 2 ** 50, 1, 0), -EFAULT);
  assert.equal(sysProcessVmReadv(init, 12345, good, 1, good, 1, 0), -ESRCH);
  const far = iov(init, 0x300, [2 ** 47, 8]);
  assert.equal(sysProcessVmReadv(init, other.tid, good, 1, far, 1, 0), -EFAULT);
  assert.equal(sysProcessVmReadv(init, other.tid, good, 0, good, 1, 0), 0);
});

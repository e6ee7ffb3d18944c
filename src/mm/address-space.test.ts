import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENOMEM, EPERM } from '../abi/errno.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/memory.ts';
import { RLIMIT_AS } from '../abi/resource.ts';
import { AddressSpace } from './address-space.ts';
import { ModelHost, noLimits } from './model-host.ts';
import { SharedMemory, VM_DONTCOPY, VM_LOCKED, VM_MAY_ALL, VM_SHARED, Vma } from './vma.ts';

const RW = PROT_READ | PROT_WRITE;
const P = 4096;
const AT = 0x1000_0000;

function anon(start: number, pages: number, prot = RW, flags = VM_MAY_ALL): Vma {
  return new Vma(start, start + pages * P, prot, flags);
}

function fresh(): { mm: AddressSpace; host: ModelHost } {
  const host = new ModelHost();
  return { mm: new AddressSpace(host, noLimits), host };
}

test('adjacent equal mappings become one, a hole in the middle makes two', () => {
  const { mm, host } = fresh();
  assert.equal(mm.install(anon(AT, 2), -1, 0), 0);
  assert.equal(mm.install(anon(AT + 4 * P, 2), -1, 0), 0);
  assert.equal(mm.install(anon(AT + 2 * P, 2), -1, 0), 0);
  assert.deepEqual(
    [...mm.vmas].map((v) => [v.start, v.end]),
    [[AT, AT + 6 * P]],
  );
  assert.equal(mm.unmap(AT + P, P), 0);
  assert.deepEqual(
    [...mm.vmas].map((v) => [v.start, v.end]),
    [
      [AT, AT + P],
      [AT + 2 * P, AT + 6 * P],
    ],
  );
  assert.equal(mm.totalPages, 5);
  assert.equal(mm.dataPages, 5);
  host.agreesWith(mm);
});

test('nothing touches immutable ranges, munmap leaves trampolines, mapping over takes them', () => {
  const { mm, host } = fresh();
  assert.equal(mm.reserve(AT, AT + P, 'reserved'), 0);
  assert.equal(mm.install(anon(AT, 1), -1, 0), -EPERM);
  assert.equal(mm.unmap(AT - P, 4 * P), -EPERM);
  assert.deepEqual(host.log, []);
  const seen: [number, number][] = [];
  mm.onTextChange = (start, end) => seen.push([start, end]);
  assert.equal(mm.install(anon(AT + P, 1, PROT_READ | PROT_EXEC), -1, 0), 0);
  assert.equal(mm.reserve(AT + 2 * P, AT + 3 * P, 'trampoline'), 0);
  assert.equal(mm.install(anon(AT + 3 * P, 1), -1, 0), 0);
  assert.equal(mm.unmap(AT + P, 3 * P), 0);
  assert.deepEqual(seen, [
    [AT + P, AT + 2 * P],
    [AT + 2 * P, AT + 3 * P],
  ]);
  assert.deepEqual(host.log.slice(-2), [`munmap ${AT + P} ${P}`, `munmap ${AT + 3 * P} ${P}`]);
  assert.equal(mm.vmas.at(AT + 2 * P)?.kind, 'trampoline');
  assert.equal(mm.install(anon(AT + 2 * P, 1), -1, 0), 0);
  assert.equal(mm.vmas.at(AT + 2 * P)?.kind, 'user');
});

test('brk grows and shrinks the heap, stops at a neighbour and at RLIMIT_AS', () => {
  const { mm, host } = fresh();
  mm.startBrk = AT;
  mm.brk = AT;
  assert.equal(mm.setBrk(0), AT);
  assert.equal(mm.setBrk(AT + 10), AT + 10);
  assert.equal(mm.setBrk(AT + 3 * P), AT + 3 * P);
  assert.equal(mm.vmas.length, 1);
  assert.equal(mm.vmas.at(AT)?.name, '[heap]');
  assert.equal(mm.setBrk(AT + P), AT + P);
  assert.equal(mm.totalPages, 1);
  assert.equal(mm.install(anon(AT + 5 * P, 1), -1, 0), 0);
  assert.equal(mm.setBrk(AT + 5 * P), AT + P);
  mm.limits = { soft: (resource) => (resource === RLIMIT_AS ? 3 * P : Infinity) };
  assert.equal(mm.setBrk(AT + 3 * P), AT + P);
  assert.equal(mm.install(anon(AT + 9 * P, 2), -1, 0), -ENOMEM);
  host.agreesWith(mm);
});

test('max_map_count refuses a mapping and a split with ENOMEM', () => {
  const { mm } = fresh();
  mm.maxMapCount = 2;
  assert.equal(mm.install(anon(AT, 3), -1, 0), 0);
  assert.equal(mm.install(anon(AT + 8 * P, 1), -1, 0), 0);
  assert.equal(mm.install(anon(AT + 16 * P, 1), -1, 0), -ENOMEM);
  assert.equal(mm.unmap(AT + P, P), -ENOMEM);
  assert.equal(mm.unmap(AT, P), 0);
});

test('fork leaves DONTFORK behind, drops locks and keeps the identity of shared memory', () => {
  const { mm } = fresh();
  const shared = anon(AT, 1, RW, VM_MAY_ALL | VM_SHARED);
  shared.shared = new SharedMemory();
  mm.install(shared, -1, 0);
  mm.install(anon(AT + 4 * P, 1, RW, VM_MAY_ALL | VM_DONTCOPY), -1, 0);
  mm.install(anon(AT + 8 * P, 1, RW, VM_MAY_ALL | VM_LOCKED), -1, 0);
  const child = mm.clone(new ModelHost());
  assert.equal(child.vmas.length, 2);
  assert.equal(child.lockedPages, 0);
  assert.equal(mm.lockedPages, 1);
  const key = child.futexKey(AT + 8);
  assert.equal(key?.object, shared.shared);
  assert.equal(key?.offset, mm.futexKey(AT + 8)?.offset);
  assert.equal(child.futexKey(AT + 8 * P), null);
});

test('a mapping the host refused leaves the list', () => {
  const { mm } = fresh();
  mm.install(anon(AT, 4), -1, 0);
  mm.onHostFailure('mmap', AT + P, P);
  assert.equal(mm.vmas.at(AT + P), undefined);
  assert.equal(mm.totalPages, 3);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EACCES, EFAULT, EINVAL, ENOMEM } from '../abi/errno.ts';
import {
  MADV_DOFORK,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../abi/memory.ts';
import { RLIMIT_MEMLOCK } from '../abi/resource.ts';
import { AddressSpace } from './address-space.ts';
import { advise } from './advise.ts';
import { lock, unlock, unlockAll } from './lock.ts';
import { ModelHost, noLimits } from './model-host.ts';
import { protect } from './protect.ts';
import { remap } from './remap.ts';
import { VM_DONTCOPY, VM_LOCKED, VM_MAY_ALL, VM_MAYWRITE, VM_SHARED, Vma } from './vma.ts';

const RW = PROT_READ | PROT_WRITE;
const P = 4096;
const AT = 0x1000_0000;

function fresh(): { mm: AddressSpace; host: ModelHost } {
  const host = new ModelHost();
  return { mm: new AddressSpace(host, noLimits), host };
}

function anon(page: number, pages: number, prot = RW, flags = VM_MAY_ALL): Vma {
  return new Vma(AT + page * P, AT + (page + pages) * P, prot, flags);
}

/** What the list should be, page by page. */
function listed(mm: AddressSpace): string[] {
  return [...mm.vmas].map((v) => `${(v.start - AT) / P}-${(v.end - AT) / P} ${v.prot}`);
}

test('any sequence of operations keeps the list, the host and the counters in agreement, with nothing left to merge', async () => {
  const page = fc.nat(40);
  const size = fc.integer({ min: 1, max: 12 });
  const prot = fc.constantFrom(0, PROT_READ, RW, PROT_READ | PROT_EXEC);
  const operation = fc.oneof(
    fc.record({ op: fc.constant('map' as const), page, size, prot }),
    fc.record({ op: fc.constant('unmap' as const), page, size, prot }),
    fc.record({ op: fc.constant('protect' as const), page, size, prot }),
    fc.record({ op: fc.constant('move' as const), page, size, prot, to: page, newSize: size }),
    fc.record({ op: fc.constant('resize' as const), page, size, prot, newSize: size }),
    fc.record({ op: fc.constant('advise' as const), page, size, prot, advice: fc.constantFrom(4, 10, 11) }),
    fc.record({ op: fc.constant('lock' as const), page, size, prot }),
    fc.record({ op: fc.constant('unlock' as const), page, size, prot }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 60, size: 'max' }), async (operations) => {
      const { mm, host } = fresh();
      mm.mmapBase = AT + 4096 * P;
      for (const o of operations) {
        const at = AT + o.page * P;
        if (o.op === 'map') mm.install(anon(o.page, o.size, o.prot), -1, 0);
        else if (o.op === 'unmap') mm.unmap(at, o.size * P);
        else if (o.op === 'protect') protect(mm, at, o.size * P, o.prot);
        else if (o.op === 'resize') await remap(mm, at, o.size * P, o.newSize * P, MREMAP_MAYMOVE, 0);
        else if (o.op === 'advise') advise(mm, at, o.size * P, o.advice);
        else if (o.op === 'lock') lock(mm, at, o.size * P, VM_LOCKED, true);
        else if (o.op === 'unlock') unlock(mm, at, o.size * P);
        else await remap(mm, at, o.size * P, o.newSize * P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + o.to * P);
        host.agreesWith(mm);
        let previous: Vma | null = null;
        let data = 0;
        let locked = 0;
        for (const vma of mm.vmas) {
          if (previous !== null) assert.ok(!previous.canMergeWith(vma), 'two mappings that should be one');
          previous = vma;
          if ((vma.prot & PROT_WRITE) !== 0) data += vma.length / P;
          if ((vma.flags & VM_LOCKED) !== 0) locked += vma.length / P;
        }
        assert.equal(mm.dataPages, data);
        assert.equal(mm.lockedPages, locked);
      }
    }),
    { numRuns: 150 },
  );
});

test('mprotect splits, refuses what the mapping may not be, and stops at a hole', () => {
  const { mm, host } = fresh();
  mm.install(anon(0, 4), -1, 0);
  mm.install(anon(6, 1, PROT_READ, (VM_MAY_ALL & ~VM_MAYWRITE) | VM_SHARED), -1, 0);
  assert.equal(protect(mm, AT + P, P, PROT_READ), 0);
  assert.deepEqual(listed(mm), ['0-1 3', '1-2 1', '2-4 3', '6-7 1']);
  assert.equal(protect(mm, AT + 6 * P, P, RW), -EACCES);
  assert.equal(protect(mm, AT, 5 * P, PROT_READ), -ENOMEM);
  assert.deepEqual(listed(mm), ['0-4 1', '6-7 1']);
  assert.equal(protect(mm, AT + 1, P, PROT_READ), -EINVAL);
  assert.equal(protect(mm, AT, P, 0x80), -EINVAL);
  assert.equal(protect(mm, AT, 0, RW), 0);
  assert.equal(protect(mm, AT, 2 ** 60, RW), -ENOMEM);
  host.agreesWith(mm);
});

test('text that becomes writable is announced before the host changes it', () => {
  const { mm, host } = fresh();
  mm.install(anon(0, 2, PROT_READ | PROT_EXEC), -1, 0);
  const seen: number[] = [];
  mm.onTextChange = () => seen.push(host.log.length);
  assert.equal(protect(mm, AT, 2 * P, PROT_READ), 0);
  assert.deepEqual(seen, []);
  assert.equal(protect(mm, AT, 2 * P, RW), 0);
  assert.deepEqual(seen, [2]);
  assert.match(host.log[2], /^mprotect/);
});

test('mremap grows in place, moves, places, keeps and refuses as mremap(2) says', async () => {
  const { mm, host } = fresh();
  mm.mmapBase = AT + 100 * P;
  mm.install(anon(0, 2), -1, 0);
  assert.equal(await remap(mm, AT, 2 * P, 4 * P, 0, 0), AT);
  mm.install(anon(4, 1, PROT_READ), -1, 0);
  assert.equal(await remap(mm, AT, 4 * P, 5 * P, 0, 0), -ENOMEM);
  assert.equal(await remap(mm, AT, 4 * P, 5 * P, MREMAP_MAYMOVE, 0), AT + 95 * P);
  assert.deepEqual(listed(mm), ['4-5 1', '95-100 3']);
  assert.equal(await remap(mm, AT + 95 * P, 5 * P, 2 * P, MREMAP_MAYMOVE, 0), AT + 95 * P);
  assert.equal(await remap(mm, AT + 95 * P, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + 4 * P), AT + 4 * P);
  assert.deepEqual(listed(mm), ['4-6 3']);
  const kept = await remap(mm, AT + 4 * P, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
  assert.equal(kept, AT + 98 * P);
  assert.deepEqual(listed(mm), ['4-6 3', '98-100 3']);
  assert.equal(await remap(mm, AT + 50 * P, P, 2 * P, MREMAP_MAYMOVE, 0), -EFAULT);
  assert.equal(await remap(mm, AT + 4 * P, 3 * P, 4 * P, MREMAP_MAYMOVE, 0), -EFAULT);
  assert.equal(await remap(mm, AT + 4 * P, 2 * P, 0, MREMAP_MAYMOVE, 0), -EINVAL);
  assert.equal(await remap(mm, AT + 4 * P, P, P, MREMAP_FIXED, AT), -EINVAL);
  assert.equal(await remap(mm, AT + 4 * P, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + 5 * P), -EINVAL);
  host.agreesWith(mm);
});

test('a move the host refuses leaves everything where it was', async () => {
  const { mm, host } = fresh();
  mm.install(anon(0, 2), -1, 0);
  mm.install(anon(2, 1, PROT_READ), -1, 0);
  const before = listed(mm);
  host.flushResult = -ENOMEM;
  assert.equal(await remap(mm, AT, 2 * P, 4 * P, MREMAP_MAYMOVE, 0), -ENOMEM);
  assert.deepEqual(listed(mm), before);
  host.agreesWith(mm);
});

test('madvise keeps fork flags, reports holes and knows only its list', () => {
  const { mm } = fresh();
  mm.install(anon(0, 3), -1, 0);
  assert.equal(advise(mm, AT + P, P, MADV_DONTFORK), 0);
  assert.equal(mm.vmas.at(AT + P)?.flags, VM_MAY_ALL | VM_DONTCOPY);
  assert.equal(mm.vmas.length, 3);
  assert.equal(advise(mm, AT + P, P, MADV_DOFORK), 0);
  assert.equal(mm.vmas.length, 1);
  assert.equal(advise(mm, AT, 4 * P, MADV_DONTNEED), -ENOMEM);
  assert.equal(advise(mm, AT, P, 100), -EINVAL);
  assert.equal(advise(mm, AT, P, 12), -EINVAL);
});

test('mlock is held to RLIMIT_MEMLOCK, and counts nothing twice', () => {
  const { mm } = fresh();
  mm.limits = { soft: (resource) => (resource === RLIMIT_MEMLOCK ? 2 * P : Infinity) };
  mm.install(anon(0, 4), -1, 0);
  assert.equal(lock(mm, AT + 5, P, VM_LOCKED, false), 0);
  assert.equal(mm.lockedPages, 2);
  assert.equal(lock(mm, AT, 2 * P, VM_LOCKED, false), 0);
  assert.equal(lock(mm, AT, 3 * P, VM_LOCKED, false), -ENOMEM);
  assert.equal(lock(mm, AT, 3 * P, VM_LOCKED, true), 0);
  assert.equal(unlock(mm, AT, P), 0);
  assert.equal(mm.lockedPages, 2);
  unlockAll(mm);
  assert.equal(mm.lockedPages, 0);
  assert.equal(mm.vmas.length, 1);
});

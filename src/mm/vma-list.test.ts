import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PAGE_SIZE } from '../abi/memory.ts';
import { Vma } from './vma.ts';
import { VmaList } from './vma-list.ts';

const SPAN = 600;

/** The naive model: one flag for each page. */
function gapInModel(model: readonly boolean[], length: number, low: number, high: number, isTopDown: boolean): number {
  const starts: number[] = [];
  for (let at = low; at + length <= high; at++) {
    if (!model.slice(at, at + length).includes(true)) starts.push(at);
  }
  return (isTopDown ? starts.at(-1) : starts[0]) ?? -1;
}

test('find, before, overlapping and gap search agree with a map of pages', () => {
  const step = fc.record({ at: fc.nat(SPAN - 2), length: fc.integer({ min: 1, max: 3 }), isRemoval: fc.boolean() });
  const query = fc.record({ low: fc.nat(SPAN), high: fc.nat(SPAN), length: fc.integer({ min: 1, max: 40 }) });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 500, size: 'max' }),
      fc.array(query, { maxLength: 10 }),
      (steps, queries) => {
        const list = new VmaList();
        const model: boolean[] = new Array(SPAN + 4).fill(false);
        for (const { at, length, isRemoval } of steps) {
          const found = list.at(at * PAGE_SIZE);
          assert.equal(found !== undefined, model[at]);
          if (isRemoval && found !== undefined) {
            list.remove(found);
            model.fill(false, found.start / PAGE_SIZE, found.end / PAGE_SIZE);
          } else if (!model.slice(at, at + length).includes(true)) {
            list.insert(new Vma(at * PAGE_SIZE, (at + length) * PAGE_SIZE, 3, 0));
            model.fill(true, at, at + length);
          }
        }
        let last = 0;
        let count = 0;
        for (const vma of list) {
          assert.ok(vma.start >= last);
          assert.equal(list.before(vma.start)?.end ?? 0, last);
          last = vma.end;
          count += 1;
        }
        assert.equal(count, list.length);
        for (const { low, high, length } of queries) {
          const expectedTop = gapInModel(model, length, low, high, true);
          const top = list.gapTopDown(length * PAGE_SIZE, low * PAGE_SIZE, high * PAGE_SIZE);
          assert.equal(top < 0 ? -1 : top / PAGE_SIZE, expectedTop);
          const expectedBottom = gapInModel(model, length, low, high, false);
          const bottom = list.gapBottomUp(length * PAGE_SIZE, low * PAGE_SIZE, high * PAGE_SIZE);
          assert.equal(bottom < 0 ? -1 : bottom / PAGE_SIZE, expectedBottom);
          const inside = list.overlapping(low * PAGE_SIZE, high * PAGE_SIZE);
          assert.equal(inside.length > 0, low < high && model.slice(low, high).includes(true));
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('an aligned gap is the highest aligned one', () => {
  const list = new VmaList();
  list.insert(new Vma(0x50_0000, 0x50_1000, 3, 0));
  assert.equal(list.gapTopDown(0x20_0000, 0x1_0000, 0x7f_0000, 0x20_0000), 0x20_0000);
  assert.equal(list.gapTopDown(0x20_0000, 0x1_0000, 0x80_0000, 0x20_0000), 0x60_0000);
});

test('ten thousand mappings without a hole between them are searched in chunks', () => {
  const list = new VmaList();
  const base = 0x10_0000;
  for (let i = 0; i < 10_000; i++) list.insert(new Vma(base + i * PAGE_SIZE, base + (i + 1) * PAGE_SIZE, 3, 0));
  const high = base + 10_000 * PAGE_SIZE;
  assert.equal(list.length, 10_000);
  assert.equal(list.gapTopDown(PAGE_SIZE, 0x1_0000, high), base - PAGE_SIZE);
  const hole = list.at(base + 5000 * PAGE_SIZE);
  assert.ok(hole !== undefined);
  list.remove(hole);
  assert.equal(list.gapTopDown(PAGE_SIZE, 0x1_0000, high), hole.start);
  assert.equal(list.gapTopDown(2 * PAGE_SIZE, 0x1_0000, high), base - 2 * PAGE_SIZE);
  const before = list.before(hole.start);
  assert.ok(before !== undefined);
  list.resize(before, before.start, hole.end);
  assert.equal(list.gapTopDown(PAGE_SIZE, 0x1_0000, high), base - PAGE_SIZE);
});

test('a gap search looks into a small part of many mappings', () => {
  const list = new VmaList();
  let looks = 0;
  const count = 20_000;
  for (let i = 0; i < count; i++) {
    const start = 0x10_0000 + i * PAGE_SIZE;
    const vma = new Vma(start, start + PAGE_SIZE, 3, 0);
    Object.defineProperty(vma, 'start', {
      get: () => {
        looks += 1;
        return start;
      },
    });
    list.insert(vma);
  }
  const high = 0x10_0000 + count * PAGE_SIZE;
  list.gapTopDown(PAGE_SIZE, 0x1_0000, high);
  list.gapBottomUp(PAGE_SIZE, 0x10_0000, high + PAGE_SIZE);
  looks = 0;
  assert.equal(list.gapTopDown(PAGE_SIZE, 0x1_0000, high), 0x10_0000 - PAGE_SIZE);
  assert.equal(list.gapBottomUp(PAGE_SIZE, 0x10_0000, high + PAGE_SIZE), high);
  assert.ok(looks < 2000, `${looks} looks`);
});

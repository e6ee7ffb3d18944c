import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EEXIST, ELOOP, ENOENT, ENOSPC } from '../../abi/errno.ts';
import { O_RDWR, O_WRONLY } from '../../abi/fcntl.ts';
import { EPOLLET, EPOLLONESHOT, POLLHUP, POLLIN, POLLOUT, READABLE } from '../../abi/poll.ts';
import { Pipe } from '../../kernel/pipe.ts';
import { anonInodePath } from '../anon/anon-inode.ts';
import { PipeFile } from '../pipe/pipe-file.ts';
import { EpollFile, WatchBudget } from './epoll-file.ts';
import { EventfdFile } from './eventfd-file.ts';

const path = anonInodePath('pipe');
const ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

function epoll(limit = 1000): EpollFile {
  return new EpollFile(path, O_RDWR, new WatchBudget(limit));
}

function eventfd(initial = 0): EventfdFile {
  return new EventfdFile(path, O_RDWR, initial, false);
}

/** [events, data] of each. */
function collect(file: EpollFile, max = 100): [number, number][] {
  const out: [number, number][] = [];
  file.collect(max, (events, lo) => out.push([events, lo]));
  return out;
}

function drain(file: EventfdFile): void {
  file.read(new Uint8Array(8), 0, 8, 0);
}

test('level-triggered: reported as long as it is ready', () => {
  const ep = epoll();
  const file = eventfd(1);
  assert.equal(ep.add(file, 3, POLLIN, 7, 0), 0);
  assert.deepEqual(collect(ep), [[POLLIN, 7]]);
  assert.deepEqual(collect(ep), [[POLLIN, 7]]);
  drain(file);
  assert.deepEqual(collect(ep), []);
  file.write(ONE, 0, 8, 0);
  assert.deepEqual(collect(ep), [[POLLIN, 7]]);
});

test('edge-triggered: reported once for each wake-up', () => {
  const ep = epoll();
  const file = eventfd(1);
  ep.add(file, 3, POLLIN | EPOLLET, 7, 0);
  assert.equal(collect(ep).length, 1);
  assert.equal(collect(ep).length, 0);
  file.write(ONE, 0, 8, 0);
  assert.equal(collect(ep).length, 1);
  assert.equal(collect(ep).length, 0);
});

test('one-shot: silent until it is modified', () => {
  const ep = epoll();
  const file = eventfd(1);
  ep.add(file, 3, POLLIN | EPOLLONESHOT, 7, 0);
  assert.equal(collect(ep).length, 1);
  file.write(ONE, 0, 8, 0);
  assert.equal(collect(ep).length, 0);
  assert.equal(ep.modify(file, 3, POLLIN | POLLOUT | EPOLLONESHOT, 8, 0), 0);
  assert.deepEqual(collect(ep), [[POLLIN | POLLOUT, 8]]);
});

test('a ready list longer than asked for is given in turns', () => {
  const ep = epoll();
  for (let i = 0; i < 5; i++) ep.add(eventfd(1), 10 + i, POLLIN, i, 0);
  assert.deepEqual(
    collect(ep, 2).map(([, data]) => data),
    [0, 1],
  );
  assert.deepEqual(
    collect(ep, 2).map(([, data]) => data),
    [2, 3],
  );
  assert.deepEqual(
    collect(ep, 2).map(([, data]) => data),
    [4, 0],
  );
});

test('the file and the descriptor together name an item', () => {
  const ep = epoll();
  const file = eventfd(1);
  assert.equal(ep.add(file, 3, POLLIN, 1, 0), 0);
  assert.equal(ep.add(file, 3, POLLIN, 1, 0), -EEXIST);
  assert.equal(ep.add(file, 4, POLLIN, 2, 0), 0);
  assert.equal(ep.delete(file, 3), 0);
  assert.equal(ep.delete(file, 3), -ENOENT);
  assert.equal(ep.modify(file, 3, POLLIN, 1, 0), -ENOENT);
  assert.deepEqual(collect(ep), [[POLLIN, 2]]);
});

test('items go with the last reference to their file and give their budget back', () => {
  const budget = new WatchBudget(1);
  const ep = new EpollFile(path, O_RDWR, budget);
  const file = eventfd(1);
  assert.equal(ep.add(file, 3, POLLIN, 1, 0), 0);
  assert.equal(ep.add(eventfd(), 4, POLLIN, 1, 0), -ENOSPC);
  file.ref();
  file.unref();
  assert.equal(collect(ep).length, 1);
  file.unref();
  assert.equal(collect(ep).length, 0);
  assert.equal(budget.used, 0);
  assert.ok(file.queue.isEmpty);
});

test('closing the epoll leaves nothing behind on what it watched', () => {
  const budget = new WatchBudget(10);
  const ep = new EpollFile(path, O_RDWR, budget);
  const file = eventfd(1);
  ep.add(file, 3, POLLIN, 1, 0);
  ep.unref();
  assert.ok(file.queue.isEmpty);
  assert.equal(file.watchers?.size, 0);
  assert.equal(budget.used, 0);
});

test('POLLHUP is reported without being asked for', () => {
  const pipe = new Pipe();
  const reader = new PipeFile(pipe, path, 0);
  const writer = new PipeFile(pipe, path, O_WRONLY);
  const ep = epoll();
  ep.add(reader, 3, 0, 5, 0);
  assert.deepEqual(collect(ep), []);
  writer.unref();
  assert.deepEqual(collect(ep), [[POLLHUP, 5]]);
});

test('an epoll inside an epoll is readable while something in it is ready', () => {
  const inner = epoll();
  const outer = epoll();
  const file = eventfd();
  inner.add(file, 3, POLLIN, 1, 0);
  outer.add(inner, 4, POLLIN, 2, 0);
  assert.deepEqual(collect(outer), []);
  file.write(ONE, 0, 8, 0);
  assert.equal(outer.poll(), READABLE);
  assert.deepEqual(collect(outer), [[POLLIN, 2]]);
  drain(file);
  assert.equal(outer.poll(), 0);
  assert.deepEqual(collect(outer), []);
});

test('loops and deep nests are refused', () => {
  const chain = [epoll()];
  for (let i = 0; i < 4; i++) {
    const next = epoll();
    assert.equal(next.add(chain[i], 3, POLLIN, 0, 0), 0);
    chain.push(next);
  }
  assert.equal(chain[0].add(chain[4], 9, POLLIN, 0, 0), -ELOOP);
  assert.equal(chain[0].add(chain[1], 9, POLLIN, 0, 0), -ELOOP);
  assert.equal(epoll().add(chain[4], 3, POLLIN, 0, 0), -ELOOP);
  assert.equal(chain[0].add(epoll(), 9, POLLIN, 0, 0), -ELOOP);
});

test('level-triggered events are exactly those a poll of every file would find', () => {
  const step = fc.record({ file: fc.nat(4), kind: fc.constantFrom('write', 'drain', 'collect', 'del', 'add') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ep = epoll();
      const files = Array.from({ length: 5 }, () => eventfd());
      const added = new Set<number>();
      for (const { file: i, kind } of steps) {
        if (kind === 'write') files[i].write(ONE, 0, 8, 0);
        else if (kind === 'drain') drain(files[i]);
        else if (kind === 'add' && ep.add(files[i], i, POLLIN, i, 0) === 0) added.add(i);
        else if (kind === 'del' && ep.delete(files[i], i) === 0) added.delete(i);
        else if (kind === 'collect') {
          const expected = [...added].filter((n) => (files[n].poll() & POLLIN) !== 0).sort();
          assert.deepEqual(
            collect(ep)
              .map(([, data]) => data)
              .sort(),
            expected,
          );
        }
      }
    }),
  );
});

/** Files over host streams: waiting registers with the host's loop only while somebody waits, and never spins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN } from '../../abi/errno.ts';
import type { HostStream } from '../../host/host-stream.ts';
import { ReadinessQueue } from './readiness-queue.ts';

const POLLIN = 1;
const POLLOUT = 4;
const POLLHUP = 0x10;

/** A host whose readiness is set by the test and told level-triggered, as epoll does. */
class LevelHost implements HostStream {
  readonly kind = 'pipe';
  readonly hostFd = 0;
  readonly flags = 0;
  ready = 0;
  watched = 0;
  calls = 0;
  #onReady: (events: number) => void = () => {};

  readNow(): number {
    return -EAGAIN;
  }
  writeNow(): number {
    return -EAGAIN;
  }
  pollNow(): number {
    return this.ready;
  }
  watch(events: number, onReady: (events: number) => void): void {
    this.watched = events;
    this.#onReady = onReady;
  }
  unwatch(): void {
    this.watched = 0;
  }
  seek(): number {
    return 0;
  }
  truncate(): number {
    return 0;
  }
  ioctl(): number {
    return 0;
  }
  stat(): number {
    return 0;
  }
  close(): void {}

  /** One turn of the loop: true when it called back. */
  turn(): boolean {
    const events = this.ready & (this.watched | POLLHUP);
    if (this.watched === 0 || events === 0) return false;
    this.calls += 1;
    this.#onReady(events);
    return true;
  }
}

test('an idle queue costs nothing', () => {
  const host = new LevelHost();
  const queue = new ReadinessQueue(host);
  const waiter = { notify: () => queue.remove(waiter) };
  assert.equal(host.watched, 0);
  queue.add(waiter, POLLIN);
  assert.equal(host.watched & (POLLIN | POLLOUT), POLLIN);
  host.ready = POLLIN;
  assert.ok(host.turn());
  assert.equal(host.watched, 0);
});

test('an event that stays is told once until the file is used', () => {
  const host = new LevelHost();
  const queue = new ReadinessQueue(host);
  const told: number[] = [];
  queue.add({ notify: (events) => told.push(events) }, POLLIN | POLLOUT);
  host.ready = POLLOUT;
  while (host.turn()) assert.ok(host.calls < 10, 'spins');
  assert.deepEqual(told, [POLLOUT | 0x100]);
  host.ready = POLLOUT | POLLIN;
  while (host.turn()) assert.ok(host.calls < 10, 'spins');
  assert.deepEqual(told, [POLLOUT | 0x100, POLLIN | 0x40]);
  queue.rearm();
  assert.ok(host.turn());
});

test('a hang-up is told to readers and writers, once', () => {
  const host = new LevelHost();
  const queue = new ReadinessQueue(host);
  let told = 0;
  queue.add({ notify: (events) => (told |= events) }, POLLIN);
  host.ready = POLLHUP;
  while (host.turn()) assert.ok(host.calls < 10, 'spins');
  assert.equal(told & (POLLIN | POLLOUT | POLLHUP), POLLIN | POLLOUT | POLLHUP);
});

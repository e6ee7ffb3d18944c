/** Host streams over real pipes, sockets, files and terminals, with the sentry's own event loop. */

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EAGAIN, EBADF, EPIPE } from '../abi/errno.ts';
import { TIOCGPTN, TIOCSPTLCK } from '../abi/ioctl.ts';
import { EventLoop } from '../sentry/event-loop.ts';
import { type HostStream, openHostStream } from './host-stream.ts';
import { native } from './native.ts';

const SYS_FCNTL = 72;
const SYS_PIPE2 = 293;
const SYS_SOCKETPAIR = 53;
const F_GETFL = 3;
const O_NONBLOCK = 0o4000;
const POLLIN = 1;
const POLLOUT = 4;

const loop = new EventLoop();

function pair(nr: number, ...args: number[]): [number, number] {
  const fds = new Int32Array(2);
  assert.equal(native.syscall(nr, ...args, ...(nr === SYS_PIPE2 ? [fds, 0] : [fds])), 0);
  return [fds[0], fds[1]];
}

function stream(fd: number): HostStream {
  const opened = openHostStream(native.syscall, loop, fd);
  assert.ok(typeof opened !== 'number', `descriptor ${fd}: ${opened}`);
  return opened;
}

function flagsOf(fd: number): number {
  return native.syscall(SYS_FCNTL, fd, F_GETFL, 0);
}

const bytes = new Uint8Array(1 << 20);

test("a pipe never blocks, and the caller's description stays blocking", () => {
  const [r, w] = pair(SYS_PIPE2);
  const input = stream(r);
  const output = stream(w);
  assert.equal(input.kind, 'pipe');
  assert.equal(input.readNow(bytes, 0, 10), -EAGAIN);
  assert.equal(input.pollNow() & POLLIN, 0);
  const taken = output.writeNow(bytes, 0, bytes.length);
  assert.ok(taken > 0 && taken < bytes.length, `${taken}`);
  assert.equal(output.writeNow(bytes, 0, 1), -EAGAIN);
  assert.equal(input.pollNow() & POLLIN, POLLIN);
  assert.equal(input.readNow(bytes, 5, 3), 3);
  assert.equal(flagsOf(r) & O_NONBLOCK, 0);
  assert.equal(flagsOf(w) & O_NONBLOCK, 0);
  input.close();
  closeSync(r);
  assert.equal(output.writeNow(bytes, 0, 1), -EPIPE);
  output.close();
  closeSync(w);
});

test('a pipe ends when its writers are gone', () => {
  const [r, w] = pair(SYS_PIPE2);
  const input = stream(r);
  writeSync(w, 'last');
  closeSync(w);
  assert.equal(input.readNow(bytes, 0, 10), 4);
  assert.equal(input.readNow(bytes, 0, 10), 0);
  input.close();
  closeSync(r);
});

test('a socket takes the flag per call', () => {
  const [a, b] = pair(SYS_SOCKETPAIR, 1, 1, 0);
  const one = stream(a);
  assert.equal(one.kind, 'socket');
  assert.equal(one.readNow(bytes, 0, 10), -EAGAIN);
  assert.equal(one.writeNow(Buffer.from('hi'), 0, 2), 2);
  assert.equal(readSync(b, bytes), 2);
  closeSync(b);
  assert.equal(one.writeNow(bytes, 0, 1), -EPIPE);
  assert.equal(flagsOf(a) & O_NONBLOCK, 0);
  closeSync(a);
});

test('a regular file shares its offset with the caller', () => {
  const folder = mkdtempSync(join(tmpdir(), 'host-stream-'));
  const fd = openSync(join(folder, 'log'), 'w+');
  const file = stream(fd);
  writeSync(fd, 'from the shell\n');
  assert.equal(file.writeNow(Buffer.from('from us\n'), 0, 8), 8);
  assert.equal(file.seek(0, 0), 0);
  assert.equal(file.readNow(bytes, 0, 100), 23);
  assert.equal(Buffer.from(bytes.subarray(0, 23)).toString(), 'from the shell\nfrom us\n');
  assert.equal(file.pollNow(), 0x145);
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

test('a terminal is recognised, reads lines, and keeps its description blocking', () => {
  const master = openSync('/dev/ptmx', 'r+');
  const number = new Int32Array(1);
  assert.equal(native.syscall(16, master, TIOCSPTLCK, new Int32Array(1)), 0);
  assert.equal(native.syscall(16, master, TIOCGPTN, number), 0);
  const slave = native.syscall(257, -100, Buffer.from(`/dev/pts/${number[0]}\0`), 0o402, 0);
  assert.ok(slave >= 0, `${slave}`);
  const terminal = stream(slave);
  assert.equal(terminal.kind, 'terminal');
  assert.equal(terminal.readNow(bytes, 0, 100), -EAGAIN);
  assert.equal(terminal.writeNow(Buffer.from('prompt> '), 0, 8), 8);
  assert.equal(readSync(master, bytes), 8);
  assert.equal(flagsOf(slave) & O_NONBLOCK, 0);
  assert.equal(terminal.ioctl(0x5413, new Uint8Array(8)), 0);
  terminal.close();
  closeSync(slave);
  closeSync(master);
});

test('the loop tells of readiness while it is watched', () => {
  const [r, w] = pair(SYS_PIPE2);
  const input = stream(r);
  const told: number[] = [];
  input.watch(POLLIN, (events) => told.push(events));
  loop.wait(0);
  assert.deepEqual(told, []);
  writeSync(w, 'x');
  loop.wait(0);
  assert.deepEqual(told, [POLLIN]);
  input.unwatch();
  loop.wait(0);
  assert.deepEqual(told, [POLLIN]);
  assert.equal(stream(w).pollNow() & POLLOUT, POLLOUT);
  input.close();
  closeSync(r);
  closeSync(w);
});

test('/dev/null is ready at once and is not given to the loop', () => {
  const fd = openSync('/dev/null', 'r+');
  const device = stream(fd);
  assert.equal(device.kind, 'device');
  assert.equal(device.readNow(bytes, 0, 10), 0);
  assert.equal(device.writeNow(bytes, 0, 10), 10);
  assert.equal(device.pollNow() & (POLLIN | POLLOUT), POLLIN | POLLOUT);
  device.watch(POLLIN, () => assert.fail('watched'));
  loop.wait(0);
  closeSync(fd);
});

test('a descriptor that is not open is an error', () => {
  assert.equal(openHostStream(native.syscall, loop, 9999), -EBADF);
});

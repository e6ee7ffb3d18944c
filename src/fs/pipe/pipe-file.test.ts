import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EBADF, EBUSY, ENXIO, EPERM, EPIPE } from '../../abi/errno.ts';
import { O_NONBLOCK, O_RDWR, O_WRONLY } from '../../abi/fcntl.ts';
import { POLLERR, POLLHUP, READABLE, WRITABLE } from '../../abi/poll.ts';
import { PIPE_DEFAULT_SIZE, PIPE_MAX_SIZE, Pipe } from '../../kernel/pipe.ts';
import { anonInodePath } from '../anon/anon-inode.ts';
import { openFifo, PipeFile } from './pipe-file.ts';

const path = anonInodePath('pipe');
const bytes = new Uint8Array(2 * PIPE_DEFAULT_SIZE).fill(7);

function ends(): { reader: PipeFile; writer: PipeFile; pipe: Pipe } {
  const pipe = new Pipe();
  return { pipe, reader: new PipeFile(pipe, path, 0), writer: new PipeFile(pipe, path, O_WRONLY) };
}

function fifo(pipe: Pipe, flags: number): PipeFile {
  const file = openFifo(pipe, path, flags);
  assert.ok(file instanceof PipeFile);
  return file;
}

test('readiness of both ends, empty to full', () => {
  const { reader, writer } = ends();
  assert.equal(reader.poll(), 0);
  assert.equal(writer.poll(), WRITABLE);
  assert.equal(writer.write(bytes, 0, bytes.length, 0), PIPE_DEFAULT_SIZE);
  assert.equal(writer.write(bytes, 0, 1, 0), -EAGAIN);
  assert.equal(reader.poll(), READABLE);
  assert.equal(writer.poll(), 0);
  const dst = new Uint8Array(4095);
  reader.read(dst, 0, 4095, 0);
  assert.equal(writer.poll(), 0);
  assert.equal(writer.write(bytes, 0, 4096, 0), -EAGAIN, 'an atomic write is all or nothing');
  reader.read(dst, 0, 1, 0);
  assert.equal(writer.poll(), WRITABLE);
  assert.equal(writer.write(bytes, 0, 4096, 0), 4096);
});

test('the end of file and the broken pipe', () => {
  const { reader, writer } = ends();
  assert.equal(reader.read(new Uint8Array(1), 0, 1, 0), -EAGAIN);
  writer.write(bytes, 0, 3, 0);
  writer.unref();
  assert.equal(reader.poll(), READABLE | POLLHUP);
  assert.equal(reader.read(new Uint8Array(9), 0, 9, 0), 3);
  assert.equal(reader.read(new Uint8Array(9), 0, 9, 0), 0);
  assert.equal(reader.poll(), POLLHUP);
  const other = ends();
  other.reader.unref();
  assert.equal(other.writer.poll(), WRITABLE | POLLERR);
  assert.equal(other.writer.write(bytes, 0, 1, 0), -EPIPE);
  assert.equal(other.writer.write(bytes, 0, 0, 0), 0);
  assert.equal(other.writer.read(new Uint8Array(1), 0, 1, 0), -EBADF);
});

test('F_SETPIPE_SZ rounds up, never loses bytes, and has a maximum', () => {
  const { pipe, writer } = ends();
  assert.equal(pipe.setSize(5000, false), 8192);
  assert.equal(pipe.setSize(1, false), 4096);
  assert.equal(pipe.setSize(PIPE_MAX_SIZE, false), PIPE_MAX_SIZE);
  assert.equal(pipe.setSize(PIPE_MAX_SIZE + 1, false), -EPERM);
  assert.equal(writer.write(bytes, 0, 70000, 0), 70000);
  assert.equal(pipe.setSize(65536, false), -EBUSY);
});

test('a FIFO reader waits for a writer, and the other way round', () => {
  const pipe = new Pipe();
  const reader = fifo(pipe, 0);
  assert.ok(reader.isPartnerAwaited);
  let woken = 0;
  pipe.queue.add({ notify: () => (woken += 1) }, READABLE);
  const writer = fifo(pipe, O_WRONLY);
  assert.equal(woken, 1);
  assert.ok(!reader.isPartnerAwaited);
  assert.ok(!writer.isPartnerAwaited);
});

test('a writer that comes and goes at once still lets the reader in', () => {
  const pipe = new Pipe();
  const reader = fifo(pipe, 0);
  fifo(pipe, O_WRONLY).unref();
  assert.ok(!reader.isPartnerAwaited);
  assert.equal(reader.poll(), POLLHUP);
});

test('opening a FIFO without blocking', () => {
  const pipe = new Pipe();
  assert.equal(openFifo(pipe, path, O_WRONLY | O_NONBLOCK), -ENXIO);
  const reader = fifo(pipe, O_NONBLOCK);
  assert.ok(!reader.isPartnerAwaited);
  assert.equal(reader.poll(), 0, 'no hang-up before the first writer');
  assert.equal(reader.read(new Uint8Array(1), 0, 1, 0), 0);
  const writer = fifo(pipe, O_WRONLY | O_NONBLOCK);
  writer.unref();
  assert.equal(reader.poll(), POLLHUP);
  assert.ok(!fifo(new Pipe(), O_RDWR).isPartnerAwaited);
});

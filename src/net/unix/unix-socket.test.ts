import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EADDRINUSE, EAGAIN, ECONNREFUSED, ECONNRESET, EISCONN, EMSGSIZE, ENOTCONN, EPIPE } from '../../abi/errno.ts';
import { O_RDWR } from '../../abi/fcntl.ts';
import { POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from '../../abi/poll.ts';
import { AF_UNIX, SHUT_WR, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from '../../abi/socket.ts';
import { anonInodePath } from '../../fs/anon/anon-inode.ts';
import { addOutsideProcess, testKernel } from '../../kernel/test-machine.fixture.ts';
import { DEFAULT_BUFFER, NO_ANCILLARY, Received, Socket } from '../socket.ts';
import { collect, filesInFlight, filesInFlightOf } from './in-flight.ts';
import { credentialsOf, UnixSocket } from './unix-socket.ts';

const kernel = { ...testKernel(), anonPath: anonInodePath };
const task = addOutsideProcess(kernel);

function socket(type: number): UnixSocket {
  return new UnixSocket(kernel, anonInodePath('socket'), O_RDWR, type, credentialsOf(task));
}

function pair(type: number): [UnixSocket, UnixSocket] {
  const first = socket(type);
  const second = socket(type);
  first.join(second);
  return [first, second];
}

function address(name: string): Uint8Array {
  return Uint8Array.from([AF_UNIX, 0, 0, ...Buffer.from(name)]);
}

function send(from: Socket, text: string, rights: readonly Socket[] = []): number {
  const bytes = Buffer.from(text);
  const ancillary = rights.length === 0 ? NO_ANCILLARY : { rights, credentials: null, sender: 0, control: null };
  return from.send(bytes, 0, bytes.length, ancillary, null);
}

function receive(to: Socket, length = 1000, out = new Received(), isPeek = false): string | number {
  const bytes = Buffer.alloc(length);
  const n = to.receive(bytes, 0, length, isPeek, out);
  return n < 0 ? n : bytes.toString('latin1', 0, n);
}

test('a stream is bytes without borders, and ends', () => {
  const [a, b] = pair(SOCK_STREAM);
  assert.equal(receive(b), -EAGAIN);
  send(a, 'one');
  send(a, 'two');
  assert.equal(receive(b, 4, new Received(), true), 'onet');
  assert.equal(receive(b, 4), 'onet');
  assert.equal(receive(b), 'wo');
  assert.equal(a.shutdown(SHUT_WR), 0);
  assert.equal(receive(b), '');
  assert.equal(send(a, 'x'), -EPIPE);
  assert.equal(send(b, 'back'), 4);
  assert.equal(receive(a), 'back');
  assert.ok((b.poll() & (POLLRDHUP | POLLIN | POLLHUP)) === (POLLRDHUP | POLLIN));
});

test('closing with unread bytes resets the other side', () => {
  const [a, b] = pair(SOCK_STREAM);
  send(a, 'lost');
  b.unref();
  assert.equal(receive(a), -ECONNRESET);
  assert.equal(receive(a), '');
  assert.equal(send(a, 'x'), -EPIPE);
  assert.ok((a.poll() & POLLHUP) !== 0);
  const [c, d] = pair(SOCK_STREAM);
  send(c, 'kept');
  c.unref();
  assert.equal(receive(d), 'kept');
  assert.equal(receive(d), '');
});

test('what a stream holds is bounded', () => {
  const [a, b] = pair(SOCK_STREAM);
  const bytes = new Uint8Array(2 * DEFAULT_BUFFER);
  assert.equal(a.send(bytes, 0, bytes.length, NO_ANCILLARY, null), DEFAULT_BUFFER);
  assert.equal(a.send(bytes, 0, 1, NO_ANCILLARY, null), -EAGAIN);
  assert.equal(a.poll() & POLLOUT, 0);
  b.receive(bytes, 0, DEFAULT_BUFFER, false, new Received());
  assert.equal(a.poll() & POLLOUT, POLLOUT);
});

test('packets keep their borders, and say when they were cut', () => {
  const [a, b] = pair(SOCK_SEQPACKET);
  send(a, 'first');
  send(a, '');
  send(a, 'third');
  const out = new Received();
  assert.equal(receive(b, 2, out), 'fi');
  assert.equal(out.fullLength, 5);
  assert.equal(receive(b), '');
  assert.equal(receive(b), 'third');
  const big = new Uint8Array(DEFAULT_BUFFER + 1);
  assert.equal(a.send(big, 0, big.length, NO_ANCILLARY, null), -EMSGSIZE);
});

test('connect, accept, names and credentials', () => {
  const listener = socket(SOCK_STREAM);
  const client = socket(SOCK_STREAM);
  assert.equal(client.connect(task, address('srv')), -ECONNREFUSED);
  assert.equal(listener.bind(task, address('srv')), 0);
  assert.equal(socket(SOCK_STREAM).bind(task, address('srv')), -EADDRINUSE);
  assert.equal(client.connect(task, address('srv')), -ECONNREFUSED, 'bound is not listening');
  assert.equal(listener.listen(task, 0), 0);
  assert.equal(listener.accept(0), -EAGAIN);
  assert.equal(client.connect(task, address('srv')), 0);
  assert.equal(client.connect(task, address('srv')), -EISCONN);
  assert.equal(socket(SOCK_STREAM).connect(task, address('srv')), -EAGAIN, 'the backlog is full');
  assert.ok((listener.poll() & POLLIN) !== 0);
  send(client, 'early');
  const accepted = listener.accept(0);
  assert.ok(accepted instanceof Socket);
  assert.equal(receive(accepted), 'early');
  assert.deepEqual(client.peerName(), address('srv'));
  assert.deepEqual(accepted.localName(), address('srv'));
  assert.equal(client.peerCredentials()?.pid, task.pid);
  listener.unref();
  assert.equal(socket(SOCK_STREAM).connect(task, address('srv')), -ECONNREFUSED);
});

test('a listener that goes takes its waiting connections along', () => {
  const listener = socket(SOCK_STREAM);
  listener.bind(task, address('gone'));
  listener.listen(task, 5);
  const client = socket(SOCK_STREAM);
  client.connect(task, address('gone'));
  listener.unref();
  assert.ok((client.poll() & POLLHUP) !== 0);
  assert.equal(receive(client), -ECONNRESET);
});

test('datagrams: by name, to a peer, to nobody', () => {
  const server = socket(SOCK_DGRAM);
  server.bind(task, address('log'));
  const client = socket(SOCK_DGRAM);
  assert.equal(send(client, 'x'), -ENOTCONN);
  assert.equal(client.bind(task, Uint8Array.of(AF_UNIX, 0)), 0);
  const target = client.resolve(task, address('log'));
  assert.ok(target instanceof Socket);
  client.send(Buffer.from('by name'), 0, 7, NO_ANCILLARY, target);
  const out = new Received();
  assert.equal(receive(server, 100, out), 'by name');
  assert.deepEqual(out.source, client.localName());
  assert.equal(client.connect(task, address('log')), 0);
  let sent = 0;
  while (send(client, 'flood') > 0) sent += 1;
  assert.equal(sent, 11);
  assert.equal(client.poll() & POLLOUT, 0);
  server.unref();
  assert.equal(send(client, 'x'), -ECONNREFUSED);
  assert.equal(send(client, 'x'), -ENOTCONN);
});

test('descriptors arrive with the bytes they were sent with, once', () => {
  const [a, b] = pair(SOCK_STREAM);
  const carried = socket(SOCK_STREAM);
  send(a, 'before');
  send(a, 'with', [carried]);
  send(a, 'after');
  assert.equal(filesInFlight(), 1);
  const out = new Received();
  // A read goes on to the end of the write that has them, not beyond.
  assert.equal(receive(b, 100, out), 'beforewith');
  assert.deepEqual(out.rights, [carried]);
  assert.equal(filesInFlight(), 0);
  assert.equal(receive(b, 100, out), 'after');
  assert.equal(out.rights.length, 0);
  send(a, 'with', [carried]);
  send(a, 'after');
  assert.equal(receive(b, 2, out), 'wi');
  assert.deepEqual(out.rights, [carried]);
  assert.equal(receive(b, 100, out), 'thafter');
  assert.equal(out.rights.length, 0);
});

test('a long chain of sockets within sockets is let go without a deep stack', () => {
  let [outer, inner] = pair(SOCK_DGRAM);
  const sides: UnixSocket[] = [outer];
  for (let i = 0; i < 20000; i++) {
    const [next, end] = pair(SOCK_DGRAM);
    assert.equal(send(next, 'x', [inner]), 1);
    sides.push(next);
    [outer, inner] = [next, end];
  }
  assert.equal(filesInFlight(), 20000);
  inner.unref();
  assert.equal(filesInFlight(), 0);
  assert.ok(sides.every((side) => (side.poll() & POLLIN) === 0));
});

test('sockets in flight within one another alone are let go, others are not', () => {
  const [a, b] = pair(SOCK_STREAM);
  const [kept, other] = pair(SOCK_DGRAM);
  const passenger = socket(SOCK_STREAM);
  send(a, 'x', [a.ref(), passenger.ref()]);
  send(b, 'y', [b.ref()]);
  // In flight and open: what is on its way to it can still be received.
  send(other, 'z', [kept.ref()]);
  assert.equal(filesInFlight(), 4);
  assert.equal(filesInFlightOf(0), 4);
  collect();
  assert.equal(filesInFlight(), 4);
  a.unref();
  b.unref();
  collect();
  assert.equal(filesInFlight(), 1);
  assert.deepEqual([a.refs, b.refs, passenger.refs, kept.refs], [0, 0, 1, 2]);
  kept.unref();
  // The last reference is in its own inbox; its peer going away is what has it looked at.
  other.unref();
  assert.equal(filesInFlight(), 0);
  assert.equal(kept.refs, 0);
});

test('a socket that was sent through itself does not disturb its end', () => {
  const [a, b] = pair(SOCK_STREAM);
  send(a, 'x', [b.ref()]);
  b.unref();
  assert.equal(send(a, 'y'), 1);
  const out = new Received();
  assert.equal(receive(b, 1, out), 'x');
  for (const file of out.rights) file.unref();
  assert.equal(receive(a), -ECONNRESET);
});

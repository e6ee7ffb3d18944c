/** The host's terminal, over a real pty: settings pass through and are restored, sessions and signals are the guest's. */

import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { EAGAIN, EIO, ERESTARTSYS } from '../../abi/errno.ts';
import { TCGETS, TCSETS, TIOCGPGRP, TIOCGPTN, TIOCGWINSZ, TIOCSPTLCK } from '../../abi/ioctl.ts';
import { SIGHUP, SIGINT, SIGTTIN } from '../../abi/signal.ts';
import { openHostStream } from '../../host/host-stream.ts';
import { native } from '../../host/native.ts';
import { setCurrentTask } from '../../kernel/current.ts';
import type { Task } from '../../kernel/task.ts';
import { bootTestKernel, fork } from '../../kernel/test-machine.fixture.ts';
import { EventLoop } from '../../sentry/event-loop.ts';
import type { File } from '../../vfs/file.ts';
import { DevPts } from '../devpts/devpts.ts';
import { openStandardStreams } from '../host-stream/standard-streams.ts';
import type { HostTerminal } from './host-terminal.ts';

const SYS_IOCTL = 16;
const SYS_OPENAT = 257;
const ADDRESS = 4096;
const loop = new EventLoop();

class World {
  readonly master = openSync('/dev/ptmx', 'r+');
  readonly slave: number;
  readonly init: Task = bootTestKernel();
  readonly terminal: HostTerminal;
  readonly file: File;

  constructor() {
    const number = new Int32Array(1);
    native.syscall(SYS_IOCTL, this.master, TIOCSPTLCK, new Int32Array(1));
    native.syscall(SYS_IOCTL, this.master, TIOCGPTN, number);
    this.slave = native.syscall(SYS_OPENAT, -100, Buffer.from(`/dev/pts/${number[0]}\0`), 0o402, 0);
    const stream = openHostStream(native.syscall, loop, this.slave);
    assert.ok(typeof stream !== 'number');
    const devpts = new DevPts(21, 0, this.init.kernel, () => null);
    const { files, terminal } = openStandardStreams([stream], devpts, () => null, 0);
    assert.ok(terminal !== null);
    this.terminal = terminal;
    this.file = files[0];
    const { session, processGroup } = this.init.group;
    terminal.control(session, processGroup);
    setCurrentTask(this.init);
    assert.equal(typeof devpts.fs.root.lookup('0'), 'object');
  }

  close(): void {
    this.terminal.stream.close();
    closeSync(this.slave);
    closeSync(this.master);
  }
}

function settings(fd: number): Uint8Array {
  const bytes = new Uint8Array(36);
  assert.equal(native.syscall(SYS_IOCTL, fd, TCGETS, bytes), 0);
  return bytes;
}

const bytes = new Uint8Array(100);

test('bytes and settings pass through, and settings come back at the end', () => {
  const world = new World();
  assert.equal(world.file.read(bytes, 0, 100, 0), -EAGAIN);
  writeSync(world.master, 'typed\n');
  // The host hands input over from a work queue of its own.
  for (let i = 0; i < 1000 && (world.file.poll() & 1) === 0; i++) native.syscall(24);
  assert.equal(world.file.read(bytes, 0, 100, 0), 6);
  assert.equal(world.file.write(Buffer.from('seen'), 0, 4, 0), 4);
  assert.ok(readSync(world.master, bytes) > 0);
  const before = settings(world.slave);
  assert.equal(world.file.ioctl(world.init, TCGETS, ADDRESS), 0);
  world.init.mem.writeU32(ADDRESS + 12, 0);
  assert.equal(world.file.ioctl(world.init, TCSETS + 2, ADDRESS), 0);
  assert.notDeepEqual(settings(world.slave), before);
  world.terminal.restore();
  assert.deepEqual(settings(world.slave), before);
  assert.equal(world.file.ioctl(world.init, TIOCGWINSZ, ADDRESS), 0);
  world.close();
});

test("job control is the guest's", () => {
  const world = new World();
  const { pids } = world.init.kernel;
  const child = fork(world.init);
  pids.moveToProcessGroup(child.group, pids.createProcessGroup(child.tid, child.group.session));
  assert.equal(world.file.ioctl(world.init, TIOCGPGRP, ADDRESS), 0);
  assert.equal(world.init.mem.readU32(ADDRESS), world.init.group.processGroup.pgid);
  setCurrentTask(child);
  assert.equal(world.file.read(bytes, 0, 100, 0), -ERESTARTSYS);
  assert.ok(child.group.pending.has(SIGTTIN));
  world.terminal.foreground = child.group.processGroup;
  world.terminal.signalFromHost(SIGINT);
  assert.ok(child.group.pending.has(SIGINT));
  world.close();
});

test('a hang-up of the host ends reads and writes', () => {
  const world = new World();
  const child = fork(world.init);
  world.terminal.signalFromHost(SIGHUP);
  assert.ok(child.group.pending.has(SIGHUP));
  assert.equal(world.file.read(bytes, 0, 100, 0), 0);
  assert.equal(world.file.write(bytes, 0, 1, 0), -EIO);
  assert.equal(world.init.group.session.tty, null);
  world.close();
});

/** Pseudo terminals: opening, I/O between the sides, hang-up, sessions and job control. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeRdev } from '../../abi/device.ts';
import { EAGAIN, EIO, ENOTTY, ENXIO, EPERM, ERESTARTSYS, ESRCH } from '../../abi/errno.ts';
import {
  TCGETS,
  TCSETS,
  TIOCGPGRP,
  TIOCGPTN,
  TIOCGSID,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCPKT,
  TIOCSCTTY,
  TIOCSPGRP,
  TIOCSPTLCK,
  TIOCSWINSZ,
} from '../../abi/ioctl.ts';
import { SIGHUP, SIGINT, SIGTTIN, SIGTTOU, SIGWINCH } from '../../abi/signal.ts';
import { setCurrentTask } from '../../kernel/current.ts';
import type { Task } from '../../kernel/task.ts';
import { ArrayMemory, addOutsideProcess, bootTestKernel, fork } from '../../kernel/test-machine.fixture.ts';
import { Dentry } from '../../vfs/dentry.ts';
import type { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import { createMount } from '../../vfs/mount.ts';
import { standardDevices } from '../dev/standard-devices.ts';
import { DevPts } from './devpts.ts';

const O_RDWR = 2;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const ADDRESS = 4096;

class World {
  /** PID 1 leads a session of its own. */
  readonly init: Task = bootTestKernel();
  readonly devpts: DevPts;

  constructor() {
    const { clock, timers } = this.init.kernel;
    this.devpts = new DevPts(21, 0, { clock, timers }, (name) => this.pathOf(name));
    setCurrentTask(this.init);
  }

  pathOf(name: string) {
    const inode = this.inode(name);
    const mount = createMount(this.devpts.fs);
    return { mount, dentry: new Dentry(name, mount.root, inode) };
  }

  inode(name: string): Inode {
    const found = this.devpts.fs.root.lookup(name);
    assert.ok(typeof found !== 'number', `${name}: ${found}`);
    return found;
  }

  tryOpen(name: string, flags: number): File | number {
    return this.inode(name).open(this.pathOf(name), flags, this.init.creds);
  }

  open(name: string, flags = O_RDWR): File {
    const file = this.tryOpen(name, flags);
    assert.ok(typeof file !== 'number', `${name}: ${file}`);
    return file;
  }

  /** A master and its slave, opened without becoming anybody's terminal. */
  pair(slaveFlags = O_RDWR | O_NOCTTY): [File, File] {
    const master = this.open('ptmx');
    assert.equal(this.ioctl(master, TIOCSPTLCK, 0), 0);
    assert.equal(master.ioctl(this.init, TIOCGPTN, ADDRESS), 0);
    return [master, this.open(String(this.init.mem.readU32(ADDRESS)), slaveFlags)];
  }

  ioctl(file: File, command: number, value: number, task: Task = this.init): number | Promise<number> {
    task.mem.writeU32(ADDRESS, value);
    return file.ioctl(task, command, ADDRESS);
  }
}

function write(file: File, text: string): number {
  const bytes = Buffer.from(text, 'latin1');
  return file.write(bytes, 0, bytes.length, 0);
}

function read(file: File, size = 100): string | number {
  const bytes = new Uint8Array(size);
  const n = file.read(bytes, 0, size, 0);
  return n < 0 ? n : Buffer.from(bytes.subarray(0, n)).toString('latin1');
}

test('what is typed is read, and echoed', () => {
  const [master, slave] = new World().pair();
  assert.equal(write(master, 'hi\r'), 3);
  assert.equal(read(master), 'hi\r\n');
  assert.equal(read(slave), 'hi\n');
  assert.equal(read(slave), -EAGAIN);
  assert.equal(slave.poll() & 1, 0);
  assert.equal(write(slave, 'out\n'), 4);
  assert.equal(master.poll() & 1, 1);
  assert.equal(read(master), 'out\r\n');
});

test('a locked slave cannot be opened; nodes come and go', () => {
  const world = new World();
  const master = world.open('ptmx');
  assert.equal(world.tryOpen('0', O_RDWR), -EIO);
  world.ioctl(master, TIOCSPTLCK, 0);
  const slave = world.open('0', O_RDWR | O_NOCTTY);
  assert.equal(slave.inode.mode, 0o020620);
  master.unref();
  assert.equal(world.devpts.fs.root.lookup('0'), -2);
});

test('the number of a hung-up terminal is free when its last user has closed it', () => {
  const world = new World();
  const [master, slave] = world.pair();
  master.unref();
  const [second] = world.pair();
  second.ioctl(world.init, TIOCGPTN, ADDRESS);
  assert.equal(world.init.mem.readU32(ADDRESS), 1);
  slave.unref();
  const [third] = world.pair();
  third.ioctl(world.init, TIOCGPTN, ADDRESS);
  assert.equal(world.init.mem.readU32(ADDRESS), 0);
});

test('the slave is hung up when the master closes', () => {
  const [master, slave] = new World().pair();
  master.unref();
  assert.equal(read(slave), '');
  assert.equal(write(slave, 'x'), -EIO);
  assert.equal(slave.poll(), 0x15d);
  assert.equal(slave.ioctl(bootTestKernel(), TIOCGWINSZ, ADDRESS), -EIO);
});

test('the master reads what is left, then EIO, when the last slave closes', () => {
  const world = new World();
  const [master, slave] = world.pair();
  write(slave, 'bye');
  slave.unref();
  assert.equal(master.poll() & 0x11, 0x11);
  assert.equal(read(master), 'bye');
  assert.equal(read(master), -EIO);
  world.open('0', O_RDWR | O_NOCTTY);
  assert.equal(read(master), -EAGAIN);
});

test('a session leader gets its terminal by opening it, and signals go to the foreground', () => {
  const world = new World();
  const [master, slave] = world.pair(O_RDWR);
  const { session, processGroup } = world.init.group;
  assert.ok(session.tty !== null);
  assert.equal(world.ioctl(slave, TIOCGPGRP, 0), 0);
  assert.equal(world.init.mem.readU32(ADDRESS), processGroup.pgid);
  assert.equal(world.ioctl(slave, TIOCGSID, 0), 0);
  assert.equal(world.init.mem.readU32(ADDRESS), session.sid);
  const child = fork(world.init);
  write(master, '\x03');
  assert.ok(child.group.pending.has(SIGINT));
  const stranger = addOutsideProcess(world.init.kernel);
  assert.equal(slave.ioctl(stranger, TIOCGPGRP, ADDRESS), -ENOTTY);
});

test('O_NOCTTY takes nothing; TIOCSCTTY does, once', () => {
  const world = new World();
  const [, slave] = world.pair();
  assert.equal(world.init.group.session.tty, null);
  assert.equal(slave.ioctl(world.init, TIOCSCTTY, 0), 0);
  assert.equal(slave.ioctl(world.init, TIOCSCTTY, 0), 0);
  const child = fork(world.init);
  assert.equal(slave.ioctl(child, TIOCSCTTY, 0), -EPERM);
  assert.equal(slave.ioctl(world.init, TIOCNOTTY, 0), 0);
  assert.equal(world.init.group.session.tty, null);
  assert.equal(slave.ioctl(world.init, TIOCNOTTY, 0), -ENOTTY);
});

/** A background job: a child in a process group of its own. */
function background(world: World): Task {
  const { pids } = world.init.kernel;
  const child = fork(world.init);
  pids.moveToProcessGroup(child.group, pids.createProcessGroup(child.tid, child.group.session));
  return child;
}

test('reading in the background stops the job, and so does changing settings', () => {
  const world = new World();
  const [, slave] = world.pair(O_RDWR);
  const child = background(world);
  setCurrentTask(child);
  assert.equal(read(slave), -ERESTARTSYS);
  assert.ok(child.group.pending.has(SIGTTIN));
  assert.equal(write(slave, 'x'), 1);
  slave.ioctl(child, TCGETS, ADDRESS);
  assert.equal(slave.ioctl(child, TCSETS, ADDRESS), -ERESTARTSYS);
  assert.ok(child.group.pending.has(SIGTTOU));
  child.group.handlers.action(SIGTTIN).handler = 1;
  assert.equal(read(slave), -EIO);
});

test('the foreground can be handed over within the session alone', () => {
  const world = new World();
  const [master, slave] = world.pair(O_RDWR);
  const child = background(world);
  assert.equal(world.ioctl(slave, TIOCSPGRP, child.tid), 0);
  write(master, '\x03');
  assert.ok(child.group.pending.has(SIGINT));
  assert.equal(world.ioctl(slave, TIOCSPGRP, 12345, child), -ESRCH);
  const stranger = addOutsideProcess(world.init.kernel);
  const foreign = stranger.group.processGroup.pgid;
  if (stranger.group.session !== world.init.group.session) {
    assert.equal(world.ioctl(slave, TIOCSPGRP, foreign, child), -EPERM);
  }
});

test('a new window size is told, the same one is not', () => {
  const world = new World();
  const [master, slave] = world.pair(O_RDWR);
  const child = fork(world.init);
  assert.ok(child.mem instanceof ArrayMemory);
  child.mem.bytes.set([24, 0, 80, 0, 0, 0, 0, 0], ADDRESS);
  assert.equal(master.ioctl(child, TIOCSWINSZ, ADDRESS), 0);
  // SIGWINCH is ignored by default, so only a process that handles it gets it.
  assert.ok(!child.group.pending.has(SIGWINCH));
  child.group.handlers.action(SIGWINCH).handler = 0x1000;
  child.mem.bytes.set([25], ADDRESS);
  master.ioctl(child, TIOCSWINSZ, ADDRESS);
  assert.ok(child.group.pending.has(SIGWINCH));
  child.mem.bytes.fill(0, ADDRESS, ADDRESS + 8);
  assert.equal(slave.ioctl(child, TIOCGWINSZ, ADDRESS), 0);
  assert.deepEqual([...child.mem.bytes.subarray(ADDRESS, ADDRESS + 4)], [25, 0, 80, 0]);
});

test('closing the master hangs up the session', () => {
  const world = new World();
  const [master] = world.pair(O_RDWR);
  const child = fork(world.init);
  master.unref();
  assert.ok(child.group.pending.has(SIGHUP));
  assert.equal(world.init.group.session.tty, null);
});

test('packet mode puts a status byte before the data', () => {
  const world = new World();
  const [master, slave] = world.pair();
  assert.equal(world.ioctl(master, TIOCPKT, 1), 0);
  write(slave, 'abc');
  assert.equal(read(master), '\0abc');
  write(master, '\x13');
  assert.equal(master.poll() & 2, 2);
  assert.equal(read(master), '\x04');
  write(master, '\x11');
  assert.equal(read(master), '\x08');
});

test('VMIN and VTIME', () => {
  const world = new World();
  const [master, slave] = world.pair();
  const { mem, kernel } = world.init;
  const set = (min: number, time: number): void => {
    assert.equal(slave.ioctl(world.init, TCGETS, ADDRESS), 0);
    mem.writeU32(ADDRESS + 12, 0);
    mem.write(ADDRESS + 17 + 5, Uint8Array.of(time, min), 0, 2);
    assert.equal(slave.ioctl(world.init, TCSETS, ADDRESS), 0);
  };
  set(0, 0);
  assert.equal(read(slave), '');
  set(3, 0);
  write(master, 'ab');
  assert.equal(slave.poll() & 1, 0);
  assert.equal(read(slave), -EAGAIN);
  assert.equal(read(slave, 2), 'ab');
  set(3, 5);
  write(master, 'c');
  assert.equal(read(slave), -EAGAIN);
  kernel.timers.run(kernel.clock.monotonicNs() + 6e8);
  assert.equal(read(slave), 'c');
  set(0, 5);
  assert.equal(read(slave), -EAGAIN);
  kernel.timers.run(kernel.clock.monotonicNs() + 6e8);
  assert.equal(read(slave), '');
  const nonblocking = world.open('0', O_RDWR | O_NOCTTY | O_NONBLOCK);
  set(3, 0);
  write(master, 'd');
  assert.equal(read(nonblocking), 'd');
});

test('/dev/tty is the controlling terminal, or ENXIO', () => {
  const world = new World();
  const devices = standardDevices(world.init.kernel, world.devpts, () => null);
  const open = (): File | number =>
    devices.open(makeRdev(5, 0), 'char', world.inode('ptmx'), world.pathOf('ptmx'), O_RDWR, world.init.creds);
  assert.equal(open(), -ENXIO);
  const [master] = world.pair(O_RDWR);
  const tty = open();
  assert.ok(typeof tty !== 'number');
  write(tty, 'prompt');
  assert.equal(read(master), 'prompt');
});

/** The standard devices do what null(4), full(4), random(4) and dev-kmsg say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeRdev } from '../../abi/device.ts';
import { EAGAIN, EINVAL, ENOSPC, ENXIO } from '../../abi/errno.ts';
import { majorOf, minorOf } from '../../abi/stat.ts';
import { bootTestKernel } from '../../kernel/test-machine.fixture.ts';
import { Dentry } from '../../vfs/dentry.ts';
import type { File } from '../../vfs/file.ts';
import { DevPts } from '../devpts/devpts.ts';

import { isZeroDevice } from './memory-devices.ts';
import { standardDevices } from './standard-devices.ts';

const { kernel, creds } = bootTestKernel();
const devpts = new DevPts(21, 0, kernel, () => null);
const devices = standardDevices(kernel, devpts, () => null);
const inode = devpts.fs.root;
const path = { mount: kernel.namespaces.mnt.root, dentry: new Dentry('device', null, inode) };

function open(major: number, minor: number): File {
  const file = devices.open(makeRdev(major, minor), 'char', inode, path, 2, creds);
  assert.ok(typeof file !== 'number', `${major}:${minor}: ${file}`);
  return file;
}

const bytes = new Uint8Array(64);

test('null', () => {
  const file = open(1, 3);
  assert.equal(file.read(bytes, 0, 64, 0), 0);
  assert.equal(file.write(bytes, 0, 64, 0), 64);
  assert.equal(file.poll(), 0x145);
  assert.equal(file.seek(100, 0), 0);
  assert.equal(isZeroDevice(file), false);
});

test('zero', () => {
  const file = open(1, 5);
  bytes.fill(1);
  assert.equal(file.read(bytes, 8, 16, 0), 16);
  assert.deepEqual([...bytes.subarray(7, 9), ...bytes.subarray(23, 25)], [1, 0, 0, 1]);
  assert.equal(file.write(bytes, 0, 64, 0), 64);
  assert.equal(isZeroDevice(file), true);
});

test('full', () => {
  const file = open(1, 7);
  assert.equal(file.read(bytes, 0, 64, 0), 64);
  assert.equal(file.write(bytes, 0, 1, 0), -ENOSPC);
});

test('random and urandom ask the kernel', () => {
  for (const minor of [8, 9]) {
    bytes.fill(0);
    assert.equal(open(1, minor).read(bytes, 1, 62, 0), 62);
    assert.deepEqual([bytes[0], bytes[1], bytes[62], bytes[63]], [0, 0x5a, 0x5a, 0]);
  }
});

test('kmsg gives a record per read, and takes messages', () => {
  const writer = open(1, 11);
  const text = Buffer.from('<3>something broke\n');
  assert.equal(writer.write(text, 0, text.length, 0), text.length);
  const reader = open(1, 11);
  const out = new Uint8Array(200);
  const n = reader.read(out, 0, 200, 0);
  assert.match(Buffer.from(out.subarray(0, n)).toString(), /^11,0,[0-9]+,-;something broke\n$/);
  assert.equal(reader.read(out, 0, 200, 0), -EAGAIN);
  assert.equal(reader.seek(0, 0), 0);
  assert.equal(reader.read(out, 0, 5, 0), -EINVAL);
  assert.equal(reader.poll() & 1, 1);
  assert.equal(reader.seek(0, 2), 0);
  assert.equal(reader.poll() & 1, 0);
});

test("other numbers are nobody's", () => {
  assert.equal(devices.open(makeRdev(8, 0), 'block', inode, path, 0, creds), -ENXIO);
  assert.equal(devices.open(makeRdev(1, 1), 'char', inode, path, 0, creds), -ENXIO);
  assert.deepEqual([majorOf(makeRdev(136, 70000)), minorOf(makeRdev(136, 70000))], [136, 70000]);
});

/** sysfs tells the CPUs and memory the sandbox is given. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rootCredentials } from '../../kernel/credentials.ts';
import { Dentry } from '../../vfs/dentry.ts';
import { type Inode, Stat } from '../../vfs/inode.ts';
import { createMount } from '../../vfs/mount.ts';
import { createSysfs } from './sysfs.ts';

const fs = createSysfs({ dev: 22, bootTimeSec: 0, cpuCount: 36, memoryTotal: 2 ** 30, freeMemory: () => 2 ** 29 });
const mount = createMount(fs);

function find(name: string): Inode {
  let inode: Inode = fs.root;
  for (const part of name.split('/')) {
    const next = inode.lookup(part);
    assert.ok(typeof next !== 'number', `${name}: ${next}`);
    inode = next;
  }
  return inode;
}

function read(name: string): string {
  const inode = find(name);
  const file = inode.open({ mount, dentry: new Dentry(name, null, inode) }, 0, rootCredentials());
  assert.ok(typeof file !== 'number', `${name}: ${file}`);
  const bytes = new Uint8Array(4096);
  return Buffer.from(bytes.subarray(0, file.read(bytes, 0, 4096, 0))).toString('latin1');
}

test('CPUs', () => {
  assert.equal(read('devices/system/cpu/online'), '0-35\n');
  assert.equal(read('devices/system/cpu/cpu33/topology/thread_siblings'), '2,00000000\n');
  assert.equal(read('devices/system/node/node0/cpumap'), 'f,ffffffff\n');
});

test('attributes have the size of a page, directories their links', () => {
  const stat = new Stat();
  assert.equal(find('kernel/mm/transparent_hugepage/enabled').stat(stat), 0);
  assert.deepEqual([stat.size, stat.mode, stat.dev], [4096, 0o100444, 22]);
  assert.equal(find('fs').stat(stat), 0);
  assert.deepEqual([stat.nlink, stat.mode], [3, 0o040555]);
});

test('memory of the node', () => {
  assert.match(
    read('devices/system/node/node0/meminfo'),
    /^Node 0 MemTotal: +1048576 kB\nNode 0 MemFree: +524288 kB\n/,
  );
});

/** proc of a small sandbox: what programs parse is there, in the host's own format where there is one to compare with. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EACCES, EINVAL, ENOENT } from '../../abi/errno.ts';
import { NO_CAPABILITIES } from '../../kernel/capability-set.ts';
import { type Credentials, rootCredentials, userCredentials } from '../../kernel/credentials.ts';
import { setCurrentTask } from '../../kernel/current.ts';
import type { Task } from '../../kernel/task.ts';
import { addOutsideProcess, bootTestKernel, fork } from '../../kernel/test-machine.fixture.ts';
import { Vma } from '../../mm/vma.ts';
import { addDentry, Dentry } from '../../vfs/dentry.ts';
import type { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import { createMount } from '../../vfs/mount.ts';
import type { Path } from '../../vfs/path.ts';
import { NullFile } from '../dev/memory-devices.ts';
import { createProc } from './proc.ts';
import { vfsView } from './vfs-view.ts';

const cpu = {
  vendorId: 'GenuineIntel',
  family: 6,
  model: 85,
  modelName: 'A CPU',
  stepping: 7,
  mhz: 2500,
  cacheKb: 1024,
  flags: 'fpu sse2',
  physicalBits: 46,
  virtualBits: 48,
};

const nobody = userCredentials(65534, 65534, [], {
  effective: NO_CAPABILITIES,
  permitted: NO_CAPABILITIES,
  inheritable: NO_CAPABILITIES,
  bounding: NO_CAPABILITIES,
  ambient: NO_CAPABILITIES,
});

class World {
  readonly init: Task = bootTestKernel();
  readonly fs = createProc({
    kernel: this.init.kernel,
    taskRelease: this.init.kernel.pids.hooks.taskRelease,
    dev: 20,
    bootTimeSec: 1_700_000_000,
    vfs: vfsView,
    cpu: () => cpu,
    freeMemory: () => 2 ** 30,
    net: {},
  });
  readonly mount = createMount(this.fs);

  constructor() {
    setCurrentTask(this.init);
  }

  find(name: string): Inode | number {
    let inode: Inode = this.fs.root;
    for (const part of name.split('/')) {
      const next = inode.lookup(part);
      if (typeof next === 'number') return next;
      inode = next;
    }
    return inode;
  }

  open(name: string, flags = 0, creds: Credentials = rootCredentials()): File | number {
    const inode = this.find(name);
    if (typeof inode === 'number') return inode;
    return inode.open({ mount: this.mount, dentry: new Dentry(name, null, inode) }, flags, creds);
  }

  read(name: string, creds?: Credentials): string {
    const file = this.open(name, 0, creds);
    assert.ok(typeof file !== 'number', `${name}: ${file}`);
    const dst = new Uint8Array(65536);
    let length = 0;
    for (;;) {
      const n = file.read(dst, length, 1000, length);
      assert.ok(n >= 0, `${name}: ${n}`);
      if (n === 0) return Buffer.from(dst.subarray(0, length)).toString('latin1');
      length += n;
    }
  }

  write(name: string, text: string, creds?: Credentials): number {
    const file = this.open(name, 1, creds);
    if (typeof file === 'number') return file;
    const bytes = Buffer.from(text, 'latin1');
    return file.write(bytes, 0, bytes.length, 0);
  }

  list(name: string): string[] {
    const file = this.open(name, 0o200000);
    assert.ok(typeof file !== 'number', `${name}: ${file}`);
    const names: string[] = [];
    let at = 0;
    for (;;) {
      const before = names.length;
      file.readdir(at, (entry, _ino, _dtype, next) => {
        if (names.length >= before + 3) return false;
        names.push(entry);
        at = next;
        return true;
      });
      if (names.length === before) return names;
    }
  }
}

/** Names at the beginnings of lines. */
function keys(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.split(':')[0])
    .filter((key) => key !== '');
}

function host(name: string): string {
  return readFileSync(`/proc/self/${name}`, 'latin1');
}

function anyPath(world: World): Path {
  return { mount: world.mount, dentry: addDentry(world.mount.root, 'file name', world.fs.root) };
}

test("stat has the host kernel's number of fields, and a name may hold anything", () => {
  const world = new World();
  world.init.name = 'a) (b';
  const text = world.read('1/stat');
  assert.ok(text.startsWith('1 (a) (b) R 0 1 1 0 -1 '), text);
  const count = (line: string): number => line.slice(line.lastIndexOf(')')).trim().split(' ').length;
  assert.equal(count(text), count(host('stat')));
});

test("status has the host kernel's lines in its order", () => {
  const world = new World();
  const own = keys(world.read('1/status'));
  const common = keys(host('status')).filter((key) => own.includes(key));
  assert.deepEqual(
    own.filter((key) => common.includes(key)),
    common,
  );
  for (const key of ['Name', 'Pid', 'PPid', 'Uid', 'VmRSS', 'Threads', 'CapEff', 'Cpus_allowed_list']) {
    assert.ok(own.includes(key), key);
  }
  assert.match(world.read('1/status'), /^Cpus_allowed:\t3\nCpus_allowed_list:\t0-1$/m);
});

test("limits are the host kernel's table", () => {
  const names = (text: string): string[] => text.split('\n').map((line) => line.slice(0, 25));
  assert.deepEqual(names(new World().read('1/limits')), names(host('limits')));
});

test('maps are in the form that parsers expect', () => {
  const world = new World();
  const { mm } = world.init;
  const file = new NullFile(world.fs.root, anyPath(world), 0);
  mm.install(new Vma(0x40_0000, 0x40_2000, 5, 0x70, file, 0x1000), 3, 0);
  const stack = new Vma(0x7fff_0000_0000, 0x7fff_0002_1000, 3, 0x170);
  stack.name = '[stack]';
  mm.install(stack, -1, 0);
  const lines = world.read('1/maps').trimEnd().split('\n');
  assert.match(lines[0], /^00400000-00402000 r-xp 00001000 00:14 [0-9]+ +.*file name$/);
  assert.equal(lines[1].indexOf('[stack]'), 73);
  const hostStack = host('maps')
    .split('\n')
    .find((line) => line.endsWith('[stack]'));
  assert.equal(hostStack?.indexOf('[stack]'), 73);
  // The platform's mapping reaches beyond the guest's: half of it counts.
  const kb = new Map([['Rss', 8]]);
  const mappings = [{ start: 0x3ff000, end: 0x401000, kb }];
  world.init.kernel.pids.hooks.residency = { pages: () => ({ resident: 2, shared: 1 }), mappings: () => mappings };
  assert.match(world.read('1/smaps'), /^Rss: +4 kB$/m);
  assert.match(world.read('1/smaps_rollup'), /\[rollup\]\nRss: +4 kB\n/);
  assert.match(world.read('1/statm'), /^[0-9]+ 2 1 /);
});

test('descriptors are links that jump to the open file', () => {
  const world = new World();
  const path = anyPath(world);
  const fd = world.init.files.install(new NullFile(world.fs.root, path, 2), true);
  assert.deepEqual(world.list('1/fd'), ['.', '..', String(fd)]);
  const link = world.find(`1/fd/${fd}`);
  assert.ok(typeof link !== 'number');
  assert.equal(link.followMagic(rootCredentials()), path);
  assert.equal(link.mode & 0o777, 0o700);
  assert.match(world.read(`1/fdinfo/${fd}`), /^pos:\t0\nflags:\t02100002\nmnt_id:\t[0-9]+\nino:\t/);
  assert.equal(world.find('1/fd/99'), -ENOENT);
  assert.equal(world.find('1/fd/00'), -ENOENT);
});

test('others may not look into a process', () => {
  const world = new World();
  const other = addOutsideProcess(world.init.kernel);
  for (const name of ['environ', 'maps', 'fd', 'mem', 'auxv', 'io']) {
    assert.equal(world.open(`${other.tid}/${name}`, 0, nobody), -EACCES, name);
  }
  assert.equal(typeof world.open(`${other.tid}/status`, 0, nobody), 'object');
});

test('self follows the caller', () => {
  const world = new World();
  const child = fork(world.init);
  const link = world.find('self');
  const thread = world.find('thread-self');
  assert.ok(typeof link !== 'number' && typeof thread !== 'number');
  assert.equal(link.readlink(), '1');
  setCurrentTask(child);
  assert.equal(link.readlink(), String(child.tid));
  assert.equal(thread.readlink(), `${child.tid}/task/${child.tid}`);
  setCurrentTask(null);
  assert.equal(link.readlink(), -ENOENT);
});

test("directories list each entry once, whatever the size of the reader's buffer", () => {
  const world = new World();
  const child = fork(world.init);
  const names = world.list('sys/kernel');
  assert.ok(names.includes('hostname'));
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(world.list(`${child.tid}/task`), ['.', '..', String(child.tid)]);
  assert.equal(world.find('999999'), -ENOENT);
});

test('oom_score_adj and comm are checked', () => {
  const world = new World();
  assert.equal(world.write('1/oom_score_adj', '500\n'), 4);
  assert.equal(world.read('1/oom_score_adj'), '500\n');
  assert.equal(world.write('1/oom_score_adj', '400', nobody), -EACCES);
  assert.equal(world.write('1/oom_score_adj', '1001'), -EINVAL);
  assert.equal(world.write('1/oom_score_adj', 'NaN'), -EINVAL);
  assert.equal(world.write('1/comm', 'a name that is too long\n'), 24);
  assert.equal(world.read('1/comm'), 'a name that is \n');
});

test("hostname is the kernel's", () => {
  const world = new World();
  assert.equal(world.read('sys/kernel/hostname'), 'test\n');
  assert.equal(world.write('sys/kernel/hostname', 'other\n'), 6);
  assert.equal(world.init.kernel.namespaces.uts.names.nodename, 'other');
  assert.match(
    world.read('sys/kernel/random/uuid'),
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$/,
  );
});

test("meminfo has the host kernel's form", () => {
  const text = new World().read('meminfo');
  const line = (of: string, name: string): string => of.split('\n').find((l) => l.startsWith(`${name}:`)) ?? '';
  const hostText = readFileSync('/proc/meminfo', 'latin1');
  for (const name of ['MemTotal', 'MemAvailable', 'SwapTotal', 'HugePages_Total']) {
    assert.equal(line(text, name).length, line(hostText, name).length, name);
  }
  assert.match(text, /^MemTotal: {8}2097152 kB$/m);
});

test('cpuinfo, stat, uptime, loadavg and net are parseable', () => {
  const world = new World();
  assert.equal(world.read('cpuinfo').match(/^processor\t: /gm)?.length, 2);
  assert.equal(world.read('stat').match(/^cpu[0-9]+ /gm)?.length, 2);
  assert.match(world.read('uptime'), /^[0-9]+\.[0-9]{2} [0-9]+\.[0-9]{2}\n$/);
  assert.match(world.read('loadavg'), /^0\.00 0\.00 0\.00 [0-9]+\/1 1\n$/);
  assert.match(world.read('1/net/arp'), /^IP address +HW type +Flags/);
  assert.match(world.read('1/mounts'), /^anon_inodefs \/ anon_inodefs rw 0 0\n$/);
  assert.match(world.read('1/mountinfo'), /^[0-9]+ [0-9]+ 0:[0-9]+ \/ \/ rw - anon_inodefs anon_inodefs rw\n$/);
});

test('every file can be read', () => {
  const world = new World();
  let count = 0;
  const visit = (inode: Inode, name: string, depth: number): void => {
    const file = inode.open({ mount: world.mount, dentry: new Dentry(name, null, inode) }, 0, rootCredentials());
    if (typeof file === 'number') return;
    const entries: string[] = [];
    file.readdir(0, (entry) => {
      if (entry !== '.' && entry !== '..') entries.push(entry);
      return true;
    });
    for (const entry of entries) {
      const child = inode.lookup(entry);
      assert.ok(typeof child !== 'number', `${name}/${entry}: ${child}`);
      const type = child.mode & 0o170000;
      if (type === 0o040000 && depth < 6) visit(child, `${name}/${entry}`, depth + 1);
      if (type === 0o120000)
        assert.equal(typeof child.readlink(), entry === 'exe' ? 'number' : 'string', `${name}/${entry}`);
      if (type === 0o100000 && (child.mode & 0o444) !== 0 && entry !== 'mem' && entry !== 'kmsg') {
        const opened = child.open({ mount: world.mount, dentry: new Dentry(entry, null, child) }, 0, rootCredentials());
        assert.ok(typeof opened !== 'number', `${name}/${entry}: ${opened}`);
        assert.ok(opened.read(new Uint8Array(100), 0, 100, 0) >= 0, `${name}/${entry}`);
        count += 1;
      }
    }
  };
  visit(world.fs.root, '', 0);
  assert.ok(count > 200, `${count} files`);
});

test('the same process is the same inode, another with its number is not', () => {
  const world = new World();
  const { pids } = world.init.kernel;
  const child = fork(world.init);
  const before = world.find(String(child.tid));
  assert.ok(typeof before !== 'number');
  assert.equal(world.find(String(child.tid)), before);
  const heir = fork(world.init);
  pids.removeTask(child);
  pids.removeGroup(child.group);
  pids.renumberTask(heir, child.tid);
  const after = world.find(String(child.tid));
  assert.ok(typeof after !== 'number');
  assert.notEqual(after.ino, before.ino);
});

test('a process that is gone leaves no exception behind', () => {
  const world = new World();
  const child = fork(world.init);
  const status = world.open(`${child.tid}/status`);
  const fds = world.open(`${child.tid}/fd`, 0o200000);
  assert.ok(typeof status !== 'number' && typeof fds !== 'number');
  child.isExited = true;
  assert.ok(status.read(new Uint8Array(4096), 0, 4096, 0) > 0);
  assert.match(world.read(`${child.tid}/stat`), /\) Z /);
});

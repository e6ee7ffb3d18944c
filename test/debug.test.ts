/** `runsc debug` on a container that runs, and the flags before the verb that say what a sandbox tells and changes. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Outcome, runProcess, runscPath } from './run-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsvisor-debug-'));
const rootfs = join(directory, 'rootfs');
const volume = join(directory, 'volume');
let bundles = 0;

const runsc = (...args: string[]): Promise<Outcome> =>
  runProcess(runscPath, ['--root', join(directory, 'state'), ...args], { cwd: directory });

async function ok(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await runsc(...args);
  assert.deepEqual({ stderr, code }, { stderr: '', code: 0 }, args.join(' '));
  return stdout;
}

async function bundle(script: string): Promise<string> {
  const path = join(directory, `bundle-${bundles++}`);
  mkdirSync(path);
  await ok('spec', '--bundle', path, '--', '/bin/sh', '-c', script);
  const file = join(path, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  config.process.terminal = false;
  config.root = { path: rootfs };
  config.mounts.push({ destination: '/volume', type: 'bind', source: volume, options: ['rbind', 'rw'] });
  writeFileSync(file, JSON.stringify(config));
  return path;
}

const lines = (path: string): string[] => readFileSync(path, 'utf8').split('\n');

/** Lines of the log that are no ends of processes and no signals. */
function tracedCalls(path: string): string[] {
  const calls = lines(path).flatMap((line) => /\] (?:<\.\.\. )?(\w+)/.exec(line)?.slice(1) ?? []);
  return [...new Set(calls)].sort();
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 600, 'nothing came within a minute');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('debug', () => {
  before(() => {
    mkdirSync(join(rootfs, 'bin'), { recursive: true });
    mkdirSync(volume);
    copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'));
    for (const applet of ['sh', 'sleep', 'cat', 'touch']) symlinkSync('busybox', join(rootfs, 'bin', applet));
  });
  after(async () => {
    for (const id of ['one', 'two']) await runsc('delete', '--force', id);
    rmSync(directory, { recursive: true });
  });

  test('stacks, processes, traces and profiles of a sandbox that runs', async () => {
    const started = join(volume, 'started');
    const path = await bundle(`sleep 1000 & touch /volume/started; while :; do sleep 0.1; done`);
    // The container would hold our pipe to its end.
    const detached = [runscPath, '--root', join(directory, 'state'), 'run', '--detach', '--bundle', path, 'one'];
    await runProcess('sh', ['-c', '"$@" > /dev/null 2>&1', 'sh', ...detached], { cwd: directory });
    await until(() => existsSync(started));
    const stacks = await ok('debug', '--stacks', 'one');
    assert.match(stacks, /^task 1 of process 1, sh, state [SR], on the host process \d+$/m);
    assert.match(
      stacks,
      / {4}sleeps in hrtimer_nanosleep\n {4}sysClockNanosleep in the kernel\n {4}clock_nanosleep\(.*tv_sec=1000/,
    );
    assert.match(await ok('debug', '--ps', 'one'), /^UID +PID[\s\S]*sleep 1000\n/);
    const { pid } = JSON.parse(await ok('state', 'one'));
    assert.equal(await ok('debug', '--stacks', '--pid', String(pid)).then((text) => text.includes('task 1')), true);

    const log = join(directory, 'calls');
    const { stderr } = await runsc('debug', '--strace', 'all', 'one');
    assert.match(stderr, /has no debug log/);
    await ok('--debug-log', log, 'debug', '--strace', 'clock_nanosleep,wait4', 'one');
    await until(() => existsSync(log) && tracedCalls(log).length === 2);
    assert.deepEqual(tracedCalls(log), ['clock_nanosleep', 'wait4']);
    await ok('--debug-log', log, 'debug', '--strace', 'all', 'one');
    await until(() => tracedCalls(log).includes('execve'));
    await ok('debug', '--strace', 'off', 'one');
    const { length } = lines(log);
    await ok('exec', 'one', '/bin/sh', '-c', 'sleep 0.3');
    assert.equal(lines(log).length, length);
    assert.match((await runsc('debug', '--strace', 'nosuch', 'one')).stderr, /unknown system call: nosuch/);

    const cpu = join(directory, 'one.cpuprofile');
    await ok('debug', '--profile-cpu', cpu, '--duration', '300ms', 'one');
    assert.ok(JSON.parse(readFileSync(cpu, 'utf8')).nodes.length > 0);
    const heap = join(directory, 'one.heapsnapshot');
    await ok('debug', '--profile-heap', heap, 'one');
    assert.ok(JSON.parse(readFileSync(heap, 'utf8')).snapshot.node_count > 0);
    await ok('exec', 'one', '/bin/sh', '-c', 'true');

    await ok('debug', '--signal', '9', 'one');
    await until(() => !existsSync(`/proc/${pid}`) || /State:\tZ/.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
    assert.equal(JSON.parse(await ok('state', 'one')).status, 'stopped');
  });

  test('what is traced from the start, into a directory of logs', async () => {
    const path = await bundle('cat /bin/nothing 2> /dev/null; exit 0');
    await ok(
      '--strace',
      '--strace-syscalls=openat,open',
      '--debug-log',
      `${directory}/logs/`,
      'run',
      '--bundle',
      path,
      'two',
    );
    const [name = '', ...more] = readdirSync(join(directory, 'logs'));
    assert.match(name, /^runsc\.log\.\d{8}-\d{6}\.\d{3}\.\d+\.boot\.txt$/);
    assert.deepEqual(more, []);
    const calls = tracedCalls(join(directory, 'logs', name));
    assert.ok(calls.length > 0 && calls.every((call) => call === 'open' || call === 'openat'), calls.join());
  });

  test('overlays keep what is written in memory', async () => {
    const path = await bundle('echo $$ > /made && echo $$ > /volume/made && cat /made /volume/made');
    const left = async (...flags: string[]): Promise<boolean[]> => {
      const { stdout, code } = await runsc(...flags, 'run', '--bundle', path, 'two');
      assert.deepEqual({ stdout, code }, { stdout: '1\n1\n', code: 0 });
      const made = [join(rootfs, 'made'), join(volume, 'made')];
      const isThere = made.map((file) => existsSync(file));
      for (const file of made) rmSync(file, { force: true });
      return isThere;
    };
    assert.deepEqual(await left(), [true, true]);
    assert.deepEqual(await left('--overlay2=none'), [true, true]);
    assert.deepEqual(await left('--overlay2=root:memory'), [false, true]);
    assert.deepEqual(await left('--overlay2=all:memory'), [false, false]);
    assert.deepEqual(await left('--overlay'), [false, false]);
    assert.deepEqual(await left('--overlay2=root:self'), [false, true]);
    assert.match((await runsc('--overlay2=x', 'run', '--bundle', path, 'two')).stderr, /--overlay2 is none of/);
  });

  test('a flag that changes nothing is told of once, an unknown one is refused', async () => {
    const { stderr, code } = await runsc('--platform=kvm', '--platform=systrap', '--directfs=false', 'list');
    assert.equal(code, 0);
    assert.equal(
      stderr,
      'runsc: warning: --platform changes nothing here\nrunsc: warning: --directfs changes nothing here\n',
    );
    const refused = await runsc('--no-such-flag', 'list');
    assert.deepEqual([refused.code, refused.stderr], [2, 'runsc: unknown flag --no-such-flag\n']);
  });
});

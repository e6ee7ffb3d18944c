/** The lifecycle of OCI containers: create, start, state, kill, exec, pause, delete, as container engines use them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runWithoutNode } from './containers.ts';
import { family } from './hung-processes.ts';
import { type Outcome, plainEnvironment, runProcess, runscPath } from './run-process.ts';

type Json = Record<string, unknown>;

let directory = '';
let containers = 0;
const runsc = (...args: string[]): Promise<Outcome> =>
  runProcess(runscPath, ['--root', join(directory, 'state'), ...args], { cwd: directory, timeoutMs: 30_000 });

async function ok(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await runsc(...args);
  assert.deepEqual({ stderr, code }, { stderr: '', code: 0 }, args.join(' '));
  return stdout;
}

/** Refused with one line that matches. */
async function refused(pattern: RegExp, ...args: string[]): Promise<void> {
  const { stderr, code } = await runsc(...args);
  assert.match(stderr, pattern);
  assert.match(stderr, /^runsc: [^\n]*\n$/);
  assert.notEqual(code, 0);
}

function bundle(script: string, changes: (config: Json & { process: Json }) => void = () => {}): string {
  const path = join(directory, `bundle-${containers++}`);
  mkdirSync(path);
  const config = JSON.parse(readFileSync(join(directory, 'spec/config.json'), 'utf8'));
  config.process.terminal = false;
  config.process.args = ['/bin/busybox', 'sh', '-c', script];
  config.root.path = join(directory, 'rootfs');
  changes(config);
  writeFileSync(join(path, 'config.json'), JSON.stringify(config));
  return path;
}

interface Made {
  readonly code: number;
  output(): string;
}

const small = (...args: string[]): Promise<Outcome> => runWithoutNode(directory, args);

/** Makes a container with its output in a file of its bundle, for it holds that to its end. */
async function makeInFile(path: string, ...command: string[]): Promise<Made> {
  const log = join(path, 'output');
  const fd = openSync(log, 'a');
  const args = ['--root', join(directory, 'state'), ...command];
  const child = spawn(runscPath, args, { env: plainEnvironment, stdio: ['ignore', fd, fd] });
  closeSync(fd);
  const [code] = await once(child, 'close');
  return { code, output: () => readFileSync(log, 'utf8') };
}

function create(id: string, path: string, ...flags: string[]): Promise<Made> {
  return makeInFile(path, 'create', '--bundle', path, ...flags, id);
}

async function statusOf(id: string): Promise<string> {
  return JSON.parse(await ok('state', id)).status;
}

/** Waits for the container's end by its own verb, then until it counts as stopped. */
async function ended(id: string): Promise<number> {
  const { stdout, stderr } = await runsc('wait', id);
  if (stdout !== '') return JSON.parse(stdout).exitStatus;
  assert.match(stderr, /container not running/);
  return -1;
}

describe('lifecycle', { concurrency: false }, () => {
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'lifecycle-'));
    mkdirSync(join(directory, 'rootfs/bin'), { recursive: true });
    copyFileSync('/bin/busybox', join(directory, 'rootfs/bin/busybox'));
    mkdirSync(join(directory, 'spec'));
    await ok('spec', '--bundle', join(directory, 'spec'));
  });
  after(async () => {
    for (const id of (await ok('list', '--quiet')).split('\n')) if (id !== '') await ok('delete', '--force', id);
    rmSync(directory, { recursive: true, force: true });
  });

  test('created, running, stopped, deleted', async () => {
    const path = bundle(
      'echo begun; b=/bin/busybox; trap "echo term; exit 5" TERM; echo ready; while :; do $b sleep 0.05; done',
    );
    const { code, output } = await create('one', path, '--pid-file', join(path, 'pid'));
    assert.equal(code, 0);
    const state = JSON.parse(await ok('state', 'one'));
    assert.deepEqual(
      { ...state, created: '', owner: '' },
      {
        ociVersion: '1.2.0',
        id: 'one',
        pid: Number(readFileSync(join(path, 'pid'), 'utf8')),
        status: 'created',
        bundle: path,
        rootfs: join(directory, 'rootfs'),
        created: '',
        owner: '',
      },
    );
    assert.equal(output(), '');
    await refused(/container with id one already exists/, 'create', '--bundle', path, 'one');
    await refused(/cannot pause a container that is created/, 'pause', 'one');
    await ok('start', 'one');
    await refused(/cannot start a container that is running/, 'start', 'one');
    await refused(/cannot delete container one that is not stopped: running/, 'delete', 'one');
    const waiting = ended('one');
    while (!output().includes('ready')) await ok('state', 'one');
    assert.match(await ok('list'), /^ID {4}PID +STATUS +BUNDLE +CREATED +OWNER\none +\d+ +running /);
    await ok('kill', 'one', 'SIGTERM');
    assert.equal(await waiting, 5);
    while ((await statusOf('one')) !== 'stopped');
    assert.equal(output(), 'begun\nready\nterm\n');
    await refused(/container not running/, 'kill', 'one', 'KILL');
    await refused(/container not running/, 'exec', 'one', '/bin/busybox', 'true');
    await ok('delete', 'one');
    await refused(/container one does not exist/, 'state', 'one');
    assert.deepEqual(readdirSync(join(directory, 'state')), []);
  });

  test('start and delete are done without Node where nothing is left to decide', async () => {
    const root = join(directory, 'state');
    const path = bundle('echo here; exit 4', (config) => {
      Object.assign(config.linux ?? {}, { cgroupsPath: '/tsvisor-small', resources: { pids: { limit: 50 } } });
    });
    assert.notEqual((await small('--root', root, 'state', 'small')).code, 0, 'Node begins');
    assert.equal((await create('small', path)).code, 0);
    assert.notEqual((await small('--root', root, 'delete', 'small')).code, 0, 'it has not ended');
    const { pid } = JSON.parse(await ok('state', 'small'));
    const held = [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    assert.deepEqual(held, ['/dev/null', '/dev/null', '/dev/null'], 'what stays holds nothing of the caller');
    assert.equal(await statusOf('small'), 'created');
    const started = await small('--root', root, '--log', join(directory, 'log'), '--log-format=json', 'start', 'small');
    assert.deepEqual([started.stdout, started.stderr, started.code], ['', '', 0]);
    while ((await statusOf('small')) !== 'stopped');
    assert.equal(readFileSync(join(path, 'output'), 'utf8'), 'here\n');
    const { cgroups } = JSON.parse(readFileSync(join(root, 'small/state.json'), 'utf8'));
    const removed = await small(`--root=${root}`, 'delete', 'small');
    assert.deepEqual([removed.stdout, removed.stderr, removed.code], ['', '', 0]);
    assert.equal(existsSync(join(root, 'small')), false);
    for (const group of cgroups) assert.equal(existsSync(group), false, group);
    assert.equal((await small('--root', root, 'delete', '--force', 'small')).code, 0, 'none is what was wanted');
    await refused(/container small does not exist/, 'delete', 'small');
    await refused(/container small does not exist/, 'start', 'small');
  });

  test('pause and resume', async () => {
    const path = bundle('i=0; while :; do echo $i; i=$((i+1)); /bin/busybox sleep 0.02; done');
    const { output } = await create('pause', path);
    await ok('start', 'pause');
    while (!output().includes('2\n')) await ok('state', 'pause');
    await ok('pause', 'pause');
    assert.equal(await statusOf('pause'), 'paused');
    const before = output();
    await ok('state', 'pause');
    assert.equal(output(), before);
    await refused(/cannot exec in a container that is paused/, 'exec', 'pause', '/bin/busybox', 'true');
    await refused(/cannot pause a container that is paused/, 'pause', 'pause');
    await ok('resume', 'pause');
    while (output() === before) await ok('state', 'pause');
    await ok('pause', 'pause');
    await ok('kill', 'pause', 'KILL');
    while ((await statusOf('pause')) !== 'stopped');
    await ok('delete', 'pause');
  });

  test('hooks get the state, in order, and failing ones undo the container', async () => {
    const path = bundle('exit 3', (config) => {
      const hook = (name: string): Json[] => [
        {
          path: '/bin/sh',
          args: ['sh', '-c', `echo "${name} $A" >> ${directory}/hooks; cat >> ${directory}/hooks`],
          env: ['A=b'],
        },
      ];
      config.hooks = Object.fromEntries(
        ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop'].map((name) => [name, hook(name)]),
      );
    });
    assert.equal((await runsc('run', '--bundle', path, 'hooked')).code, 3);
    const seen = readFileSync(join(directory, 'hooks'), 'utf8');
    const names = [...seen.matchAll(/(\w+) b\n\{[^\n]*?"status":"(\w+)"/g)].map(
      ([, name, status]) => `${name} ${status}`,
    );
    const expected = ['prestart creating', 'createRuntime creating', 'createContainer creating'];
    assert.deepEqual(names, [...expected, 'poststart running', 'poststop stopped']);
    const inside = bundle('/bin/busybox cat /hooked', (config) => {
      config.root = { path: join(directory, 'rootfs') };
      const args = ['sh', '-c', 'echo "$A $0"; exec /bin/busybox cat > /hooked', 'word'];
      config.hooks = { startContainer: [{ path: '/bin/busybox', args, env: ['A=b'] }] };
    });
    assert.match(
      (await runsc('run', '--bundle', inside, 'inside')).stdout,
      /^\{[^\n]*"id":"inside"[^\n]*"status":"created"[^\n]*\}$/,
    );
    const wired = bundle('true', (config) => {
      // The sixth word of the state is the pid.
      const look = 'IFS=,:; set -- $(cat); readlink /proc/self/ns/net /proc/$6/ns/net; pwd';
      const hook = (name: string): Json[] => [
        { path: '/bin/sh', args: ['sh', '-c', `{ ${look}; } > ${directory}/${name}`] },
      ];
      config.hooks = { createRuntime: hook('wiring'), poststart: hook('wired') };
    });
    assert.equal((await runsc('run', '--bundle', wired, 'wired')).code, 0);
    const ours = readlinkSync('/proc/self/ns/net');
    for (const name of ['wiring', 'wired']) {
      const [its, container, cwd] = readFileSync(join(directory, name), 'utf8').split('\n');
      assert.equal(its, ours, `${name}: where the runtime is`);
      assert.match(container ?? '', /^net:\[\d+\]$/);
      assert.notEqual(container, ours, `${name}: the container's can be found`);
      if (name === 'wiring') assert.equal(cwd, directory);
    }
    const refusing = bundle('true', (config) => {
      config.hooks = { startContainer: [{ path: '/bin/busybox', args: ['false'] }] };
    });
    await create('refusing', refusing);
    await refused(/startContainer hook \/bin\/busybox failed with status 1/, 'start', 'refusing');
    await ok('delete', 'refusing');
    const failing = bundle('true', (config) => {
      config.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', 'echo no >&2; exit 4'] }] };
    });
    const { code, output } = await create('failing', failing);
    assert.equal(code, 1);
    assert.match(output(), /createRuntime hook \/bin\/sh failed with status 4: no\n$/);
    await refused(/does not exist/, 'state', 'failing');
    const slow = bundle('true', (config) => {
      config.hooks = { prestart: [{ path: '/bin/sleep', args: ['sleep', '100'], timeout: 1 }] };
    });
    await refused(/prestart hook \/bin\/sleep did not end within 1 s/, 'run', '--bundle', slow, 'slow');
  });

  test('what cannot be run is refused at create, in the words that engines look for', async () => {
    const missing = bundle('', (config) => {
      config.process.args = ['missing'];
    });
    const { code, output } = await create('missing', missing);
    assert.deepEqual([code, output()], [1, 'runsc: exec: "missing": executable file not found in $PATH\n']);
    const log = join(directory, 'log.json');
    await refused(/./, '--log', log, '--log-format', 'json', 'create', '--bundle', missing, 'missing');
    const { level, msg, time } = JSON.parse(readFileSync(log, 'utf8'));
    assert.deepEqual([level, msg], ['error', 'exec: "missing": executable file not found in $PATH']);
    assert.ok(!Number.isNaN(Date.parse(time)));
    await refused(/does not exist/, 'delete', 'missing');
    await ok('delete', '--force', 'missing');
  });

  test('of two creators one wins, and what a crash leaves can be deleted', async () => {
    const path = bundle('/bin/busybox sleep 1000');
    const results = await Promise.all([create('race', path), create('race', path), create('race', path)]);
    assert.deepEqual(results.map(({ code }) => code).sort(), [0, 1, 1]);
    await ok('start', 'race');
    const { pid } = JSON.parse(await ok('state', 'race'));
    process.kill(pid, 'SIGKILL');
    while ((await statusOf('race')) !== 'stopped');
    await ok('delete', 'race');
    mkdirSync(join(directory, 'state/half'), { recursive: true });
    assert.equal(await ok('list', '--format', 'json'), '[]\n');
    await ok('delete', 'half');
    await create('never', path);
    await ok('delete', 'never');
  });

  test('a sentry that ends before its time leaves a container that is stopped, with the reason, and can be deleted', async () => {
    await create('doomed', bundle('/bin/busybox sleep 1000'));
    await ok('start', 'doomed');
    const { pid } = JSON.parse(await ok('state', 'doomed'));
    const sentry = family(pid).find((each) => readFileSync(`/proc/${each}/comm`, 'latin1') === 'runsc-sandbox\n') ?? 0;
    assert.ok(sentry > 0, 'the sentry is among what came of the keeper');
    process.kill(sentry, 'SIGKILL');
    while ((await statusOf('doomed')) !== 'stopped');
    assert.match(JSON.parse(await ok('state', 'doomed')).reason, /^the sandbox has ended with signal 9: it was killed/);
    await ok('delete', 'doomed');
    await refused(/does not exist/, 'state', 'doomed');
  });

  test('limits of the host and inside', {
    skip: process.getuid?.() !== 0 && 'control groups are for root',
  }, async () => {
    const path = bundle('/bin/busybox free -b | /bin/busybox grep Mem; /bin/busybox sleep 1000', (config) => {
      config.linux = {
        cgroupsPath: `/tsvisor-test-${process.pid}`,
        resources: { memory: { limit: 100 << 20 }, cpu: { quota: 50_000, period: 100_000 }, pids: { limit: 20 } },
      };
    });
    const { output } = await create('limited', path);
    await ok('start', 'limited');
    while (!output().includes('\n')) await ok('state', 'limited');
    assert.match(output(), /^Mem: +104857600 /);
    const { pid } = JSON.parse(await ok('state', 'limited'));
    const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
    assert.ok(
      groups.every((line) => line.endsWith(`/tsvisor-test-${process.pid}`)),
      groups.join(),
    );
    const [guest] = JSON.parse(await ok('ps', '--format', 'json', 'limited'));
    assert.equal(readFileSync(`/proc/${guest}/cgroup`, 'utf8').trim(), groups.join('\n'));
    const forks = 'i=0; while [ $i -lt 40 ]; do /bin/busybox sleep 5 & i=$((i+1)); done';
    assert.match(
      (await runsc('exec', 'limited', '/bin/busybox', 'sh', '-c', forks)).stderr,
      /can't fork: Resource temporarily/,
    );
    const stats = JSON.parse(await ok('events', '--stats', 'limited'));
    assert.equal(stats.data.memory.usage.limit, 100 << 20);
    await ok('update', '--memory', String(200 << 20), '--memory-swap', String(300 << 20), 'limited');
    assert.equal(JSON.parse(await ok('events', '--stats', 'limited')).data.memory.usage.limit, 200 << 20);
    await refused(/--memory is not a number: lots/, 'update', '--memory', 'lots', 'limited');
    await ok('delete', '--force', 'limited');
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => / - cgroup2? /.test(line));
    const mountpoints = mounts.map((line) => line.split(' ')[4] ?? '');
    assert.ok(mountpoints.length > 0);
    const left = mountpoints.filter((mountpoint) => existsSync(join(mountpoint, `tsvisor-test-${process.pid}`)));
    assert.deepEqual(left, []);
  });

  test('install and uninstall leave the rest of the file alone', async () => {
    const file = join(directory, 'docker/daemon.json');
    await ok('install', '--config_file', file);
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), debug: true }));
    await ok('install', '--config_file', file, '--runtime', 'other', '--', '--debug');
    const { debug, runtimes } = JSON.parse(readFileSync(file, 'utf8'));
    assert.equal(debug, true);
    assert.deepEqual(runtimes, { runsc: { path: runscPath }, other: { path: runscPath, runtimeArgs: ['--debug'] } });
    await ok('install', '--config_file', file, '--runtime', 'other', '--clobber=false');
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')).runtimes.other.runtimeArgs, ['--debug']);
    await ok('uninstall', '--config_file', file);
    await refused(/has no runtime runsc/, 'uninstall', '--config_file', file);
    assert.deepEqual(Object.keys(JSON.parse(readFileSync(file, 'utf8')).runtimes), ['other']);
    writeFileSync(file, '{');
    await refused(/daemon\.json is not JSON/, 'install', '--config_file', file);
  });

  test('run --detach, and flags of other runtimes', async () => {
    const path = bundle('/bin/busybox sleep 1000');
    const { code, output } = await makeInFile(
      path,
      '--platform=systrap',
      'run',
      '--detach',
      '--bundle',
      path,
      'detached',
    );
    assert.deepEqual([output(), code], ['runsc: warning: --platform changes nothing here\n', 0]);
    assert.equal(await statusOf('detached'), 'running');
    await ok('delete', '--force', 'detached');
    await refused(/unknown flag --nonsense/, '--nonsense', 'list');
    await refused(/--log-format is neither text nor json: xml/, '--log-format', 'xml', 'list');
    await refused(/unknown signal: NONE/, 'kill', 'x', 'NONE');
  });
});

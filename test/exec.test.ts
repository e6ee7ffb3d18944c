/** exec: another process in a container, with and without Node outside. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Containers, type Json, runWithoutNode } from './containers.ts';
import { type Outcome, runProcess, runscPath } from './run-process.ts';

let containers: Containers;
let directory = '';
const ok = (...args: string[]): Promise<string> => containers.ok(...args);
const refused = (pattern: RegExp, ...args: string[]): Promise<void> => containers.refused(pattern, ...args);

describe('exec', { concurrency: false }, () => {
  before(() => {
    containers = new Containers();
    directory = containers.directory;
  });
  after(() => containers.remove());

  test('exec: its streams, its status, what it may change', async () => {
    await containers.create('exec', await containers.bundle('/bin/busybox sleep 1000'));
    await refused(/cannot exec in a container that is created/, 'exec', 'exec', '/bin/busybox', 'true');
    await ok('start', 'exec');
    const script = 'b=/bin/busybox; $b id -u; $b id -g; $b pwd; echo $A $HOME; $b cat; echo err >&2; exit 7';
    const flags = ['--user', '5:6', '--cwd', '/bin', '--env', 'A=b'];
    const result = await runProcess(
      runscPath,
      ['--root', containers.state, 'exec', ...flags, 'exec', '/bin/busybox', 'sh', '-c', script],
      { cwd: directory, input: 'typed\n' },
    );
    assert.deepEqual(result, { stdout: '5\n6\n/bin\nb /\ntyped\n', stderr: 'err\n', code: 7, isTimedOut: false });
    assert.equal((await containers.run('exec', 'exec', '/bin/busybox', 'sh', '-c', 'kill -9 $$')).code, 137);
    await refused(/exec: "\/none": stat \/none: no such file or directory/, 'exec', 'exec', '/none');
    await refused(/exec: "none": executable file not found in \$PATH/, 'exec', 'exec', 'none');
    await refused(/working directory \/none does not exist/, 'exec', '--cwd', '/none', 'exec', '/bin/busybox');
    await refused(/--user is not UID/, 'exec', '--user', 'root', 'exec', '/bin/busybox');
    const file = join(directory, 'process.json');
    const args = ['/bin/busybox', 'sh', '-c', 'echo $B; /bin/busybox grep CapEff /proc/self/status'];
    writeFileSync(file, JSON.stringify({ args, cwd: '/', env: ['B=c'], user: { uid: 0, gid: 0 } }));
    assert.equal(await ok('exec', '--process', file, 'exec'), 'c\nCapEff:\t0000000000000000\n');
    const withCpus = (execCPUAffinity: Json): string[] => {
      const own = ['/bin/busybox', 'grep', 'Cpus_allowed_list', '/proc/self/status'];
      writeFileSync(file, JSON.stringify({ args: own, cwd: '/', execCPUAffinity }));
      return ['exec', '--process', file, 'exec'];
    };
    assert.equal(await ok(...withCpus({ initial: '7', final: '0' })), 'Cpus_allowed_list:\t0\n');
    await refused(/process\.execCPUAffinity names no CPU that the container has/, ...withCpus({ final: '4000-4001' }));
    await refused(/execCPUAffinity\.final does not match/, ...withCpus({ final: 'all' }));
    const pids = JSON.parse(await ok('ps', '--format', 'json', 'exec'));
    assert.ok(pids.length === 1 && existsSync(`/proc/${pids[0]}`));
    assert.match(await ok('ps', 'exec'), /^UID .*CMD\n0 +1 +0 .* sleep 1000\n$/);
    await ok('kill', 'exec', 'KILL');
    await containers.untilStatus('exec', 'stopped');
    await ok('delete', 'exec');
  });

  test('a detached exec leaves a process that ends as it ends, and holds nothing', async () => {
    const path = await containers.bundle('/bin/busybox sleep 1000');
    await containers.create('apart', path);
    await ok('start', 'apart');
    const pidFile = join(path, 'exec-pid');
    const script = 'echo out; echo $$';
    const printed = await ok('exec', '--detach', '--pid-file', pidFile, 'apart', '/bin/busybox', 'sh', '-c', script);
    assert.equal(printed.startsWith('out\n') || printed === '', true);
    assert.ok(Number(readFileSync(pidFile, 'utf8')) > 0);
    await refused(/exec: "\/none"/, 'exec', '--detach', 'apart', '/none');
    await ok('delete', '--force', 'apart');
  });

  test('exec is done without Node but for terminals and what is refused', async () => {
    const path = await containers.bundle('/bin/busybox sleep 1000');
    await containers.create('plain', path);
    await ok('start', 'plain');
    const exec = (...args: string[]): Promise<Outcome> =>
      runWithoutNode(directory, ['--root', containers.state, 'exec', ...args], 'typed\n');
    const script = 'b=/bin/busybox; $b id -u; $b id -g; $b pwd; echo "$A$B"; $b cat; echo err >&2; exit 7';
    const flags = ['-u', '5:6', '--cwd=/bin', '-e', 'A=b"\\\n', '--env', 'B=\u00e9'];
    const result = await exec(...flags, 'plain', '/bin/busybox', 'sh', '-c', script);
    const stdout = Buffer.from('5\n6\n/bin\nb"\\\n\u00e9\ntyped\n').toString('latin1');
    assert.deepEqual(result, { stdout, stderr: 'err\n', code: 7, isTimedOut: false });
    let files = 0;
    const withFile = (document: string): string[] => {
      const file = join(directory, `plain-${files++}.json`);
      writeFileSync(file, document);
      return ['--process', file, 'plain'];
    };
    const process_ = { args: ['/bin/busybox', 'sh', '-c', 'kill -9 $$'], cwd: '/', user: { uid: 0, gid: 0 } };
    assert.equal((await exec(...withFile(JSON.stringify(process_, null, 2)))).code, 137);
    // Engines read the status of who stands for it, and signal him.
    const trap = 'trap "echo term; exit 5" TERM; echo ready; while :; do /bin/busybox sleep 0.05; done';
    const child = spawn(runscPath, ['--root', containers.state, 'exec', 'plain', '/bin/busybox', 'sh', '-c', trap]);
    const said: string[] = [];
    child.stdout.on('data', (bytes: Buffer) => {
      said.push(String(bytes));
      if (said.length === 1) child.kill('SIGTERM');
    });
    assert.deepEqual(await once(child, 'close'), [5, null]);
    assert.equal(said.join(''), 'ready\nterm\n');
    const pidFile = join(path, 'plain-pid');
    // What stays has the streams of whoever called.
    const quiet = 'ulimit -v 100000; "$@" > /dev/null 2>&1 < /dev/null';
    const sleep = ['plain', '/bin/busybox', 'sleep', '1000'];
    const words = [runscPath, '--root', containers.state, 'exec', '--pid-file', pidFile, '-d', ...sleep];
    const left = await runProcess('/bin/sh', ['-c', quiet, 'sh', ...words], { cwd: directory });
    assert.equal(left.code, 0);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    assert.equal(readFileSync(`/proc/${pid}/comm`, 'utf8'), 'runsc-exec\n');
    for (const fd of [0, 1, 2]) assert.equal(readlinkSync(`/proc/${pid}/fd/${fd}`), '/dev/null');
    assert.match(await ok('ps', 'plain'), / sleep 1000\n.* sleep 1000\n$/);
    process.kill(pid, 'SIGKILL');
    while (/ sleep 1000\n.* sleep 1000\n$/.test(await ok('ps', 'plain')));
    // What is refused is Node's to say.
    const absurd = [
      [/exec: "\/none": stat \/none/, 'plain', '/none'],
      [/args\[0] is not a string/, ...withFile('{"args": [5], "cwd": "/"}')],
      [/cannot read .*JSON/, ...withFile('{"args": ["/bin/busybox", "true"], "cwd": "/"} {}')],
      [/cannot read .*JSON/, ...withFile('{"args": ["/bin/busybox", "tr\nue"], "cwd": "/"}')],
      [/process wants a terminal/, ...withFile('{"args": ["/bin/busybox", "true"], "cwd": "/", "terminal": true}')],
      [/ENOENT/, '--process', '/none.json', 'plain'],
      [/--user is not UID/, '--user', '5:', 'plain', '/bin/busybox', 'true'],
      [/pid-file/, '--pid-file', '--cwd', '/', 'plain', '/bin/busybox', 'true'],
      [/needs a command/, 'plain'],
      [/does not exist|not running/, 'nobody', '/bin/busybox', 'true'],
    ] as const;
    for (const [pattern, ...args] of absurd) {
      assert.notEqual((await exec(...args)).code, 0, args.join(' '));
      await refused(pattern, 'exec', ...args);
    }
    await ok('delete', '--force', 'plain');
  });
});

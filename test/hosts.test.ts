/** The hosts it must run on: without privileges, without user namespaces, with one CPU; and what it leaves of them when idle. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainEnvironment, repositoryRoot, runProcess, runscPath } from './run-process.ts';

const script = 'echo $((6 * 7)) | cat; for i in 1 2 3; do /bin/true || exit 9; done; (exit 3); echo $?';
const expected = '42\n3\n';
const isRoot = process.getuid?.() === 0;
/** Root without capabilities: the files of this checkout stay readable, namespaces take a user namespace. */
const powerless = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
/** A user namespace in which no further one may be made, and no capabilities in it: the filter stands alone. */
const withoutNamespaces = [
  ...['unshare', '--user', '--map-root-user', 'sh', '-c'],
  `echo 0 > /proc/sys/user/max_user_namespaces && exec ${powerless.join(' ')} "$@"`,
  'sh',
];

const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

async function run(
  prefix: readonly string[],
  args: readonly string[],
  launcher = runscPath,
): Promise<{ stdout: string; stderr: string; code: number }> {
  const [file = '', ...rest] = [...prefix, launcher, ...args];
  return runProcess(file, rest, { cwd: '/', timeoutMs: 60_000 });
}

/** The text of a process's file; nothing when the process has ended. */
function readProcess(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'latin1');
  } catch {
    return '';
  }
}

/** A process and all that have come of it. */
function family(pid: number): number[] {
  const children = readProcess(`${pid}/task/${pid}/children`)
    .split(' ')
    .filter((word) => word !== '');
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

/** What the process has used of CPUs, in ticks of 10 ms. */
function ticksOf(pid: number): number {
  const fields = readProcess(`${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

describe('hosts', () => {
  const hosts: readonly (readonly [string, readonly string[], RegExp])[] = isRoot
    ? [
        ['root', [], /isolation: filter and all namespaces/],
        ['no capabilities', powerless, /isolation: filter and all namespaces/],
        ['no user namespaces', withoutNamespaces, /isolation: filter only/],
      ]
    : [['an ordinary user', [], /isolation: /]];
  for (const [name, prefix, isolation] of hosts) {
    test(name, async () => {
      const outcome = await run(prefix, ['do', 'sh', '-c', script]);
      assert.deepEqual(outcome, { stdout: expected, stderr: '', code: 0, isTimedOut: false });
      const doctor = await run(prefix, ['doctor']);
      assert.match(doctor.stdout, isolation);
      assert.equal(doctor.code, 0, doctor.stdout);
    });
  }

  test('another user, who may not read this checkout', {
    skip: !isRoot && 'needs root to become another user',
  }, async () => {
    const copy = mkdtempSync(join(tmpdir(), 'hosts-'));
    try {
      chmodSync(copy, 0o755);
      for (const part of ['runsc', 'dist', 'build/addon.node', 'build/zygote', 'build/launch', 'build/node']) {
        cpSync(`${repositoryRoot}/${part}`, join(copy, part), { recursive: true });
      }
      const outcome = await run(
        nobody,
        ['do', 'sh', '-c', `${script}; id -u; f=$(mktemp) && echo > $f && cat $f`],
        join(copy, 'runsc'),
      );
      assert.deepEqual(outcome, { stdout: `${expected}65534\n\n`, stderr: '', code: 0, isTimedOut: false });
      const doctor = await run(nobody, ['doctor'], join(copy, 'runsc'));
      assert.match(doctor.stdout, /isolation: filter and all namespaces, a user namespace too/);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  test('one CPU, with more guests than that', async () => {
    const busy = 'for i in 1 2 3; do (n=0; while [ $n -lt 20000 ]; do n=$((n + 1)); done) & done; wait; echo done';
    const outcome = await run(['taskset', '-c', '0'], ['do', 'sh', '-c', busy]);
    assert.deepEqual(outcome, { stdout: 'done\n', stderr: '', code: 0, isTimedOut: false });
  });

  test('an idle sandbox uses no CPU', async () => {
    const child = spawn(runscPath, ['do', 'sh', '-c', 'cat > /dev/null & sleep 1000 & echo up; wait'], {
      env: plainEnvironment,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      const ticks = (): number => family(child.pid ?? 0).reduce((sum, pid) => sum + ticksOf(pid), 0);
      // What is left to do at the start, and a collection of garbage two seconds later, is over when two looks agree; then it must stay so.
      let before = -1;
      for (let looks = 0; looks < 10 && before !== ticks(); looks++) {
        before = ticks();
        await sleep(2500);
      }
      before = ticks();
      await sleep(2000);
      assert.ok(ticks() - before <= 2, `${ticks() - before} ticks of 10 ms in two idle seconds`);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});

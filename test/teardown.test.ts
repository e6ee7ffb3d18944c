/** Whatever dies first, a sandbox leaves no process behind, and no mount or temporary file. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildProgram } from './guest-build.ts';
import { plainEnvironment, runscPath } from './run-process.ts';

/** The parent's pid and the state of each process. */
function processes(): Map<number, { parent: number; state: string }> {
  const found = new Map<number, { parent: number; state: string }>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let stat = '';
    try {
      stat = readFileSync(`/proc/${name}/stat`, 'latin1');
    } catch {
      continue; // it has ended since the listing
    }
    const [state = '', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    found.set(Number(name), { parent: Number(parent), state });
  }
  return found;
}

function descendants(root: number): number[] {
  const all = processes();
  const tree = [root];
  for (const pid of tree) for (const [child, { parent }] of all) if (parent === pid) tree.push(child);
  return tree;
}

function sendAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended since it was listed.
    }
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, `after ten seconds still not: ${what}`);
    await sleep(10);
  }
}

function areGone(pids: readonly number[]): boolean {
  const all = processes();
  return pids.every((pid) => !all.has(pid) || all.get(pid)?.state === 'Z');
}

/** The keeper, the init of the sandbox, the sentry, the zygote and two stubs, in the order in which they were made. */
const PROCESSES = 6;

interface Sandbox {
  readonly child: ChildProcess;
  readonly pids: readonly number[];
  output(): string;
}

/** A sandbox of a shell, which has said that it runs, and a command that the shell waits for; it ends with the test. */
async function start(context: TestContext): Promise<Sandbox> {
  const script = 'sleep 1000 & echo up; wait $!; echo after $?; sleep 1000';
  const child = spawn(runscPath, ['do', 'sh', '-c', script], {
    env: plainEnvironment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  context.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await until('the guest is up', () => text.includes('up\n'));
  await until('the guests are there', () => descendants(child.pid ?? 0).length >= PROCESSES);
  return { child, pids: descendants(child.pid ?? 0), output: () => text };
}

const state = (): unknown => ({
  mounts: readFileSync('/proc/self/mountinfo', 'latin1'),
  temporary: readdirSync(tmpdir()).filter((name) => name.includes('tsvisor')),
  shared: readdirSync('/dev/shm'),
});

describe('teardown', () => {
  for (const [index, who] of ['the keeper', 'the init of the sandbox', 'the sentry', 'the zygote'].entries()) {
    test(`${who} is killed`, async (context) => {
      const before = state();
      const { child, pids } = await start(context);
      process.kill(pids[index] ?? 0, 'SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await until('all processes are gone', () => areGone(pids));
      assert.deepEqual(state(), before);
    });
  }

  test('processes of the host are stopped and continued at any moment: nothing is lost', async (context) => {
    // What is stopped in the middle of a clone, or of a wait, makes that call again.
    const script =
      'for i in 1 2 3 4 5 6 7 8 9 10; do (exit 3); [ $? = 3 ] || exit 1; /bin/echo $i | cat; done; sleep 0.1; echo end';
    const child = spawn(runscPath, ['do', 'sh', '-c', script], {
      env: plainEnvironment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    context.after(() => child.kill('SIGKILL'));
    let output = '';
    const hear = (bytes: Buffer): void => {
      output += bytes.toString('latin1');
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    const ended = once(child, 'close');
    for (let i = 0; child.exitCode === null && child.signalCode === null; i++) {
      const pids = descendants(child.pid ?? 0);
      sendAll(pids, 'SIGSTOP');
      await sleep(i % 4);
      sendAll(pids, 'SIGCONT');
      await sleep(5 + (i % 7));
    }
    const [code] = await ended;
    assert.equal(output, '1\n2\n3\n4\n5\n6\n7\n8\n9\n10\nend\n');
    assert.equal(code, 0);
  });

  test('for want of memory the host ends a guest before the sentry', async (context) => {
    const scoreOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'latin1'));
    const [, , sentry = 0, zygote = 0, ...stubs] = (await start(context)).pids;
    const scores = [zygote, ...stubs].flatMap((pid) => {
      try {
        return [scoreOf(pid)];
      } catch {
        return []; // the stub of a program that was replaced by another one meanwhile
      }
    });
    assert.ok(scores.length >= 2, 'the zygote and a stub');
    assert.deepEqual(new Set(scores), new Set([Math.min(scoreOf(sentry) + 200, 1000)]));
  });

  test('a guest that no interrupt reaches ends with its address space', async (context) => {
    const program = await buildProgram('hostile', 'stays-inside', ['stays-inside']);
    const child = spawn(runscPath, ['do', 'sh', '-c', `${program}; read line`], {
      env: plainEnvironment,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    context.after(() => child.kill('SIGKILL'));
    let output = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      output += bytes.toString('latin1');
    });
    await until('both have ended for the sandbox', () => output === 'both ended\n');
    // In place of the second stub there may be one made ahead.
    await until('they have for the host', () => descendants(child.pid ?? 0).length <= PROCESSES);
  });

  test('a guest process is killed from outside: the others go on and see it', async (context) => {
    const before = state();
    const { child, output } = await start(context);
    await until('the shell has noticed', () => {
      if (output().includes('after 137\n')) return true;
      // The stub that was made last is the command's; in the midst of its exec there is one more, which ends by itself.
      const now = descendants(child.pid ?? 0);
      if (now.length >= PROCESSES) sendAll([Math.max(...now)], 'SIGKILL');
      return false;
    });
    const pids = descendants(child.pid ?? 0);
    child.kill('SIGKILL');
    await until('all processes are gone', () => areGone(pids));
    assert.deepEqual(state(), before);
  });

  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    test(`${signal} to the command ends the guest`, async (context) => {
      const before = state();
      const child = spawn(runscPath, ['do', 'sleep', '1000'], { env: plainEnvironment, stdio: 'ignore' });
      context.after(() => child.kill('SIGKILL'));
      await until('the guest is up', () => descendants(child.pid ?? 0).length >= PROCESSES - 1);
      const pids = descendants(child.pid ?? 0);
      child.kill(signal);
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await until('all processes are gone', () => areGone(pids));
      assert.deepEqual(state(), before);
    });
  }

  test('SIGTERM ends it at any moment of its start', async (context) => {
    const before = state();
    for (let milliseconds = 0; milliseconds < 120; milliseconds += 6) {
      const child = spawn(runscPath, ['do', 'sleep', '1000'], { env: plainEnvironment, stdio: 'ignore' });
      context.after(() => child.kill('SIGKILL'));
      await sleep(milliseconds);
      const pids = descendants(child.pid ?? 0);
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await until('all processes are gone', () => areGone(pids));
    }
    assert.deepEqual(state(), before);
  });
});

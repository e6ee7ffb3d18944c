/**
 * What sentry and stubs really ask of the host, by strace(1), beside what the tables say: the sentry, once locked in, makes only calls
 * of src/sentry/host-calls.ts, and makes all of them but the rare ones; a stub's own text makes only those of src/platform/filter.ts, and
 * whatever else is tried in its process is trapped.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { syscallName } from '../src/abi/syscall-names.ts';
import { STUB_CALLS } from '../src/platform/filter.ts';
import { STUB_TEXT_END, STUB_TEXT_START } from '../src/platform/layout.ts';
import { ANSWERED_CALLS, HOST_CALLS, type HostCallGroup } from '../src/sentry/host-calls.ts';
import { plainEnvironment, runProcess, runscPath } from './run-process.ts';

const TIMEOUT_MS = 100_000;
/** Threads of Node, and ours of a container, by the names that their own program gives them. */
const SENTRY_THREAD = /^(node-\w+|DelayedTaskSche|SignalInspector|libuv-worker|runsc-sandbox)$/;
const LINE = /^(\d+)<([^>]*)> +\[([0-9a-f?]+)\] (.*)$/;
const INSTALLED = /^seccomp\(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, .*= 0$/;
const LISTENING = /^seccomp\(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, /;

/** Calls of the sentry's threads once it is locked in, and of the stubs' own text, each with the line of its last time. */
const sentryCalls = new Map<string, string>();
const stubCalls = new Map<string, string>();
/** Calls of other text in stubs that were not trapped. */
const escaped: string[] = [];
let directory = '';

/** The call that a line begins with; undefined for what is none. strace(1) does not know the youngest by name. */
function nameOf(text: string): string | undefined {
  const name = /^(\w+)\(/.exec(text)?.[1];
  const number = /^syscall_(0x[0-9a-f]+)$/.exec(name ?? '')?.[1];
  return number === undefined ? name : syscallName(Number(number));
}

/** Reads what strace has written of one sandbox. */
function read(path: string): void {
  let isLockedIn = false;
  /** Calls from outside the stub's text: what comes next of the thread shows what became of them. */
  const tried = new Map<string, string>();
  const stubs = new Set<string>();
  let zygote = '';
  let isZygoteReady = false;
  for (const line of readFileSync(path, 'latin1').split('\n')) {
    const [, pid = '', comm = '', ip = '', text = ''] = LINE.exec(line) ?? [];
    if (pid === '') continue;
    const call = nameOf(text);
    if (SENTRY_THREAD.test(comm) && !stubs.has(pid)) {
      if (INSTALLED.test(text)) isLockedIn = true;
      else if (isLockedIn && call !== undefined) sentryCalls.set(call, line);
      continue;
    }
    const address = Number.parseInt(ip, 16);
    const isOwnText = address > STUB_TEXT_START && address <= STUB_TEXT_END;
    if (LISTENING.test(text)) zygote = pid;
    // It has sent its listener away, by a process that has no filter, and waits for what it is to make.
    if (pid === zygote && call === 'recvmsg') isZygoteReady = true;
    if (isOwnText && isZygoteReady && call !== undefined) {
      stubs.add(pid);
      stubCalls.set(call, line);
    }
    if (!stubs.has(pid)) continue;
    const before = tried.get(pid);
    tried.delete(pid);
    // The signal comes right after the call that it is for, unless the process is ended first.
    const isTrap = text.startsWith('--- SIGSYS {') && text.includes('si_code=SYS_SECCOMP');
    const isEnd = text.startsWith('+++') || text.startsWith('<...') || text.startsWith('--- SIGKILL');
    if (before !== undefined && !isTrap && !isEnd) escaped.push(before);
    if (!isOwnText && call !== undefined && !text.endsWith('<unfinished ...>')) tried.set(pid, line);
  }
  assert.ok(isLockedIn, 'the sentry was never locked in');
}

/** Runs runsc under strace, which sees all of the sandbox: what it prints. */
async function traced(args: readonly string[], input?: string): Promise<string> {
  const path = join(directory, 'trace');
  const strace = ['-f', '-qq', '-i', '-Y', '-s', '0', '-o', path, runscPath];
  const options = { cwd: directory, timeoutMs: TIMEOUT_MS, ...(input === undefined ? {} : { input }) };
  const { code, stdout, stderr } = await runProcess('strace', [...strace, ...args], options);
  assert.equal(code, 0, stderr);
  read(path);
  return stdout;
}

/** Programs, pipes, signals, files in memory, what /proc shows. */
const EVERYDAY = `
  for i in 1 2 3; do ls / | cat >/dev/null; done; (exit 3)
  cat; sleep 1000 & sleep 0.1; kill -STOP $!; kill -CONT $!; kill $!; wait
  while :; do :; done & sleep 0.2; kill $!; wait
  cat /proc/self/smaps /proc/self/stat /proc/cpuinfo /proc/meminfo >/dev/null; df / >/dev/null; ps >/dev/null
  cp /bin/cat /tmp/prog; /tmp/prog /dev/null; head -c 3000000 /dev/zero >/tmp/big; ls -la /proc/self/fd >/dev/null
  dd if=/dev/urandom of=/dev/null bs=64k count=4 2>/dev/null; echo done`;

/** Every kind of change of a writable host directory. */
const CHANGES = `
  cd /volume; mkdir d; echo text > d/f; ln d/f g; ln -s g s; readlink s >/dev/null; mv g d/h; touch -d 2001-01-01 d/h
  chmod 600 d/f; chown 1:1 d/f; fallocate -l 8192 d/f; truncate -s 100 d/f; sync d/f; df . >/dev/null; ls -la . d >/dev/null
  cp d/f d/copy; cat d/copy >/dev/null; rm -r d s; echo changed`;

function containerBundle(): string {
  const bundle = join(directory, 'bundle');
  mkdirSync(join(bundle, 'rootfs/bin'), { recursive: true });
  copyFileSync('/bin/busybox', join(bundle, 'rootfs/bin/busybox'));
  spawnSync(runscPath, ['spec', '--bundle', bundle], { env: plainEnvironment });
  const path = join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  config.process.terminal = false;
  config.process.args = ['/bin/busybox', 'sleep', '2'];
  config.hooks = { startContainer: [{ path: '/bin/busybox', args: ['busybox', 'true'] }] };
  writeFileSync(path, JSON.stringify(config));
  return bundle;
}

/** A container in the foreground, and an `exec` in it. */
async function traceContainer(): Promise<void> {
  const state = ['--root', join(directory, 'state')];
  const running = traced([...state, 'run', '--bundle', containerBundle(), 'traced']);
  const exec = async (): Promise<number> =>
    (await runProcess(runscPath, [...state, 'exec', 'traced', '/bin/busybox', 'true'], { cwd: directory })).code;
  while ((await Promise.race([exec(), running.then(() => 0)])) !== 0);
  await running;
}

function unlisted(calls: ReadonlyMap<string, string>, listed: ReadonlySet<string>): string[] {
  return [...calls].filter(([name]) => !listed.has(name)).map(([name, line]) => `${name}: ${line}`);
}

describe('host calls', { concurrency: false }, () => {
  before(async () => {
    assert.equal(spawnSync('strace', ['--version']).status, 0, 'needs strace: apt-get install strace');
    directory = mkdtempSync(join(tmpdir(), 'host-calls-'));
    mkdirSync(join(directory, 'volume'));
    assert.match(await traced(['do', 'sh', '-c', EVERYDAY], 'input\n'), /done\n$/);
    assert.match(await traced(['do', '-v', `${directory}/volume:/volume`, 'sh', '-c', CHANGES]), /changed\n$/);
    await traceContainer();
  });
  after(() => {
    if (directory !== '') rmSync(directory, { recursive: true, force: true });
  });

  const groups = Object.keys(HOST_CALLS).filter((name): name is HostCallGroup => Object.hasOwn(HOST_CALLS, name));
  const table = groups.flatMap((group) => HOST_CALLS[group]);

  test('the sentry makes no call that its table does not have', () => {
    assert.deepEqual(unlisted(sentryCalls, new Set([...table, ...ANSWERED_CALLS].map(({ name }) => name))), []);
  });

  test('the sentry makes all calls of its table but those that are said to be rare', () => {
    // Sockets of the host are another test's (host-network.test.ts), whose sandboxes would end at any call that they are not allowed.
    const traced = groups.filter((group) => group !== 'host network').flatMap((group) => HOST_CALLS[group]);
    const unused = traced.filter(({ name, isRare }) => !isRare && !sentryCalls.has(name)).map(({ name }) => name);
    assert.deepEqual(unused, []);
  });

  test("stubs make no call that their filter's list does not have", () => {
    assert.deepEqual(unlisted(stubCalls, new Set(STUB_CALLS.map(syscallName))), []);
  });

  test('what guests try by themselves is trapped', () => {
    assert.deepEqual(escaped, []);
  });
});

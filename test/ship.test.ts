/**
 * What is handed out: the single executable alone in a root with nothing but the C and C++ libraries, the Debian package, the npm
 * package. Part of `npm test -- --all`, for the packages take a minute to make.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Outcome, repositoryRoot, runProcess } from './run-process.ts';

const skip = process.getuid?.() !== 0 && 'needs root for chroot';
const directory = mkdtempSync(join(tmpdir(), 'tsvisor-ship-'));
const program = join(repositoryRoot, 'dist/runsc');
const TIMEOUT_MS = 60_000;

/** Runs a build script: what it made. */
function make(script: string): string {
  const output = execFileSync('npm', ['run', '--silent', script], { cwd: repositoryRoot, encoding: 'utf8' });
  return output.trim().split('\n').at(-1) ?? '';
}

/** A root with the libraries that the executable needs and a shell without any, and in it a guest's root. */
function minimalRoot(name: string): string {
  const root = join(directory, name);
  for (const path of ['proc', 'tmp', 'run', 'dev', 'bin', 'guest/bin'])
    mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, 'dev/null'), '');
  const libraries = execFileSync('ldd', [join(repositoryRoot, 'node_modules/node/bin/node')], { encoding: 'utf8' });
  for (const [path] of libraries.matchAll(/\/\S+/g)) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
  for (const bin of ['bin', 'guest/bin']) {
    copyFileSync('/bin/busybox', join(root, bin, 'busybox'));
    for (const applet of ['sh', 'rmdir', 'sleep']) symlinkSync('busybox', join(root, bin, applet));
  }
  return root;
}

/** Nothing of the host's is seen but the kernel, and of the processes the run's own. */
function runIn(root: string, args: readonly string[]): Promise<Outcome> {
  const script = 'mount -t proc proc "$1/proc" && mount --bind /dev/null "$1/dev/null" && exec chroot "$@"';
  return runProcess('unshare', ['--mount', '--pid', '--fork', 'sh', '-c', script, 'sh', root, ...args], {
    cwd: '/',
    timeoutMs: TIMEOUT_MS,
  });
}

async function worksIn(root: string, path: string): Promise<void> {
  const command = ['do', '--root', '/guest', '/bin/sh', '-c', 'uname -s; exit 3'];
  const { stdout, stderr, code } = await runIn(root, [path, ...command]);
  assert.deepEqual({ stdout, stderr, code }, { stdout: 'Linux\n', stderr: '', code: 3 });
  assert.deepEqual(readdirSync(join(root, 'tmp')), []);
}

/** Every path below `root`, but those of dpkg's own. */
function pathsIn(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => !path.startsWith('var'));
}

describe('what is handed out', { skip }, () => {
  before(() => make('build'));
  after(() => rmSync(directory, { recursive: true }));

  test('the executable runs where there are only libraries', async () => {
    const root = minimalRoot('alone');
    copyFileSync(program, join(root, 'runsc'));
    await worksIn(root, '/runsc');
  });

  test('the executable makes containers, starting itself again for their sandboxes', async () => {
    const root = minimalRoot('containers');
    copyFileSync(program, join(root, 'runsc'));
    execFileSync(program, ['spec', '--bundle', root, '--', '/bin/sleep', '1000']);
    const path = join(root, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    config.process.terminal = false;
    config.root.path = '/guest';
    writeFileSync(path, JSON.stringify(config));
    const script = `set -e
      r="/runsc --ignore-cgroups"
      $r create --bundle / one
      $r start one
      $r exec one /bin/sh -c 'echo in; exit 5' || echo status $?
      $r exec --detach one /bin/sh -c 'exit 6'
      $r kill one KILL
      $r delete --force one
      $r list --quiet`;
    const { stdout, stderr, code } = await runIn(root, ['/bin/sh', '-c', script]);
    assert.deepEqual({ stdout, stderr, code }, { stdout: 'in\nstatus 5\n', stderr: '', code: 0 });
    assert.deepEqual(readdirSync(join(root, 'run/runsc')), []);
  });

  test('the executable begins a sandbox for command lines that its launcher does not understand', async () => {
    const root = minimalRoot('asked');
    copyFileSync(program, join(root, 'runsc'));
    execFileSync(program, ['spec', '--bundle', root, '--', '/bin/sh', '-c', 'echo in; exit 4']);
    const path = join(root, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    config.process.terminal = false;
    config.root.path = '/guest';
    writeFileSync(path, JSON.stringify(config));
    const run = ['run', '--detach=false', '--bundle', '/', 'one'];
    const { stdout, stderr, code } = await runIn(root, ['/runsc', '--ignore-cgroups', ...run]);
    assert.deepEqual({ stdout, stderr, code }, { stdout: 'in\n', stderr: '', code: 4 });
  });

  test('the executable says what is wrong with its own file', async () => {
    const root = minimalRoot('cut');
    const bytes = readFileSync(program);
    writeFileSync(join(root, 'runsc'), bytes.subarray(0, bytes.length - 1), { mode: 0o755 });
    const cut = await runIn(root, ['/runsc', '--version']);
    assert.deepEqual(
      { stderr: cut.stderr, code: cut.code },
      { stderr: 'runsc: cannot load node from its own file: Exec format error\n', code: 1 },
    );
    copyFileSync(program, join(root, 'runsc'));
    const bare = await runProcess('chroot', [root, '/runsc', '--version'], { cwd: '/' });
    assert.equal(bare.code, 1);
    assert.match(bare.stderr, /^runsc: cannot find its own file, for which \/proc must be mounted: /);
  });

  test('the Debian package installs, works, and purged leaves nothing', async () => {
    const file = make('package:deb');
    const root = minimalRoot('debian');
    mkdirSync(join(root, 'var/lib/dpkg/info'), { recursive: true });
    mkdirSync(join(root, 'var/lib/dpkg/updates'));
    for (const name of ['status', 'available']) writeFileSync(join(root, 'var/lib/dpkg', name), '');
    const before = pathsIn(root);
    // The libraries are there, but no package that says so.
    const dpkg = (...args: string[]): Promise<Outcome> =>
      runProcess('dpkg', [`--root=${root}`, '--force-depends', ...args], { cwd: '/', timeoutMs: TIMEOUT_MS });
    const installed = await dpkg('--install', file);
    assert.equal(installed.code, 0, installed.stderr);
    await worksIn(root, '/usr/bin/runsc');
    mkdirSync(join(root, 'run/runsc'));
    const purged = await dpkg('--purge', 'tsvisor');
    assert.equal(purged.code, 0, purged.stderr);
    assert.deepEqual(pathsIn(root), before);
  });

  test('the npm package installs from the file alone, and works', async () => {
    const file = make('package:npm');
    const prefix = join(directory, 'npm');
    const flags = ['--offline', '--no-audit', '--no-fund', '--prefix', prefix];
    execFileSync('npm', ['install', '--global', ...flags, file], { stdio: 'pipe' });
    const { stdout, code } = await runProcess(join(prefix, 'bin/runsc'), ['do', 'sh', '-c', 'uname -r; exit 3'], {
      cwd: '/',
    });
    assert.equal(code, 3);
    assert.match(stdout, /tsvisor/);
  });
});

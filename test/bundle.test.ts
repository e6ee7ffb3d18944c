/** `runsc spec` and `runsc run`: a container from an OCI bundle, with a static busybox for its root. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Outcome, runProcess, runscPath } from './run-process.ts';

type Json = Record<string, unknown>;
interface Config extends Json {
  process: Json;
  root: Json;
  mounts: Json[];
}

let directory = '';
const run = (...args: string[]): Promise<Outcome> =>
  runProcess(runscPath, ['--root', join(directory, 'state'), ...args], { cwd: directory, timeoutMs: 30_000 });

/** The configuration that `runsc spec` gives, without a terminal and running `script`. */
function example(script: string): Config {
  const config: Config = JSON.parse(readFileSync(join(directory, 'spec.json'), 'utf8'));
  config.process.terminal = false;
  config.process.args = ['/bin/busybox', 'sh', '-c', script];
  return config;
}

function runWith(config: Config): Promise<Outcome> {
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  return run('run', '--bundle', directory, 'test-1');
}

const outcome = (stdout: string, code = 0, stderr = ''): Outcome => ({ stdout, stderr, code, isTimedOut: false });

describe('bundles', { concurrency: false }, () => {
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bundle-'));
    mkdirSync(join(directory, 'rootfs/bin'), { recursive: true });
    mkdirSync(join(directory, 'rootfs/etc'));
    copyFileSync('/bin/busybox', join(directory, 'rootfs/bin/busybox'));
    writeFileSync(
      join(directory, 'rootfs/etc/passwd'),
      'root:x:0:0::/root:/bin/sh\nsomeone:x:77:78::/home/someone:/bin/sh\n',
    );
    assert.deepEqual(await run('spec'), outcome(''));
    copyFileSync(join(directory, 'config.json'), join(directory, 'spec.json'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('spec does not overwrite', async () => {
    const again = await run('spec', '--bundle', directory);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /^runsc: .*config\.json is there already\n$/);
  });

  test('spec --rootless maps root to the caller', async () => {
    mkdirSync(join(directory, 'rootless'));
    assert.deepEqual(await run('spec', '--rootless', '-b', 'rootless', 'true'), outcome(''));
    const { linux, process: { args } = {} } = JSON.parse(readFileSync(join(directory, 'rootless/config.json'), 'utf8'));
    assert.deepEqual(linux.uidMappings, [{ containerID: 0, hostID: process.getuid?.(), size: 1 }]);
    assert.ok(linux.namespaces.some((each: Json) => each.type === 'user'));
    assert.deepEqual(args, ['true']);
  });

  test('null is what is not there, a working directory is made, names of mounts are kept', async () => {
    const script = `b=/bin/busybox; $b pwd; $b grep -E ' /dev(/shm)? ' /proc/mounts; $b grep CapEff /proc/self/status
      $b uname -n; $b cat /proc/sys/kernel/domainname`;
    const config: Json = { ...example(script), hooks: null, hostname: 'one', domainname: 'example.net' };
    Object.assign(config.process ?? {}, {
      cwd: '/made/here',
      capabilities: null,
      rlimits: null,
      noNewPrivileges: null,
    });
    const shown = [
      '/made/here',
      'tmpfs /dev tmpfs rw,nosuid,size=65536k 0 0',
      'shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k 0 0',
      'CapEff:\t0000000000000000',
      'one',
      'example.net',
    ];
    assert.deepEqual(await runWith({ ...example(script), ...config }), outcome(`${shown.join('\n')}\n`));
  });

  test('the example: a read-only root, its mounts, its capabilities', async () => {
    const script = `b=/bin/busybox; $b hostname; $b pwd; $b echo $HOME; $b touch /made; echo $?
      $b grep Cap /proc/self/status; $b grep NoNewPrivs /proc/self/status; ulimit -n; $b ls /sys/firmware | $b wc -l
      $b mount | while read what on where rest; do $b echo $where; done | $b sort | $b tr '\\n' ' '
      $b touch /dev/shm/x && echo made; ( : > /proc/sys/kernel/hostname ) 2>&1`;
    const expected = [
      ...['runsc', '/', '/root', '1'],
      ...['CapInh:\t0000000000000000', 'CapPrm:\t0000000020000420', 'CapEff:\t0000000020000420'],
      ...['CapBnd:\t0000000020000420', 'CapAmb:\t0000000000000000', 'NoNewPrivs:\t1', '1024', '0'],
      '/ /dev /dev/mqueue /dev/pts /dev/shm /proc /proc/bus /proc/fs /proc/irq /proc/sys /sys /sys/firmware made',
      "/bin/busybox: can't create /proc/sys/kernel/hostname: Read-only file system",
    ];
    const { stdout, stderr, code } = await runWith(example(script));
    // What hides a path is only mounted where there is one.
    const lines = stdout.replace(/ (\/proc\/(bus|fs|irq)|\/sys\/firmware)(?= )/g, '').split('\n');
    const wanted = expected.map((line) => line.replace(/ (\/proc\/(bus|fs|irq)|\/sys\/firmware)(?= )/g, ''));
    assert.deepEqual(
      lines.map((line) => line.replace(/^sh:.*can't/, "/bin/busybox: can't")),
      [...wanted, ''],
    );
    assert.equal(stderr, 'touch: /made: Read-only file system\n');
    assert.equal(code, 1);
  });

  test('user, groups, umask, limits, environment, a writable root', async () => {
    const script = `b=/bin/busybox; $b id -u; $b id -g; $b id -G; umask; ulimit -n; ulimit -Hn; echo $GREETING $HOME; $b pwd
      ( : > /etc/made ) 2>/dev/null || echo no; $b grep CapEff /proc/self/status`;
    const config = example(script);
    config.root.readonly = false;
    delete config.process.capabilities;
    Object.assign(config.process, {
      user: { uid: 77, gid: 78, additionalGids: [90, 80], umask: 0o27 },
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }],
      env: ['GREETING=hello=you', 'PATH=/bin'],
      cwd: '/bin',
    });
    const expected = '77\n78\n78 80 90\n0027\n100\n200\nhello=you /home/someone\n/bin\nno\nCapEff:\t0000000000000000\n';
    assert.deepEqual(await runWith(config), outcome(expected));
    const asRoot = example('echo kept > /etc/made');
    asRoot.root.readonly = false;
    assert.deepEqual(await runWith(asRoot), outcome(''));
    assert.equal(readFileSync(join(directory, 'rootfs/etc/made'), 'utf8'), 'kept\n');
  });

  test('a tmpfs that begins with what is there', async () => {
    const script = `b=/bin/busybox; $b cat /etc/passwd | $b head -1; $b stat -c %a /etc/deep/file; $b readlink /etc/link; echo x > /etc/passwd
      $b cat /etc/deep/file`;
    mkdirSync(join(directory, 'rootfs/etc/deep'));
    writeFileSync(join(directory, 'rootfs/etc/deep/file'), 'deep\n', { mode: 0o640 });
    symlinkSync('deep/file', join(directory, 'rootfs/etc/link'));
    const config = example(script);
    config.mounts.push({ destination: '/etc', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'mode=755'] });
    assert.deepEqual(await runWith(config), outcome('root:x:0:0::/root:/bin/sh\n640\ndeep/file\ndeep\n'));
    assert.match(readFileSync(join(directory, 'rootfs/etc/passwd'), 'utf8'), /^root/);
  });

  test('bind mounts, of directories and files, read-only and not', async () => {
    mkdirSync(join(directory, 'outside'));
    writeFileSync(join(directory, 'outside/file'), 'outside\n');
    const config = example(
      'b=/bin/busybox; $b cat /in/file /one; ( : > /in/x ) 2>/dev/null || echo refused; echo new > /out/new; $b ls /out',
    );
    config.root.readonly = false;
    config.mounts.push(
      { destination: '/in', type: 'bind', source: 'outside', options: ['rbind', 'ro'] },
      { destination: '/out', source: join(directory, 'outside'), options: ['bind'] },
      { destination: '/one', type: 'bind', source: 'outside/file', options: ['bind', 'ro'] },
    );
    assert.deepEqual(await runWith(config), outcome('outside\noutside\nrefused\nfile\nnew\n'));
    assert.ok(existsSync(join(directory, 'outside/new')));
  });

  const skip = process.getuid?.() !== 0 && 'needs root to mount';
  test('a bind mount has what is mounted below it only when it is recursive', { skip }, async () => {
    mkdirSync(join(directory, 'tree/below'), { recursive: true });
    writeFileSync(join(directory, 'tree/below/covered'), '');
    const config = example(
      'b=/bin/busybox; $b ls /bare/below /all/below /new/below; : > /new/below/f && $b ls /new/below',
    );
    for (const [destination, options] of Object.entries({
      '/bare': ['bind', 'ro'],
      '/all': ['rbind', 'ro'],
      '/new': ['bind'],
    })) {
      config.mounts.push({ destination, type: 'bind', source: 'tree', options });
    }
    config.root.readonly = false;
    writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
    const script = 'mount -t tmpfs none tree/below && touch tree/below/covering && exec "$@"';
    const command = [runscPath, '--root', join(directory, 'state'), 'run', 'test-1'];
    const said = await runProcess('unshare', ['--mount', 'sh', '-c', script, 'sh', ...command], { cwd: directory });
    const expected = '/all/below:\ncovering\n\n/bare/below:\ncovered\n\n/new/below:\ncovered\ncovered\nf\n';
    assert.deepEqual(said, outcome(expected));
    rmSync(join(directory, 'tree/below/f'));
  });

  test('mount(2) and umount(2) by the container itself', async () => {
    const mounting = ['CAP_SYS_ADMIN'];
    const script = `b=/bin/busybox; $b mkdir -p /tmp/a /tmp/b && $b mount -t tmpfs -o size=1m,mode=700 mine /tmp/a && echo 1 > /tmp/a/f
      $b mount -o bind /tmp/a /tmp/b; $b cat /tmp/b/f; $b mount -o remount,ro,bind /tmp/b; echo 2 2>/dev/null > /tmp/b/f || echo read-only
      echo 3 > /tmp/a/f; $b cat /tmp/b/f; cd /tmp/b; $b umount /tmp/b 2>&1; cd /; $b umount /tmp/b && $b ls /tmp/b | $b wc -l
      $b mount -t nonsense none /tmp/b 2>&1; $b mount -t tmpfs -o size=x none /tmp/b 2>&1; $b grep tmp/a /proc/mounts
      $b umount /tmp/a; $b umount /tmp/a 2>&1; $b grep -c tmp/a /proc/mounts`;
    const config = example(script);
    config.root.readonly = false;
    config.process.capabilities = { bounding: mounting, effective: mounting, permitted: mounting };
    const expected = [
      ...['1', 'read-only', '3', "umount: can't unmount /tmp/b: Device or resource busy", '0'],
      ...[
        'mount: mounting none on /tmp/b failed: No such device',
        'mount: mounting none on /tmp/b failed: Invalid argument',
      ],
      ...['mine /tmp/a tmpfs rw,relatime,size=1024k 0 0', "umount: can't unmount /tmp/a: Invalid argument", '0'],
    ];
    const { stdout, stderr } = await runWith(config);
    assert.deepEqual(stdout.split('\n'), [...expected, '']);
    assert.equal(stderr, '');
  });

  test('exit statuses', async () => {
    assert.equal((await runWith(example('exit 7'))).code, 7);
    assert.equal((await runWith(example('kill -9 $$; echo not'))).stdout, 'not\n'); // an init is not killed by its own
    const missing = example('');
    missing.process.args = ['/bin/none'];
    assert.deepEqual(
      await runWith(missing),
      outcome('', 1, 'runsc: exec: "/bin/none": stat /bin/none: no such file or directory\n'),
    );
  });

  test('what is wrong is refused by the name of its field', async () => {
    const wrong: readonly (readonly [RegExp, (config: Config) => void])[] = [
      [/ociVersion is not one that is known: 2\.0\.0/, (c) => Object.assign(c, { ociVersion: '2.0.0' })],
      [/ociVersion is missing/, (c) => Object.assign(c, { ociVersion: undefined })],
      [/process is missing/, (c) => Object.assign(c, { process: undefined })],
      [/process\.args has no command/, (c) => Object.assign(c.process, { args: [] })],
      [/process\.args\[1\] is not a string/, (c) => Object.assign(c.process, { args: ['a', 1] })],
      [/process\.cwd is not an absolute path: x/, (c) => Object.assign(c.process, { cwd: 'x' })],
      [/process\.env\[0\] is not NAME=VALUE: x/, (c) => Object.assign(c.process, { env: ['x'] })],
      [/process\.user\.uid is below 0/, (c) => Object.assign(c.process, { user: { uid: -1 } })],
      [/process\.user\.uid is not a whole number/, (c) => Object.assign(c.process, { user: { uid: '1' } })],
      [/process\.terminal is true, but/, (c) => Object.assign(c.process, { terminal: true })],
      [
        /capabilities\.effective names no capability: CAP_X/,
        (c) => Object.assign(c.process, { capabilities: { effective: ['CAP_X'] } }),
      ],
      [
        /rlimits\[0\]\.type names no resource limit: RLIMIT_X/,
        (c) => Object.assign(c.process, { rlimits: [{ type: 'RLIMIT_X', soft: 1, hard: 1 }] }),
      ],
      [
        /rlimits\[0\]\.soft is above the hard limit/,
        (c) => Object.assign(c.process, { rlimits: [{ type: 'RLIMIT_CPU', soft: 2, hard: 1 }] }),
      ],
      [/root\.path is not a directory: .*none/, (c) => Object.assign(c.root, { path: 'none' })],
      [
        /mounts\[0\]\.destination is not an absolute path/,
        (c) => Object.assign(c.mounts[0] ?? {}, { destination: 'x' }),
      ],
      [/mounts\[6\]\.source does not exist/, (c) => c.mounts.push({ destination: '/x', type: 'bind', source: 'none' })],
      [/cannot mount nonsense .* on \/x: ENODEV/, (c) => c.mounts.push({ destination: '/x', type: 'nonsense' })],
      [
        /cannot mount tmpfs with options "size=x" on \/x: EINVAL/,
        (c) => c.mounts.push({ destination: '/x', type: 'tmpfs', options: ['size=x'] }),
      ],
    ];
    for (const [message, change] of wrong) {
      const config = example('true');
      change(config);
      const { stderr, code } = await runWith(config);
      assert.match(stderr, message);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.ok(code === 1 || code === 2);
    }
    writeFileSync(join(directory, 'config.json'), '{ "ociVersion": ');
    assert.match((await run('run', '-b', directory, 'x')).stderr, /config\.json is not JSON: /);
    assert.match((await run('run', '-b', '/none', 'x')).stderr, /cannot read \/none\/config\.json/);
    assert.match((await run('run')).stderr, /run needs a container id/);
    assert.match((await run('run', 'a/b')).stderr, /a container id has letters/);
  });
});

/** What the fields of a configuration do, seen from inside. */
import assert from 'node:assert/strict';
import { chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { wholeConfig } from '../src/runtime/config.fixture.ts';
import { changesOf, fieldOf, namesField } from '../src/runtime/config-changes.fixture.ts';
import { BundleDirectory, type Config, type Json } from './bundle-directory.ts';
import { runProcess } from './run-process.ts';

/** What of `wholeConfig` is told to be without effect. */
const WITHOUT_EFFECT =
  'runsc: warning: config.json: without effect in a sandbox: process.selinuxLabel, linux.mountLabel, linux.intelRdt, linux.namespaces[3].path\n';

/** The whole configuration as one that runs here: on the root of the bundle, with calls allowed. */
function bundleOfWhole(bundle: BundleDirectory): Json {
  const { root, process: example } = bundle.config('echo ran');
  const whole = wholeConfig();
  const parts = (name: string): Json => ({ ...Object(whole[name]) });
  const seccomp = { ...Object(parts('linux').seccomp), defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: undefined };
  return {
    root,
    process: { ...parts('process'), args: example.args },
    linux: { ...parts('linux'), seccomp },
  };
}

describe('configurations', { concurrency: false }, () => {
  let bundle: BundleDirectory;
  before(async () => {
    bundle = await BundleDirectory.make();
  });
  after(() => bundle.remove());

  /** What `script` prints, with nothing on standard error and status 0. */
  async function shows(script: string, change: (config: Config) => void, lines: readonly string[]): Promise<void> {
    const config = bundle.config(script);
    change(config);
    const { stdout, stderr, code } = await bundle.run(config);
    assert.deepEqual({ stdout: stdout.split('\n'), stderr, code }, { stdout: [...lines, ''], stderr: '', code: 0 });
  }

  async function refuses(pattern: RegExp, change: (config: Config) => void): Promise<void> {
    const config = bundle.config('echo ran');
    change(config);
    const { stdout, stderr, code } = await bundle.run(config);
    assert.match(stderr, pattern);
    assert.equal(stdout, '');
    assert.notEqual(code, 0);
  }

  /** Makes /bin/NAME from test/config/NAME.c. */
  async function build(name: string): Promise<void> {
    const program = join(bundle.path, 'rootfs/bin', name);
    const source = join(import.meta.dirname, `config/${name}.c`);
    const flags = ['-static', '-O1', '-Wall', '-Wextra', '-o', program, source, '-lpthread', '-lrt'];
    const built = await runProcess('cc', flags, { cwd: bundle.path });
    assert.deepEqual(built, { stdout: '', stderr: '', code: 0, isTimedOut: false });
  }

  const withSeccomp = (seccomp: Json) => (config: Config) => {
    config.process.noNewPrivileges = true;
    config.linux.seccomp = seccomp;
  };

  test('seccomp: answers by number and by arguments, in children too', async () => {
    const argument = (index: number, op: string, value: number, valueTwo = 0): Json => ({ index, op, value, valueTwo });
    const seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [
        { names: ['mkdir', 'mkdirat', 'no_such_call'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
        { names: ['sethostname'], action: 'SCMP_ACT_ERRNO' },
        {
          names: ['chmod'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 122,
          args: [argument(1, 'SCMP_CMP_MASKED_EQ', 0o7, 0o7)],
        },
        { names: ['chroot'], action: 'SCMP_ACT_KILL_PROCESS' },
      ],
    };
    const script = `mkdir /d; hostname x; touch /f; chmod 700 /f && chmod 757 /f; (chroot /) 2>&1; echo $?
      grep -E 'Seccomp|NoNew' /proc/self/status`;
    await shows(`exec 2>&1; ${script}`, withSeccomp(seccomp), [
      "mkdir: can't create directory '/d': No space left on device",
      'hostname: sethostname: Operation not permitted',
      'chmod: /f: Disk quota exceeded',
      'Bad system call',
      '159',
      ...['NoNewPrivs:\t1', 'Seccomp:\t2', 'Seccomp_filters:\t1'],
    ]);
    const strict = { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 13, syscalls: [] };
    const all = bundle.config('echo ran');
    withSeccomp(strict)(all);
    const { stdout, code } = await bundle.run(all);
    assert.equal(stdout, '');
    assert.notEqual(code, 0);
  });

  test('seccomp: what cannot be is refused by name', async () => {
    const allow = { defaultAction: 'SCMP_ACT_ALLOW' };
    const call = (more: Json): Json => ({
      ...allow,
      syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', ...more }],
    });
    await refuses(/linux\.seccomp\.defaultAction is missing/, withSeccomp({}));
    await refuses(/linux\.seccomp\.defaultErrnoRet goes with no errno/, withSeccomp({ ...allow, defaultErrnoRet: 1 }));
    await refuses(
      /syscalls\[0\]\.action is not there in this kernel: SCMP_ACT_NOTIFY/,
      withSeccomp(call({ action: 'SCMP_ACT_NOTIFY' })),
    );
    await refuses(
      /syscalls\[0\]\.args\[0\]\.index is above 5/,
      withSeccomp(call({ args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }] })),
    );
  });

  test('scheduling, I/O priority, out-of-memory score, personality', async () => {
    await shows(
      `cat /proc/self/oom_score_adj; ionice -p $$; awk '{ print $40, $41 }' /proc/$$/stat; uname -m; cat /proc/$$/personality`,
      (config) => {
        config.process.oomScoreAdj = 500;
        config.process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 6 };
        config.process.scheduler = { policy: 'SCHED_RR', priority: 7, flags: [] };
        config.process.capabilities = {};
        config.linux.personality = { domain: 'LINUX32', flags: [] };
      },
      ['500', 'best-effort: prio 6', '7 2', 'i686', '00000008'],
    );
    await shows(
      `awk '{ print $19, $41 }' /proc/$$/stat`,
      (config) => Object.assign(config.process, { scheduler: { policy: 'SCHED_BATCH', nice: 5 } }),
      ['5 3'],
    );
    const scheduler = (value: Json) => (config: Config) => Object.assign(config.process, { scheduler: value });
    await refuses(/process\.scheduler\.priority is not from 1 to 99/, scheduler({ policy: 'SCHED_FIFO' }));
    await refuses(
      /process\.scheduler\.nice is not a whole number from -20 to 19/,
      scheduler({ policy: 'SCHED_OTHER', nice: 20 }),
    );
    await refuses(
      /process\.scheduler\.policy is not there in this kernel: SCHED_ISO/,
      scheduler({ policy: 'SCHED_ISO' }),
    );
    await refuses(
      /process\.scheduler\.runtime goes with SCHED_DEADLINE only/,
      scheduler({ policy: 'SCHED_IDLE', runtime: 5 }),
    );
    await refuses(
      /process\.scheduler\.runtime and deadline and period are none/,
      scheduler({ policy: 'SCHED_DEADLINE', runtime: 200_000_000, deadline: 100_000_000, period: 0, flags: [] }),
    );
    await refuses(/linux\.personality\.flags\[0\] is none/, (config) =>
      Object.assign(config.linux, { personality: { domain: 'LINUX', flags: ['X'] } }),
    );
  });

  test('devices are made with their owners and modes; without a driver they cannot be opened, and that is told', async () => {
    const config = bundle.config(
      `cd /dev; stat -c '%n %F %t,%T %a %u:%g' a p deep/fuse null; echo x > a; cat deep/fuse`,
    );
    config.linux.devices = [
      { type: 'c', path: '/dev/a', major: 1, minor: 3, fileMode: 0o622, uid: 5, gid: 6 },
      { type: 'p', path: '/dev/p', fileMode: 0o600 },
      { type: 'u', path: '/dev/deep/fuse', major: 10, minor: 229 },
      { type: 'c', path: '/dev/null', major: 1, minor: 3, fileMode: 0o600 },
    ];
    const { stdout, stderr, code } = await bundle.run(config);
    assert.deepEqual(stdout.split('\n'), [
      'a character special file 1,3 622 5:6',
      'p fifo 0,0 600 0:0',
      'deep/fuse character special file a,e5 666 0:0',
      'null character special file 1,3 600 0:0',
      '',
    ]);
    assert.deepEqual(stderr.split('\n'), [
      'runsc: warning: config.json: linux.devices: this kernel has no driver for /dev/deep/fuse: opening fails with ENXIO',
      "cat: can't open 'deep/fuse': No such device or address",
      '',
    ]);
    assert.equal(code, 1);
    const device = (value: Json) => (each: Config) => Object.assign(each.linux, { devices: [value] });
    await refuses(
      /linux\.devices\[0\]\.path \/dev\/zero is there already/,
      device({ type: 'c', path: '/dev/zero', major: 1, minor: 3 }),
    );
    await refuses(/linux\.devices\[0\]\.major is missing/, device({ type: 'b', path: '/dev/x' }));
    await refuses(/linux\.devices\[0\]: cannot make \/proc\/x: /, device({ type: 'p', path: '/proc/x' }));
  });

  test('kernel parameters', async () => {
    const sysctl = {
      'net.ipv4.ip_unprivileged_port_start': '80',
      'net.ipv4.ping_group_range': '0 2147483647',
      'net/core/somaxconn': '7',
      'kernel.domainname': 'example.org',
      'vm.overcommit_memory': '1',
      'kernel.ostype': 'Linux',
    };
    const script = `cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start net/ipv4/ping_group_range net/core/somaxconn kernel/domainname vm/overcommit_memory
      nc -l -p 79 2>&1 | head -1; nc -l -p 80 < /dev/null & until nc 127.0.0.1 80 < /dev/null 2> /dev/null; do :; done; wait $!; echo $?`;
    await shows(
      script,
      (config) => {
        config.linux.sysctl = sysctl;
        config.process.user = { uid: 9, gid: 9 };
        config.process.capabilities = {};
      },
      ['80', '0\t2147483647', '7', 'example.org', '1', 'nc: bind: Permission denied', '0'],
    );
    const set = (name: string, value: string) => (config: Config) =>
      Object.assign(config.linux, { sysctl: { [name]: value } });
    await refuses(/linux\.sysctl\["net\.x\.y"\] is not there in this kernel/, set('net.x.y', '1'));
    await refuses(/linux\.sysctl\["kernel\.ostype"\] is always Linux here/, set('kernel.ostype', 'Plan9'));
    await refuses(/linux\.sysctl\["vm\.swappiness"\] cannot be "x"/, set('vm.swappiness', 'x'));
    await refuses(/linux\.sysctl\["\.\.\/\.\.\/etc"\] is no name/, set('../../etc', 'x'));
  });

  test('kernel parameters of IPC limit what there can be', async () => {
    await build('ipc-limits');
    const sysctl = {
      'kernel.msgmax': '100',
      'kernel.msgmni': '2',
      'kernel.sem': '10 100 5 3',
      'kernel.shmmax': '8192',
      'fs.mqueue.msg_max': '4',
    };
    await shows(
      'cat /proc/sys/kernel/sem /proc/sys/kernel/shmall; ipc-limits',
      (config) => Object.assign(config.linux, { sysctl }),
      [
        ...['10\t100\t5\t3', '18446744073692774399', 'message of 100: yes', 'message of 101: Invalid argument'],
        ...[
          'second queue: yes',
          'third queue: No space left on device',
          'set of 10: yes',
          'set of 11: Invalid argument',
          'fourth set: No space left on device',
        ],
        ...['5 operations: yes', '6 operations: Argument list too long', 'segment of 8192: yes'],
        ...['segment of 8193: Invalid argument', 'queue of 4: yes', 'queue of 5: Invalid argument', 'plain queue: 4'],
      ],
    );
  });

  test("id mappings show; overlaps, halves and offsets of the host's clocks are refused; what has no effect is told once", async () => {
    const maps = {
      uidMappings: [{ containerID: 0, hostID: 1000, size: 2000 }],
      gidMappings: [{ containerID: 0, hostID: 1000, size: 3000 }],
    };
    await shows('cat /proc/self/uid_map /proc/self/gid_map', (config) => Object.assign(config.linux, maps), [
      '         0       1000       2000',
      '         0       1000       3000',
    ]);
    const linux = (value: Json) => (config: Config) => Object.assign(config.linux, value);
    await refuses(/linux\.gidMappings is missing/, linux({ uidMappings: maps.uidMappings }));
    const twice = [...maps.uidMappings, ...maps.uidMappings];
    await refuses(/linux\.uidMappings\[1\] overlaps/, linux({ ...maps, uidMappings: twice }));
    await refuses(/linux\.timeOffsets\.monotonic is not 0, and/, linux({ timeOffsets: { monotonic: { secs: 5 } } }));
    await shows('true; echo ran', linux({ timeOffsets: { boottime: { secs: 0, nanosecs: 0 } } }), ['ran']);
    const config = bundle.config('echo ran');
    Object.assign(config.process, { apparmorProfile: 'a', selinuxLabel: 'b' });
    Object.assign(config.linux, { mountLabel: 'c', namespaces: [{ type: 'ipc', path: '/proc/1/ns/ipc' }] });
    const fields = 'process.apparmorProfile, process.selinuxLabel, linux.mountLabel, linux.namespaces[0].path';
    assert.deepEqual(await bundle.run({ ...config, solaris: {} }), {
      stdout: 'ran\n',
      stderr: `runsc: warning: config.json: without effect in a sandbox: solaris, ${fields}\n`,
      code: 0,
      isTimedOut: false,
    });
  });

  test('time offsets: clocks of a time namespace, and what waits for them', async () => {
    await build('clocks');
    const shown = async (timeOffsets: Json, ...flags: string[]): Promise<string> => {
      const config = bundle.config('clocks');
      Object.assign(config.linux, { namespaces: [{ type: 'time' }, { type: 'network' }], timeOffsets });
      writeFileSync(join(bundle.path, 'config.json'), JSON.stringify(config));
      // The bundle is where we are, also for a sentry that is started once more.
      const { stdout, stderr } = await bundle.runsc('run', ...flags, 'clocks');
      await bundle.runsc('delete', '--force', 'clocks');
      return stdout + stderr;
    };
    const [now] = process.hrtime();
    for (const flags of [[], ['--detach']]) {
      const output = await shown({ monotonic: { secs: 1e6, nanosecs: 5 }, boottime: { secs: -(now >> 1) } }, ...flags);
      const [clocks = '', ...waits] = output.split('\n');
      const [fast = 0, slow = 0, boot = 0] = clocks.split(' ').map(Number);
      // The host's clock at boot is ahead of the other by the time that it was suspended.
      for (const clock of [fast, slow]) assert.ok(clock >= now + 1e6 && clock < now + 1e6 + 60, output);
      assert.ok(boot >= now - (now >> 1) && boot < fast, output);
      assert.deepEqual(waits, ['slept 1', 'timer 1 1', '']);
      const early = await shown({ monotonic: { secs: -now - 1000 } }, ...flags);
      assert.match(early, /monotonic\.secs is before the clock's beginning/);
    }
  });

  test('id mappings: who owns files of the host, who can be somebody, what root has no power over', {
    skip: process.getuid?.() !== 0 && 'giving files away is for root',
  }, async () => {
    const place = (name: string): string => join(bundle.path, 'rootfs/etc', name);
    for (const [name, id] of [
      ['mine', 3005],
      ['root', 3000],
      ['theirs', 9],
    ] as const) {
      writeFileSync(place(name), `${name}\n`, { mode: 0o600 });
      chownSync(place(name), id, id);
    }
    const script = `cd /etc; stat -c '%n %u:%g' mine root theirs; cat mine theirs; echo x > theirs; chown 0:0 theirs; chown 7:7 mine
      chown 100:0 mine; touch made; cd /tmp; touch t; chown 100 t; rm -f /etc/theirs; echo $?`;
    const config = bundle.config(`exec 2>&1; ${script}`);
    const all = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_SETUID', 'CAP_SETGID'];
    config.process.capabilities = { bounding: all, effective: all, permitted: all };
    config.mounts.push({ destination: '/tmp', type: 'tmpfs' });
    config.linux.uidMappings = [{ containerID: 0, hostID: 3000, size: 50 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 3000, size: 50 }];
    chownSync(join(bundle.path, 'rootfs/etc'), 3000, 3000);
    const { stdout } = await bundle.run(config);
    assert.deepEqual(stdout.split('\n'), [
      ...['mine 5:5', 'root 0:0', 'theirs 65534:65534', 'mine'],
      "cat: can't open 'theirs': Permission denied",
      "sh: can't create theirs: Permission denied",
      'chown: theirs: Operation not permitted',
      'chown: mine: Invalid argument',
      'chown: t: Invalid argument',
      '0',
      '',
    ]);
    const owners = ['mine', 'made'].map((name) => statSync(place(name))).map(({ uid, gid }) => [uid, gid]);
    assert.deepEqual(owners, [
      [3007, 3007],
      [3000, 3000],
    ]);
    const user = (value: Json) => (each: Config) => {
      Object.assign(each.linux, { uidMappings: config.linux.uidMappings, gidMappings: config.linux.gidMappings });
      each.process.user = value;
    };
    await refuses(/process\.user\.uid has no mapping in linux\.uidMappings: 50/, user({ uid: 50, gid: 0 }));
    await refuses(
      /process\.user\.additionalGids\[1\] has no mapping in linux\.gidMappings: 99/,
      user({ uid: 0, gid: 0, additionalGids: [1, 99] }),
    );
  });

  test('a limit on tasks is exact, for processes and threads, as often as it is met', {
    skip: process.getuid?.() !== 0 && 'control groups are for root',
  }, async () => {
    await build('fork-limit');
    await shows(
      'exec fork-limit',
      (config) => {
        config.linux.resources = { pids: { limit: 12 } };
        config.linux.cgroupsPath = `/tsvisor-config-${process.pid}`;
      },
      ['processes: 11, then Resource temporarily unavailable', 'threads: 11, then Resource temporarily unavailable'],
    );
  });

  test('propagation of mounts and of the root, as mountinfo tells and as it acts', async () => {
    const script = `awk '$5 ~ "^/($|s|m|u|p)" && $5 !~ "^/(proc|sys)" { print $5, $7, $8 }' /proc/self/mountinfo | sed 's/[0-9][0-9]*/N/; s/ -.*//' | sort
      mkdir -p /copy /new /s/x; mount -o bind / /copy; mount -t tmpfs none /new; touch /new/f; ls /copy/new; mount -o bind /u /copy 2>&1; true`;
    await shows(
      script,
      (config) => {
        const all = ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE'];
        config.process.capabilities = { bounding: all, effective: all, permitted: all };
        config.linux.rootfsPropagation = 'shared';
        const mount = (destination: string, ...options: string[]): Json => ({ destination, type: 'tmpfs', options });
        config.mounts.push(
          mount('/s', 'shared'),
          mount('/m', 'shared', 'slave'),
          mount('/u', 'unbindable'),
          mount('/p', 'rprivate'),
        );
      },
      [
        '/ shared:N',
        '/m',
        '/p',
        '/s shared:N',
        '/u unbindable',
        'f',
        'mount: mounting /u on /copy failed: Invalid argument',
      ],
    );
  });

  test('whatever a field is changed to, the container runs, or is refused with the name of the field', async () => {
    const whole = { ...wholeConfig(), ...bundleOfWhole(bundle) };
    const runs = Number(process.env.CONFIG_RUNS ?? 40);
    assert.deepEqual(await bundle.run(whole, '--ignore-cgroups'), {
      stdout: 'ran\n',
      stderr: WITHOUT_EFFECT,
      code: 0,
      isTimedOut: false,
    });
    await fc.assert(
      fc.asyncProperty(changesOf(whole), async ({ path, document }) => {
        const { stderr, code, isTimedOut } = await bundle.run(document, '--ignore-cgroups');
        const message = stderr
          .split('\n')
          .find((line) => line.startsWith('runsc: ') && !line.startsWith('runsc: warning'));
        // The program itself, a hook or a signal may end in any way; we say why we did not begin.
        if (message === undefined) return assert.equal(isTimedOut, false);
        assert.ok(code === 1 || code === 2, message);
        const isExplained = namesField(message, path) || /^runsc: (exec: "|\w+ hook )/.test(message);
        assert.ok(isExplained, `${fieldOf(path)}: ${message}`);
      }),
      { numRuns: runs },
    );
  });

  test('mounts that cannot be are refused by name', async () => {
    const mount = (value: Json) => (config: Config) => void config.mounts.push(value);
    await refuses(
      /mounts\[6\]: cannot mount nonsense .* on \/x: ENODEV/,
      mount({ destination: '/x', type: 'nonsense' }),
    );
    await refuses(
      /mounts\[6\]: cannot mount tmpfs with options "size=x"/,
      mount({ destination: '/x', type: 'tmpfs', options: ['size=x'] }),
    );
  });
});

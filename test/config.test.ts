/** What the fields of a configuration do, seen from inside. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BundleDirectory, type Config, type Json } from './bundle-directory.ts';

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
});

/** Several containers in one sandbox, as implementations of Kubernetes' CRI make them: a first one, and members that join it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { type Config, Containers, type Made } from './containers.ts';

let pods: Containers;

const PAUSE = ': pause; while :; do /bin/busybox sleep 1000; done';

const containerd = (sandbox: string) => (config: Config) => {
  config.annotations = {
    'io.kubernetes.cri.container-type': 'container',
    'io.kubernetes.cri.sandbox-id': sandbox,
  };
};

function setPath(config: Config, type: string, path: string): void {
  config.linux.namespaces = config.linux.namespaces.map((each) => (each.type === type ? { type, path } : each));
}

async function startSandbox(id: string, change: (config: Config) => void = () => {}): Promise<void> {
  const bundle = await pods.bundle(PAUSE, (config) => {
    config.annotations = { 'io.kubernetes.cri.container-type': 'sandbox' };
    change(config);
  });
  const { code, output } = await pods.create(id, bundle);
  assert.equal(code, 0, output());
  await pods.ok('start', id);
}

async function createMember(id: string, script: string, sandbox: string, change: (config: Config) => void = () => {}) {
  const bundle = await pods.bundle(script, (config) => {
    containerd(sandbox)(config);
    change(config);
  });
  return pods.create(id, bundle);
}

async function startMember(...args: Parameters<typeof createMember>): Promise<Made> {
  const made = await createMember(...args);
  assert.equal(made.code, 0, made.output());
  await pods.ok('start', args[0]);
  return made;
}

const inside = (id: string, script: string): Promise<string> => pods.ok('exec', id, '/bin/busybox', 'sh', '-c', script);

/** Ends all; the sandbox last, or first. */
async function removeAll(...ids: string[]): Promise<void> {
  for (const id of ids) await pods.ok('delete', '--force', id);
  assert.deepEqual(readdirSync(pods.state), []);
}

describe('containers of one sandbox', { concurrency: false }, () => {
  before(() => {
    pods = new Containers();
  });
  // A test that fails leaves nothing to the next.
  afterEach(() => pods.clear());
  after(() => pods.remove());

  test('a member has its own processes, mounts and name, and the sandbox its network', async () => {
    await startSandbox('pod', (config) => {
      config.hostname = 'first';
    });
    const volume = join(pods.directory, 'volume');
    mkdirSync(volume);
    writeFileSync(join(volume, 'file'), 'from the host\n');
    const script =
      'b=/bin/busybox; $b hostname; $b cat /volume/file /one; $b ps -o pid,comm | $b head -2; exec $b nc -l -p 80 -e $b echo served';
    const made = await startMember('member', script, 'pod', (config) => {
      config.hostname = 'second';
      const file = join(volume, 'file');
      config.mounts.push({ destination: '/volume', type: 'bind', source: volume, options: ['rbind', 'ro'] });
      config.mounts.push({ destination: '/one', type: 'bind', source: file, options: ['rbind', 'ro'] });
    });
    const table = await inside(
      'member',
      'while ! /bin/busybox grep -q ":0050 " /proc/net/tcp6 /proc/net/tcp; do :; done; echo listens',
    );
    assert.equal(table, 'listens\n');
    assert.equal(made.output(), 'second\nfrom the host\nfrom the host\nPID   COMMAND\n    1 busybox\n');
    assert.equal(
      await inside('pod', '/bin/busybox hostname; /bin/busybox ls /volume; /bin/busybox nc 127.0.0.1 80'),
      'first\nserved\n',
    );
    await pods.untilStatus('member', 'stopped');
    assert.equal((await pods.stateOf('pod')).status, 'running');
    await pods.ok('delete', 'member');
    await removeAll('pod');
  });

  test('it shares the namespaces that its configuration has paths of', async () => {
    const queues = (config: Config): void => {
      config.mounts = config.mounts.filter(({ destination }) => destination !== '/dev/mqueue');
      config.mounts.push({ destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue' });
    };
    await startSandbox('pod', (config) => {
      queues(config);
      config.hostname = 'shared';
    });
    const { pid } = await pods.stateOf('pod');
    await startMember('sharing', PAUSE, 'pod', (config) => {
      queues(config);
      for (const type of ['ipc', 'uts', 'pid', 'network'])
        setPath(config, type, `/proc/${pid}/ns/${type === 'network' ? 'net' : type}`);
    });
    await startMember('apart', PAUSE, 'pod', queues);
    const target = await pods.stateOf('apart');
    await startMember('beside', PAUSE, 'pod', (config) => setPath(config, 'pid', `/proc/${target.pid}/ns/pid`));
    await inside('pod', '/bin/busybox touch /dev/mqueue/queue');
    const seen =
      '/bin/busybox hostname; /bin/busybox ls /dev/mqueue; /bin/busybox ps -o args | /bin/busybox grep -c "[p]ause"';
    assert.equal(await inside('sharing', seen), 'shared\nqueue\n2\n');
    assert.equal(await inside('apart', seen), 'runsc\n2\n');
    const spaces = async (id: string): Promise<string[]> =>
      (await inside(id, 'cd /proc/1/ns; for n in ipc uts pid net mnt; do /bin/busybox readlink $n; done'))
        .trim()
        .split('\n');
    const first = await spaces('pod');
    const apart = await spaces('apart');
    assert.deepEqual(
      apart.map((each, i) => each === first[i]),
      [false, false, false, true, false],
    );
    // The first process that `sharing` sees is the sandbox's, but its own mounts are others than that one's.
    const own = (await inside('sharing', '/bin/busybox readlink /proc/self/ns/mnt')).trim();
    assert.ok(![first[4], apart[4]].includes(own));
    // A member's end takes its own processes along and no others.
    await pods.ok('kill', 'sharing', 'KILL');
    await pods.untilStatus('sharing', 'stopped');
    assert.equal(await inside('pod', '/bin/busybox ps -o args | /bin/busybox grep -c "[p]ause"'), '1\n');
    assert.equal(await inside('beside', '/bin/busybox ps -o args | /bin/busybox grep -c "[p]ause"'), '2\n');
    await removeAll('beside', 'sharing', 'apart', 'pod');
  });

  test('each is signalled, paused, waited for and shown by itself', async () => {
    await startSandbox('pod');
    const pidFile = join(pods.directory, 'pid');
    const bundle = await pods.bundle('trap "exit 7" USR1; while :; do /bin/busybox sleep 0.1; done', containerd('pod'));
    const made = await pods.create('member', bundle, '--pid-file', pidFile);
    assert.equal(made.code, 0, made.output());
    assert.equal((await pods.stateOf('member')).status, 'created');
    assert.equal((await pods.stateOf('member')).pid, Number(readFileSync(pidFile, 'utf8')));
    await pods.ok('start', 'member');
    await pods.ok('pause', 'member');
    assert.deepEqual(
      [(await pods.stateOf('member')).status, (await pods.stateOf('pod')).status],
      ['paused', 'running'],
    );
    assert.equal(await inside('pod', 'echo goes on'), 'goes on\n');
    await pods.ok('resume', 'member');
    const shown: { pid: number; cmd: string }[] = JSON.parse(await pods.ok('ps', '--format', 'json', 'member'));
    assert.ok(shown.length >= 1);
    assert.doesNotMatch(JSON.stringify(shown), /pause/);
    const waiting = pods.ok('wait', 'member');
    // A shell that has not come to its trap yet is ended by the signal instead.
    await inside('member', 'while ! /bin/busybox grep -q "^SigCgt:.*[1-9a-f]" /proc/1/status; do :; done');
    process.kill((await pods.stateOf('member')).pid, 'SIGUSR1');
    assert.equal(JSON.parse(await waiting).exitStatus, 7);
    await pods.untilStatus('member', 'stopped');
    await pods.refused(/container not running/, 'kill', 'member', 'KILL');
    await pods.ok('kill', '--all', 'member', 'KILL');
    await pods.ok('delete', 'member');
    await removeAll('pod');
  });

  test('with the first one all end, and they can be deleted in any order', async () => {
    for (const order of [
      ['one', 'pod', 'two'],
      ['pod', 'two', 'one'],
    ]) {
      await startSandbox('pod');
      await startMember('one', PAUSE, 'pod');
      await createMember('two', PAUSE, 'pod');
      const pids = await Promise.all(['pod', 'one', 'two'].map(async (id) => (await pods.stateOf(id)).pid));
      await pods.ok('kill', 'pod', 'KILL');
      for (const id of order) await pods.untilStatus(id, 'stopped');
      for (const id of order) await pods.ok('delete', id);
      assert.deepEqual(readdirSync(pods.state), []);
      for (const pid of pids)
        assert.ok(!existsSync(`/proc/${pid}`) || /\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
    }
  });

  test('whoever stands for a member ends it by his end', async () => {
    await startSandbox('pod');
    await startMember('member', PAUSE, 'pod');
    const hostPids = async (): Promise<number[]> => JSON.parse(await pods.ok('ps', '--format', 'json', 'pod'));
    const before = (await hostPids()).length;
    process.kill((await pods.stateOf('member')).pid, 'SIGKILL');
    await pods.untilStatus('member', 'stopped');
    await pods.ok('delete', 'member');
    assert.equal((await hostPids()).length, before);
    // The name is free again, also inside.
    await startMember('member', PAUSE, 'pod');
    await removeAll('member', 'pod');
  });

  test('members that come and go leave nothing in the sandbox', async () => {
    await startSandbox('pod');
    const { pid } = await pods.stateOf('pod');
    const open = (): number => readdirSync(`/proc/${pid}/fd`).length;
    const cycle = async (): Promise<void> => {
      await startMember('member', 'exit 3', 'pod');
      await pods.untilStatus('member', 'stopped');
      await pods.ok('delete', 'member');
    };
    await cycle();
    const first = open();
    for (let i = 0; i < 5; i++) await cycle();
    assert.ok(open() <= first, `${open()} descriptors, and ${first} before`);
    await removeAll('pod');
  });

  test('each is in its own control group: what runs out of memory in one hurts no other', async () => {
    const group = `/tsvisor-pod-${process.pid}-`;
    const inGroup = (name: string, resources: object) => (config: Config) => {
      config.linux.cgroupsPath = `${group}${name}`;
      config.linux.resources = resources;
    };
    await startSandbox('pod', inGroup('pod', {}));
    // What it writes there is its memory, and no process of its own can be ended for it but those that map it.
    const fill =
      'while :; do /bin/busybox awk "BEGIN { s = sprintf(\\"%1000000s\\", 1); for (;;) a[i++] = s i }"; echo ended $?; done';
    const resources = { memory: { limit: 96 << 20, swap: 96 << 20 }, pids: { limit: 20 } };
    const made = await startMember('member', fill, 'pod', inGroup('member', resources));
    await startMember('other', PAUSE, 'pod', inGroup('other', {}));
    for (const id of ['pod', 'member', 'other']) {
      const { pid } = await pods.stateOf(id);
      const guests: number[] = JSON.parse(await pods.ok('ps', '--format', 'json', id));
      for (const each of [pid, guests[0]]) {
        const lines = readFileSync(`/proc/${each}/cgroup`, 'utf8').trim().split('\n');
        const groups = lines.filter((line) => /^\d+:(memory|pids|):/.test(line));
        assert.ok(groups.length > 0);
        assert.ok(
          groups.every((line) => line.endsWith(`${group}${id}`)),
          `${id}: ${groups.join()}`,
        );
      }
    }
    while (!made.output().includes('ended 137')) await pods.ok('state', 'member');
    assert.equal(JSON.parse(await pods.ok('events', '--stats', 'member')).data.memory.usage.limit, 96 << 20);
    assert.equal(await inside('other', 'echo lives'), 'lives\n');
    assert.equal((await pods.stateOf('pod')).status, 'running');
    await removeAll('member', 'other', 'pod');
  });

  test('what cannot be is refused and leaves nothing', async () => {
    const missing = await createMember('member', PAUSE, 'nowhere');
    assert.notEqual(missing.code, 0);
    assert.match(missing.output(), /sandbox nowhere does not exist/);
    await startSandbox('pod');
    await startMember('member', PAUSE, 'pod');
    const nested = await createMember('nested', PAUSE, 'member');
    assert.match(nested.output(), /container member is itself in the sandbox pod/);
    const foreign = await createMember('foreign', PAUSE, 'pod', (config) => setPath(config, 'pid', '/proc/1/ns/mnt'));
    assert.match(foreign.output(), /linux.namespaces of type pid is not one of the sandbox's: \/proc\/1\/ns\/mnt/);
    const nameless = await createMember('nameless', PAUSE, 'pod', (config) => {
      config.annotations = { 'io.kubernetes.cri-o.ContainerType': 'container' };
    });
    assert.match(nameless.output(), /annotations\["io.kubernetes.cri-o.SandboxID"\] is missing/);
    const absent = await createMember('absent', PAUSE, 'pod', (config) => {
      config.process.args = ['/bin/absent'];
    });
    assert.match(absent.output(), /exec: "\/bin\/absent": stat \/bin\/absent: no such file or directory/);
    const unplaced = await createMember('unplaced', PAUSE, 'pod', (config) => {
      config.process.cwd = '/bin/busybox/x';
    });
    assert.match(unplaced.output(), /working directory \/bin\/busybox\/x does not exist/);
    assert.deepEqual(readdirSync(pods.state).sort(), ['member', 'pod']);
    await pods.refused(
      /it is to be in the sandbox pod/,
      'run',
      '--bundle',
      await pods.bundle(PAUSE, containerd('pod')),
      'other',
    );
    await removeAll('member', 'pod');
  });
});

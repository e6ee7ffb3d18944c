/**
 * `--network=host`: programs that use sockets do the same with the host's sockets through the sandbox as without it; who is outside
 * reaches who is inside, and the other way round.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Config, Containers } from './containers.ts';
import { buildPrograms, listPrograms } from './guest-build.ts';
import { type Outcome, plainEnvironment, runProcess, runscPath } from './run-process.ts';

/** Those of test/guest that are about sockets and interfaces of the internet. */
const SHARED = ['inet-datagram', 'inet-edges', 'inet-options', 'inet-stream', 'netlink-route'];
const programs = [
  ...listPrograms('test/guest').filter(({ name }) => SHARED.includes(name)),
  ...listPrograms('test/host-network'),
];

async function runFresh(file: string, args: readonly string[]): Promise<Outcome> {
  const cwd = mkdtempSync(join(tmpdir(), 'host-network-'));
  try {
    return await runProcess(file, args, { cwd, timeoutMs: 60_000 });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

const inside = (...command: string[]): Promise<Outcome> => runFresh(runscPath, ['do', '--network=host', ...command]);

async function portOf(server: { address(): unknown }): Promise<number> {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null && 'port' in address && typeof address.port === 'number');
  return address.port;
}

describe('sockets of the host', { concurrency: false }, () => {
  let failures = new Map<string, string>();
  before(async () => {
    failures = await buildPrograms(programs);
  });

  for (const { name, binary } of programs) {
    test(name, async () => {
      assert.equal(failures.get(name), undefined);
      const expected = await runFresh(binary, []);
      assert.ok(expected.code < 97 || expected.code > 99, expected.stdout);
      assert.deepEqual(await inside(binary), expected);
    });
  }

  test('a client inside, a server outside', async (t) => {
    const server = createServer((request, response) => response.end(`you asked for ${request.url}\n`));
    server.listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const url = `http://127.0.0.1:${await portOf(server)}/this`;
    const { stdout, code } = await inside('curl', '-s', '-S', url);
    assert.deepEqual({ stdout, code }, { stdout: 'you asked for /this\n', code: 0 });
    const none = await runFresh(runscPath, ['do', '--network=none', 'curl', '-s', url]);
    assert.equal(none.code, 7);
  });

  test('a server inside, a client outside', async () => {
    const script = [
      'import socket',
      's = socket.create_server(("127.0.0.1", 0))',
      'print(s.getsockname()[1], flush=True)',
      'c, peer = s.accept()',
      'print(c.recv(100).decode(), peer[0], flush=True)',
      'c.sendall(b"answer")',
    ].join('\n');
    const child = spawn(runscPath, ['do', '--network=host', 'python3', '-c', script], { env: plainEnvironment });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    while (!output.includes('\n')) await once(child.stdout, 'data');
    const client = connect(Number(output), '127.0.0.1');
    client.end('question');
    const answer: string[] = [];
    for await (const chunk of client.setEncoding('utf8')) answer.push(chunk);
    const [code] = await once(child, 'close');
    assert.deepEqual([answer.join(''), output.split('\n')[1], code], ['answer', 'question 127.0.0.1', 0]);
  });

  test("interfaces, routes and sockets are the host's", async () => {
    const script = 'ip -o addr; ip route; ip -6 route; cat /proc/net/route; getent hosts localhost';
    const natively = await runFresh('/bin/sh', ['-c', script]);
    assert.deepEqual(await inside('/bin/sh', '-c', script), natively);
  });
});

describe('networks of containers', { concurrency: false }, () => {
  let containers: Containers;
  before(() => {
    containers = new Containers();
  });
  after(() => containers.remove());

  const withoutNamespace = (config: Config): void => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
  };

  async function fetchIn(
    id: string,
    change: (config: Config) => void,
    url: string,
    ...flags: string[]
  ): Promise<Outcome> {
    const path = await containers.bundle(`/bin/busybox wget -q -O - ${url}`, change);
    return containers.run(...flags, 'run', '--bundle', path, id);
  }

  test("without a network namespace it is the host's, with one a loopback alone", async (t) => {
    const server = createServer((_request, response) => response.end('reached\n'));
    server.listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const url = `http://127.0.0.1:${await portOf(server)}/`;
    const reached = await fetchIn('open', withoutNamespace, url);
    assert.deepEqual([reached.stdout, reached.code], ['reached\n', 0], reached.stderr);
    // As Docker has it: by a path that leads to where we are.
    const named = await fetchIn(
      'named',
      ({ linux }) => {
        for (const each of linux.namespaces) if (each.type === 'network') each.path = '/proc/self/ns/net';
      },
      url,
    );
    assert.deepEqual([named.stdout, named.code], ['reached\n', 0], named.stderr);
    assert.equal((await fetchIn('closed', () => {}, url)).code, 1);
    assert.equal((await fetchIn('shut', withoutNamespace, url, '--network=none')).code, 1);
    // In its own namespace not even the loopback is up.
    assert.equal((await fetchIn('apart', () => {}, url, '--network=host')).code, 1);
  });

  test('a container that was created, and members of its sandbox', async () => {
    const path = await containers.bundle('while :; do /bin/busybox sleep 1000; done', withoutNamespace);
    assert.equal((await containers.create('pod', path)).code, 0);
    await containers.ok('start', 'pod');
    const script = '/bin/busybox nc -l -p 0 -e /bin/busybox echo from inside 2>&1';
    const member = await containers.bundle(script, (config) => {
      config.annotations = {
        'io.kubernetes.cri.container-type': 'container',
        'io.kubernetes.cri.sandbox-id': 'pod',
      };
    });
    assert.equal((await containers.create('member', member)).code, 0);
    const before = listeners();
    await containers.ok('start', 'member');
    let port: number | undefined;
    while (port === undefined) {
      await containers.ok('state', 'member');
      port = [...listeners()].find((each) => !before.has(each));
    }
    const client = connect(port, '127.0.0.1');
    const answer: string[] = [];
    for await (const chunk of client.setEncoding('utf8')) answer.push(chunk);
    assert.equal(answer.join(''), 'from inside\n');
    await containers.clear();
  });
});

/** Ports that are listened to in our network namespace. */
function listeners(): Set<number> {
  const text = ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/net/${name}`, 'latin1')).join('');
  return new Set(
    [...text.matchAll(/:([0-9A-F]{4}) [0-9A-F:]+ 0A /g)].map((match) => Number.parseInt(match[1] ?? '', 16)),
  );
}

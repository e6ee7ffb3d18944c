/** One pod by containerd's CRI plugin: prints what a kubelet would see. Arguments: the CRI socket, the runtime handler. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CriClient, type Decoded, type Message } from './cri-client.ts';

const IMAGE = 'docker.io/library/box:latest';
const EXITED = 2;
const NAMESPACE_NODE = 2;
const [socket = '', handler = '', network = 'pod'] = process.argv.slice(2);
const client = new CriClient(socket);

function say(...words: unknown[]): void {
  console.log(...words);
}

function podConfig(name: string): Message {
  const metadata = { 1: name, 2: `uid-${name}`, 3: 'default' };
  // A pod in the node's network has its name, too.
  if (network === 'node') return { 1: metadata, 3: '/tmp', 8: { 2: { 1: { 1: NAMESPACE_NODE } } } };
  return { 1: metadata, 2: name, 3: '/tmp', 8: {} };
}

async function container(
  pod: string,
  config: Message,
  name: string,
  command: string,
  linux: Message = {},
): Promise<string> {
  const request: Message = {
    1: pod,
    2: { 1: { 1: name }, 2: { 1: IMAGE }, 3: ['/bin/sh', '-c', command], 15: linux },
    3: config,
  };
  return (await client.call('CreateContainer', request)).text(1);
}

async function exec(id: string, command: string): Promise<string> {
  const answer = await client.call('ExecSync', { 1: id, 2: ['/bin/sh', '-c', command], 3: 20 });
  return `${answer.text(1)}${answer.text(2)}(${answer.number(3)})`;
}

async function status(id: string): Promise<Decoded> {
  return (await client.call('ContainerStatus', { 1: id })).message(1);
}

async function ended(id: string): Promise<number> {
  for (;;) {
    const now = await status(id);
    if (now.number(3) === EXITED) return now.number(7);
    await sleep(50);
  }
}

const config = podConfig('pod');
const pod = (await client.call('RunPodSandbox', { 1: config, 2: handler })).text(1);
say('pod runs');
const server = await container(pod, config, 'server', 'while :; do nc -l -p 8123 -e echo served; done');
const other = await container(pod, config, 'other', 'trap "exit 7" TERM; while :; do sleep 0.1; done');
await client.call('StartContainer', { 1: server });
await client.call('StartContainer', { 1: other });
say('processes', await exec(other, 'ps -o pid,args | grep -c "[s]leep 0.1"; ps -o args | grep -c "[s]erved"'));
say('localhost is shared', await exec(other, 'until nc 127.0.0.1 8123; do sleep 0.1; done'));
say('files are not', await exec(other, 'echo x > /made; ls /made'), await exec(server, 'ls /made'));
if (network !== 'node') say('hostname', await exec(other, 'hostname'));
say('status of exec', await exec(other, 'exit 9'));
await client.call('StopContainer', { 1: other, 2: 10 });
say('stopped with', await ended(other));
await client.call('RemoveContainer', { 1: other });
const limited = await container(
  pod,
  config,
  'limited',
  'exec awk "BEGIN { s = sprintf(\\"%1000000s\\", 1); for (;;) a[i++] = s i }"',
  {
    1: { 4: 96 << 20 },
  },
);
await client.call('StartContainer', { 1: limited });
say('out of memory', await ended(limited));
await client.call('RemoveContainer', { 1: limited });
say('the others go on', await exec(server, 'echo yes'));
await client.call('StopPodSandbox', { 1: pod });
say('with the pod the server ends', await ended(server));
await client.call('RemovePodSandbox', { 1: pod });
say('removed');
client.close();

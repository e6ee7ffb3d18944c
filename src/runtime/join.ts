/**
 * A further container of a sandbox that runs: the process that stands for it (see sentry/members.ts).
 *
 * Whatever of the host the container is to have is opened here, with the rights of whoever creates it, and goes to the sentry as
 * descriptors. The process that all of the container's are forked from is made first and told to create.ts, which puts it and us into the
 * container's control groups; only then is anything else made.
 */
import { readFileSync, writeSync } from 'node:fs';
import { openPlacesBy } from '../host/host-place.ts';
import { native } from '../host/native.ts';
import { openTree } from '../host/open-tree.ts';
import { closeFd, takeTerminal } from '../host/pty.ts';
import { peekSender, socketPair } from '../host/sockets.ts';
import { listenAt } from '../host/unix-stream.ts';
import { type Bundle, readBundle } from './bundle.ts';
import { connect } from './container-handle.ts';
import type { ControlClient } from './control-client.ts';
import { findSandbox, sandboxOf, sharedNamespaces } from './pod.ts';
import { awaitEnd, forwardSignals, releaseStdio } from './stand-in.ts';
import { ContainerError, StateDirectory } from './state-directory.ts';

const READ = 0;
/** Where create.ts talks to us. */
const MAKER = 3;
const EXIT_FAILURE = 1;
const ZYGOTE_TIMEOUT_MS = 10_000;
/** SCM_MAX_FD. */
const MAX_FDS = 253;

export interface JoinOptions {
  readonly root: string;
  readonly id: string;
  readonly bundle: string;
  readonly preserveFds: number;
}

function tell(message: object): void {
  writeSync(MAKER, `${JSON.stringify(message)}\n`);
}

function awaitMaker(): void {
  if (native.syscall(READ, MAKER, new Uint8Array(64), 64) <= 0) throw new Error('create ended before it was through');
}

/** Asks for the container: the pid of the process that all of its processes will come from. */
async function ask(
  options: JoinOptions,
  bundle: Bundle,
  sandbox: ReturnType<typeof findSandbox>,
  client: ControlClient,
): Promise<number> {
  const directory = new StateDirectory(options.root, options.id);
  const { root, mounts } = bundle.options;
  const open = openPlacesBy(openTree);
  const sources = mounts.flatMap(({ source }) => (source.kind === 'host' ? [source] : []));
  const whole = { path: root.path, isWritable: true, isRecursive: true };
  const places = [whole, ...sources].map(({ path, isWritable, isRecursive }) => ({
    given: path,
    place: open(path, isWritable ? 'writable' : 'read-only', isRecursive ? 'all mounts' : 'one mount'),
  }));
  const preserved = Array.from({ length: options.preserveFds }, (_, i) => MAKER + 1 + i);
  const stdio = bundle.hasTerminal ? [0] : [0, 1, 2, ...preserved];
  const listener = listenAt(directory.controlPath);
  const [control, theirs] = socketPair();
  const given = [listener, control, theirs];
  const fds = [...given, ...stdio, ...places.map(({ place }) => place.fd)];
  if (fds.length > MAX_FDS) throw new ContainerError(`${fds.length} descriptors are more than can be handed over`);
  try {
    const request = {
      verb: 'create',
      id: options.id,
      bundle: options.bundle,
      config: readFileSync(directory.configPath, 'utf8'),
      ...sharedNamespaces(options.root, sandbox, bundle.namespaces),
      stdio: stdio.length,
      places: places.map(({ given: path, place }) => ({ given: path, path: place.path, name: place.name })),
    };
    await client.request(request, fds);
    const zygote = peekSender(control, ZYGOTE_TIMEOUT_MS);
    if (zygote === 0) throw new ContainerError('the container got no process to begin with');
    return zygote;
  } finally {
    for (const fd of [...given, ...places.map(({ place }) => place.fd)]) closeFd(fd);
  }
}

/** Makes the container and stands for it to its end: its exit status. */
export async function joinSandbox(options: JoinOptions): Promise<number> {
  let client: ControlClient | null = null;
  let isReady = false;
  try {
    process.title = 'runsc-container';
    const bundle = readBundle(options.bundle, new StateDirectory(options.root, options.id).configPath);
    const sandboxId = sandboxOf(bundle.annotations);
    if (sandboxId === null) throw new ContainerError('it is to be in no other sandbox');
    const sandbox = findSandbox(options.root, sandboxId);
    if (bundle.hasTerminal) takeTerminal(0);
    client = connect(sandbox.directory);
    tell({ zygote: await ask(options, bundle, sandbox, client) });
    awaitMaker();
    await client.request({ verb: 'placed' });
    forwardSignals(client, bundle.hasTerminal);
    for (let i = 0; i < options.preserveFds; i++) closeFd(MAKER + 1 + i);
    releaseStdio();
    isReady = true;
    tell({ ready: true });
    awaitMaker();
    closeFd(MAKER);
    return await awaitEnd(client);
  } catch (error) {
    if (isReady) throw error;
    tell({ error: error instanceof Error ? error.message : String(error) });
    return EXIT_FAILURE;
  } finally {
    client?.close();
  }
}

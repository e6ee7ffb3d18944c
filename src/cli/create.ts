/** `runsc create`: makes a container that `start` will run. */
import { resolve } from 'node:path';
import { type CreateOptions, createContainer } from '../runtime/create.ts';
import type { StateDirectory } from '../runtime/state-directory.ts';
import { type FlagShapes, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import type { Settings } from './global-flags.ts';
import { launchedCommand } from './launched.ts';
import { warn } from './log.ts';
import { ownCommand } from './own-command.ts';
import { containerOf, type Invocation, readInvocation } from './verb.ts';

export const CREATE_FLAGS = {
  bundle: { type: 'string', short: 'b' },
  'console-socket': { type: 'string' },
  'pid-file': { type: 'string' },
  'preserve-fds': { type: 'string' },
  // How runc enters a root and a keyring; the sandbox has neither.
  'no-pivot': { type: 'boolean' },
  'no-new-keyring': { type: 'boolean' },
} as const satisfies FlagShapes;

const MAX_PRESERVED = 1024;

export function pathFlag(own: Parsed, name: string): string | undefined {
  const path = lastValue(own, name);
  return path === undefined || path === '' ? undefined : resolve(path);
}

export function preservedFds(own: Parsed): number {
  const text = lastValue(own, 'preserve-fds') ?? '0';
  if (!/^\d{1,4}$/.test(text) || Number(text) > MAX_PRESERVED) {
    throw new UsageError(`--preserve-fds is not a number from 0 to ${MAX_PRESERVED}: ${text}`);
  }
  return Number(text);
}

/** The command line of the process that becomes the container's sentry, or stands for it in another's. */
function innerCommand(
  { root, strace, straceCalls, debug, debugLog, overlay }: Settings,
  verb: 'boot' | 'join',
): [string, ...string[]] {
  const flags = [
    `--root=${root}`,
    ...(strace ? ['--strace'] : []),
    ...(straceCalls.length > 0 ? [`--strace-syscalls=${straceCalls.join(',')}`] : []),
    ...(debug ? ['--debug'] : []),
    ...(overlay === 'none' ? [] : [`--overlay2=${overlay}:memory`]),
    ...(debugLog === undefined ? [] : [`--debug-log=${debugLog}`]),
  ];
  const [program, ...first] = verb === 'boot' ? launchedCommand() : ownCommand();
  return [program, ...first, ...flags, verb];
}

export function createOptions({ own, settings }: Invocation, directory: StateDirectory): CreateOptions {
  return {
    root: settings.root,
    id: directory.id,
    ignoresCgroups: settings.ignoresCgroups,
    hasSystemdCgroups: settings.hasSystemdCgroups,
    warn,
    bundle: pathFlag(own, 'bundle') ?? process.cwd(),
    pidFile: pathFlag(own, 'pid-file'),
    consoleSocket: pathFlag(own, 'console-socket'),
    preserveFds: preservedFds(own),
    network: settings.network,
    bootCommand: innerCommand(settings, 'boot'),
    joinCommand: innerCommand(settings, 'join'),
  };
}

export async function create(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('create', globals, args, CREATE_FLAGS);
  await createContainer(createOptions(invocation, containerOf(invocation, 'create')));
  return 0;
}

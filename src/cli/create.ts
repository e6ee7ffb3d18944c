/** `runsc create`: makes a container that `start` will run. */
import { resolve } from 'node:path';
import { type CreateOptions, createMember } from '../runtime/create.ts';
import { makeOwnSandbox } from '../runtime/own-sandbox.ts';
import type { StateDirectory } from '../runtime/state-directory.ts';
import { type FlagShapes, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import type { Settings } from './global-flags.ts';
import { beLaunched, takeCommandPart } from './launched.ts';
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

/** The command line of the process that stands for a container in another's sandbox. */
export function joinCommand({ root, overlay }: Settings): [string, ...string[]] {
  const flags = [`--root=${root}`, ...(overlay === 'none' ? [] : [`--overlay2=${overlay}:memory`])];
  const [program, ...first] = ownCommand();
  return [program, ...first, ...flags, 'join'];
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
  };
}

export async function create(globals: Parsed, args: readonly string[]): Promise<number> {
  const part = takeCommandPart();
  const launched = part === null ? beLaunched() : null;
  const invocation = await readInvocation('create', globals, args, CREATE_FLAGS, launched?.note !== null);
  const options = createOptions(invocation, containerOf(invocation, 'create'));
  if (launched !== null) return makeOwnSandbox({ ...invocation.settings, ...options, isDetached: true }, launched);
  await createMember({ ...options, joinCommand: joinCommand(invocation.settings) });
  return 0;
}

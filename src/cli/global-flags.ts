/** Flags before the verb that are about the runtime, not the verb: runc's and gVisor's, as container engines give them. */
import { join, resolve } from 'node:path';
import { isRootless } from '../host/rootless.ts';
import type { OverlayScope, SandboxSettings } from '../runtime/sandbox-settings.ts';
import { type FlagShapes, GLOBAL_FLAGS, isGiven, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import { setLog, warn } from './log.ts';
import { parseCalls } from './strace-calls.ts';
import { WITHOUT_EFFECT } from './without-effect.ts';

export const RUNTIME_FLAGS = {
  ...GLOBAL_FLAGS,
  ...WITHOUT_EFFECT,
  root: { type: 'string' },
  log: { type: 'string' },
  'log-format': { type: 'string' },
  network: { type: 'string' },
  overlay: { type: 'boolean' },
  overlay2: { type: 'string' },
  rootless: { type: 'string' },
  'systemd-cgroup': { type: 'boolean' },
  'ignore-cgroups': { type: 'boolean' },
  version: { type: 'boolean', short: 'v' },
} as const satisfies FlagShapes;

/** What the runtime's flags come to. */
export interface Settings extends SandboxSettings {
  /** Where containers are kept; absolute. */
  readonly root: string;
  readonly hasSystemdCgroups: boolean;
  readonly ignoresCgroups: boolean;
}

function defaultRoot(): string {
  const { XDG_RUNTIME_DIR } = process.env;
  return XDG_RUNTIME_DIR && isRootless() ? join(XDG_RUNTIME_DIR, 'runsc') : '/run/runsc';
}

/** A name that ends with a slash is a directory, in which each sandbox has a file; gVisor's variables may stand in it. */
export function debugLogPath(text: string | undefined, cwd: string): string | undefined {
  if (text === undefined || text === '') return undefined;
  const time = new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').replace('Z', '');
  const name = text.endsWith('/') ? 'runsc.log.%TIMESTAMP%.%COMMAND%.txt' : '';
  return resolve(
    cwd,
    `${text}${name}`.replaceAll('%TIMESTAMP%', `${time}.${process.pid}`).replaceAll('%COMMAND%', 'boot'),
  );
}

/** `none`, or {root,all}:{memory,self,dir=PATH}; what is changed is kept in memory whatever the medium. */
function overlayScope(globals: Parsed, tell: (message: string) => void): OverlayScope {
  const text = lastValue(globals, 'overlay2') ?? (isGiven(globals, 'overlay') ? 'all:memory' : 'none');
  const match = /^(?:none|(root|all):(memory|self|dir=\/.*))$/.exec(text);
  if (match === null) throw new UsageError(`--overlay2 is none of none, root:MEDIUM, all:MEDIUM: ${text}`);
  const [, scope, medium] = match;
  if (medium !== undefined && medium !== 'memory') tell(`--overlay2=${text}: changes are kept in memory`);
  return scope === 'root' || scope === 'all' ? scope : 'none';
}

/**
 * Sets up the log first, so that what is wrong with the rest gets there too.
 * @param isRepeated whether another process of this command has read them before, and warned
 */
export function readSettings(globals: Parsed, own: Parsed, isRepeated: boolean): Settings {
  const tell = isRepeated ? () => {} : warn;
  const all: Parsed = { flags: [...globals.flags, ...own.flags], rest: own.rest };
  const format = lastValue(globals, 'log-format') ?? 'text';
  if (format !== 'text' && format !== 'json') throw new UsageError(`--log-format is neither text nor json: ${format}`);
  const log = lastValue(globals, 'log');
  setLog(log === undefined || log === '' ? undefined : resolve(log), format);
  for (const name of new Set(globals.flags.map((flag) => flag.name))) {
    if (Object.hasOwn(WITHOUT_EFFECT, name)) tell(`--${name} changes nothing here`);
  }
  const network = lastValue(globals, 'network');
  if (network === 'sandbox') {
    tell(
      '--network=sandbox is not there yet: a container with a network namespace of its own has a loopback interface only',
    );
  } else if (network !== undefined && network !== 'none' && network !== 'host') {
    throw new UsageError(`--network is none of none, sandbox, host: ${network}`);
  }
  const rootless = lastValue(globals, 'rootless') ?? 'auto';
  if (!['true', 'false', 'auto'].includes(rootless)) {
    throw new UsageError(`--rootless is none of true, false, auto: ${rootless}`);
  }
  return {
    root: resolve(lastValue(globals, 'root') ?? defaultRoot()),
    network,
    strace: isGiven(all, 'strace'),
    straceCalls: parseCalls('strace-syscalls', lastValue(all, 'strace-syscalls') ?? ''),
    debug: isGiven(all, 'debug'),
    debugLog: debugLogPath(lastValue(all, 'debug-log'), process.cwd()),
    overlay: overlayScope(globals, tell),
    hasSystemdCgroups: isGiven(globals, 'systemd-cgroup'),
    ignoresCgroups: isGiven(globals, 'ignore-cgroups'),
  };
}

/** The command line of `runsc do`, turned into a sandbox's options. It looks at the host only to check that what is named exists. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY } from '../abi/mount.ts';
import { NO_ATTRIBUTES } from '../sentry/process-attributes.ts';
import type { MountSpec, SandboxOptions } from '../sentry/sandbox-options.ts';
import { allValues, type FlagShapes, GLOBAL_FLAGS, isGiven, lastValue, type Parsed, parseFlags } from './arguments.ts';
import { UsageError } from './errors.ts';
import { debugLogPath } from './global-flags.ts';
import { parseCalls } from './strace-calls.ts';

const FLAGS = {
  ...GLOBAL_FLAGS,
  root: { type: 'string' },
  cwd: { type: 'string' },
  volume: { type: 'string', short: 'v' },
  env: { type: 'string', short: 'e' },
  uid: { type: 'string' },
  gid: { type: 'string' },
  network: { type: 'string' },
  hostname: { type: 'string' },
} as const satisfies FlagShapes;

/** What `do` takes from the process that runs it. */
export interface Caller {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly gid: number;
}

/** (uid_t) -1 means "leave it" in setresuid(2), so it names nobody. */
const MAX_ID = 0xfffffffe;
/** sethostname(2): __NEW_UTS_LEN. */
const MAX_HOSTNAME = 64;

function parseId(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,10}$/.test(text) || Number(text) > MAX_ID)
    throw new UsageError(`--${name} is not a number from 0 to ${MAX_ID}: ${text}`);
  return Number(text);
}

function directory(flag: string, path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError(`--${flag} is not a directory: ${path}`);
  return path;
}

const fresh = (target: string, type: string, flags: number, data = ''): MountSpec => ({
  target,
  source: { kind: 'new', type, data },
  flags,
});

/** What every container has (OCI runtime spec, "Default Filesystems"). */
const STANDARD_MOUNTS: readonly MountSpec[] = [
  fresh('/proc', 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC),
  fresh('/sys', 'sysfs', MS_NOSUID | MS_NODEV | MS_NOEXEC),
  fresh('/dev', 'tmpfs', MS_NOSUID | MS_NOEXEC, 'mode=755'),
  fresh('/dev/pts', 'devpts', MS_NOSUID | MS_NOEXEC),
  fresh('/dev/shm', 'tmpfs', MS_NOSUID | MS_NODEV),
];

/** `SRC:DST[:ro]`; a source with a colon in it cannot be written, as with docker. */
function parseVolume(text: string, caller: Caller): MountSpec {
  const [source = '', target = '', mode = 'rw', ...more] = text.split(':');
  if (source === '' || !target.startsWith('/') || more.length > 0 || (mode !== 'ro' && mode !== 'rw')) {
    throw new UsageError(`--volume is not SRC:/DST[:ro]: ${text}`);
  }
  const absolute = resolve(caller.cwd, source);
  if (statSync(absolute, { throwIfNoEntry: false }) === undefined)
    throw new UsageError(`--volume source does not exist: ${absolute}`);
  const isWritable = mode === 'rw';
  return {
    target,
    source: { kind: 'host', path: absolute, isWritable, isRecursive: true },
    flags: isWritable ? 0 : MS_RDONLY,
  };
}

function environment(parsed: Parsed, caller: Caller): Record<string, string> {
  const env: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(caller.env)) {
    if (value !== undefined) env[name] = value;
  }
  for (const text of allValues(parsed, 'env')) {
    const at = text.indexOf('=');
    if (at <= 0) throw new UsageError(`--env is not NAME=VALUE: ${text}`);
    env[text.slice(0, at)] = text.slice(at + 1);
  }
  return env;
}

function hostname(parsed: Parsed): string {
  const name = lastValue(parsed, 'hostname') ?? 'tsvisor';
  if (name === '' || Buffer.byteLength(name) > MAX_HOSTNAME)
    throw new UsageError(`--hostname is not 1 to ${MAX_HOSTNAME} bytes: ${name}`);
  return name;
}

/**
 * @param globals flags that came before the verb
 * @param args what came after it
 * @returns the options, or 'help' if that was asked for
 */
export function parseDo(globals: Parsed, args: readonly string[], caller: Caller): SandboxOptions | 'help' {
  const own = parseFlags(args, FLAGS);
  // Before the verb --root is where containers are kept.
  const before = globals.flags.filter(({ name }) => name !== 'root');
  const parsed: Parsed = { flags: [...before, ...own.flags], rest: own.rest };
  if (isGiven(parsed, 'help')) return 'help';
  const network = lastValue(parsed, 'network') ?? 'none';
  if (network !== 'none' && network !== 'host') throw new UsageError(`--network is neither none nor host: ${network}`);
  if (parsed.rest.length === 0) throw new UsageError('do needs a command, as in: runsc do ls -l');

  const root = directory('root', resolve(caller.cwd, lastValue(parsed, 'root') ?? '/'));
  // With the host's own root the guest starts where the caller is; another root has no such place.
  const cwd = lastValue(parsed, 'cwd') ?? (root === '/' ? caller.cwd : '/');
  if (!cwd.startsWith('/')) throw new UsageError(`--cwd is not an absolute path: ${cwd}`);
  const volumes = allValues(parsed, 'volume').map((text) => parseVolume(text, caller));
  // A volume can bring the directory; then only the guest's own path walk can tell.
  if (volumes.length === 0) directory('cwd', resolve(root, `.${cwd}`));
  const debugLog = debugLogPath(lastValue(parsed, 'debug-log'), caller.cwd);
  return {
    root: { path: root, kind: 'overlay' },
    bounds: {},
    cwd,
    argv: parsed.rest,
    env: environment(parsed, caller),
    mounts: [...STANDARD_MOUNTS, ...volumes],
    uid: parseId('uid', lastValue(parsed, 'uid'), caller.uid),
    gid: parseId('gid', lastValue(parsed, 'gid'), caller.gid),
    groups: [],
    umask: 0o022,
    capabilities: null,
    hasNoNewPrivileges: false,
    limits: [],
    hostname: hostname(parsed),
    domainname: '(none)',
    network,
    seccomp: null,
    personality: 0,
    devices: [],
    rootPropagation: 0,
    sysctls: [],
    idMaps: null,
    attributes: NO_ATTRIBUTES,
    strace: isGiven(parsed, 'strace'),
    straceCalls: parseCalls('strace-syscalls', lastValue(parsed, 'strace-syscalls') ?? ''),
    ...(debugLog === undefined ? {} : { debugLog }),
    debug: isGiven(parsed, 'debug'),
  };
}

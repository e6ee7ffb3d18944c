/**
 * An OCI bundle: a directory with config.json and a root file system (OCI runtime specification 1.2, config.md and
 * config-linux.md), turned into a sandbox's options.
 *
 * Namespaces, control groups and seccomp of the configuration are the host's ways of isolation; the sandbox has its own.
 */
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as capability from '../abi/capability.ts';
import * as mount from '../abi/mount.ts';
import * as resource from '../abi/resource.ts';
import { type CapabilitySet, capabilitySetOf, NO_CAPABILITIES } from '../kernel/capability-set.ts';
import type { CapabilitySets, MountSpec, RootOptions, SandboxOptions } from '../sentry/sandbox-options.ts';
import { ConfigError, Fields } from './json-fields.ts';

const MAX_ID = 0xfffffffe;
const MAX_HOSTNAME = 64;

/** Options of a mount that are flags, each with what it sets and what it clears. */
const MOUNT_FLAGS: Readonly<Record<string, readonly [number, number]>> = {
  ro: [mount.MS_RDONLY, 0],
  rw: [0, mount.MS_RDONLY],
  nosuid: [mount.MS_NOSUID, 0],
  suid: [0, mount.MS_NOSUID],
  nodev: [mount.MS_NODEV, 0],
  dev: [0, mount.MS_NODEV],
  noexec: [mount.MS_NOEXEC, 0],
  exec: [0, mount.MS_NOEXEC],
  noatime: [mount.MS_NOATIME, mount.MS_RELATIME],
  atime: [0, mount.MS_NOATIME],
  nodiratime: [mount.MS_NODIRATIME, 0],
  diratime: [0, mount.MS_NODIRATIME],
  relatime: [mount.MS_RELATIME, mount.MS_NOATIME],
  norelatime: [0, mount.MS_RELATIME],
  strictatime: [mount.MS_STRICTATIME, mount.MS_RELATIME | mount.MS_NOATIME],
  nostrictatime: [0, mount.MS_STRICTATIME],
  nosymfollow: [mount.MS_NOSYMFOLLOW, 0],
  symfollow: [0, mount.MS_NOSYMFOLLOW],
  rro: [mount.MS_RDONLY, 0],
  rrw: [0, mount.MS_RDONLY],
  rnosuid: [mount.MS_NOSUID, 0],
  rnodev: [mount.MS_NODEV, 0],
  rnoexec: [mount.MS_NOEXEC, 0],
  rnoatime: [mount.MS_NOATIME, mount.MS_RELATIME],
  defaults: [0, 0],
};

/** Options that say how the host should mount: binding is said by the type as well, and nothing propagates in the sandbox. */
const IGNORED_OPTIONS: ReadonlySet<string> = new Set([
  ...['bind', 'rbind', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'unbindable', 'runbindable'],
  ...[
    'sync',
    'async',
    'dirsync',
    'mand',
    'nomand',
    'lazytime',
    'nolazytime',
    'iversion',
    'noiversion',
    'silent',
    'loud',
  ],
]);

function capabilitySet(names: readonly string[], fields: Fields, field: string): CapabilitySet {
  const known = new Map(Object.entries(capability));
  return capabilitySetOf(
    ...names.map((name) => {
      const number = name.startsWith('CAP_') && name !== 'CAP_LAST_CAP' ? known.get(name) : undefined;
      return typeof number === 'number' ? number : fields.refuse(field, `names no capability: ${name}`);
    }),
  );
}

/** Who names no capabilities gets none, as with runc. */
function capabilities(process: Fields): CapabilitySets {
  const sets = process.object('capabilities');
  const read = (name: string): CapabilitySet =>
    sets === undefined ? NO_CAPABILITIES : capabilitySet(sets.strings(name), sets, name);
  return {
    effective: read('effective'),
    permitted: read('permitted'),
    inheritable: read('inheritable'),
    bounding: read('bounding'),
    ambient: read('ambient'),
  };
}

function limits(process: Fields): SandboxOptions['limits'] {
  const known = new Map(Object.entries(resource));
  const seen = new Set<string>();
  return process.objects('rlimits').map((fields) => {
    const type = fields.needString('type');
    const number = type.startsWith('RLIMIT_') ? known.get(type) : undefined;
    if (number === undefined) return fields.refuse('type', `names no resource limit: ${type}`);
    if (seen.has(type)) return fields.refuse('type', `is there twice: ${type}`);
    seen.add(type);
    // 2^64 - 1 is no limit; what is near it cannot be told apart as a number and means the same.
    const read = (name: string): number => {
      const value = fields.number(name, 2 ** 64) ?? fields.refuse(name, 'is missing');
      return value >= 2 ** 63 ? Infinity : value;
    };
    const soft = read('soft');
    const hard = read('hard');
    return soft > hard ? fields.refuse('soft', 'is above the hard limit') : { resource: number, soft, hard };
  });
}

function environment(process: Fields): Record<string, string> {
  const env: Record<string, string> = Object.create(null);
  for (const [i, text] of process.strings('env').entries()) {
    const at = text.indexOf('=');
    if (at <= 0) process.refuse(`env[${i}]`, `is not NAME=VALUE: ${text}`);
    env[text.slice(0, at)] = text.slice(at + 1);
  }
  return env;
}

function mountOf(fields: Fields, bundle: string): MountSpec {
  const target = fields.absolutePath('destination');
  const options = fields.strings('options');
  const type = fields.string('type') ?? 'none';
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    const known = Object.hasOwn(MOUNT_FLAGS, option) ? MOUNT_FLAGS[option] : undefined;
    if (known !== undefined) flags = (flags | known[0]) & ~known[1];
    else if (!IGNORED_OPTIONS.has(option)) data.push(option);
  }
  const isBind = type === 'bind' || options.includes('bind') || options.includes('rbind');
  if (!isBind) {
    const isFixed = type === 'devpts' || type === 'mqueue' || type === 'cgroup' || type === 'cgroup2';
    const name = fields.string('source') ?? type;
    return { target, source: { kind: 'new', type, data: isFixed ? '' : data.join(','), name }, flags };
  }
  const path = resolve(bundle, fields.needString('source'));
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    return fields.refuse('source', `does not exist: ${path}`);
  return { target, source: { kind: 'host', path, isWritable: (flags & mount.MS_RDONLY) === 0 }, flags };
}

/** What must not be read is covered, what must not be written is bound onto itself (config-linux.md). */
function hidden(linux: Fields | undefined): MountSpec[] {
  if (linux === undefined) return [];
  const masked = linux
    .strings('maskedPaths')
    .map((target) => ({ target, source: { kind: 'mask' } as const, flags: mount.MS_RDONLY }));
  const readonly = linux
    .strings('readonlyPaths')
    .map((target) => ({ target, source: { kind: 'itself' } as const, flags: mount.MS_RDONLY }));
  return [...masked, ...readonly];
}

function rootOf(config: Fields, bundle: string): RootOptions {
  const root = config.object('root') ?? config.refuse('root', 'is missing');
  const path = resolve(bundle, root.needString('path'));
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    return root.refuse('path', `is not a directory: ${path}`);
  return { path, kind: root.boolean('readonly') ? 'read-only' : 'writable' };
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export interface Bundle {
  readonly options: Omit<SandboxOptions, 'stdio' | 'strace' | 'debug' | 'debugLog'>;
  /** process.terminal: it wants a terminal, not just any streams. */
  readonly hasTerminal: boolean;
}

/** Reads and checks a bundle. Throws a ConfigError that names the field. */
export function readBundle(directory: string): Bundle {
  const path = join(directory, 'config.json');
  const config = new Fields(readJson(path), '', path);
  const version = config.needString('ociVersion');
  if (!/^1\.\d+\.\d+([-+].*)?$/.test(version)) config.refuse('ociVersion', `is not one that is known: ${version}`);
  const process = config.object('process') ?? config.refuse('process', 'is missing');
  const argv = process.strings('args');
  if (argv.length === 0 || argv[0] === '') process.refuse('args', 'has no command');
  const user = process.object('user');
  const linux = config.object('linux');
  const hostname = config.string('hostname') ?? 'tsvisor';
  if (Buffer.byteLength(hostname) > MAX_HOSTNAME) config.refuse('hostname', `is longer than ${MAX_HOSTNAME} bytes`);
  return {
    hasTerminal: process.boolean('terminal'),
    options: {
      root: rootOf(config, directory),
      cwd: process.absolutePath('cwd'),
      argv,
      env: environment(process),
      mounts: [...config.objects('mounts').map((fields) => mountOf(fields, directory)), ...hidden(linux)],
      uid: user?.number('uid', MAX_ID) ?? 0,
      gid: user?.number('gid', MAX_ID) ?? 0,
      groups: user?.numbers('additionalGids', MAX_ID) ?? [],
      umask: user?.number('umask', 0o777) ?? 0o022,
      capabilities: capabilities(process),
      hasNoNewPrivileges: process.boolean('noNewPrivileges'),
      limits: limits(process),
      hostname,
      domainname: config.string('domainname') ?? '(none)',
      network: 'none',
    },
  };
}

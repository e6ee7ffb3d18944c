/**
 * An OCI bundle: a directory with config.json and a root file system (OCI runtime specification 1.2, config.md and
 * config-linux.md), turned into a sandbox's options.
 *
 * Namespaces, control groups and seccomp of the configuration are the host's ways of isolation; the sandbox has its own.
 */
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as mount from '../abi/mount.ts';
import { guestOomScore } from '../host/host-process.ts';
import type { ConsoleSize } from '../host/pty.ts';
import { areMapped, type IdMaps } from '../kernel/id-maps.ts';
import type { MemberSpec } from '../sentry/members.ts';
import { readProcess } from '../sentry/process-config.ts';
import type { MountSpec, ProcessOptions, RootOptions, SandboxOptions } from '../sentry/sandbox-options.ts';
import { ConfigError, Fields, parseJson } from '../wire/json-fields.ts';
import { boundsOf, type CgroupOptions, readCgroup } from './cgroup-options.ts';
import { checkConfig } from './config-check.ts';
import { type Hooks, readHooks } from './hooks.ts';
import {
  readDevices,
  readIdMaps,
  readPersonality,
  readSysctls,
  readTimeOffsets,
  type TimeOffset,
} from './linux-options.ts';
import { IGNORED_OPTIONS, MOUNT_FLAGS, PROPAGATION_TYPES } from './mount-options.ts';
import { readSeccomp } from './seccomp-profile.ts';
import { withoutEffect } from './without-effect.ts';

const MAX_HOSTNAME = 64;
const ID_MAPPED: ReadonlySet<string> = new Set(['idmap', 'ridmap']);

/** What is at a path of the host. */
type KindOf = (path: string) => 'directory' | 'other' | null;

const kindOnHost: KindOf = (path) => {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'other';
  } catch {
    return null; // nor is there anything where a name is too long, or no directory on the way
  }
};

/** What is at the path that a field names; the field is named too if nobody can tell. */
function kindAt(kindOf: KindOf, path: string, fields: Fields, name: string): ReturnType<KindOf> {
  try {
    return kindOf(path);
  } catch (error) {
    return fields.refuse(name, `cannot be looked at: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function mountOf(fields: Fields, bundle: string, field: string, kindOf: KindOf): MountSpec {
  const target = fields.absolutePath('destination');
  const options = fields.strings('options');
  const isMapped =
    fields.has('uidMappings') || fields.has('gidMappings') || options.some((each) => ID_MAPPED.has(each));
  if (isMapped) fields.refuse('uidMappings', 'is not there in this kernel: mounts have the owners of the container');
  const type = fields.string('type') ?? 'none';
  let flags = 0;
  const data: string[] = [];
  const propagation: number[] = [];
  for (const option of options) {
    const known = Object.hasOwn(MOUNT_FLAGS, option) ? MOUNT_FLAGS[option] : undefined;
    if (known !== undefined) flags = (flags | known[0]) & ~known[1];
    else if (Object.hasOwn(PROPAGATION_TYPES, option)) propagation.push(PROPAGATION_TYPES[option]);
    else if (!IGNORED_OPTIONS.has(option)) data.push(option);
  }
  const isBind = type === 'bind' || options.includes('bind') || options.includes('rbind');
  if (!isBind) {
    const isFixed = type === 'devpts' || type === 'mqueue' || type === 'cgroup' || type === 'cgroup2';
    const name = fields.string('source') ?? type;
    const isCopied = type === 'tmpfs' && data.includes('tmpcopyup');
    const kept = isFixed ? [] : data.filter((option) => option !== 'tmpcopyup');
    return { field, target, source: { kind: 'new', type, data: kept.join(','), name, isCopied }, flags, propagation };
  }
  const path = resolve(bundle, fields.needString('source'));
  if (kindAt(kindOf, path, fields, 'source') === null) return fields.refuse('source', `does not exist: ${path}`);
  const isWritable = (flags & mount.MS_RDONLY) === 0;
  const isRecursive = options.includes('rbind') || !options.includes('bind');
  return { field, target, source: { kind: 'host', path, isWritable, isRecursive }, flags, propagation };
}

/** What must not be read is covered, what must not be written is bound onto itself (config-linux.md). */
function hidden(linux: Fields | undefined): MountSpec[] {
  if (linux === undefined) return [];
  for (const name of ['maskedPaths', 'readonlyPaths']) {
    const wrong = linux.strings(name).findIndex((path) => !path.startsWith('/'));
    if (wrong >= 0) linux.refuse(`${name}[${wrong}]`, 'is not an absolute path');
  }
  const masked = linux
    .strings('maskedPaths')
    .map((target) => ({ target, source: { kind: 'mask' } as const, flags: mount.MS_RDONLY }));
  const readonly = linux
    .strings('readonlyPaths')
    .map((target) => ({ target, source: { kind: 'itself' } as const, flags: mount.MS_RDONLY }));
  return [...masked, ...readonly];
}

function rootOf(config: Fields, bundle: string, kindOf: KindOf): RootOptions {
  const root = config.object('root') ?? config.refuse('root', 'is missing');
  const path = resolve(bundle, root.needString('path'));
  if (kindAt(kindOf, path, root, 'path') !== 'directory') return root.refuse('path', `is not a directory: ${path}`);
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
    return parseJson(text);
  } catch (error) {
    throw new ConfigError(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Where the sandbox's network is on the host: where we are, in a new network namespace, or in the one at a path. */
export type NetworkPlace =
  | { readonly kind: 'ours' }
  | { readonly kind: 'new' }
  | { readonly kind: 'path'; readonly path: string };

export interface Bundle {
  readonly options: Omit<SandboxOptions, 'network' | 'strace' | 'straceCalls' | 'debug' | 'debugLog'>;
  /** process.terminal: it wants a terminal, not just any streams. */
  readonly hasTerminal: boolean;
  readonly consoleSize: ConsoleSize | null;
  readonly ociVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly hooks: Hooks;
  /** By their types, the path of each or "" for a new one. */
  readonly namespaces: ReadonlyMap<string, string>;
  readonly networkPlace: NetworkPlace;
  readonly timeOffsets: readonly TimeOffset[];
  readonly cgroup: CgroupOptions;
  /** process.oomScoreAdj: for the sentry. */
  readonly oomScoreAdj: number | undefined;
  /** What of it has no effect, for people. */
  readonly warnings: readonly string[];
}

const MAX_CONSOLE = 65535;

function consoleSizeOf(process: Fields): ConsoleSize | null {
  const size = process.object('consoleSize');
  if (size === undefined) return null;
  return { height: size.number('height', MAX_CONSOLE) ?? 0, width: size.number('width', MAX_CONSOLE) ?? 0 };
}

/** A process cannot be somebody who is not there. */
function checkMapped(process: Fields, { uid, gid, groups }: ProcessOptions, maps: IdMaps): void {
  const user = process.object('user') ?? process;
  if (!areMapped(maps, [uid], [])) user.refuse('uid', `has no mapping in linux.uidMappings: ${uid}`);
  if (!areMapped(maps, [], [gid])) user.refuse('gid', `has no mapping in linux.gidMappings: ${gid}`);
  const missing = groups.findIndex((each) => !areMapped(maps, [], [each]));
  if (missing >= 0)
    user.refuse(`additionalGids[${missing}]`, `has no mapping in linux.gidMappings: ${groups[missing]}`);
}

const OOM_SCORE_MAX = 1000;

function oomScoreAdj(process: Fields): number | undefined {
  return process.integer('oomScoreAdj', -OOM_SCORE_MAX, OOM_SCORE_MAX);
}

/** When the group's own limit is hit a guest process is to go and not the sentry, with which all would. */
function guestBounds(process: Fields, { resources }: CgroupOptions): { oomScoreAdj?: number } {
  if ((resources.memory.limit ?? -1) > 0) return { oomScoreAdj: OOM_SCORE_MAX };
  const score = oomScoreAdj(process);
  return score === undefined ? {} : { oomScoreAdj: guestOomScore(score) };
}

const NAMESPACE_TYPES = new Set(['pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time']);

/** By their types, the path of each or "" for a new one. */
function namespacesOf(linux: Fields | undefined): Map<string, string> {
  const seen = new Map<string, string>();
  for (const namespace of linux?.objects('namespaces') ?? []) {
    const type = namespace.needString('type');
    if (!NAMESPACE_TYPES.has(type)) namespace.refuse('type', `names no namespace: ${type}`);
    if (seen.has(type)) namespace.refuse('type', `is there twice: ${type}`);
    const path = namespace.string('path') ?? '';
    if (path !== '' && !path.startsWith('/')) namespace.refuse('path', `is not an absolute path: ${path}`);
    seen.set(type, path);
  }
  return seen;
}

/** The sandbox has all namespaces of its own inside. The network's is looked at, for hooks of others wire it up by our pid. */
function networkPlace(namespaces: ReadonlyMap<string, string>): NetworkPlace {
  const path = namespaces.get('network');
  return path === undefined ? { kind: 'ours' } : path === '' ? { kind: 'new' } : { kind: 'path', path };
}

/** Reads a bundle whose configuration nobody has looked at. Throws a ConfigError that names the field. */
export async function checkBundle(directory: string): Promise<Bundle> {
  const configPath = join(directory, 'config.json');
  return checkedBundle(directory, readJson(configPath), configPath);
}

/** @param name what the document is called in messages */
export async function checkedBundle(directory: string, document: unknown, name: string): Promise<Bundle> {
  await checkConfig(document, name);
  return bundleOf(directory, new Fields(document, '', name));
}

/**
 * Reads a bundle whose configuration has been checked before.
 * @param configPath where the configuration is
 */
export function readBundle(directory: string, configPath: string): Bundle {
  return bundleOf(directory, new Fields(readJson(configPath), '', configPath));
}

/**
 * Reads a configuration where nothing of the host can be looked at: whoever sent it has checked it and opened what it names.
 * @param text of config.json
 */
export function readMember(text: string, directory: string): MemberSpec {
  const config = new Fields(parseJson(text), '', 'config.json');
  const { options, hasTerminal, hooks } = bundleOf(directory, config, () => 'directory');
  return { options, hasTerminal, startHooks: hooks.startContainer };
}

function bundleOf(directory: string, config: Fields, kindOf: KindOf = kindOnHost): Bundle {
  const version = config.needString('ociVersion');
  if (!/^1\.\d+\.\d+([-+].*)?$/.test(version)) config.refuse('ociVersion', `is not one that is known: ${version}`);
  const process = config.object('process') ?? config.refuse('process', 'is missing');
  const linux = config.object('linux');
  const cgroup = readCgroup(linux);
  const devices = readDevices(linux);
  const namespaces = namespacesOf(linux);
  const idMaps = readIdMaps(linux);
  const own = readProcess(process);
  if (idMaps !== null) checkMapped(process, own, idMaps);
  const hostname = config.string('hostname') ?? 'tsvisor';
  if (Buffer.byteLength(hostname) > MAX_HOSTNAME) config.refuse('hostname', `is longer than ${MAX_HOSTNAME} bytes`);
  return {
    hasTerminal: process.boolean('terminal'),
    consoleSize: consoleSizeOf(process),
    ociVersion: version,
    annotations: config.stringMap('annotations'),
    hooks: readHooks(config),
    namespaces,
    networkPlace: networkPlace(namespaces),
    timeOffsets: readTimeOffsets(linux, namespaces),
    cgroup,
    oomScoreAdj: oomScoreAdj(process),
    warnings: withoutEffect(config, devices),
    options: {
      ...own,
      bounds: { ...boundsOf(cgroup.resources), ...guestBounds(process, cgroup) },
      root: rootOf(config, directory, kindOf),
      mounts: [
        ...config.objects('mounts').map((fields, i) => mountOf(fields, directory, `mounts[${i}]`, kindOf)),
        ...hidden(linux),
      ],
      hostname,
      domainname: config.string('domainname') ?? '(none)',
      seccomp: readSeccomp(linux),
      personality: readPersonality(linux),
      devices,
      rootPropagation: PROPAGATION_TYPES[linux?.string('rootfsPropagation') ?? ''] ?? 0,
      sysctls: readSysctls(linux),
      idMaps,
    },
  };
}

/** Flags before the verb that are about the runtime, not the verb: runc's and gVisor's, as container engines give them. */
import { join, resolve } from 'node:path';
import { isRootless } from '../host/rootless.ts';
import { type FlagShapes, GLOBAL_FLAGS, isGiven, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import { setLog, warn } from './log.ts';

/** What gVisor's and runc's flags of these names choose is not a choice here. */
const WITHOUT_EFFECT = {
  ...flags('string', [
    'alsologtostderr-format',
    'cpu-num-from-quota-min',
    'criu',
    'debug-log-format',
    'file-access',
    'file-access-mounts',
    'host-fifo',
    'host-settings',
    'host-uds',
    'nvproxy-allowed-driver-capabilities',
    'nvproxy-driver-version',
    'overlay2',
    'panic-log',
    'panic-signal',
    'pcap-log',
    'platform',
    'platform_device_path',
    'pod-init-config',
    'qdisc',
    'ref-leak-mode',
    'num-network-channels',
    'num-network-channels-pinned',
    'metric-server',
    'watchdog-action',
    'xdp',
  ]),
  ...flags('boolean', [
    'allow-packet-socket-write',
    'allow-flag-override',
    'alsologtostderr',
    'buffer-pooling',
    'cpu-num-from-quota',
    'dcache',
    'directfs',
    'enable-core-tags',
    'enable-raw',
    'fuse',
    'gso',
    'lisafs',
    'log-packets',
    'net-raw',
    'nvproxy',
    'oci-seccomp',
    'overlay',
    'profile',
    'rx-checksum-offload',
    'software-gso',
    'tx-checksum-offload',
    'vfs2',
  ]),
} as const satisfies FlagShapes;

export const RUNTIME_FLAGS = {
  ...GLOBAL_FLAGS,
  ...WITHOUT_EFFECT,
  root: { type: 'string' },
  log: { type: 'string' },
  'log-format': { type: 'string' },
  network: { type: 'string' },
  rootless: { type: 'string' },
  'systemd-cgroup': { type: 'boolean' },
  'ignore-cgroups': { type: 'boolean' },
  version: { type: 'boolean', short: 'v' },
} as const satisfies FlagShapes;

function flags<T extends 'string' | 'boolean'>(type: T, names: readonly string[]): Record<string, { type: T }> {
  return Object.fromEntries(names.map((name) => [name, { type }]));
}

/** What the runtime's flags come to. */
export interface Settings {
  /** Where containers are kept; absolute. */
  readonly root: string;
  readonly strace: boolean;
  readonly debug: boolean;
  readonly debugLog: string | undefined;
  readonly hasSystemdCgroups: boolean;
  readonly ignoresCgroups: boolean;
}

function defaultRoot(): string {
  const { XDG_RUNTIME_DIR } = process.env;
  return XDG_RUNTIME_DIR && isRootless() ? join(XDG_RUNTIME_DIR, 'runsc') : '/run/runsc';
}

/** Sets up the log first, so that what is wrong with the rest gets there too. */
export function readSettings(globals: Parsed, own: Parsed): Settings {
  const all: Parsed = { flags: [...globals.flags, ...own.flags], rest: own.rest };
  const format = lastValue(globals, 'log-format') ?? 'text';
  if (format !== 'text' && format !== 'json') throw new UsageError(`--log-format is neither text nor json: ${format}`);
  const log = lastValue(globals, 'log');
  setLog(log === undefined || log === '' ? undefined : resolve(log), format);
  for (const { name } of globals.flags) {
    if (Object.hasOwn(WITHOUT_EFFECT, name)) warn(`--${name} changes nothing here`);
  }
  const network = lastValue(globals, 'network') ?? 'none';
  if (network === 'host' || network === 'sandbox') {
    warn(`--network=${network} is not there yet: the container has a loopback interface only`);
  } else if (network !== 'none') throw new UsageError(`--network is none of none, sandbox, host: ${network}`);
  const rootless = lastValue(globals, 'rootless') ?? 'auto';
  if (!['true', 'false', 'auto'].includes(rootless)) {
    throw new UsageError(`--rootless is none of true, false, auto: ${rootless}`);
  }
  const debugLog = lastValue(all, 'debug-log');
  return {
    root: resolve(lastValue(globals, 'root') ?? defaultRoot()),
    strace: isGiven(all, 'strace'),
    debug: isGiven(all, 'debug'),
    debugLog: debugLog === undefined ? undefined : resolve(debugLog),
    hasSystemdCgroups: isGiven(globals, 'systemd-cgroup'),
    ignoresCgroups: isGiven(globals, 'ignore-cgroups'),
  };
}

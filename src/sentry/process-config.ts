/** The `process` object of an OCI configuration (config.md, "Process"; config-linux.md), for the first process and for `exec`. */
import * as capability from '../abi/capability.ts';
import * as resource from '../abi/resource.ts';
import { type CapabilitySet, capabilitySetOf, NO_CAPABILITIES } from '../kernel/capability-set.ts';
import type { Fields } from '../wire/json-fields.ts';
import { readAttributes } from './process-attributes.ts';
import type { CapabilitySets, LimitOptions, ProcessOptions } from './sandbox-options.ts';

export const MAX_ID = 0xfffffffe;

export function capabilitySet(names: readonly string[], fields: Fields, field: string): CapabilitySet {
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

function limits(process: Fields): LimitOptions[] {
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

export function environment(process: Fields): Record<string, string> {
  const env: Record<string, string> = Object.create(null);
  for (const [i, text] of process.strings('env').entries()) {
    const at = text.indexOf('=');
    if (at <= 0) process.refuse(`env[${i}]`, `is not NAME=VALUE: ${text}`);
    env[text.slice(0, at)] = text.slice(at + 1);
  }
  return env;
}

/** What has no meaning here is to be what the specification says all the same. */
function checkOthers(process: Fields): void {
  process.boolean('terminal');
  const size = process.object('consoleSize');
  for (const name of ['height', 'width'])
    if (size?.number(name, MAX_ID) === undefined) size?.refuse(name, 'is missing');
  for (const name of ['apparmorProfile', 'selinuxLabel', 'commandLine']) process.string(name);
  process.object('user')?.string('username');
}

/** Throws a ConfigError that names the field. */
export function readProcess(process: Fields): ProcessOptions {
  const argv = process.strings('args');
  if (argv.length === 0 || argv[0] === '') process.refuse('args', 'has no command');
  const user = process.object('user');
  checkOthers(process);
  return {
    argv,
    cwd: process.absolutePath('cwd'),
    env: environment(process),
    uid: user?.number('uid', MAX_ID) ?? 0,
    gid: user?.number('gid', MAX_ID) ?? 0,
    groups: user?.numbers('additionalGids', MAX_ID) ?? [],
    umask: user?.number('umask', 0o777) ?? 0o022,
    capabilities: capabilities(process),
    hasNoNewPrivileges: process.boolean('noNewPrivileges'),
    limits: limits(process),
    attributes: readAttributes(process),
  };
}

/** Pieces of `linux` in a configuration (config-linux.md): devices, kernel parameters, id mappings, personality, time offsets. */
import { MAX_MAJOR, MAX_MINOR, makeRdev } from '../abi/device.ts';
import { PER_LINUX32 } from '../abi/personality.ts';
import { S_IFBLK, S_IFCHR, S_IFIFO } from '../abi/stat.ts';
import type { IdMap, IdMaps } from '../kernel/id-maps.ts';
import type { DeviceSpec, SysctlSpec } from '../sentry/sandbox-options.ts';
import type { Fields } from '../wire/json-fields.ts';

const MAX_ID = 0xfffffffe;
const ALL_IDS = 2 ** 32 - 1;
/** Linux: UID_GID_MAP_MAX_EXTENTS. */
const MAX_EXTENTS = 340;
const DEFAULT_DEVICE_MODE = 0o666;
const DEVICE_TYPES: Readonly<Record<string, number>> = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO };
/** A parameter's name in either form, none of whose parts leads elsewhere. */
const SYSCTL_NAME = /^[\w-]+([./][\w.@:-]*[\w-])*$/;

export function readDevices(linux: Fields | undefined): DeviceSpec[] {
  return (linux?.objects('devices') ?? []).map((fields, i) => {
    const type = fields.needString('type');
    const kind = DEVICE_TYPES[type] ?? fields.refuse('type', `is no kind of device: ${type}`);
    const isPipe = kind === S_IFIFO;
    const number = (name: string, max: number): number =>
      isPipe ? 0 : (fields.number(name, max) ?? fields.refuse(name, 'is missing'));
    return {
      field: `linux.devices[${i}]`,
      path: fields.absolutePath('path'),
      mode: kind | ((fields.number('fileMode', 0o177777) ?? DEFAULT_DEVICE_MODE) & 0o7777),
      rdev: makeRdev(number('major', MAX_MAJOR), number('minor', MAX_MINOR)),
      uid: fields.number('uid', MAX_ID) ?? 0,
      gid: fields.number('gid', MAX_ID) ?? 0,
    };
  });
}

/** "net.ipv4.ip_forward", or with slashes, in which case dots are dots (sysctl(8)). */
function sysctlPath(name: string): string {
  const isDotted = /^[^./]*\./.test(name);
  return isDotted ? name.replace(/[./]/g, (each) => (each === '.' ? '/' : '.')) : name;
}

export function readSysctls(linux: Fields | undefined): SysctlSpec[] {
  return Object.entries(linux?.stringMap('sysctl') ?? {}).map(([name, value]) => {
    const field = `sysctl[${JSON.stringify(name)}]`;
    if (!SYSCTL_NAME.test(name) || name.includes('..')) linux?.refuse(field, 'is no name of a kernel parameter');
    return { field: `linux.${field}`, path: sysctlPath(name), value };
  });
}

function readMap(linux: Fields | undefined, name: string): IdMap {
  const ranges = (linux?.objects(name) ?? []).map((fields) => {
    const read = (field: string): number => fields.number(field, ALL_IDS) ?? fields.refuse(field, 'is missing');
    const range = { inside: read('containerID'), outside: read('hostID'), size: read('size') };
    if (range.size === 0 || Math.max(range.inside, range.outside) + range.size > ALL_IDS) {
      fields.refuse('size', `is none that fits: ${range.size}`);
    }
    return range;
  });
  if (ranges.length > MAX_EXTENTS) linux?.refuse(name, `has more than ${MAX_EXTENTS} ranges`);
  for (const key of ['inside', 'outside'] as const) {
    const sorted = [...ranges].sort((a, b) => a[key] - b[key]);
    const clash = sorted.findIndex((range, i) => i > 0 && sorted[i - 1][key] + sorted[i - 1].size > range[key]);
    if (clash > 0) linux?.refuse(`${name}[${ranges.indexOf(sorted[clash])}]`, 'overlaps another range');
  }
  return ranges;
}

/** None where everybody is who he is. */
export function readIdMaps(linux: Fields | undefined): IdMaps | null {
  const maps = { uids: readMap(linux, 'uidMappings'), gids: readMap(linux, 'gidMappings') };
  if (maps.uids.length === 0 && maps.gids.length === 0) return null;
  if (maps.uids.length === 0) linux?.refuse('uidMappings', 'is missing where gidMappings is given');
  if (maps.gids.length === 0) linux?.refuse('gidMappings', 'is missing where uidMappings is given');
  return maps;
}

/** PER_LINUX and PER_LINUX32 of personality(2); the specification has no flags yet. */
export function readPersonality(linux: Fields | undefined): number {
  const fields = linux?.object('personality');
  const [flag] = fields?.strings('flags') ?? [];
  if (flag !== undefined) fields?.refuse('flags[0]', `is none that is known: ${flag}`);
  return fields?.string('domain') === 'LINUX32' ? PER_LINUX32 : 0;
}

/** How far one of the sandbox's clocks is from the host's. */
export interface TimeOffset {
  /** As timens_offsets has it (time_namespaces(7)). */
  readonly clock: 'monotonic' | 'boottime';
  readonly secs: number;
  readonly nanosecs: number;
}

/** Beyond it Linux lets no clock come (proc_timens_set_offset). */
const MAX_CLOCK_SECS = 4_611_686_018;

/** Those that are not 0. */
export function readTimeOffsets(linux: Fields | undefined, namespaces: ReadonlyMap<string, string>): TimeOffset[] {
  const offsets = linux?.object('timeOffsets');
  if (offsets === undefined) return [];
  return offsets.names.flatMap((clock) => {
    if (clock !== 'monotonic' && clock !== 'boottime') return offsets.refuse(clock, 'is no clock that has an offset');
    const fields = offsets.object(clock);
    const secs = fields?.integer('secs', -MAX_CLOCK_SECS, MAX_CLOCK_SECS) ?? 0;
    const nanosecs = fields?.number('nanosecs', 999_999_999) ?? 0;
    if (secs === 0 && nanosecs === 0) return [];
    if (namespaces.get('time') !== '')
      offsets.refuse(clock, 'is not 0, and linux.namespaces has no new time namespace');
    return [{ clock, secs, nanosecs }];
  });
}

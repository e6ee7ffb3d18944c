/** linux.cgroupsPath and linux.resources of a configuration (config-linux.md, "Control groups"). */
import type { Fields } from '../wire/json-fields.ts';

export interface Resources {
  readonly memory: {
    /** Bytes; -1 for no limit. */
    readonly limit?: number | undefined;
    readonly reservation?: number | undefined;
    /** Memory and swap together. */
    readonly swap?: number | undefined;
  };
  readonly cpu: {
    readonly shares?: number | undefined;
    /** Microseconds per period; -1 for no limit. */
    readonly quota?: number | undefined;
    readonly period?: number | undefined;
    readonly cpus?: string | undefined;
    readonly mems?: string | undefined;
  };
  readonly pids: { readonly limit?: number | undefined };
  /** Files of a v2 control group, as they are. */
  readonly unified: Readonly<Record<string, string>>;
}

export interface CgroupOptions {
  /** As given: a path, or SLICE:PREFIX:NAME for systemd; undefined leaves the choice to us. */
  readonly path: string | undefined;
  readonly resources: Resources;
}

/** int64 and uint64 values are near enough as numbers; "no limit" is written as -1 or the greatest number. */
function limitOf(fields: Fields | undefined, name: string): number | undefined {
  return fields?.integer(name, -1, 2 ** 64);
}

export function readResources(resources: Fields | undefined): Resources {
  const memory = resources?.object('memory');
  const cpu = resources?.object('cpu');
  return {
    memory: {
      limit: limitOf(memory, 'limit'),
      reservation: limitOf(memory, 'reservation'),
      swap: limitOf(memory, 'swap'),
    },
    cpu: {
      shares: limitOf(cpu, 'shares'),
      quota: limitOf(cpu, 'quota'),
      period: limitOf(cpu, 'period'),
      cpus: cpu?.string('cpus'),
      mems: cpu?.string('mems'),
    },
    pids: { limit: limitOf(resources?.object('pids'), 'limit') },
    unified: resources?.stringMap('unified') ?? {},
  };
}

export function readCgroup(linux: Fields | undefined): CgroupOptions {
  const path = linux?.string('cgroupsPath');
  return { path: path === '' ? undefined : path, resources: readResources(linux?.object('resources')) };
}

/** linux.cgroupsPath and linux.resources of a configuration (config-linux.md, "Control groups"). */
import type { SandboxBounds } from '../sentry/sandbox-options.ts';
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

/** Whether anything is asked of the host's control groups at all. */
export function wantsCgroup({ path, resources: { memory, cpu, pids, unified } }: CgroupOptions): boolean {
  const values = [...Object.values(memory), ...Object.values(cpu), ...Object.values(pids), ...Object.values(unified)];
  return path !== undefined || values.some((value) => value !== undefined);
}

const DEFAULT_PERIOD_US = 100_000;

/** The same limits as they are seen and enforced inside the sandbox. */
export function boundsOf({ memory, cpu, pids }: Resources): SandboxBounds {
  const { quota, period } = cpu;
  const isLimited = (limit: number | undefined): limit is number => limit !== undefined && limit > 0 && limit < 2 ** 53;
  return {
    ...(isLimited(memory.limit) ? { memoryBytes: memory.limit } : {}),
    // A program that makes a thread for each CPU it sees is to make as many as it can use.
    ...(isLimited(quota) ? { cpus: Math.ceil(quota / (isLimited(period) ? period : DEFAULT_PERIOD_US)) } : {}),
    ...(isLimited(pids.limit) ? { tasks: pids.limit } : {}),
  };
}

/** linux.cgroupsPath and linux.resources of a configuration (config-linux.md, "Control groups"). */

import type { SandboxBounds } from '../sentry/sandbox-options.ts';
import type { Fields } from '../wire/json-fields.ts';
import { v1Files, v2Files } from './cgroup-files.ts';

/** Of a block device, MAJOR:MINOR. */
export interface DeviceRate {
  readonly device: string;
  readonly rate: number;
}

export interface BlockLimits {
  readonly weight: number | undefined;
  readonly leafWeight: number | undefined;
  readonly weightDevice: readonly {
    readonly device: string;
    readonly weight: number | undefined;
    readonly leafWeight: number | undefined;
  }[];
  readonly readBps: readonly DeviceRate[];
  readonly writeBps: readonly DeviceRate[];
  readonly readIops: readonly DeviceRate[];
  readonly writeIops: readonly DeviceRate[];
}

export interface Resources {
  readonly memory: {
    /** Bytes; -1 for no limit. */
    readonly limit?: number | undefined;
    readonly reservation?: number | undefined;
    /** Memory and swap together. */
    readonly swap?: number | undefined;
    readonly swappiness?: number | undefined;
    readonly isOomKillerDisabled: boolean;
  };
  readonly cpu: {
    readonly shares?: number | undefined;
    /** Microseconds per period; -1 for no limit. */
    readonly quota?: number | undefined;
    readonly period?: number | undefined;
    readonly cpus?: string | undefined;
    readonly mems?: string | undefined;
    readonly burst?: number | undefined;
    readonly realtimeRuntime?: number | undefined;
    readonly realtimePeriod?: number | undefined;
    readonly idle?: number | undefined;
  };
  readonly pids: { readonly limit?: number | undefined };
  readonly block: BlockLimits;
  readonly hugepages: readonly { readonly size: string; readonly limit: number }[];
  readonly network: {
    readonly classId: number | undefined;
    readonly priorities: readonly { readonly name: string; readonly priority: number }[];
  };
  readonly rdma: readonly {
    readonly name: string;
    readonly handles: number | undefined;
    readonly objects: number | undefined;
  }[];
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

const MAX_U64 = 2 ** 64;
const MAX_U32 = 0xffffffff;
const MAX_WEIGHT = 1000;
const MIN_WEIGHT = 10;
/** Names of interfaces and RDMA devices, and files of a control group: one word each. */
const WORD = /^[\w.:@-]+$/;

function word(fields: Fields, name: string): string {
  const text = fields.needString(name);
  return WORD.test(text) ? text : fields.refuse(name, `is no name: ${text}`);
}

function deviceOf(fields: Fields): string {
  const [major, minor] = ['major', 'minor'].map(
    (name) => fields.number(name, MAX_U32) ?? fields.refuse(name, 'is missing'),
  );
  return `${major}:${minor}`;
}

/** 10 to 1000; 0 is none. */
function blockWeight(fields: Fields | undefined, name: string): number | undefined {
  const weight = fields?.number(name, MAX_WEIGHT);
  if (weight === undefined || weight === 0) return undefined;
  return weight < MIN_WEIGHT ? fields?.refuse(name, `is not from ${MIN_WEIGHT} to ${MAX_WEIGHT}: ${weight}`) : weight;
}

function readBlock(block: Fields | undefined): BlockLimits {
  const rates = (name: string): DeviceRate[] =>
    (block?.objects(name) ?? []).map((fields) => ({
      device: deviceOf(fields),
      rate: fields.number('rate', MAX_U64) ?? fields.refuse('rate', 'is missing'),
    }));
  return {
    weight: blockWeight(block, 'weight'),
    leafWeight: blockWeight(block, 'leafWeight'),
    weightDevice: (block?.objects('weightDevice') ?? []).map((fields) => ({
      device: deviceOf(fields),
      weight: blockWeight(fields, 'weight'),
      leafWeight: blockWeight(fields, 'leafWeight'),
    })),
    readBps: rates('throttleReadBpsDevice'),
    writeBps: rates('throttleWriteBpsDevice'),
    readIops: rates('throttleReadIOPSDevice'),
    writeIops: rates('throttleWriteIOPSDevice'),
  };
}

function readRdma(rdma: Fields | undefined): Resources['rdma'] {
  return (rdma?.names ?? []).map((name) => {
    const fields = rdma?.object(name);
    if (!WORD.test(name)) rdma?.refuse(JSON.stringify(name), 'is no name of a device');
    const handles = fields?.number('hcaHandles', MAX_U32);
    const objects = fields?.number('hcaObjects', MAX_U32);
    if (handles === undefined && objects === undefined) rdma?.refuse(name, 'has neither hcaHandles nor hcaObjects');
    return { name, handles, objects };
  });
}

function readUnified(resources: Fields | undefined): Record<string, string> {
  const unified = resources?.stringMap('unified') ?? {};
  const wrong = Object.keys(unified).find((name) => !WORD.test(name) || name.startsWith('.'));
  if (wrong !== undefined) resources?.refuse(`unified[${JSON.stringify(wrong)}]`, 'is no file of a control group');
  return unified;
}

export function readResources(resources: Fields | undefined): Resources {
  const memory = resources?.object('memory');
  const cpu = resources?.object('cpu');
  const network = resources?.object('network');
  return {
    memory: {
      limit: limitOf(memory, 'limit'),
      reservation: limitOf(memory, 'reservation'),
      swap: limitOf(memory, 'swap'),
      swappiness: memory?.number('swappiness', 100),
      isOomKillerDisabled: memory?.boolean('disableOOMKiller') ?? false,
    },
    cpu: {
      shares: limitOf(cpu, 'shares'),
      quota: limitOf(cpu, 'quota'),
      period: limitOf(cpu, 'period'),
      cpus: cpu?.string('cpus'),
      mems: cpu?.string('mems'),
      burst: cpu?.number('burst', MAX_U64),
      realtimeRuntime: limitOf(cpu, 'realtimeRuntime'),
      realtimePeriod: cpu?.number('realtimePeriod', MAX_U64),
      idle: cpu?.number('idle', 1),
    },
    pids: { limit: limitOf(resources?.object('pids'), 'limit') },
    block: readBlock(resources?.object('blockIO')),
    hugepages: (resources?.objects('hugepageLimits') ?? []).map((fields) => ({
      size: word(fields, 'pageSize'),
      limit: fields.number('limit', MAX_U64) ?? fields.refuse('limit', 'is missing'),
    })),
    network: {
      classId: network?.number('classID', MAX_U32),
      priorities: (network?.objects('priorities') ?? []).map((fields) => ({
        name: word(fields, 'name'),
        priority: fields.number('priority', MAX_U32) ?? fields.refuse('priority', 'is missing'),
      })),
    },
    rdma: readRdma(resources?.object('rdma')),
    unified: readUnified(resources),
  };
}

export function readCgroup(linux: Fields | undefined): CgroupOptions {
  const path = linux?.string('cgroupsPath');
  return { path: path === '' ? undefined : path, resources: readResources(linux?.object('resources')) };
}

/** Whether anything is asked of the host's control groups at all. */
export function wantsCgroup({ path, resources }: CgroupOptions): boolean {
  return path !== undefined || v1Files(resources).length > 0 || v2Files(resources).length > 0;
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

/** linux.resources (config-linux.md, "Control groups"). */
import {
  boolean,
  int64,
  limit,
  list,
  map,
  matching,
  object,
  oneOf,
  type Schema,
  shared,
  string,
  uint16,
  uint32,
  uint64,
} from './types.ts';

/** The same numbers in all lists of block devices; each list requires what it is about. */
const deviceRates = list(object({ major: int64, minor: int64, rate: uint64 }, 'major', 'minor', 'rate'));

export const resourcesSchema: Schema = {
  $id: 'resources',
  definitions: { deviceRates },
  ...object({
    devices: list(
      object(
        { allow: boolean, type: oneOf('a', 'b', 'c'), major: int64, minor: int64, access: matching('^[rwm]*$') },
        'allow',
      ),
    ),
    memory: object({
      limit,
      reservation: limit,
      swap: limit,
      kernel: limit,
      kernelTCP: limit,
      swappiness: { type: 'integer', minimum: 0, maximum: 100 },
      disableOOMKiller: boolean,
      useHierarchy: boolean,
      checkBeforeUpdate: boolean,
    }),
    cpu: object({
      shares: uint64,
      quota: limit,
      burst: uint64,
      period: uint64,
      realtimeRuntime: limit,
      realtimePeriod: uint64,
      cpus: string,
      mems: string,
      idle: { type: 'integer', minimum: 0, maximum: 1 },
    }),
    pids: object({ limit }, 'limit'),
    blockIO: object({
      weight: uint16,
      leafWeight: uint16,
      weightDevice: list(object({ major: int64, minor: int64, weight: uint16, leafWeight: uint16 }, 'major', 'minor')),
      throttleReadBpsDevice: shared('deviceRates'),
      throttleWriteBpsDevice: shared('deviceRates'),
      throttleReadIOPSDevice: shared('deviceRates'),
      throttleWriteIOPSDevice: shared('deviceRates'),
    }),
    hugepageLimits: list(object({ pageSize: matching('^[1-9][0-9]*[KMG]B$'), limit: uint64 }, 'pageSize', 'limit')),
    network: object({
      classID: uint32,
      priorities: list(object({ name: string, priority: uint32 }, 'name', 'priority')),
    }),
    rdma: map(object({ hcaHandles: uint32, hcaObjects: uint32 })),
    unified: map(string),
  }),
};

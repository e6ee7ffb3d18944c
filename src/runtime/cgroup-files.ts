/** The files of the host's control groups that linux.resources stands for (Documentation/admin-guide/cgroup-v1 and cgroup-v2). */
import type { BlockLimits, DeviceRate, Resources } from './cgroup-options.ts';

/** A file and what is written to it. */
export type CgroupFile = readonly [string, string];
type Given = readonly [string, number | string | undefined];

/** Tasks of the sentry itself and of the zygote, which a limit on the guest's tasks does not mean. */
const OWN_TASKS = 64;

/** What is 0 or empty was left out by an encoder that has no other word for it. */
function given(files: readonly Given[]): CgroupFile[] {
  return files
    .filter(([, value]) => value !== undefined && value !== 0 && value !== '')
    .map(([file, value]) => [file, String(value)]);
}

function orMax(value: number | undefined): number | string | undefined {
  return value !== undefined && value < 0 ? 'max' : value;
}

/**
 * The sentry keeps the limit itself, exactly. The host's stands behind it and must not be met first: a guest's process that has
 * ended may be there a little longer on the host, beside the one that took its place.
 */
function pidsMax(limit: number | undefined): number | string | undefined {
  return limit === undefined || limit === 0 ? undefined : limit < 0 ? 'max' : 2 * limit + OWN_TASKS;
}

/** 2..262144 of v1 onto 1..10000 of v2, as all runtimes do it. */
function weightOf(shares: number | undefined): number | undefined {
  return shares === undefined || shares === 0 ? undefined : Math.floor(1 + ((shares - 2) * 9999) / 262142);
}

/** 10..1000 of blkio onto 1..10000 of io, as all runtimes do it. */
function ioWeightOf(weight: number | undefined): number | undefined {
  return weight === undefined || weight === 0 ? undefined : Math.floor(1 + ((weight - 10) * 9999) / 990);
}

function rateLines(file: string, rates: readonly DeviceRate[]): Given[] {
  return rates.map(({ device, rate }) => [file, `${device} ${rate}`]);
}

function blkioFiles(block: BlockLimits): Given[] {
  return [
    ['blkio.weight', block.weight],
    ['blkio.leaf_weight', block.leafWeight],
    ...block.weightDevice.flatMap(({ device, weight, leafWeight }): Given[] => [
      ['blkio.weight_device', weight === undefined ? undefined : `${device} ${weight}`],
      ['blkio.leaf_weight_device', leafWeight === undefined ? undefined : `${device} ${leafWeight}`],
    ]),
    ...rateLines('blkio.throttle.read_bps_device', block.readBps),
    ...rateLines('blkio.throttle.write_bps_device', block.writeBps),
    ...rateLines('blkio.throttle.read_iops_device', block.readIops),
    ...rateLines('blkio.throttle.write_iops_device', block.writeIops),
  ];
}

function ioFiles(block: BlockLimits): Given[] {
  const max = (key: string, rates: readonly DeviceRate[]): Given[] =>
    rates.map(({ device, rate }) => ['io.max', `${device} ${key}=${rate === 0 ? 'max' : rate}`]);
  const weight = ioWeightOf(block.weight);
  return [
    ['io.weight', weight === undefined ? undefined : `default ${weight}`],
    ...block.weightDevice.map(({ device, weight: each }): Given => {
      const wanted = ioWeightOf(each);
      return ['io.weight', wanted === undefined ? undefined : `${device} ${wanted}`];
    }),
    ...max('rbps', block.readBps),
    ...max('wbps', block.writeBps),
    ...max('riops', block.readIops),
    ...max('wiops', block.writeIops),
  ];
}

function rdmaFiles({ rdma }: Resources): Given[] {
  return rdma.map(({ name, handles, objects }) => [
    'rdma.max',
    `${name}${handles === undefined ? '' : ` hca_handle=${handles}`}${objects === undefined ? '' : ` hca_object=${objects}`}`,
  ]);
}

/** The values to write for a v1 hierarchy, by file. */
export function v1Files(resources: Resources): CgroupFile[] {
  const { memory, cpu, pids, block, hugepages, network } = resources;
  return given([
    ['memory.limit_in_bytes', memory.limit],
    ['memory.soft_limit_in_bytes', memory.reservation],
    ['memory.memsw.limit_in_bytes', memory.swap],
    ['memory.swappiness', memory.swappiness === undefined ? undefined : String(memory.swappiness)],
    ['memory.oom_control', memory.isOomKillerDisabled ? 1 : undefined],
    ['cpu.shares', cpu.shares],
    ['cpu.cfs_period_us', cpu.period],
    ['cpu.cfs_quota_us', cpu.quota],
    ['cpu.cfs_burst_us', cpu.burst],
    ['cpu.rt_period_us', cpu.realtimePeriod],
    ['cpu.rt_runtime_us', cpu.realtimeRuntime],
    ['cpu.idle', cpu.idle],
    ['cpuset.cpus', cpu.cpus],
    ['cpuset.mems', cpu.mems],
    ['pids.max', pidsMax(pids.limit)],
    ...blkioFiles(block),
    ...hugepages.map(({ size, limit }): Given => [`hugetlb.${size}.limit_in_bytes`, String(limit)]),
    ['net_cls.classid', network.classId],
    ...network.priorities.map(({ name, priority }): Given => ['net_prio.ifpriomap', `${name} ${priority}`]),
    ...rdmaFiles(resources),
  ]);
}

export function v2Files(resources: Resources): CgroupFile[] {
  const { memory, cpu, pids, unified, block, hugepages } = resources;
  const { limit, swap } = memory;
  const onlySwap = swap === undefined || swap < 0 || limit === undefined ? swap : swap - limit;
  return given([
    ['memory.max', orMax(limit)],
    ['memory.low', memory.reservation],
    ['memory.swap.max', orMax(onlySwap)],
    ['cpu.weight', weightOf(cpu.shares)],
    ['cpu.max', cpu.quota === undefined ? undefined : `${orMax(cpu.quota)} ${cpu.period ?? 100000}`],
    ['cpu.max.burst', cpu.burst],
    ['cpu.idle', cpu.idle],
    ['cpuset.cpus', cpu.cpus],
    ['cpuset.mems', cpu.mems],
    ['pids.max', pidsMax(pids.limit)],
    ...ioFiles(block),
    ...hugepages.map(({ size, limit: bytes }): Given => [`hugetlb.${size}.max`, String(bytes)]),
    ...rdmaFiles(resources),
    ...Object.entries(unified),
  ]);
}

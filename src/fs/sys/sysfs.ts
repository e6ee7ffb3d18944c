/** The sysfs file system (sysfs(5)): what programs read to size themselves, and empty directories for the rest. */

import { cpuMask, cpuRange, kilobytes } from '../proc/format.ts';
import { dir } from '../pseudo/pseudo-directory.ts';
import { type Node, PseudoFileSystem } from '../pseudo/pseudo-file-system.ts';
import { textFile } from '../pseudo/text-file.ts';

const SYSFS_MAGIC = 0x62656572;

export interface SysfsOptions {
  readonly dev: number;
  readonly bootTimeSec: number;
  readonly cpuCount: number;
  readonly memoryTotal: number;
  readonly freeMemory: () => number;
}

function attribute(produce: () => string | number): Node {
  return textFile({ produce: () => `${produce()}\n`, permissions: 0o444, size: 4096 });
}

function fixed(value: string | number): Node {
  return attribute(() => value);
}

function cpuDirectory(count: number): Node {
  const entries: Record<string, Node> = {
    isolated: fixed(''),
    kernel_max: fixed(8191),
    modalias: fixed('cpu:type:x86'),
    offline: fixed(''),
    online: fixed(cpuRange(count)),
    possible: fixed(cpuRange(count)),
    present: fixed(cpuRange(count)),
    smt: dir({ active: fixed(0), control: fixed('notsupported') }),
    vulnerabilities: dir({}),
  };
  for (let i = 0; i < count; i++) {
    const own = maskOfCpu(i);
    entries[`cpu${i}`] = dir({
      ...(i > 0 ? { online: fixed(1) } : {}),
      cache: dir({}),
      topology: dir({
        core_cpus: fixed(own),
        core_cpus_list: fixed(i),
        core_id: fixed(i),
        core_siblings: fixed(cpuMask(count)),
        core_siblings_list: fixed(cpuRange(count)),
        package_cpus: fixed(cpuMask(count)),
        package_cpus_list: fixed(cpuRange(count)),
        physical_package_id: fixed(0),
        thread_siblings: fixed(own),
        thread_siblings_list: fixed(i),
      }),
    });
  }
  return dir(entries, 0o755);
}

/** A mask with the one bit of CPU `cpu`, in groups of 32. */
function maskOfCpu(cpu: number): string {
  const groups = [(2 ** (cpu % 32)).toString(16)];
  for (let i = cpu >> 5; i > 0; i--) groups.push('00000000');
  return groups.join(',');
}

function nodeDirectory(options: SysfsOptions): Node {
  const { cpuCount, memoryTotal } = options;
  return dir({
    has_cpu: fixed(0),
    has_memory: fixed(0),
    has_normal_memory: fixed(0),
    node0: dir({
      cpulist: fixed(cpuRange(cpuCount)),
      cpumap: fixed(cpuMask(cpuCount)),
      distance: fixed(10),
      meminfo: textFile({
        produce: () => {
          const free = Math.min(memoryTotal, options.freeMemory());
          return (
            `Node 0 ${kilobytes('MemTotal', memoryTotal, 15)}Node 0 ${kilobytes('MemFree', free, 15)}` +
            `Node 0 ${kilobytes('MemUsed', memoryTotal - free, 15)}`
          );
        },
        permissions: 0o444,
        size: 4096,
      }),
    }),
    online: fixed(0),
    possible: fixed(0),
  });
}

function loopback(): Node {
  return dir({
    addr_len: fixed(6),
    address: fixed('00:00:00:00:00:00'),
    broadcast: fixed('00:00:00:00:00:00'),
    carrier: fixed(1),
    dev_id: fixed('0x0'),
    flags: fixed('0x9'),
    ifindex: fixed(1),
    iflink: fixed(1),
    mtu: fixed(65536),
    operstate: fixed('unknown'),
    statistics: dir({ rx_bytes: fixed(0), rx_packets: fixed(0), tx_bytes: fixed(0), tx_packets: fixed(0) }),
    tx_queue_len: fixed(1000),
    type: fixed(772),
  });
}

export function createSysfs(options: SysfsOptions): PseudoFileSystem {
  const root = dir({
    block: dir({}),
    bus: dir({ cpu: dir({}), pci: dir({ devices: dir({}), drivers: dir({}) }) }),
    class: dir({ block: dir({}), mem: dir({}), net: dir({ lo: loopback() }), tty: dir({}) }),
    dev: dir({ block: dir({}), char: dir({}) }),
    devices: dir({
      system: dir({ cpu: cpuDirectory(options.cpuCount), node: nodeDirectory(options) }),
      virtual: dir({}),
    }),
    firmware: dir({}),
    fs: dir({ cgroup: dir({}) }),
    hypervisor: dir({}),
    kernel: dir({
      mm: dir({
        hugepages: dir({}),
        transparent_hugepage: dir({
          defrag: fixed('always defer defer+madvise [madvise] never'),
          enabled: fixed('always [madvise] never'),
          hpage_pmd_size: fixed(2097152),
          shmem_enabled: fixed('always within_size advise [never] deny force'),
          use_zero_page: fixed(1),
        }),
      }),
      security: dir({}),
    }),
    module: dir({}),
    power: dir({}),
  });
  const { dev, bootTimeSec } = options;
  return new PseudoFileSystem({ typeName: 'sysfs', magic: SYSFS_MAGIC, dev, bootTimeSec, root });
}

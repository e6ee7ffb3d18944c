/** Files of /proc about the whole system (proc(5)). Numbers are the sandbox's, never the host's. */
import type { Kernel } from '../../kernel/kernel.ts';
import { kilobytes, ticks } from './format.ts';
import { stateOf } from './pid-status.ts';
import type { CpuInfo, ProcOptions } from './proc-view.ts';

export function cpuinfoText(cpu: CpuInfo, count: number): string {
  let out = '';
  for (let i = 0; i < count; i++) {
    out +=
      `processor\t: ${i}\nvendor_id\t: ${cpu.vendorId}\ncpu family\t: ${cpu.family}\nmodel\t\t: ${cpu.model}\n` +
      `model name\t: ${cpu.modelName}\nstepping\t: ${cpu.stepping}\ncpu MHz\t\t: ${cpu.mhz.toFixed(3)}\n` +
      `cache size\t: ${cpu.cacheKb} KB\nphysical id\t: 0\nsiblings\t: ${count}\ncore id\t\t: ${i}\ncpu cores\t: ${count}\n` +
      `apicid\t\t: ${i}\ninitial apicid\t: ${i}\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\n` +
      `flags\t\t: ${cpu.flags}\nbugs\t\t:\nbogomips\t: ${(cpu.mhz * 2).toFixed(2)}\nclflush size\t: 64\ncache_alignment\t: 64\n` +
      `address sizes\t: ${cpu.physicalBits} bits physical, ${cpu.virtualBits} bits virtual\npower management:\n\n`;
  }
  return out;
}

export function meminfoText(total: number, free: number): string {
  const used = Math.max(0, total - free);
  const row = (name: string, bytes: number): string => kilobytes(name, bytes, 24 - name.length - 1);
  return (
    row('MemTotal', total) +
    row('MemFree', free) +
    row('MemAvailable', free) +
    row('Buffers', 0) +
    row('Cached', 0) +
    row('SwapCached', 0) +
    row('Active', used) +
    row('Inactive', 0) +
    row('Active(anon)', used) +
    row('Inactive(anon)', 0) +
    row('Active(file)', 0) +
    row('Inactive(file)', 0) +
    row('Unevictable', 0) +
    row('Mlocked', 0) +
    row('SwapTotal', 0) +
    row('SwapFree', 0) +
    row('Dirty', 0) +
    row('Writeback', 0) +
    row('AnonPages', used) +
    row('Mapped', 0) +
    row('Shmem', 0) +
    row('KReclaimable', 0) +
    row('Slab', 0) +
    row('SReclaimable', 0) +
    row('SUnreclaim', 0) +
    row('KernelStack', 0) +
    row('PageTables', 0) +
    row('CommitLimit', total / 2) +
    row('Committed_AS', used) +
    row('VmallocTotal', 35184372087808) +
    row('VmallocUsed', 0) +
    row('VmallocChunk', 0) +
    row('AnonHugePages', 0) +
    'HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n' +
    row('Hugepagesize', 2097152) +
    row('Hugetlb', 0)
  );
}

interface CpuTime {
  userNs: number;
  systemNs: number;
  idleNs: number;
}

/** What all processes have used, and what is left of the time since boot. */
function cpuTime(kernel: Kernel): CpuTime {
  let userNs = 0;
  let systemNs = 0;
  for (const group of kernel.pids.groups()) {
    const usage = group.usage();
    userNs += usage.userNs;
    systemNs += usage.systemNs;
  }
  const init = kernel.pids.init;
  if (init !== undefined) {
    userNs += init.childrenUsage.userNs;
    systemNs += init.childrenUsage.systemNs;
  }
  const upNs = kernel.clock.monotonicNs() - kernel.bootNs;
  return { userNs, systemNs, idleNs: Math.max(0, upNs * kernel.cpuCount - userNs - systemNs) };
}

function runningCount(kernel: Kernel): number {
  let running = 0;
  for (const task of kernel.pids.tasks()) if (stateOf(task) === 'R') running += 1;
  return Math.max(1, running);
}

export function statText(options: ProcOptions): string {
  const { kernel } = options;
  const { userNs, systemNs, idleNs } = cpuTime(kernel);
  const n = kernel.cpuCount;
  const line = (name: string, parts: number): string =>
    `${name} ${ticks(userNs / parts)} 0 ${ticks(systemNs / parts)} ${ticks(idleNs / parts)} 0 0 0 0 0 0\n`;
  let out = line('cpu ', 1);
  for (let i = 0; i < n; i++) out += line(`cpu${i}`, n);
  let switches = 0;
  for (const task of kernel.pids.tasks()) switches += task.usage.voluntarySwitches + task.usage.involuntarySwitches;
  return (
    `${out}intr 0\nctxt ${switches}\nbtime ${options.bootTimeSec}\nprocesses ${kernel.pids.forkCount}\n` +
    `procs_running ${runningCount(kernel)}\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`
  );
}

export function uptimeText(kernel: Kernel): string {
  const up = (kernel.clock.monotonicNs() - kernel.bootNs) / 1e9;
  return `${up.toFixed(2)} ${(cpuTime(kernel).idleNs / 1e9).toFixed(2)}\n`;
}

export function loadavgText(kernel: Kernel): string {
  const { pids } = kernel;
  return `0.00 0.00 0.00 ${runningCount(kernel)}/${pids.taskCount} ${pids.lastPid}\n`;
}

export function versionText(kernel: Kernel): string {
  const uts = kernel.namespaces.uts.names;
  return `${uts.sysname} version ${uts.release} (root@tsvisor) (cc) ${uts.version}\n`;
}

export const FILESYSTEMS_TEXT =
  'nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevtmpfs\nnodev\tpipefs\nnodev\tsockfs\nnodev\tdevpts\nnodev\toverlay\n';

export const DEVICES_TEXT =
  'Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n128 ptm\n136 pts\n\nBlock devices:\n';

export function interruptsText(cpuCount: number): string {
  let out = '     ';
  for (let i = 0; i < cpuCount; i++) out += `${`CPU${i}`.padStart(11)}`;
  return `${out}\n`;
}

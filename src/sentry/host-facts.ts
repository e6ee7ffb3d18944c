/** Clocks, randomness, CPU and memory of the host, in the shapes the kernel takes. */
import { availableParallelism, totalmem } from 'node:os';
import type { CpuInfo } from '../fs/proc/proc-view.ts';
import { native } from '../host/native.ts';
import { readProcFile } from '../host/proc-files.ts';
import type { Clock } from '../kernel/kernel.ts';

const CLOCK_MONOTONIC = 1;
const timespec = new DataView(new ArrayBuffer(16));
const timespecAddress = native.addressOf(timespec);

function readClock(clockId: number): void {
  native.clock(clockId, timespecAddress);
}

function seconds(): number {
  return timespec.getUint32(0, true) + timespec.getUint32(4, true) * 2 ** 32;
}

export const hostClock: Clock = {
  monotonicNs() {
    readClock(CLOCK_MONOTONIC);
    return seconds() * 1e9 + timespec.getUint32(8, true);
  },
  read(clockId, out) {
    readClock(clockId);
    out.sec = seconds();
    out.nsec = timespec.getUint32(8, true);
  },
};

/** Looked up once, by paths of the host. */
export const cpuCount = availableParallelism();
export const memoryTotal = totalmem();

export function memoryFree(): number {
  return Number(/^MemAvailable: +(\d+) kB$/m.exec(readProcFile('meminfo'))?.[1] ?? 0) * 1024;
}

let cpuInfo: CpuInfo | null = null;

/** From the host's /proc/cpuinfo, whose facts guests could read from the CPU themselves. */
export function readCpuInfo(): CpuInfo {
  cpuInfo ??= parseCpuInfo(readProcFile('cpuinfo'));
  return cpuInfo;
}

function parseCpuInfo(cpuinfo: string): CpuInfo {
  const field = (name: string): string => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(cpuinfo)?.[1] ?? '';
  const number = (name: string): number => Number.parseFloat(field(name)) || 0;
  const bits = /(\d+) bits physical, (\d+) bits virtual/.exec(field('address sizes'));
  return {
    vendorId: field('vendor_id'),
    family: number('cpu family'),
    model: number('model'),
    modelName: field('model name'),
    stepping: number('stepping'),
    mhz: number('cpu MHz'),
    cacheKb: number('cache size'),
    flags: field('flags'),
    physicalBits: Number(bits?.[1] ?? 48),
    virtualBits: Number(bits?.[2] ?? 48),
  };
}

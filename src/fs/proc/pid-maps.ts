/** maps, smaps and smaps_rollup of a process (Linux: fs/proc/task_mmu.c). */
import type { ResidentMapping } from '../../kernel/residency.ts';
import type { Task } from '../../kernel/task.ts';
import type { Vma } from '../../mm/vma.ts';
import { VM_GROWSDOWN, VM_LOCKED, VM_SEALED } from '../../mm/vma.ts';
import { Stat } from '../../vfs/inode.ts';
import { devMajor, devMinor } from './format.ts';
import type { ProcVfs } from './proc-view.ts';

const USER_END = 2 ** 47;
/** Where the name begins: 25 + 6 * 8. */
const NAME_COLUMN = 73;
const stat = new Stat();

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function permissions(vma: Vma): string {
  const { prot } = vma;
  return `${prot & 1 ? 'r' : '-'}${prot & 2 ? 'w' : '-'}${prot & 4 ? 'x' : '-'}${vma.isShared ? 's' : 'p'}`;
}

function header(vma: Vma, task: Task, vfs: ProcVfs): string {
  let dev = 0;
  let ino = 0;
  let { name } = vma;
  if (vma.file !== null) {
    if (vma.file.inode.stat(stat) === 0) {
      dev = stat.dev;
      ino = stat.ino;
    }
    name = vfs.pathText(vma.file.path, task.fs.root).replace(/\n/g, '\\012');
  } else if (vma.shared !== null) {
    dev = 1;
    ino = vma.shared.id;
    name = '/dev/zero (deleted)';
  }
  const range = `${hex(vma.start, 8)}-${hex(vma.end, 8)}`;
  const device = `${hex(devMajor(dev), 2)}:${hex(devMinor(dev), 2)}`;
  const line = `${range} ${permissions(vma)} ${hex(vma.hasOffset ? vma.fileOffset : 0, 8)} ${device} ${ino}`;
  return name === '' ? `${line} \n` : `${line.padEnd(NAME_COLUMN)}${name}\n`;
}

function visible(task: Task): Vma[] {
  return task.mm.vmas.overlapping(0, USER_END).filter((vma) => vma.isVisible);
}

export function mapsText(task: Task, vfs: ProcVfs): string {
  return visible(task)
    .map((vma) => header(vma, task, vfs))
    .join('');
}

/** As the host's kernel names them too, behind Rss. */
const COUNTED = [
  'Pss',
  'Pss_Dirty',
  'Shared_Clean',
  'Shared_Dirty',
  'Private_Clean',
  'Private_Dirty',
  'Referenced',
  'Anonymous',
  'KSM',
  'LazyFree',
  'AnonHugePages',
  'ShmemPmdMapped',
  'FilePmdMapped',
  'Shared_Hugetlb',
  'Private_Hugetlb',
  'Swap',
  'SwapPss',
  'Locked',
];

function field(name: string, kb: number): string {
  return `${`${name}:`.padEnd(16)}${String(kb).padStart(8)} kB\n`;
}

function vmFlags(vma: Vma): string {
  const flags: string[] = [];
  const { prot } = vma;
  if (prot & 1) flags.push('rd');
  if (prot & 2) flags.push('wr');
  if (prot & 4) flags.push('ex');
  if (vma.isShared) flags.push('sh');
  flags.push('mr', 'mw', 'me');
  if (vma.flags & VM_GROWSDOWN) flags.push('gd');
  if (vma.flags & VM_LOCKED) flags.push('lo');
  if (vma.flags & VM_SEALED) flags.push('sl');
  return `VmFlags: ${flags.join(' ')} \n`;
}

/** Adds the host's figures for mappings that lie in [start, end): of one that only overlaps, as large a part as overlaps. */
function addOverlapping(
  sums: Map<string, number>,
  mappings: readonly ResidentMapping[],
  start: number,
  end: number,
): void {
  for (let i = firstBehind(mappings, start); i < mappings.length && mappings[i].start < end; i++) {
    const mapping = mappings[i];
    const common = Math.min(end, mapping.end) - Math.max(start, mapping.start);
    const part = common / (mapping.end - mapping.start);
    for (const [name, kb] of mapping.kb) sums.set(name, (sums.get(name) ?? 0) + Math.floor((kb * part) / 4) * 4);
  }
}

/** The first mapping that ends behind `address`. */
function firstBehind(mappings: readonly ResidentMapping[], address: number): number {
  let low = 0;
  let high = mappings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (mappings[middle].end > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

function counts(sums: ReadonlyMap<string, number>): string {
  return ['Rss', ...COUNTED].map((name) => field(name, sums.get(name) ?? 0)).join('');
}

export function smapsText(task: Task, vfs: ProcVfs): string {
  const mappings = task.kernel.pids.hooks.residency.mappings(task);
  return visible(task)
    .map((vma) => {
      const sums = new Map<string, number>();
      addOverlapping(sums, mappings, vma.start, vma.end);
      const sizes = field('Size', vma.length / 1024) + field('KernelPageSize', 4) + field('MMUPageSize', 4);
      return header(vma, task, vfs) + sizes + counts(sums) + tail(vma);
    })
    .join('');
}

function tail(vma: Vma): string {
  return `THPeligible:           0\n${vmFlags(vma)}`;
}

export function smapsRollupText(task: Task): string {
  const vmas = visible(task);
  const first = vmas[0];
  const last = vmas[vmas.length - 1];
  const range =
    first === undefined || last === undefined ? '00000000-00000000' : `${hex(first.start, 8)}-${hex(last.end, 8)}`;
  const sums = new Map<string, number>();
  const mappings = task.kernel.pids.hooks.residency.mappings(task);
  for (const vma of vmas) addOverlapping(sums, mappings, vma.start, vma.end);
  return `${`${range} ---p 00000000 00:00 0`.padEnd(NAME_COLUMN)}[rollup]\n${counts(sums)}`;
}

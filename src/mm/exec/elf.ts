/** Planning where the segments of one ELF image go (Linux: elf_load, total_mapping_size, load_elf_interp in fs/binfmt_elf.c). */
import { EEXIST, EINVAL, ENOMEM, EPERM } from '../../abi/errno.ts';
import {
  isPageAligned,
  MMAP_MIN_ADDR,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  pageDown,
  pageUp,
  TASK_SIZE,
} from '../../abi/memory.ts';
import { Vma } from '../../mm/vma.ts';
import type { VmaList } from '../../mm/vma-list.ts';
import type { File } from '../../vfs/file.ts';
import { type ElfHeader, ET_EXEC, PF_R, PF_W, PF_X, type ProgramHeader, PT_LOAD } from '../../wire/elf.ts';
import type { PlannedMapping, ZeroFill } from './plan.ts';

/** Where position-independent programs go: two thirds up (ELF_ET_DYN_BASE). */
export const DYN_BASE = pageDown((TASK_SIZE / 3) * 2);

export interface ElfImage {
  readonly mappings: PlannedMapping[];
  readonly zeroFills: ZeroFill[];
  /** What is added to the addresses in the file. */
  readonly bias: number;
  readonly entry: number;
  /** Address of the program headers in memory; 0 when no segment has them. */
  readonly phdr: number;
  readonly startCode: number;
  readonly endCode: number;
  readonly startData: number;
  readonly endData: number;
  /** End of the last segment. */
  readonly end: number;
}

/** Where a position-independent image is to go: at `wish` if that is free, else the highest place below `ceiling`. */
export interface Placement {
  readonly wish: number;
  readonly ceiling: number;
}

/** The plan of one image, or a positive errno. Its pages are entered in `taken`. */
export function planImage(
  file: File,
  header: ElfHeader,
  headers: readonly ProgramHeader[],
  placement: Placement,
  taken: VmaList,
): ElfImage | number {
  const loads = headers.filter((h) => h.type === PT_LOAD);
  for (const h of loads) {
    const isInside = h.vaddr < TASK_SIZE && h.filesz <= h.memsz && h.memsz <= TASK_SIZE - h.vaddr;
    if (!isInside || h.offset > Number.MAX_SAFE_INTEGER - TASK_SIZE) return EINVAL;
  }
  let bias = 0;
  if (header.type !== ET_EXEC) {
    const found = chooseBias(loads, placement, taken);
    if (found.errno !== 0) return found.errno;
    bias = found.bias;
  }
  const mappings: PlannedMapping[] = [];
  const zeroFills: ZeroFill[] = [];
  for (const h of loads) {
    const error = planSegment(file, h, bias, mappings, zeroFills);
    if (error !== 0) return error;
  }
  for (const m of mappings) {
    if (m.start < MMAP_MIN_ADDR) return EPERM;
    if (m.end > TASK_SIZE) return ENOMEM;
    if (taken.overlaps(m.start, m.end)) return EEXIST;
  }
  enter(mappings, taken);
  const entry = header.entry + bias;
  if (!(entry < TASK_SIZE)) return EINVAL;
  return { mappings, zeroFills, bias, entry, phdr: headersAddress(header, loads, bias), ...bounds(loads, bias) };
}

function chooseBias(
  loads: readonly ProgramHeader[],
  placement: Placement,
  taken: VmaList,
): { errno: number; bias: number } {
  let low = Infinity;
  let high = 0;
  let align = PAGE_SIZE;
  for (const h of loads) {
    low = Math.min(low, pageDown(h.vaddr));
    high = Math.max(high, pageUp(h.vaddr + h.memsz));
    if (h.align > align && Number.isInteger(Math.log2(h.align))) align = h.align;
  }
  const size = high - low;
  if (!(size > 0)) return { errno: EINVAL, bias: 0 };
  let at = placement.wish - (placement.wish % align);
  if (at < MMAP_MIN_ADDR || at + size > TASK_SIZE || taken.overlaps(at, at + size)) {
    at = taken.gapTopDown(size, MMAP_MIN_ADDR, placement.ceiling, align);
    if (at < 0) return { errno: ENOMEM, bias: 0 };
  }
  return { errno: 0, bias: at - low };
}

function planSegment(
  file: File,
  h: ProgramHeader,
  bias: number,
  mappings: PlannedMapping[],
  zeroFills: ZeroFill[],
): number {
  const vaddr = h.vaddr + bias;
  const start = pageDown(vaddr);
  const offset = h.offset - (vaddr - start);
  const fileEnd = h.filesz === 0 ? start : pageUp(vaddr + h.filesz);
  const end = h.memsz === 0 ? start : pageUp(vaddr + h.memsz);
  let prot = 0;
  if ((h.flags & PF_R) !== 0) prot |= PROT_READ;
  if ((h.flags & PF_W) !== 0) prot |= PROT_WRITE;
  if ((h.flags & PF_X) !== 0) prot |= PROT_EXEC;
  if (h.filesz > 0) {
    if (offset < 0 || !isPageAligned(offset)) return EINVAL;
    mappings.push({ start, end: fileEnd, prot, vmFlags: 0, file, offset, name: '' });
    const dataEnd = vaddr + h.filesz;
    // A page that is not writable keeps the file's bytes behind the data, as on Linux.
    if (h.memsz > h.filesz && fileEnd > dataEnd && (prot & PROT_WRITE) !== 0) {
      zeroFills.push({ start: dataEnd, length: fileEnd - dataEnd });
    }
  }
  if (end > fileEnd) {
    const bssProt = PROT_READ | PROT_WRITE | (prot & PROT_EXEC);
    mappings.push({ start: fileEnd, end, prot: bssProt, vmFlags: 0, file: null, offset: 0, name: '' });
  }
  return 0;
}

/** Enters the union of the mappings, which may overlap one another. */
function enter(mappings: readonly PlannedMapping[], taken: VmaList): void {
  const sorted = [...mappings].sort((a, b) => a.start - b.start);
  let end = 0;
  for (const m of sorted) {
    const start = Math.max(m.start, end);
    if (m.end <= start) continue;
    taken.insert(new Vma(start, m.end, 0, 0));
    end = m.end;
  }
}

function headersAddress(header: ElfHeader, loads: readonly ProgramHeader[], bias: number): number {
  const at = header.programHeadersOffset;
  const holder = loads.find((h) => h.offset <= at && at < h.offset + h.filesz);
  return holder === undefined ? 0 : at - holder.offset + holder.vaddr + bias;
}

function bounds(loads: readonly ProgramHeader[], bias: number) {
  let startCode = Infinity;
  let endCode = 0;
  let startData = 0;
  let endData = 0;
  let end = 0;
  for (const h of loads) {
    const vaddr = h.vaddr + bias;
    startCode = Math.min(startCode, vaddr);
    startData = Math.max(startData, vaddr);
    if ((h.flags & PF_X) !== 0) endCode = Math.max(endCode, vaddr + h.filesz);
    endData = Math.max(endData, vaddr + h.filesz);
    end = Math.max(end, vaddr + h.memsz);
  }
  return { startCode: startCode === Infinity ? 0 : startCode, endCode, startData, endData, end };
}

/** What programs are told of the machine, and which addresses are not theirs: read from the zygote and this process once. */
import { readFileSync } from 'node:fs';
import { PROT_EXEC, PROT_READ } from '../abi/memory.ts';
import { STUB_BASE, STUB_END } from '../platform/layout.ts';
import type { Zygote } from '../platform/zygote.ts';

const USER_END = 2 ** 47;
const AT_HWCAP = 16;
const AT_HWCAP2 = 26;
const AT_MINSIGSTKSZ = 51;

/** A range of every fresh stub that guests may not change; those with a name they see in /proc/PID/maps. */
export interface HostRange {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly prot: number;
}

export interface HostLayout {
  readonly ranges: readonly HostRange[];
  readonly reserved: readonly { readonly start: number; readonly end: number }[];
  readonly vdsoAddress: number;
  readonly hwcap: number;
  readonly hwcap2: number;
  readonly minSigStackSize: number;
  /** Whether system calls may be rewritten so that they need no signal. */
  readonly canPatch: boolean;
  /** Where the command line is that the host's tools show of a fresh stub. */
  readonly title: { readonly start: number; readonly end: number };
}

export function readHostLayout({ pid, canPatch }: Zygote): HostLayout {
  const ranges: HostRange[] = [{ start: STUB_BASE, end: STUB_END, name: '', prot: PROT_READ | PROT_EXEC }];
  let vdsoAddress = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) [r-].(.). \S+ \S+ \d+\s*(.*)$/.exec(line);
    if (match === null) continue;
    const start = Number.parseInt(match[1], 16);
    const end = Number.parseInt(match[2], 16);
    if (start >= USER_END || (start >= STUB_BASE && end <= STUB_END)) continue;
    const name = match[4] === '[vdso]' || match[4].startsWith('[vvar') ? match[4] : '';
    if (name === '[vdso]') vdsoAddress = start;
    ranges.push({ start, end, name, prot: match[3] === 'x' ? PROT_READ | PROT_EXEC : PROT_READ });
  }
  const auxv = readAuxv();
  return {
    ranges,
    reserved: ranges,
    vdsoAddress,
    hwcap: auxv.get(AT_HWCAP) ?? 0,
    hwcap2: auxv.get(AT_HWCAP2) ?? 0,
    minSigStackSize: auxv.get(AT_MINSIGSTKSZ) ?? 2048,
    canPatch,
    title: titleOf(pid),
  };
}

/** Fields 48 and 49 of proc_pid_stat(5); the second one is the program's name, in parentheses. */
function titleOf(pid: number): HostLayout['title'] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { start: Number(fields[45]), end: Number(fields[46]) };
}

function readAuxv(): Map<number, number> {
  const bytes = readFileSync('/proc/self/auxv');
  const values = new Map<number, number>();
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    values.set(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12) * 2 ** 32);
  }
  return values;
}

/** Pieces of text that several files of proc are made of. */

/** Ticks of the clock that /proc shows times in (USER_HZ, sysconf(_SC_CLK_TCK)). */
const NS_PER_TICK = 1e7;

export function ticks(ns: number): number {
  return Math.max(0, Math.floor(ns / NS_PER_TICK));
}

/** A 64-bit set as 16 hexadecimal digits. */
export function hex64(hi: number, lo: number): string {
  return (hi >>> 0).toString(16).padStart(8, '0') + (lo >>> 0).toString(16).padStart(8, '0');
}

/** Blanks, tabs, newlines, backslashes and '#' as octal escapes, as in /proc/mounts (seq_escape). */
export function escapeMount(text: string): string {
  return text.replace(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** Newlines and backslashes as in the Name line of /proc/PID/status. */
export function escapeName(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

/** "123 kB" at the place that /proc/meminfo and status have it. */
export function kilobytes(name: string, bytes: number, width: number): string {
  return `${name}:${String(Math.floor(bytes / 1024)).padStart(width)} kB\n`;
}

/** CPUs 0 to count - 1: "0-3", or "0" alone. */
export function cpuRange(count: number): string {
  return count <= 1 ? '0' : `0-${count - 1}`;
}

/** A mask of the first `count` CPUs in groups of 32 bits, as in Cpus_allowed. */
export function cpuMask(count: number): string {
  const groups: string[] = [];
  for (let left = count; left > 0; left -= 32) {
    const bits = left >= 32 ? 0xffffffff : 2 ** left - 1;
    groups.unshift(groups.length < Math.ceil(count / 32) - 1 ? bits.toString(16).padStart(8, '0') : bits.toString(16));
  }
  return groups.join(',');
}

/** Major and minor of a device number in new_encode_dev form. */
export function devMajor(dev: number): number {
  return (dev >>> 8) & 0xfff;
}

export function devMinor(dev: number): number {
  return (dev & 0xff) | ((dev >>> 12) & 0xfff00);
}

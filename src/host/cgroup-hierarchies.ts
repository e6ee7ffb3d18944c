/** Where the host's control groups are mounted, and where in them we are (cgroups(7), proc_pid_mountinfo(5)). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Hierarchy {
  readonly version: 1 | 2;
  /** Of a v1 hierarchy: memory, cpu..., or name=systemd. Empty for v2. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  /** Which group is shown at the mountpoint. */
  readonly root: string;
  /** The group this process is in. */
  readonly own: string;
}

/** mountinfo writes space, tab, newline and backslash as octal. */
function fromOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The group of a process by the controllers of its hierarchy, "" for v2. */
export function parseOwn(text: string): Map<string, string> {
  const own = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match !== null) own.set(match[1] ?? '', match[2] ?? '/');
  }
  return own;
}

export function parseHierarchies(mountinfo: string, own: ReadonlyMap<string, string>): Hierarchy[] {
  const found = new Map<string, Hierarchy>();
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const dash = fields.indexOf('-');
    const type = fields[dash + 1];
    if (dash < 0 || (type !== 'cgroup' && type !== 'cgroup2')) continue;
    const options = new Set((fields[dash + 3] ?? '').split(','));
    // The names are those of /proc/PID/cgroup: a mount's other options are none of them.
    const key =
      type === 'cgroup2'
        ? ''
        : [...own.keys()].find((names) => names !== '' && names.split(',').every((name) => options.has(name)));
    if (key === undefined || found.has(key)) continue;
    found.set(key, {
      version: type === 'cgroup2' ? 2 : 1,
      controllers: key === '' ? [] : key.split(','),
      mountpoint: fromOctal(fields[4] ?? ''),
      root: fromOctal(fields[3] ?? '/'),
      own: own.get(key) ?? '/',
    });
  }
  return [...found.values()];
}

export function readHierarchies(): Hierarchy[] {
  const own = parseOwn(readFileSync('/proc/self/cgroup', 'utf8'));
  return parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), own);
}

/** The directory of a group, named from the root of its hierarchy. */
export function groupDirectory({ mountpoint, root }: Hierarchy, group: string): string {
  // A mount may show a part of the hierarchy only.
  const shown = root !== '/' && (group === root || group.startsWith(`${root}/`)) ? group.slice(root.length) : group;
  return join(mountpoint, shown);
}

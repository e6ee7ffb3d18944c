/** What a container has used, by its host control groups, in the words of runc's `events`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const UNLIMITED = 2 ** 63;

function read(directories: readonly string[], file: string): string | undefined {
  for (const directory of directories) {
    const path = join(directory, file);
    if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  }
  return undefined;
}

/** "max" is no limit; v1 writes its greatest multiple of a page. */
function number(text: string | undefined): number {
  return text === undefined ? 0 : text === 'max' ? UNLIMITED : Number(text.split(/\s/)[0]);
}

/** Lines of a name and a number. */
function table(text: string | undefined): Record<string, number> {
  const entries = (text ?? '').split('\n').map((line) => line.split(' '));
  return Object.fromEntries(
    entries.filter(([name, value]) => name && value).map(([name, value]) => [name, Number(value)]),
  );
}

function cpuStats(directories: readonly string[]): object {
  const stat = table(read(directories, 'cpu.stat'));
  const isV2 = stat.usage_usec !== undefined;
  const v1 = table(read(directories, 'cpuacct.stat'));
  const ticksNs = 1e7;
  return {
    usage: isV2
      ? { total: stat.usage_usec * 1e3, kernel: (stat.system_usec ?? 0) * 1e3, user: (stat.user_usec ?? 0) * 1e3 }
      : {
          total: number(read(directories, 'cpuacct.usage')),
          kernel: (v1.system ?? 0) * ticksNs,
          user: (v1.user ?? 0) * ticksNs,
        },
    throttling: {
      periods: stat.nr_periods ?? 0,
      throttledPeriods: stat.nr_throttled ?? 0,
      throttledTime: stat.throttled_time ?? (stat.throttled_usec ?? 0) * 1e3,
    },
  };
}

function memoryStats(directories: readonly string[]): object {
  const raw = table(read(directories, 'memory.stat'));
  const usage = read(directories, 'memory.usage_in_bytes') ?? read(directories, 'memory.current');
  const limit = read(directories, 'memory.limit_in_bytes') ?? read(directories, 'memory.max');
  const max = read(directories, 'memory.max_usage_in_bytes') ?? read(directories, 'memory.peak');
  return {
    cache: raw.cache ?? raw.file ?? 0,
    usage: {
      usage: number(usage),
      limit: number(limit),
      max: number(max),
      failcnt: number(read(directories, 'memory.failcnt')),
    },
    raw,
  };
}

/** The `data` of a stats event. @param tasks of the guests, where the group counts ours as well */
export function readStats(directories: readonly string[], tasks: number): object {
  return {
    cpu: cpuStats(directories),
    memory: memoryStats(directories),
    pids: { current: tasks, limit: number(read(directories, 'pids.max')) },
  };
}

/** How often the group has hit its memory limit and a process was ended for it. */
export function oomKills(directories: readonly string[]): number {
  const v1 = table(read(directories, 'memory.oom_control'));
  const v2 = table(read(directories, 'memory.events'));
  return v1.oom_kill ?? v2.oom_kill ?? 0;
}

/** What a sentry holds of the host and in its heap, seen from outside: for tests that it gives back what its guests have used. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from '../run-process.ts';

const MILLION = 1e6;
const PATIENCE_MS = 30_000;

export interface SentryState {
  readonly descriptors: number;
  readonly threads: number;
  readonly children: number;
  /** In megabytes. */
  readonly residentMb: number;
  readonly heapMb: number;
  readonly externalMb: number;
}

/** Environment of a sentry that can be asked. */
export function probeEnvironment(probeFile: string): Record<string, string> {
  return {
    PROBE_FILE: probeFile,
    NODE_OPTIONS: `--expose-gc --disable-warning=ExperimentalWarning --import=${repositoryRoot}/test/fuzz/probe.ts`,
  };
}

function statusField(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
}

/** All processes whose parents lead to `pid`, and itself. */
function family(pid: number): Set<number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z') parents.set(Number(name), Number(parent));
    } catch {
      // It has ended since the listing.
    }
  }
  const tree = new Set([pid]);
  for (let size = 0; size < tree.size; ) {
    size = tree.size;
    for (const [child, parent] of parents) if (tree.has(parent)) tree.add(child);
  }
  return tree;
}

function countDescendants(pid: number): number {
  return family(pid).size - 1;
}

function isStub(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('tsvisor-stub');
  } catch {
    return false; // it has ended since the listing
  }
}

/** The sentry of the runsc that was started as `pid`: the parent of the process that all stubs are forked from. */
export function sentryOf(pid: number): number {
  // Parents come before their children.
  const zygote = [...family(pid)].find(isStub);
  if (zygote === undefined) return pid;
  const stat = readFileSync(`/proc/${zygote}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** What a sentry that does not answer is doing, as its host has it. */
export function sentryActivity(pid: number): string {
  const sentry = sentryOf(pid);
  return `in the host call ${readFileSync(`/proc/${sentry}/syscall`, 'latin1').trim()}, ${statusField(sentry, 'voluntary_ctxt_switches')} switches`;
}

async function until(what: string, isSo: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`still not: ${what}`);
    await sleep(20);
  }
}

function reports(probeFile: string): string[] {
  return existsSync(probeFile) ? readFileSync(probeFile, 'utf8').split('\n').slice(0, -1) : [];
}

/** Those of the host's directories do not count: they are kept, 2048 at most (src/fs/host/host-fs.ts), and who looks around meets more of them. */
export function countDescriptors(pid: number): number {
  const isDirectory = (fd: string): boolean =>
    statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => !isDirectory(fd)).length;
}

/** Asks the sentry of the runsc `pid`, once it has no more than `children` processes: those of ended guests take their time to end. */
export async function sentryState(
  runsc: number,
  probeFile: string,
  children: number,
  patienceMs = PATIENCE_MS,
): Promise<SentryState> {
  const pid = sentryOf(runsc);
  await until(`at most ${children} processes below the sentry`, () => countDescendants(pid) <= children, patienceMs);
  const before = reports(probeFile).length;
  process.kill(pid, 'SIGIO');
  await until('an answer of the probe', () => reports(probeFile).length > before);
  const { heapUsed, external } = JSON.parse(reports(probeFile).at(-1) ?? '{}');
  return {
    descriptors: countDescriptors(pid),
    threads: statusField(pid, 'Threads'),
    children: countDescendants(pid),
    residentMb: Math.round((statusField(pid, 'VmRSS') * 1024) / MILLION),
    heapMb: Math.round(heapUsed / 1e5) / 10,
    externalMb: Math.round(external / 1e5) / 10,
  };
}

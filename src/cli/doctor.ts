/** `runsc doctor`: what the host offers, what is missing and how to mend it. It looks and starts nothing but a zygote, which it ends. */
import { readFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { type Fact, judgeHost } from './host-facts.ts';

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** A namespace kind the kernel has, and how many of them one may make. */
const namespaceLimit = (kind: string): number | undefined => {
  const text = read(`/proc/sys/user/max_${kind}_namespaces`);
  return text === undefined ? undefined : Number(text);
};

/** Starts a zygote as a sandbox does: which isolation results, or why none. */
async function tryZygote(): Promise<{ isolation: string } | { failure: string }> {
  try {
    const { startZygote } = await import('../platform/zygote.ts');
    const zygote = startZygote();
    process.kill(zygote.pid, 'SIGKILL');
    return { isolation: zygote.isolation };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

const MARK: Readonly<Record<Fact['state'], string>> = { good: 'ok     ', weaker: 'weaker ', fatal: 'MISSING' };

export async function runDoctor(): Promise<number> {
  const facts = judgeHost({
    platform: `${process.platform} ${process.arch}`,
    kernelRelease: release(),
    seccompActions: read('/proc/sys/kernel/seccomp/actions_avail')?.split(' ') ?? [],
    userNamespaces: namespaceLimit('user'),
    pidNamespaces: namespaceLimit('pid'),
    netNamespaces: namespaceLimit('net'),
    mntNamespaces: namespaceLimit('mnt'),
    isUsernsRestricted: read('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1',
    isRoot: process.getuid?.() === 0,
    openFiles: Number(/^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1] ?? 0),
    cpuCount: availableParallelism(),
    hasFsgsbase: /^flags.*\bfsgsbase\b/m.test(read('/proc/cpuinfo') ?? ''),
    cgroup: read('/sys/fs/cgroup/cgroup.controllers') === undefined ? 'v1 or none' : 'v2',
    zygote: await tryZygote(),
  });
  for (const { state, text, remedy } of facts) {
    process.stdout.write(`${MARK[state]}  ${text}${remedy === undefined ? '' : `\n         -> ${remedy}`}\n`);
  }
  const canRun = facts.every((fact) => fact.state !== 'fatal');
  process.stdout.write(canRun ? 'this host can isolate guests\n' : 'sandboxes cannot run here\n');
  return canRun ? 0 : 1;
}

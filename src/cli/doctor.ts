/** `runsc doctor`: what the host offers, what is missing and how to mend it. It looks and starts nothing but a zygote, which it ends. */
import { readFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import type { Parsed } from './arguments.ts';
import { type CallProbe, type Fact, judgeHost } from './host-facts.ts';
import { print } from './output.ts';
import { readInvocation } from './verb.ts';

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
    const { endZygote, startZygote } = await import('../platform/zygote.ts');
    const zygote = startZygote();
    endZygote(zygote);
    return { isolation: zygote.isolation };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

/** The host calls that not every kernel or container's filter has, each tried once without effect. */
async function tryCalls(): Promise<CallProbe[]> {
  const { native } = await import('../host/native.ts');
  const MEMBARRIER_SYNC_CORE = 1 << 5;
  const local = new BigUint64Array([BigInt(native.addressOf(new Uint8Array(8))), 0n]);
  /** Descriptors are closed again. */
  const opens = (nr: number, ...args: (number | Uint8Array)[]): boolean => {
    const fd = native.syscall(nr, ...args);
    if (fd >= 0) native.syscall(3, fd);
    return fd >= 0;
  };
  const name = Buffer.from('/\0');
  const epoll = native.syscall(291, 0);
  const calls: CallProbe[] = [
    { name: 'membarrier', isNeeded: false, works: (native.syscall(324, 0, 0, 0) & MEMBARRIER_SYNC_CORE) !== 0 },
    { name: 'memfd_create', isNeeded: true, works: opens(319, name, 1) },
    { name: 'pidfd_open', isNeeded: true, works: opens(434, process.pid, 0) },
    { name: 'process_vm_readv', isNeeded: true, works: native.syscall(310, process.pid, local, 1, local, 1, 0) === 0 },
    { name: 'openat2', isNeeded: true, works: opens(437, -100, name, new Uint8Array(24), 24) },
    {
      name: 'epoll_pwait2',
      isNeeded: true,
      works: native.syscall(441, epoll, new Uint8Array(12), 1, new Uint8Array(16), 0, 8) === 0,
    },
  ];
  native.syscall(3, epoll);
  return calls;
}

const MARK: Readonly<Record<Fact['state'], string>> = { good: 'ok     ', weaker: 'weaker ', fatal: 'MISSING' };

export async function runDoctor(globals: Parsed, args: readonly string[]): Promise<number> {
  await readInvocation('doctor', globals, args, {});
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
    calls: await tryCalls(),
    zygote: await tryZygote(),
  });
  for (const { state, text, remedy } of facts) {
    print(`${MARK[state]}  ${text}${remedy === undefined ? '' : `\n         -> ${remedy}`}\n`);
  }
  const canRun = facts.every((fact) => fact.state !== 'fatal');
  print(canRun ? 'this host can isolate guests\n' : 'sandboxes cannot run here\n');
  return canRun ? 0 : 1;
}

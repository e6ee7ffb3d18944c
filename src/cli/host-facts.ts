/** Judges what was found out about a host: no look at the host itself. */

/** Whether a host call works here. */
export interface CallProbe {
  readonly name: string;
  /** Without it no sandbox starts; else some things are slower. */
  readonly isNeeded: boolean;
  readonly works: boolean;
}

export interface HostProbe {
  readonly platform: string;
  readonly kernelRelease: string;
  readonly seccompActions: readonly string[];
  /** How many one may make; undefined if the kernel has none of the kind. */
  readonly userNamespaces: number | undefined;
  readonly pidNamespaces: number | undefined;
  readonly netNamespaces: number | undefined;
  readonly mntNamespaces: number | undefined;
  /** Ubuntu's AppArmor setting. */
  readonly isUsernsRestricted: boolean;
  readonly isRoot: boolean;
  /** Soft RLIMIT_NOFILE. */
  readonly openFiles: number;
  readonly cpuCount: number;
  readonly hasFsgsbase: boolean;
  readonly cgroup: string;
  readonly calls: readonly CallProbe[];
  /** What came of starting a zygote. */
  readonly zygote: { readonly isolation: string } | { readonly failure: string };
}

export interface Fact {
  readonly state: 'good' | 'weaker' | 'fatal';
  readonly text: string;
  readonly remedy?: string;
}

/** The oldest kernel with all the platform needs: 5.11 has syscall user dispatch and the last of seccomp's notifications. */
const OLDEST: readonly [number, number] = [5, 11];
/** Each guest process costs the sentry a few descriptors. */
const FEW_OPEN_FILES = 4096;

export function isKernelNewEnough(release: string): boolean {
  const match = /^(\d+)\.(\d+)/.exec(release);
  if (match === null) return false;
  const major = Number(match[1]);
  return major > OLDEST[0] || (major === OLDEST[0] && Number(match[2]) >= OLDEST[1]);
}

function namespaceFact(kind: string, limit: number | undefined): Fact {
  if (limit === undefined)
    return { state: 'weaker', text: `no ${kind} namespaces`, remedy: 'use a kernel built with them' };
  if (limit > 0) return { state: 'good', text: `${kind} namespaces` };
  return {
    state: 'weaker',
    text: `${kind} namespaces are switched off`,
    remedy: `sysctl -w user.max_${kind === 'mount' ? 'mnt' : kind}_namespaces=15000`,
  };
}

function zygoteFact(zygote: HostProbe['zygote']): Fact {
  if ('failure' in zygote) {
    return {
      state: 'fatal',
      text: `a guest process cannot be started: ${zygote.failure}`,
      remedy: 'allow seccomp(2) and clone(2) where runsc runs',
    };
  }
  const modes: Readonly<Record<string, Fact>> = {
    user: { state: 'good', text: 'isolation: filter and all namespaces, a user namespace too' },
    root: { state: 'good', text: 'isolation: filter and all namespaces but a user namespace' },
    filter: {
      state: 'weaker',
      text: 'isolation: filter only, namespaces were refused',
      remedy: 'allow user namespaces, or run as root',
    },
  };
  return modes[zygote.isolation] ?? { state: 'fatal', text: `unknown isolation ${zygote.isolation}` };
}

/** Every fact in the order people read them, the verdict on isolation last. */
export function judgeHost(probe: HostProbe): Fact[] {
  const facts: Fact[] = [];
  const need = (isMet: boolean, text: string, remedy: string): void =>
    void facts.push(isMet ? { state: 'good', text } : { state: 'fatal', text, remedy });
  const want = (isMet: boolean, text: string, remedy: string): void =>
    void facts.push(isMet ? { state: 'good', text } : { state: 'weaker', text, remedy });

  need(probe.platform === 'linux x64', `platform ${probe.platform}`, 'use Linux on x86-64');
  need(
    isKernelNewEnough(probe.kernelRelease),
    `kernel ${probe.kernelRelease}`,
    `use Linux ${OLDEST.join('.')} or newer`,
  );
  for (const action of ['trap', 'user_notif']) {
    need(probe.seccompActions.includes(action), `seccomp action ${action}`, 'use a kernel with CONFIG_SECCOMP_FILTER');
  }
  facts.push(namespaceFact('user', probe.userNamespaces));
  if (probe.isUsernsRestricted && !probe.isRoot) {
    const remedy = 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with "userns,"';
    facts.push({ state: 'weaker', text: 'AppArmor keeps user namespaces from ordinary users', remedy });
  }
  facts.push(namespaceFact('pid', probe.pidNamespaces));
  facts.push(namespaceFact('net', probe.netNamespaces));
  facts.push(namespaceFact('mount', probe.mntNamespaces));
  want(
    probe.hasFsgsbase,
    'fsgsbase instructions',
    'without them threads begin more slowly, and on a CPU that has none all system calls are slow',
  );
  want(probe.cpuCount > 1, `${probe.cpuCount} CPUs`, 'with one CPU each system call costs a switch; give it two');
  want(
    probe.openFiles >= FEW_OPEN_FILES,
    `${probe.openFiles} open files allowed`,
    `ulimit -n ${FEW_OPEN_FILES} for many processes`,
  );
  facts.push({ state: 'good', text: `cgroup ${probe.cgroup}` });
  for (const { name, isNeeded, works } of probe.calls) {
    const judge = isNeeded ? need : want;
    judge(works, `host call ${name}`, `let the seccomp profile around runsc allow ${name}(2)`);
  }
  facts.push(zygoteFact(probe.zygote));
  return facts;
}

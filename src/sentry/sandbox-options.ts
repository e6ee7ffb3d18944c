/** What a sandbox is started with: plain values, checked by whoever builds them. */

import type { CapabilitySet } from '../kernel/capability-set.ts';
import type { IdMaps } from '../kernel/id-maps.ts';
import type { ProcessAttributes } from './process-attributes.ts';
import type { SeccompOptions } from './seccomp-options.ts';

export type MountSource =
  /** A directory or file of the host; absolute. */
  | {
      readonly kind: 'host';
      readonly path: string;
      readonly isWritable: boolean;
      /** With what is mounted below it. */
      readonly isRecursive: boolean;
      /** A directory is changed in memory only. */
      readonly isOverlaid?: boolean;
    }
  /** A file system of the sandbox, as mount(2) would make it; `name` is the first column of /proc/mounts, the type if there is none. With
   * `isCopied` it begins with what it is mounted over. */
  | {
      readonly kind: 'new';
      readonly type: string;
      readonly data: string;
      readonly name?: string;
      readonly isCopied?: boolean;
    }
  /** Something empty over what is at the target, if there is anything. */
  | { readonly kind: 'mask' }
  /** The target itself once more, with other flags, if there is anything. */
  | { readonly kind: 'itself' };

export interface MountSpec {
  /** Where the configuration has it, for messages. */
  readonly field?: string;
  /** Where the guest sees it; absolute. It is made if it is not there. */
  readonly target: string;
  readonly source: MountSource;
  /** MS_RDONLY, MS_NOSUID... */
  readonly flags: number;
  /** MS_SHARED and the like, each with MS_REC or not: set in this order once it is mounted. */
  readonly propagation?: readonly number[];
}

/** A device node, or a named pipe, that is there when the first process starts. */
export interface DeviceSpec {
  /** Where the configuration has it, for messages. */
  readonly field: string;
  readonly path: string;
  /** S_IFCHR, S_IFBLK or S_IFIFO, with permissions. */
  readonly mode: number;
  readonly rdev: number;
  readonly uid: number;
  readonly gid: number;
}

/** A kernel parameter, as a path below /proc/sys. */
export interface SysctlSpec {
  readonly field: string;
  readonly path: string;
  readonly value: string;
}

/** The guest's root: what is at `path` on the host, changed in memory only (`overlay`) or for good, or not at all. */
export interface RootOptions {
  readonly path: string;
  readonly kind: 'overlay' | 'writable' | 'read-only';
}

/** The capability sets of the first process; whoever has none of them given gets what its uid has on Linux. */
export interface CapabilitySets {
  readonly effective: CapabilitySet;
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
  readonly bounding: CapabilitySet;
  readonly ambient: CapabilitySet;
}

export interface LimitOptions {
  /** RLIMIT_*. */
  readonly resource: number;
  readonly soft: number;
  readonly hard: number;
}

/** One process that is started from outside: the first one, or one that `exec` adds. */
export interface ProcessOptions {
  /** In the guest. */
  readonly cwd: string;
  /** The command; its first word is looked up on the guest's PATH, inside the sandbox. */
  readonly argv: readonly string[];
  /** What is looked up instead of the first word of `argv`. */
  readonly program?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly umask: number;
  readonly capabilities: CapabilitySets | null;
  readonly hasNoNewPrivileges: boolean;
  /** By RLIMIT_* number, in place of the defaults; Infinity for no limit. */
  readonly limits: readonly LimitOptions[];
  readonly attributes: ProcessAttributes;
}

/** What the sandbox as a whole may use, as it is shown and enforced inside; the host's control group stands behind it. */
export interface SandboxBounds {
  readonly memoryBytes?: number;
  readonly cpus?: number;
  /** Tasks at the same time. */
  readonly tasks?: number;
  /** The guests' oom_score_adj on the host; somewhat above the sentry's when there is none. */
  readonly oomScoreAdj?: number;
}

/** A container: its first process, and what that is to find. */
export interface ContainerOptions extends ProcessOptions {
  readonly bounds: SandboxBounds;
  readonly root: RootOptions;
  /** In this order. */
  readonly mounts: readonly MountSpec[];
  readonly hostname: string;
  readonly domainname: string;
  /** What each process that is started from outside begins with. */
  readonly seccomp: SeccompOptions | null;
  /** PER_*: what personality(2) gives them. */
  readonly personality: number;
  readonly devices: readonly DeviceSpec[];
  /** The same of the root, once everything is mounted; 0 leaves it private. */
  readonly rootPropagation: number;
  readonly sysctls: readonly SysctlSpec[];
  /** null where everybody is outside who he is inside. */
  readonly idMaps: IdMaps | null;
}

/** `none`: a loopback of its own. `host`: the host's sockets, in the sentry's network namespace. */
export type NetworkKind = 'none' | 'host';

export interface SandboxOptions extends ContainerOptions {
  readonly network: NetworkKind;
  /** Whether each system call is written to the debug log, or to standard error if there is none. */
  readonly strace: boolean;
  /** Their names, when it is not each. */
  readonly straceCalls: readonly string[];
  /** Path of the debug log; absolute. */
  readonly debugLog?: string;
  readonly debug: boolean;
}

/** What the runtime's flags say about a container's sandbox, beside its configuration. */
import type { MemberSpec } from '../sentry/members.ts';
import type { MountSpec, SandboxOptions } from '../sentry/sandbox-options.ts';
import { type Bundle, readMember } from './bundle.ts';
import { type NetworkFlag, networkOf } from './network.ts';

/** Which of the host's directories a container changes in memory only: none, its root, or those that it mounts, too. */
export type OverlayScope = 'none' | 'root' | 'all';

export interface SandboxSettings {
  readonly network: NetworkFlag;
  readonly strace: boolean;
  /** Those it shows, when it is not each. */
  readonly straceCalls: readonly string[];
  readonly debug: boolean;
  readonly debugLog: string | undefined;
  readonly overlay: OverlayScope;
}

function overlaid(mount: MountSpec): MountSpec {
  const { source } = mount;
  return source.kind === 'host' && source.isWritable ? { ...mount, source: { ...source, isOverlaid: true } } : mount;
}

/** The options with overlays where `scope` wants them. */
export function withOverlays<T extends Pick<SandboxOptions, 'root' | 'mounts'>>(options: T, scope: OverlayScope): T {
  const { root, mounts } = options;
  return {
    ...options,
    root: scope !== 'none' && root.kind === 'writable' ? { ...root, kind: 'overlay' } : root,
    mounts: scope === 'all' ? mounts.map(overlaid) : mounts,
  };
}

export function sandboxOptions({ options, networkPlace }: Bundle, settings: SandboxSettings): SandboxOptions {
  const { network, strace, straceCalls, debug, debugLog, overlay } = settings;
  return {
    ...withOverlays(options, overlay),
    network: networkOf(network, networkPlace),
    strace,
    straceCalls,
    debug,
    ...(debugLog === undefined ? {} : { debugLog }),
  };
}

/** How the sandbox reads the configuration of another container that is to be in it. */
export function memberReader({ overlay }: SandboxSettings): (text: string, directory: string) => MemberSpec {
  return (text, directory) => {
    const member = readMember(text, directory);
    return { ...member, options: withOverlays(member.options, overlay) };
  };
}

/** What the runtime's flags say about a container's sandbox, beside its configuration. */
import type { MountSpec, SandboxOptions } from '../sentry/sandbox-options.ts';
import type { Bundle } from './bundle.ts';

/** Which of the host's directories a container changes in memory only: none, its root, or those that it mounts, too. */
export type OverlayScope = 'none' | 'root' | 'all';

export interface SandboxSettings {
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

export function sandboxOptions({ options }: Bundle, settings: SandboxSettings): SandboxOptions {
  const { strace, straceCalls, debug, debugLog, overlay } = settings;
  const { root, mounts } = options;
  return {
    ...options,
    root: overlay !== 'none' && root.kind === 'writable' ? { ...root, kind: 'overlay' } : root,
    mounts: overlay === 'all' ? mounts.map(overlaid) : mounts,
    strace,
    straceCalls,
    debug,
    ...(debugLog === undefined ? {} : { debugLog }),
  };
}

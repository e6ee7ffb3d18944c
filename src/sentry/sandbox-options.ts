/** What a sandbox is started with: plain values, checked by whoever builds them. */

export interface Volume {
  /** A directory or file of the host; absolute. */
  readonly source: string;
  /** Where the guest sees it; absolute. */
  readonly target: string;
  readonly isReadOnly: boolean;
}

export interface SandboxOptions {
  /** The directory of the host that is the guest's root. */
  readonly root: string;
  /** In the guest. */
  readonly cwd: string;
  /** The command; its first word is looked up on the guest's PATH, inside the sandbox. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly volumes: readonly Volume[];
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
  readonly hostname: string;
  readonly network: 'none';
  /** Whether each system call is written to the debug log, or to standard error if there is none. */
  readonly strace: boolean;
  /** Path of the debug log; absolute. */
  readonly debugLog?: string;
  readonly debug: boolean;
  /** Host descriptors that become the guest's 0, 1 and 2. */
  readonly stdio: readonly [number, number, number];
}

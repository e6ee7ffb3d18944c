/** Runs one command in a sandbox of its own. Until the sentry drives the platform it refuses, so that the command line can be tested. */
import type { SandboxOptions } from './sandbox-options.ts';

/** @returns the exit status of the command, 128 + n if signal n ended it */
export function runSandbox(options: SandboxOptions): Promise<number> {
  return Promise.reject(new Error(`cannot run ${options.argv[0]}: this build has no sentry yet`));
}

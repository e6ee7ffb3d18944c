/** The host's numbers of a sandbox's processes: its sentry has a PID namespace of its own, and knows them by other ones. */
import { childrenOf, descendants, pidsInNamespaces } from '../host/host-process.ts';
import { findSandbox } from './pod.ts';
import type { StateDirectory } from './state-directory.ts';

/** Gives the host's pid of what the sentry of a container calls by another; 0 when it has ended. */
export function hostPids(root: string, directory: StateDirectory): (pid: number) => number {
  const state = directory.read();
  if (state === null) return () => 0;
  const { sentry } = state.sandbox === '' ? state : findSandbox(root, state.sandbox).state;
  // The keeper's child is the init of the sentry's namespace, or the sentry where there is none: its last number is of that namespace.
  const [first = 0] = childrenOf(sentry.pid);
  const level = pidsInNamespaces(first).length - 1;
  const known = new Map(descendants(sentry.pid).map((pid) => [pidsInNamespaces(pid)[level] ?? 0, pid]));
  return (pid) => known.get(pid) ?? 0;
}

/** Namespaces of this thread, which processes it starts are born in (namespaces(7)). */
import { closeSync, openSync } from 'node:fs';
import { HostError } from './host-error.ts';
import { native } from './native.ts';

const UNSHARE = 272;
const SETNS = 308;
const CLONE_NEWNET = 0x40000000;
const EPERM = 1;

/**
 * Runs `use` in another network namespace: the one at `path`, or a new one. Without the right to make one `use` runs where we are,
 * for the network namespace is a second wall and the sandbox stands without it.
 */
export function inNetworkNamespace<T>(path: string | null, use: () => T): T {
  const ours = openSync('/proc/thread-self/ns/net', 'r');
  try {
    enter(path);
    return use();
  } finally {
    // Where we were not allowed to leave we need not come back.
    native.syscall(SETNS, ours, CLONE_NEWNET);
    closeSync(ours);
  }
}

function enter(path: string | null): void {
  if (path === null) {
    const failed = native.syscall(UNSHARE, CLONE_NEWNET);
    if (failed < 0 && failed !== -EPERM) throw new HostError('making a network namespace', failed);
    return;
  }
  const fd = openSync(path, 'r');
  const failed = native.syscall(SETNS, fd, CLONE_NEWNET);
  closeSync(fd);
  if (failed < 0) throw new HostError(`entering the network namespace ${path}`, failed);
}

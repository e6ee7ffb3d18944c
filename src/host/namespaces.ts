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
 * and is told so.
 */
export function inNetworkNamespace<T>(path: string | null, use: (where: 'there' | 'here') => T): T {
  const ours = openSync('/proc/thread-self/ns/net', 'r');
  try {
    return use(enter(path) ? 'there' : 'here');
  } finally {
    // Where we were not allowed to leave we need not come back.
    native.syscall(SETNS, ours, CLONE_NEWNET);
    closeSync(ours);
  }
}

/** A stay of this thread in another network namespace: the one at `path`, or a new one. */
export class NetworkStay {
  readonly #home = openSync('/proc/thread-self/ns/net', 'r');
  readonly #away: number;
  /** False without the right to make one: we are where we were. */
  readonly isThere: boolean;

  constructor(path: string | null) {
    this.isThere = enter(path);
    this.#away = openSync('/proc/thread-self/ns/net', 'r');
  }

  /** Does something where we came from, such as to start a process that belongs there. */
  readonly atHome = <T>(use: () => T): T => {
    native.syscall(SETNS, this.#home, CLONE_NEWNET);
    try {
      return use();
    } finally {
      native.syscall(SETNS, this.#away, CLONE_NEWNET);
    }
  };

  end(): void {
    native.syscall(SETNS, this.#home, CLONE_NEWNET);
    closeSync(this.#home);
    closeSync(this.#away);
  }
}

/** Whether we are there. */
function enter(path: string | null): boolean {
  if (path === null) {
    const failed = native.syscall(UNSHARE, CLONE_NEWNET);
    if (failed < 0 && failed !== -EPERM) throw new HostError('making a network namespace', failed);
    return failed === 0;
  }
  const fd = openSync(path, 'r');
  const failed = native.syscall(SETNS, fd, CLONE_NEWNET);
  closeSync(fd);
  if (failed < 0) throw new HostError(`entering the network namespace ${path}`, failed);
  return true;
}

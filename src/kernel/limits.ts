/**
 * Resource limits of a process (Linux: struct rlimit, signal_struct.rlim; getrlimit(2)).
 *
 * RLIM_INFINITY is JavaScript's Infinity in here. Values of 2^53 and more are not told apart from it: no limit of this
 * kernel could be reached at that size.
 */
import {
  RLIM_NLIMITS,
  RLIMIT_CORE,
  RLIMIT_MEMLOCK,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_RTPRIO,
  RLIMIT_SIGPENDING,
  RLIMIT_STACK,
} from '../abi/resource.ts';

/** What the kernel allows RLIMIT_NOFILE to be at most (/proc/sys/fs/nr_open). */
export const NR_OPEN = 1048576;

export class ResourceLimits {
  readonly #soft = new Float64Array(RLIM_NLIMITS).fill(Infinity);
  readonly #hard = new Float64Array(RLIM_NLIMITS).fill(Infinity);

  /** The limit in force, by RLIMIT_* number. */
  soft(resource: number): number {
    return this.#soft[resource];
  }

  /** Up to where an unprivileged process may raise it. */
  hard(resource: number): number {
    return this.#hard[resource];
  }

  set(resource: number, soft: number, hard: number): void {
    this.#soft[resource] = soft;
    this.#hard[resource] = hard;
  }

  clone(): ResourceLimits {
    const copy = new ResourceLimits();
    copy.#soft.set(this.#soft);
    copy.#hard.set(this.#hard);
    return copy;
  }
}

/** What a container gets under Docker when its configuration sets no limit. */
export function defaultLimits(): ResourceLimits {
  const limits = new ResourceLimits();
  limits.set(RLIMIT_STACK, 8 * 1024 * 1024, Infinity);
  limits.set(RLIMIT_CORE, 0, Infinity);
  limits.set(RLIMIT_NOFILE, 1024, NR_OPEN);
  limits.set(RLIMIT_NPROC, 63406, 63406);
  limits.set(RLIMIT_MEMLOCK, 8 * 1024 * 1024, 8 * 1024 * 1024);
  limits.set(RLIMIT_SIGPENDING, 63406, 63406);
  limits.set(RLIMIT_MSGQUEUE, 819200, 819200);
  limits.set(RLIMIT_NICE, 0, 0);
  limits.set(RLIMIT_RTPRIO, 0, 0);
  return limits;
}

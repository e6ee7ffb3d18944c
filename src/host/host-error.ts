import { errnoName } from '../abi/errno.ts';

/** A host call that the sandbox cannot do without has failed: a message a person can act on. */
export class HostError extends Error {
  readonly code: number;

  /**
   * @param what the call and its purpose
   * @param result the kernel's result, -errno
   */
  constructor(what: string, result: number) {
    super(`${what}: ${errnoName(-result)}`);
    this.code = -result;
  }
}

/** Gives the result of a host call, throws if it failed. */
export function must(what: string, result: number): number {
  if (result < 0) throw new HostError(what, result);
  return result;
}

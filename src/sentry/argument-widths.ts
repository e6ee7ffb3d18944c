/** How wide an argument is in its register, by its declared type: what becomes of the register's bits. */
import type { StubThread } from '../platform/stub-thread.ts';
import type { ArgType } from '../syscalls/define.ts';

const SIGNED_32: ReadonlySet<ArgType> = new Set([
  'int',
  'fd',
  'dirfd',
  'pid',
  'signal',
  'whence',
  'clockid',
  'idtype',
  'accessmode',
  'waitoptions',
]);
const UNSIGNED_32: ReadonlySet<ArgType> = new Set([
  'uint',
  'mode',
  'openflags',
  'fdflags',
  'resource',
  'prot',
  'mapflags',
  'atflags',
  'uid',
  'gid',
  'cloneflags',
  'flags',
  'hex',
  'cmd',
]);
const SIGNED_64: ReadonlySet<ArgType> = new Set(['long', 'off']);
const AS_SIGNED_32 = 1;
const AS_UNSIGNED_32 = 2;
const AS_SIGNED_64 = 3;
const AS_UNSIGNED_64 = 4;

export function widthOf(type: ArgType): number {
  if (SIGNED_32.has(type)) return AS_SIGNED_32;
  if (UNSIGNED_32.has(type)) return AS_UNSIGNED_32;
  return SIGNED_64.has(type) ? AS_SIGNED_64 : AS_UNSIGNED_64;
}

/** The arguments of a request into `args`; those that are not declared are taken whole. */
export function decodeArguments(thread: StubThread, widths: Uint8Array | undefined, args: Float64Array): Float64Array {
  for (let i = 0; i < 6; i++) {
    const width = widths === undefined || i >= widths.length ? AS_UNSIGNED_64 : widths[i];
    // From the word itself: of a sign-extended -100 a double of the whole register keeps nothing.
    if (width === AS_SIGNED_32) args[i] = thread.argumentWord(i);
    else if (width === AS_UNSIGNED_32) args[i] = thread.argumentWord(i) >>> 0;
    else if (width === AS_SIGNED_64) args[i] = thread.signedArgument(i);
    else args[i] = thread.argument(i);
  }
  return args;
}

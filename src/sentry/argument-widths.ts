/** How wide an argument is in its register, by its declared type: what becomes of the register's bits. */
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
export const AS_SIGNED_32 = 1;
export const AS_UNSIGNED_32 = 2;
export const AS_SIGNED_64 = 3;
export const AS_UNSIGNED_64 = 4;

export function widthOf(type: ArgType): number {
  if (SIGNED_32.has(type)) return AS_SIGNED_32;
  if (UNSIGNED_32.has(type)) return AS_UNSIGNED_32;
  return SIGNED_64.has(type) ? AS_SIGNED_64 : AS_UNSIGNED_64;
}

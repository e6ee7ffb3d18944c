/** Lists of system calls to trace, as flags have them. */
import { syscallNames } from '../abi/syscall-names.ts';
import { UsageError } from './errors.ts';

/** Throws a UsageError at a name that is none. */
export function parseCalls(flag: string, text: string): string[] {
  const names = text.split(',').filter((name) => name !== '');
  const known = new Set(syscallNames.values());
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) throw new UsageError(`--${flag} has an unknown system call: ${unknown}`);
  return names;
}

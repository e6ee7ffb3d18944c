/** How runsc starts itself again. */
import { resolve } from 'node:path';
import { isSea } from 'node:sea';

/** The beginning of a command line that is runsc's: what follows are flags, or a verb. */
export function ownCommand(): [string, ...string[]] {
  const [, program = ''] = process.argv;
  return isSea() ? [process.execPath] : [process.execPath, resolve(program)];
}

/** What a person or an engine calls: the executable, or the launcher of a source tree. */
export function launcher(): string {
  const [, program = ''] = process.argv;
  return isSea() ? process.execPath : resolve(program, '../../runsc');
}

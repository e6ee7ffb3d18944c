/** `runsc start`: runs the program of a container that was created. */
import { startContainer } from '../runtime/start.ts';
import type { Parsed } from './arguments.ts';
import { warn } from './log.ts';
import { containerOf, readInvocation } from './verb.ts';

export async function start(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('start', globals, args, {});
  await startContainer(containerOf(invocation, 'start'), warn);
  return 0;
}

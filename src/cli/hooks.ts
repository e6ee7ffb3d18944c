/** `runsc hooks`: what `run` has its keeper start; not for people. */
import { lateHook, runHooksOf } from '../runtime/hooks-outside.ts';
import type { Parsed } from './arguments.ts';
import { warn } from './log.ts';
import { containerOf, readInvocation } from './verb.ts';

export async function hooks(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('hooks', globals, args, {});
  const [kind = '', ...words] = invocation.words;
  const name = lateHook(kind);
  const directory = containerOf({ ...invocation, words }, 'hooks');
  try {
    await runHooksOf(directory, name);
    return 0;
  } catch (error) {
    // The container goes on, or has gone: they only fail.
    warn(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

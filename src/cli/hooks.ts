/** `runsc hooks`: what `run` has its keeper start; not for people. */
import { hookName, readHookError, runHooksOf } from '../runtime/hooks-outside.ts';
import type { Parsed } from './arguments.ts';
import { warn } from './log.ts';
import { containerOf, readInvocation } from './verb.ts';

export async function hooks(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('hooks', globals, args, {});
  const [kind = '', ...words] = invocation.words;
  const name = hookName(kind);
  const directory = containerOf({ ...invocation, words }, 'hooks');
  if (await runHooksOf(directory, name)) return 0;
  // Those before the start keep the container from starting, which says why; later ones only fail.
  if (name === 'poststart' || name === 'poststop') warn(readHookError(directory) ?? `${name} hooks failed`);
  return 1;
}

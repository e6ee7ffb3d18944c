/** `runsc boot`: what `create` starts; not for people. */
import { bootContainer } from '../runtime/boot.ts';
import type { Parsed } from './arguments.ts';
import { CREATE_FLAGS, pathFlag, preservedFds } from './create.ts';
import { beLaunched } from './launched.ts';
import { containerOf, readInvocation } from './verb.ts';

export async function boot(globals: Parsed, args: readonly string[]): Promise<number> {
  const launched = beLaunched();
  const invocation = await readInvocation('boot', globals, args, CREATE_FLAGS);
  const { own, settings } = invocation;
  const { id } = containerOf(invocation, 'boot');
  const bundle = pathFlag(own, 'bundle') ?? process.cwd();
  return bootContainer({ ...settings, id, bundle, preserveFds: preservedFds(own) }, launched);
}

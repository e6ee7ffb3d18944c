/** `runsc join`: what `create` starts for a further container of a sandbox; not for people. */
import { joinSandbox } from '../runtime/join.ts';
import type { Parsed } from './arguments.ts';
import { CREATE_FLAGS, pathFlag, preservedFds } from './create.ts';
import { containerOf, readInvocation } from './verb.ts';

export async function join(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('join', globals, args, CREATE_FLAGS);
  const { own, settings } = invocation;
  const { id } = containerOf(invocation, 'join');
  const bundle = pathFlag(own, 'bundle') ?? process.cwd();
  return joinSandbox({ root: settings.root, id, bundle, preserveFds: preservedFds(own) });
}

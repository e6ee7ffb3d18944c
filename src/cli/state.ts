/** `runsc state`: the state document of a container. */
import { stateDocument, statusOf } from '../runtime/container-handle.ts';
import { ContainerError } from '../runtime/state-directory.ts';
import type { Parsed } from './arguments.ts';
import { print } from './output.ts';
import { containerOf, readInvocation } from './verb.ts';

export async function state(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('state', globals, args, {});
  const directory = containerOf(invocation, 'state');
  const found = directory.read();
  if (found === null) throw new ContainerError(`container ${directory.id} was never made whole; delete it`);
  const document = stateDocument(directory, found, await statusOf(directory, found));
  print(`${JSON.stringify(document, null, 2)}\n`);
  return 0;
}

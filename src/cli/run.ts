/** `runsc run`: makes a container and runs it, in the foreground or with --detach. */
import { createMember } from '../runtime/create.ts';
import { makeOwnSandbox } from '../runtime/own-sandbox.ts';
import { startContainer } from '../runtime/start.ts';
import { type FlagShapes, isGiven, type Parsed } from './arguments.ts';
import { CREATE_FLAGS, createOptions, joinCommand } from './create.ts';
import { beLaunched, takeCommandPart } from './launched.ts';
import { warn } from './log.ts';
import { containerOf, readInvocation } from './verb.ts';

const FLAGS = { ...CREATE_FLAGS, detach: { type: 'boolean', short: 'd' } } as const satisfies FlagShapes;

export async function run(globals: Parsed, args: readonly string[]): Promise<number> {
  const part = takeCommandPart();
  const launched = part === null ? beLaunched() : null;
  const invocation = await readInvocation('run', globals, args, FLAGS, launched?.note !== null);
  const directory = containerOf(invocation, 'run');
  const options = createOptions(invocation, directory);
  if (launched !== null) {
    const isDetached = isGiven(invocation.own, 'detach') || options.consoleSocket !== undefined;
    return makeOwnSandbox({ ...invocation.settings, ...options, isDetached }, launched);
  }
  if (part === 'outside') await createMember({ ...options, joinCommand: joinCommand(invocation.settings) });
  await startContainer(directory, warn);
  return 0;
}

/** `runsc run`: makes a container and runs it, in the foreground or with --detach. */
import { createContainer } from '../runtime/create.ts';
import { runInForeground } from '../runtime/run.ts';
import { startContainer } from '../runtime/start.ts';
import { type FlagShapes, isGiven, type Parsed } from './arguments.ts';
import { CREATE_FLAGS, createOptions } from './create.ts';
import { beLaunched } from './launched.ts';
import { warn } from './log.ts';
import { containerOf, readInvocation } from './verb.ts';

const FLAGS = { ...CREATE_FLAGS, detach: { type: 'boolean', short: 'd' } } as const satisfies FlagShapes;

export async function run(globals: Parsed, args: readonly string[]): Promise<number> {
  const invocation = await readInvocation('run', globals, args, FLAGS);
  const directory = containerOf(invocation, 'run');
  const options = createOptions(invocation, directory);
  if (!isGiven(invocation.own, 'detach') && options.consoleSocket === undefined) {
    const launched = beLaunched();
    return runInForeground({ ...invocation.settings, ...options }, launched);
  }
  await createContainer(options);
  await startContainer(directory, warn);
  return 0;
}

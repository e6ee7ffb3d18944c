/** `runsc delete`: removes what is left of a container that has stopped, or of any with --force. */
import { deleteContainer } from '../runtime/delete.ts';
import { StateDirectory } from '../runtime/state-directory.ts';
import { type FlagShapes, isGiven, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import { warn } from './log.ts';
import { readInvocation } from './verb.ts';

const FLAGS = { force: { type: 'boolean', short: 'f' } } as const satisfies FlagShapes;

export async function remove(globals: Parsed, args: readonly string[]): Promise<number> {
  const { own, settings, words } = await readInvocation('delete', globals, args, FLAGS);
  if (words.length === 0) throw new UsageError('delete needs a container id, as in: runsc delete ID');
  const isForced = isGiven(own, 'force');
  for (const id of words) {
    const directory = new StateDirectory(settings.root, id);
    // With --force what is wanted is that there is none.
    if (isForced && !directory.exists) continue;
    await deleteContainer(directory, isForced, warn);
  }
  return 0;
}

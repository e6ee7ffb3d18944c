/** What the verbs about containers have in common: their flags, the runtime's settings, the container's name. */
import { StateDirectory } from '../runtime/state-directory.ts';
import { type FlagShapes, GLOBAL_FLAGS, isGiven, type Parsed, parseFlags } from './arguments.ts';
import { UsageError } from './errors.ts';
import { readSettings, type Settings } from './global-flags.ts';
import { HelpGiven } from './help-given.ts';
import { print } from './output.ts';

export interface Invocation {
  readonly own: Parsed;
  readonly settings: Settings;
  /** The words after the flags. */
  readonly words: readonly string[];
}

/** Throws HelpGiven when help was asked for and printed. @param isRepeated whether another process of this command has done this */
export async function readInvocation(
  verb: string,
  globals: Parsed,
  args: readonly string[],
  shapes: FlagShapes,
  isRepeated = false,
): Promise<Invocation> {
  const own = parseFlags(args, { ...GLOBAL_FLAGS, ...shapes });
  const settings = readSettings(globals, own, isRepeated);
  if (isGiven(own, 'help') || isGiven(globals, 'help')) {
    const { helpText } = await import('./help.ts');
    print(helpText(verb) ?? '');
    throw new HelpGiven();
  }
  return { own, settings, words: own.rest };
}

/** The container that the first word names; flags may stand behind the name, too, for verbs that take no more words. */
export function containerOf({ settings, words }: Invocation, verb: string): StateDirectory {
  const [id, ...more] = words;
  if (id === undefined) throw new UsageError(`${verb} needs a container id, as in: runsc ${verb} ID`);
  if (more.length > 0) throw new UsageError(`${verb} takes one container id, not also: ${more.join(' ')}`);
  return new StateDirectory(settings.root, id);
}

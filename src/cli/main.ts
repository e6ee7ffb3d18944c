/** runsc: finds the verb and loads its module alone, for start-up counts. */
import { isGiven, parseFlags } from './arguments.ts';
import { reportError, UsageError } from './errors.ts';
import { RUNTIME_FLAGS } from './global-flags.ts';
import { HelpGiven } from './help-given.ts';
import { print } from './output.ts';
import { VERBS } from './verbs.ts';

const VERSION = '0.1.0';
/** Of the OCI runtime specification. */
const SPEC_VERSION = '1.2.0';

async function dispatch(args: readonly string[]): Promise<number> {
  const globals = parseFlags(args, RUNTIME_FLAGS);
  const [name, ...rest] = globals.rest;
  const load = name !== undefined && Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (load !== undefined) return (await load())(globals, rest);
  if (isGiven(globals, 'version') || name === 'version') {
    // The second line is what engines read the specification's version from.
    print(`runsc version ${VERSION}\nspec: ${SPEC_VERSION}\n`);
    return 0;
  }
  if (name === 'help' || isGiven(globals, 'help')) {
    const { helpText } = await import('./help.ts');
    const subject = name === 'help' ? rest[0] : name;
    const text = helpText(subject);
    if (text === undefined) throw new UsageError(`unknown verb ${subject}, see: runsc help`);
    print(text);
    return 0;
  }
  throw new UsageError(name === undefined ? 'no verb given, see: runsc help' : `unknown verb ${name}, see: runsc help`);
}

/** Runs the command line and ends with its exit status, at once: Node would take V8's heap apart first, which takes a millisecond or more for nothing. */
export async function main(args: readonly string[]): Promise<void> {
  let status = 0;
  try {
    status = await dispatch(args);
  } catch (error) {
    if (!(error instanceof HelpGiven)) status = reportError(error);
  }
  process.exit(status);
}

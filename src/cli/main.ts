/** runsc: finds the verb and loads its module alone, for start-up counts. */
import { GLOBAL_FLAGS, isGiven, type Parsed, parseFlags } from './arguments.ts';
import { reportError, UsageError } from './errors.ts';

const VERSION = '0.1.0';

async function dispatch(args: readonly string[]): Promise<number> {
  const globals = parseFlags(args, { ...GLOBAL_FLAGS, version: { type: 'boolean' } });
  const [verb, ...rest] = globals.rest;
  if (verb === 'do') return (await import('./do.ts')).runDo(globals, rest);
  if (verb === 'run') return (await import('./run-bundle.ts')).runBundle(globals, rest);
  if (verb === 'spec') return (await import('./run-bundle.ts')).writeSpec(globals, rest);
  if (isGiven(globals, 'version') || verb === 'version') {
    process.stdout.write(`runsc version ${VERSION}\n`);
    return 0;
  }
  if (verb === undefined && !isGiven(globals, 'help')) throw new UsageError('no verb given, see: runsc help');
  const own: Parsed = verb === undefined ? globals : parseFlags(rest, GLOBAL_FLAGS);
  if (verb === undefined || verb === 'help' || isGiven(own, 'help') || isGiven(globals, 'help')) {
    const { helpText } = await import('./help.ts');
    const subject = verb === 'help' ? own.rest[0] : verb;
    const text = helpText(subject);
    if (text === undefined) throw new UsageError(`unknown verb ${subject}, see: runsc help`);
    process.stdout.write(text);
    return 0;
  }
  if (verb === 'doctor') return (await import('./doctor.ts')).runDoctor();
  throw new UsageError(`unknown verb ${verb}, see: runsc help`);
}

/** Runs the command line and leaves the exit status for Node to end with, so that pipes are written out first. */
export async function main(args: readonly string[]): Promise<void> {
  try {
    process.exitCode = await dispatch(args);
  } catch (error) {
    process.exitCode = reportError(error);
  }
}

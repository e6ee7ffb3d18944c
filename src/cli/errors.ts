/** How runsc fails: one line on standard error and an exit status. */

import { printError, writeLog } from './log.ts';

/** Anything that goes wrong in runsc itself. */
export const EXIT_FAILURE = 1;
/** The command line is wrong: what getopt users and the shell's builtins give. */
export const EXIT_USAGE = 2;

/** A mistake on the command line. Its message names the wrong word. */
export class UsageError extends Error {}

/** Prints an error as one line, gives the exit status that belongs to it. */
export function reportError(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.replaceAll('\n', ' ');
  writeLog('error', line);
  printError(line);
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
}

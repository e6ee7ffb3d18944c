/** The log that container engines ask for with --log: a line for each warning and error, of which they show the last to people. */
import { openSync, writeSync } from 'node:fs';

export type LogFormat = 'text' | 'json';

let log: number | Error | undefined;
let format: LogFormat = 'text';

/** Opens it at once, for a sentry that is locked in opens nothing. @param file absolute; without one only standard error is written to */
export function setLog(file: string | undefined, lineFormat: LogFormat): void {
  try {
    log = file === undefined ? undefined : openSync(file, 'a', 0o644);
  } catch (error) {
    log = error instanceof Error ? error : new Error(String(error));
  }
  format = lineFormat;
}

function lineOf(level: 'warning' | 'error', message: string): string {
  const time = new Date().toISOString();
  if (format === 'json') return `${JSON.stringify({ level, msg: message, time })}\n`;
  return `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(message)}\n`;
}

/** Adds to the log: whether there is one that could be written. */
export function writeLog(level: 'warning' | 'error', message: string): boolean {
  if (log === undefined) return false;
  try {
    if (log instanceof Error) throw log;
    writeSync(log, lineOf(level, message));
    return true;
  } catch (error) {
    printError(`cannot write the log: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

/** A line on standard error. Not by Node's stream, which sets the descriptor up with host calls that a sentry no longer has. */
export function printError(line: string): void {
  try {
    writeSync(2, `runsc: ${line}\n`);
  } catch {
    // Nobody is there to read it.
  }
}

/** A warning goes to the log, and to standard error only without one: that may be the container's own. */
export function warn(message: string): void {
  const line = message.replaceAll('\n', ' ');
  if (!writeLog('warning', line)) printError(`warning: ${line}`);
}

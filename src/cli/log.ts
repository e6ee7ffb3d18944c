/** The log that container engines ask for with --log: a line for each warning and error, of which they show the last to people. */
import { appendFileSync } from 'node:fs';

export type LogFormat = 'text' | 'json';

let path: string | undefined;
let format: LogFormat = 'text';

/** @param file absolute; without one only standard error is written to */
export function setLog(file: string | undefined, lineFormat: LogFormat): void {
  path = file;
  format = lineFormat;
}

function lineOf(level: 'warning' | 'error', message: string): string {
  const time = new Date().toISOString();
  if (format === 'json') return `${JSON.stringify({ level, msg: message, time })}\n`;
  return `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(message)}\n`;
}

/** Adds to the log: whether there is one that could be written. */
export function writeLog(level: 'warning' | 'error', message: string): boolean {
  if (path === undefined) return false;
  try {
    appendFileSync(path, lineOf(level, message), { mode: 0o644 });
    return true;
  } catch (error) {
    process.stderr.write(`runsc: cannot write the log: ${error instanceof Error ? error.message : String(error)}\n`);
    return false;
  }
}

/** A warning goes to the log, and to standard error only without one: that may be the container's own. */
export function warn(message: string): void {
  const line = message.replaceAll('\n', ' ');
  if (!writeLog('warning', line)) process.stderr.write(`runsc: warning: ${line}\n`);
}

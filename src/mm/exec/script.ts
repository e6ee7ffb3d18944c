/** The first line of a script (Linux: fs/binfmt_script.c; "Interpreter scripts", execve(2)). */

/** How much of a file is looked at to find out what it is. */
export const BINPRM_BUF_SIZE = 256;

const SPACE = 0x20;
const TAB = 0x09;
const NEWLINE = 0x0a;

export interface ScriptLine {
  readonly interpreter: string;
  /** All that follows the interpreter, as one argument. */
  readonly argument: string | null;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

export function hasScriptMagic(header: Uint8Array): boolean {
  return header[0] === 0x23 && header[1] === 0x21;
}

function text(bytes: Uint8Array, from: number, to: number): string {
  let result = '';
  for (let i = from; i < to && bytes[i] !== 0; i++) result += String.fromCharCode(bytes[i]);
  return result;
}

/**
 * Takes the line apart; null when there is no interpreter in it or its name may have been cut off.
 *
 * @param header the first BINPRM_BUF_SIZE bytes of the file, filled up with zeroes
 */
export function parseScriptLine(header: Uint8Array): ScriptLine | null {
  let end = header.indexOf(NEWLINE);
  if (end < 0) {
    // Without a newline the name must at least end within what was read.
    end = header.length - 1;
    let i = 2;
    while (i < end && isBlank(header[i])) i++;
    if (i === end) return null;
    while (i <= end && !isBlank(header[i]) && header[i] !== 0) i++;
    if (i > end) return null;
  }
  while (end > 2 && isBlank(header[end - 1])) end--;
  let from = 2;
  while (from < end && isBlank(header[from])) from++;
  let to = from;
  while (to < end && !isBlank(header[to]) && header[to] !== 0) to++;
  if (to === from) return null;
  const interpreter = text(header, from, to);
  if (to >= end || header[to] === 0) return { interpreter, argument: null };
  let at = to;
  while (at < end && isBlank(header[at])) at++;
  const argument = text(header, at, end);
  return { interpreter, argument: argument === '' ? null : argument };
}

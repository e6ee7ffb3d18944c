/**
 * Command lines: flags up to the first word that is none. What follows that word belongs to the verb or to the guest's command and is
 * left alone, so that `runsc do ls --color` needs no `--`.
 */
import { parseArgs } from 'node:util';
import { UsageError } from './errors.ts';

export interface FlagShape {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
}
export type FlagShapes = Readonly<Record<string, FlagShape>>;

export interface Parsed {
  /** In the order given; a flag may come more than once. */
  readonly flags: readonly { readonly name: string; readonly value: string | boolean }[];
  /** From the first word that is no flag. */
  readonly rest: readonly string[];
}

/** Flags accepted before and after the verb. */
export const GLOBAL_FLAGS = {
  'debug-log': { type: 'string' },
  debug: { type: 'boolean' },
  strace: { type: 'boolean' },
  'strace-syscalls': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies FlagShapes;

/** Splits flags from the rest. Throws a UsageError at an unknown flag, a missing value or one that is not wanted. */
export function parseFlags(args: readonly string[], shapes: FlagShapes): Parsed {
  const { tokens } = parseArgs({
    args: [...args],
    options: shapes,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags: { name: string; value: string | boolean }[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') return { flags, rest: args.slice(token.index) };
    if (token.kind === 'option-terminator') return { flags, rest: args.slice(token.index + 1) };
    const shape = Object.hasOwn(shapes, token.name) ? shapes[token.name] : undefined;
    if (shape === undefined) throw new UsageError(`unknown flag ${token.rawName}`);
    if (shape.type === 'boolean') {
      if (token.value !== undefined && token.value !== 'true' && token.value !== 'false') {
        throw new UsageError(`flag ${token.rawName} takes no value: ${token.value}`);
      }
      flags.push({ name: token.name, value: token.value !== 'false' });
      continue;
    }
    if (token.value === undefined || (!token.inlineValue && /^-(?!\d|$)/.test(token.value))) {
      throw new UsageError(`flag ${token.rawName} needs a value`);
    }
    flags.push({ name: token.name, value: token.value });
  }
  return { flags, rest: [] };
}

/** The last value given for a string flag. */
export function lastValue(parsed: Parsed, name: string): string | undefined {
  const value = parsed.flags.findLast((flag) => flag.name === name)?.value;
  return typeof value === 'string' ? value : undefined;
}

/** Every value given for a string flag. */
export function allValues(parsed: Parsed, name: string): string[] {
  return parsed.flags.filter((flag) => flag.name === name).map((flag) => String(flag.value));
}

/** Whether a flag is given, and its last word is not `=false`. */
export function isGiven(parsed: Parsed, name: string, otherwise = false): boolean {
  const value = parsed.flags.findLast((flag) => flag.name === name)?.value;
  return value === undefined ? otherwise : value !== false;
}

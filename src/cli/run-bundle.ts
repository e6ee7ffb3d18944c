/** `runsc run` and `runsc spec`: a container from an OCI bundle, and a configuration to begin one with. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isatty } from 'node:tty';
import { readBundle } from '../runtime/bundle.ts';
import { exampleConfig } from '../runtime/spec.ts';
import { type FlagShapes, GLOBAL_FLAGS, isGiven, lastValue, type Parsed, parseFlags } from './arguments.ts';
import { UsageError } from './errors.ts';
import { helpText } from './help.ts';

const FLAGS = { ...GLOBAL_FLAGS, bundle: { type: 'string', short: 'b' } } as const satisfies FlagShapes;

/** What runc and its users take for a container's name. */
const ID = /^[\w+.-]{1,1024}$/;

export async function runBundle(globals: Parsed, args: readonly string[]): Promise<number> {
  const own = parseFlags(args, FLAGS);
  const parsed: Parsed = { flags: [...globals.flags, ...own.flags], rest: own.rest };
  if (isGiven(parsed, 'help')) {
    process.stdout.write(helpText('run'));
    return 0;
  }
  const [id, ...more] = parsed.rest;
  if (id === undefined) throw new UsageError('run needs a container id, as in: runsc run --bundle DIR ID');
  if (!ID.test(id)) throw new UsageError(`a container id has letters, digits, "_", "+", "-" and ".": ${id}`);
  if (more.length > 0) throw new UsageError(`run takes one container id, not also: ${more.join(' ')}`);
  const { options, hasTerminal } = readBundle(resolve(lastValue(parsed, 'bundle') ?? '.'));
  if (hasTerminal && !isatty(0)) {
    throw new UsageError('config.json: process.terminal is true, but standard input is no terminal');
  }
  const debugLog = lastValue(parsed, 'debug-log');
  const { runSandbox } = await import('../sentry/run.ts');
  return runSandbox({
    ...options,
    strace: isGiven(parsed, 'strace'),
    debug: isGiven(parsed, 'debug'),
    ...(debugLog === undefined ? {} : { debugLog: resolve(debugLog) }),
  });
}

const SPEC_FLAGS = { ...FLAGS, rootless: { type: 'boolean' } } as const satisfies FlagShapes;

export function writeSpec(globals: Parsed, args: readonly string[]): number {
  const own = parseFlags(args, SPEC_FLAGS);
  if (isGiven(own, 'help') || isGiven(globals, 'help')) {
    process.stdout.write(helpText('spec'));
    return 0;
  }
  const path = join(resolve(lastValue(own, 'bundle') ?? '.'), 'config.json');
  const command = own.rest.length === 0 ? ['sh'] : own.rest;
  const rootless = isGiven(own, 'rootless') ? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } : null;
  try {
    writeFileSync(path, `${JSON.stringify(exampleConfig(command, rootless), null, 2)}\n`, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw isThere ? new Error(`${path} is there already`) : error;
  }
  return 0;
}

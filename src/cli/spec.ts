/** `runsc spec`: a configuration to begin a bundle with. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { exampleConfig } from '../runtime/spec.ts';
import { type FlagShapes, isGiven, lastValue, type Parsed } from './arguments.ts';
import { readInvocation } from './verb.ts';

const FLAGS = {
  bundle: { type: 'string', short: 'b' },
  rootless: { type: 'boolean' },
} as const satisfies FlagShapes;

export async function spec(globals: Parsed, args: readonly string[]): Promise<number> {
  const { own, words } = await readInvocation('spec', globals, args, FLAGS);
  const path = join(resolve(lastValue(own, 'bundle') ?? '.'), 'config.json');
  const command = words.length === 0 ? ['sh'] : words;
  const rootless = isGiven(own, 'rootless') ? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } : null;
  try {
    writeFileSync(path, `${JSON.stringify(exampleConfig(command, rootless), null, 2)}\n`, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw isThere ? new Error(`${path} is there already`) : error;
  }
  return 0;
}

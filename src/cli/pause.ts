/** `runsc pause` and `runsc resume`. */
import { connect } from '../runtime/container-handle.ts';
import type { Parsed } from './arguments.ts';
import { containerOf, readInvocation } from './verb.ts';

async function ask(verb: 'pause' | 'resume', globals: Parsed, args: readonly string[]): Promise<number> {
  const directory = containerOf(await readInvocation(verb, globals, args, {}), verb);
  const unlock = directory.lock();
  try {
    const client = connect(directory);
    try {
      await client.request({ verb });
    } finally {
      client.close();
    }
  } finally {
    unlock();
  }
  return 0;
}

export function pause(globals: Parsed, args: readonly string[]): Promise<number> {
  return ask('pause', globals, args);
}

export function resume(globals: Parsed, args: readonly string[]): Promise<number> {
  return ask('resume', globals, args);
}

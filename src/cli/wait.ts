/** `runsc wait`: waits until a container has stopped and tells its exit status. */
import { connect } from '../runtime/container-handle.ts';
import { ContainerError } from '../runtime/state-directory.ts';
import type { Parsed } from './arguments.ts';
import { print } from './output.ts';
import { containerOf, readInvocation } from './verb.ts';

export async function wait(globals: Parsed, args: readonly string[]): Promise<number> {
  const directory = containerOf(await readInvocation('wait', globals, args, {}), 'wait');
  const client = connect(directory);
  try {
    const exit = (await client.request({ verb: 'wait' }, [], Infinity)).number('exit', 255);
    if (exit === undefined) throw new ContainerError('the sandbox gave no exit status');
    print(`${JSON.stringify({ id: directory.id, exitStatus: exit })}\n`);
    return 0;
  } finally {
    client.close();
  }
}

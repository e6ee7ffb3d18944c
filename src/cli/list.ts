/** `runsc list`: the containers there are. */
import { type Status, stateDocument, statusOf } from '../runtime/container-handle.ts';
import { ContainerError, listContainers, type State, type StateDirectory } from '../runtime/state-directory.ts';
import { type FlagShapes, isGiven, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import { print } from './output.ts';
import { formatTable } from './table.ts';
import { readInvocation } from './verb.ts';

const FLAGS = {
  format: { type: 'string', short: 'f' },
  quiet: { type: 'boolean', short: 'q' },
} as const satisfies FlagShapes;

interface Found {
  readonly directory: StateDirectory;
  readonly state: State;
  readonly status: Status;
}

/** null for one that has gone meanwhile, or was never made whole. */
async function lookAt(directory: StateDirectory): Promise<Found | null> {
  try {
    const state = directory.read();
    return state === null ? null : { directory, state, status: await statusOf(directory, state) };
  } catch (error) {
    if (error instanceof ContainerError && !directory.exists) return null;
    throw error;
  }
}

export async function list(globals: Parsed, args: readonly string[]): Promise<number> {
  const { own, settings, words } = await readInvocation('list', globals, args, FLAGS);
  if (words.length > 0) throw new UsageError(`list takes no words: ${words.join(' ')}`);
  const format = lastValue(own, 'format') ?? 'table';
  if (format !== 'table' && format !== 'json') throw new UsageError(`--format is neither table nor json: ${format}`);
  const directories = listContainers(settings.root);
  if (isGiven(own, 'quiet')) {
    for (const { id } of directories) print(`${id}\n`);
    return 0;
  }
  const looked = await Promise.all(directories.map(lookAt));
  const found = looked.filter((each): each is Found => each !== null);
  if (format === 'json') {
    const documents = found.map(({ directory, state, status }) => stateDocument(directory, state, status));
    print(`${JSON.stringify(documents)}\n`);
    return 0;
  }
  const rows = found.map(({ directory, state, status }) => [
    directory.id,
    String(status === 'stopped' ? 0 : state.sentry.pid),
    status,
    state.bundle,
    state.created,
    state.owner,
  ]);
  print(formatTable([['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'], ...rows]));
  return 0;
}

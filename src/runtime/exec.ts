/** exec: another process in a container that runs. Out here a process of ours stands for it. */
import { connect } from './container-handle.ts';
import type { ProcessRequest } from './exec-process.ts';
import { awaitEnd, forwardSignals } from './stand-in.ts';
import type { StateDirectory } from './state-directory.ts';

export interface ExecOptions {
  readonly process: ProcessRequest;
  /** Whether descriptor 0 is its terminal. */
  readonly hasTerminal: boolean;
  /** Becomes the process's descriptors from 0; of a terminal there is one. */
  readonly fds: readonly number[];
  /** It runs. */
  onStarted(): void;
}

/** @returns the exit status of the process, 128 + n if signal n ended it */
export async function execInContainer(directory: StateDirectory, options: ExecOptions): Promise<number> {
  const { hasTerminal } = options;
  const client = connect(directory);
  try {
    await client.request({ ...options.process, verb: 'exec', terminal: hasTerminal }, options.fds);
    forwardSignals(client, hasTerminal);
    options.onStarted();
    return await awaitEnd(client);
  } finally {
    client.close();
  }
}

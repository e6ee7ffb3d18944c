/** Descriptor 3 of a process that we start and leave behind: a socket on which it says, in one line, whether it came up. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Duplex } from 'node:stream';
import { Fields } from '../wire/json-fields.ts';
import { ContainerError } from './state-directory.ts';

export function socketOf(child: ChildProcess): Duplex {
  const socket = child.stdio[3];
  if (!(socket instanceof Duplex)) throw new Error('a child without its socket');
  return socket;
}

/** Its next line. Throws a ContainerError with the sandbox's own words when it cannot be. */
export async function readReport(child: ChildProcess): Promise<Fields> {
  const socket = socketOf(child);
  // Its end without a word shows in the loop below.
  socket.on('error', () => {});
  const lines = createInterface({ input: socket });
  try {
    for await (const line of lines) {
      const message = new Fields(JSON.parse(line), '', 'sandbox');
      const error = message.string('error');
      if (error !== undefined) throw new ContainerError(error);
      return message;
    }
  } finally {
    lines.close();
  }
  throw new ContainerError('the sandbox ended before it was ready');
}
